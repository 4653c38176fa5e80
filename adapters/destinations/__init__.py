"""Ways out. The settings name each one and its kind; `build` makes a destination of them."""

from contextlib import AbstractAsyncContextManager, nullcontext

import httpx

from adapters.destinations.console import Console, ConsoleSettings
from adapters.destinations.klaviyo import KlaviyoSettings, open_klaviyo
from adapters.destinations.mandrill import MandrillSettings, open_mandrill
from adapters.destinations.memory import Memory, MemorySettings
from adapters.destinations.sendgrid import SendgridSettings, open_sendgrid
from adapters.destinations.smtp import Smtp, SmtpSettings
from adapters.destinations.webhook import WebhookSettings, open_webhook
from engine.runtime.ports import Destination

DestinationSettings = (
    ConsoleSettings
    | MemorySettings
    | WebhookSettings
    | SmtpSettings
    | KlaviyoSettings
    | MandrillSettings
    | SendgridSettings
)
"""One entry of `destinations:`, told apart by its `kind`."""


def build(
    name: str, settings: DestinationSettings, transport: httpx.AsyncBaseTransport | None = None
) -> AbstractAsyncContextManager[Destination]:
    """Make a destination, open for as long as the context is entered; `transport` is in place of the network's.

    Raises:
        SecretError: a secret is not where the settings say.

    """
    match settings:
        case ConsoleSettings():
            return nullcontext(Console(name))
        case MemorySettings():
            return nullcontext(Memory())
        case WebhookSettings():
            return open_webhook(settings)
        case SmtpSettings():
            return nullcontext(Smtp(settings))
        case KlaviyoSettings():
            return open_klaviyo(settings, transport)
        case MandrillSettings():
            return open_mandrill(settings, transport)
        case SendgridSettings():
            return open_sendgrid(settings, transport)
