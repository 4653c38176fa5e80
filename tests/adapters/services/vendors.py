"""All services that messages go to, and the secrets by which they know us, by environment variable."""

from tests.adapters.services import klaviyo

KEYS = {**klaviyo.KEYS}
VENDORS = (klaviyo.EVENTS,)
