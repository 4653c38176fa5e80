"""Ways out. The settings name each one and its kind; `build` makes a destination of them."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext

import httpx

from adapters.destinations.activecampaign import ActivecampaignSettings, open_activecampaign
from adapters.destinations.console import Console, ConsoleSettings
from adapters.destinations.hubspot import HubspotSettings, open_hubspot
from adapters.destinations.inbox import Inbox, InboxSettings
from adapters.destinations.klaviyo import KlaviyoSettings, open_klaviyo
from adapters.destinations.mailchimp import MailchimpSettings, open_mailchimp
from adapters.destinations.mandrill import MandrillSettings, open_mandrill
from adapters.destinations.memory import Memory, MemorySettings
from adapters.destinations.salesforce import SalesforceEmailSettings, SalesforceJourneySettings, open_salesforce
from adapters.destinations.sendgrid import SendgridSettings, open_sendgrid
from adapters.destinations.service import ServiceSettings
from adapters.destinations.smtp import Smtp, SmtpSettings
from adapters.destinations.webhook import WebhookSettings, open_webhook
from adapters.trail import Trail
from engine.runtime.ports import Destination

DestinationSettings = (
    ConsoleSettings
    | InboxSettings
    | MemorySettings
    | WebhookSettings
    | SmtpSettings
    | ActivecampaignSettings
    | HubspotSettings
    | KlaviyoSettings
    | MailchimpSettings
    | MandrillSettings
    | SalesforceEmailSettings
    | SalesforceJourneySettings
    | SendgridSettings
)
"""One entry of `destinations:`, told apart by its `kind`."""


def build(
    name: str,
    settings: DestinationSettings,
    transport: httpx.AsyncBaseTransport | None = None,
    trail: Trail | None = None,
) -> AbstractAsyncContextManager[Destination]:
    """Make a destination, open for as long as the context is entered.

    `transport` is in place of the network's; `trail` signs what leads from mails back to their messages.

    Raises:
        SecretError: a secret is not where the settings say.

    """
    if isinstance(settings, ServiceSettings):
        return _SERVICES[type(settings)](settings, transport)
    match settings:
        case ConsoleSettings():
            return nullcontext(Console(name))
        case InboxSettings(echo):
            return nullcontext(Inbox(Console(name) if echo else None))
        case MemorySettings():
            return nullcontext(Memory())
        case WebhookSettings():
            return open_webhook(settings)
        case SmtpSettings():
            return nullcontext(Smtp(settings, trail))


_SERVICES: Mapping[type[ServiceSettings], Callable[..., AbstractAsyncContextManager[Destination]]] = {
    ActivecampaignSettings: open_activecampaign,
    HubspotSettings: open_hubspot,
    KlaviyoSettings: open_klaviyo,
    MailchimpSettings: open_mailchimp,
    MandrillSettings: open_mandrill,
    SalesforceEmailSettings: open_salesforce,
    SalesforceJourneySettings: open_salesforce,
    SendgridSettings: open_sendgrid,
}
