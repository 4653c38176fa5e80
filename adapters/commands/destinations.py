"""`impel destinations`: the ways out, whether one works, and whose they are."""

import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import trio
from cyclopts import App, Parameter
from rich.console import Console
from rich.text import Text

from adapters.commands.calling import Config
from adapters.commands.notices import fail, stderr
from adapters.commands.replay import replay
from adapters.destinations import DestinationSettings, build
from adapters.destinations.activecampaign import ActivecampaignSettings
from adapters.destinations.klaviyo import KlaviyoSettings
from adapters.destinations.mailchimp import MailchimpSettings
from adapters.destinations.salesforce import SalesforceEmailSettings, SalesforceJourneySettings, open_salesforce
from adapters.destinations.sendgrid import SendgridSettings
from adapters.destinations.service import ServiceSettings
from adapters.secrets import SecretError
from adapters.settings import SettingsError, read_settings
from engine.language.errors import meant
from engine.runtime.ports import Delivery, DeliveryError

app = App(name="destinations", help="See the ways out, try one, let one be verified, and tell one what is past.")
app.command(replay)

_CONFIG = Path("config")
_MARK = "Impel test"


@app.command(name="list")
def show_list(*, config: Config = _CONFIG) -> int:
    """List the destinations that the settings name.

    Args:
        config: The folder with the settings.

    Returns:
        The exit status: 0, or 1 if the settings cannot be used.

    """
    try:
        settings = read_settings(config, os.environ)
    except SettingsError as error:
        return fail(stderr(), str(error))
    screen = Console(highlight=False)
    for name, each in settings.destinations.items():
        screen.print(Text.assemble((f"{name:20}", "bold"), str(each.__struct_config__.tag)))
    return 0


@app.command(name="test")
def try_one(
    name: str,
    /,
    *,
    to: str,
    data: tuple[str, ...] = (),
    deliver: Annotated[bool, Parameter(negative=())] = False,
    config: Config = _CONFIG,
) -> int:
    """Send one message, clearly marked as a test, to one address; no sidecar is needed.

    Where the service has a sandbox, as SendGrid does, it goes there: the service checks all of it, and delivers it only
    with `--deliver`. Services that know only what was defined there (a template, an event, a journey) are told it by
    `--data`.

    Args:
        name: The destination, as the settings name it.
        to: The address it goes to.
        data: Fields of the message, each as `name=value`, such as `template=cart-reminder`.
        deliver: Deliver it, though the service has a sandbox.
        config: The folder with the settings.

    Returns:
        The exit status: 0 if it was accepted, 1 if not.

    """
    try:
        settings = _settings(name, config)
        if isinstance(settings, SendgridSettings):
            settings = msgspec.structs.replace(settings, sandbox=not deliver)
        fields = {**sample(settings, to), **dict(each.partition("=")[::2] for each in data)}
        trio.run(_send, name, settings, fields)
    except (SettingsError, SecretError, DeliveryError) as error:
        return fail(stderr(), str(error))
    only = isinstance(settings, SendgridSettings) and settings.sandbox
    where = f"the sandbox of {name}; nothing is delivered without --deliver" if only else name
    Console(highlight=False).print(Text(f"accepted by {where}", "green"))
    return 0


@app.command(name="verify")
def verify(name: str, /, *, callback: str, key: str, config: Config = _CONFIG) -> int:
    """Tell Marketing Cloud that a callback's address is ours; no sidecar is needed.

    It asks that once, at the address itself, when the callback is made: the sidecar logs this command with what was
    posted. Run it if it was you who made the callback.

    Args:
        name: The destination, as the settings name it.
        callback: The callback's id.
        key: The verification key that was posted.
        config: The folder with the settings.

    Returns:
        The exit status: 0 if it was verified, 1 if not.

    """
    try:
        settings = _settings(name, config)
        if not isinstance(settings, SalesforceEmailSettings | SalesforceJourneySettings):
            return fail(stderr(), f"`{name}` has nothing to verify: it is not one of Marketing Cloud")
        trio.run(_verify, settings, callback, key)
    except (SettingsError, SecretError, DeliveryError) as error:
        return fail(stderr(), str(error))
    Console(highlight=False).print(Text(f"verified: {name} may be subscribed to events now", "green"))
    return 0


def _settings(name: str, config: Path) -> DestinationSettings:
    """The settings of a destination.

    Raises:
        SettingsError: they cannot be read, or there is no such destination.

    """
    found = read_settings(config, os.environ).destinations
    if name not in found:
        raise SettingsError(f"there is no destination `{name}`{meant(name, found)}")
    return found[name]


async def _verify(settings: SalesforceEmailSettings | SalesforceJourneySettings, callback: str, key: str) -> None:
    async with open_salesforce(settings) as destination:
        await destination.verify(callback, key)


async def _send(name: str, settings: DestinationSettings, fields: Mapping[str, Any]) -> None:
    delivery = Delivery(
        f"test-{secrets.token_hex(8)}:test", "test", "test", time.time_ns() // 1_000_000, "test", fields
    )
    async with build(name, settings) as destination:
        await destination.send(delivery)


def sample(settings: DestinationSettings, to: str) -> dict[str, Any]:
    """The fields of a test message, as far as they can be told without knowing the account."""
    match settings:
        case KlaviyoSettings():
            return {"metric": _MARK, "profile": {"email": to}}
        case MailchimpSettings() | ActivecampaignSettings():
            return {"email": to, "event": "impel_test"}
        case SendgridSettings():
            return {"to": to, "subject": f"{_MARK}: this mail arrived", "text": "It was sent to see whether it would."}
        case ServiceSettings():
            return {"to": to} if "to" in settings.fields else {}
    text = "It was sent to see whether it would."
    return {"to": to, "subject": f"{_MARK}: this mail arrived", "text": text, "html": f"<p>{text}</p>"}
