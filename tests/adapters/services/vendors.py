"""All services that messages go to, and the secrets by which they know us, by environment variable."""

from tests.adapters.services import klaviyo, mandrill, sendgrid

KEYS = {**klaviyo.KEYS, **mandrill.KEYS, **sendgrid.KEYS}
VENDORS = (klaviyo.EVENTS, mandrill.MAILS, sendgrid.MAILS)
