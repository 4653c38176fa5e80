from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from adapters.destinations.activecampaign import ActivecampaignSettings
from adapters.feedback.report import BOUNCED, UNSUBSCRIBED
from adapters.secrets import Secret
from tests.adapters.services.vendor import Mutant, Standing, Told, Vendor, asking, edited, with_header, without
from tests.simulators.activecampaign import Activecampaign
from tests.simulators.base import Parts

KEYS = {"AC_KEY": "ac-1", "AC_EVENTS": "ev-1"}


def settings(url: str) -> ActivecampaignSettings:
    return ActivecampaignSettings(
        account="shop",
        key=Secret(env="AC_KEY"),
        event_key=Secret(env="AC_EVENTS"),
        actid="77",
        url=url,
    )


def _replaced(old: bytes, new: bytes) -> Callable[[Parts], None]:
    def change(parts: Parts) -> None:
        parts.content = parts.content.replace(old, new)

    return change


def _as_json(parts: Parts) -> None:
    parts.content = b'{"event": "cart_left"}'


EVENTS = Vendor(
    name="activecampaign events",
    simulator=Activecampaign,
    settings=settings,
    data={"email": "ann@shop.example", "event": "cart_left", "event_data": "c1"},
    deduplicates=False,
    wrong={"email": "ann@shop.example", "event": "x" * 33},
    mutants=(
        Mutant("JSON", with_header("content-type", "application/json"), "an event is a form"),
        Mutant("a body of JSON", _as_json, "the tracking key and the account's id stand in the form"),
        Mutant("another key", _replaced(b"ev-1", b"ev-2"), "the tracking key and the account's id stand in the form"),
        Mutant("too long a name", _replaced(b"cart_left", b"x" * 33), "an event's name has at most 32 characters"),
        Mutant("a bare address", _replaced(b"visit=", b"visit=x"), "visit is JSON with the address"),
    ),
)
ENROLMENTS = Vendor(
    name="activecampaign automations",
    simulator=Activecampaign,
    settings=settings,
    data={"email": "ann@shop.example", "automation": 5, "contact": {"firstName": "Ann"}},
    deduplicates=False,
    wrong={"email": "ann@shop.example", "automation": "five"},
    before=1,
    mutants=(
        Mutant("no key", without("api-token"), "the key is shown as Api-Token"),
        Mutant(
            "a status",
            edited(lambda body: body.get("contact", {}).update(status=1)),
            "a sync subscribes nobody",
        ),
        Mutant(
            "an automation that is off",
            edited(lambda body: body.get("contactAutomation", {}).update(automation=99)),
            "the automation is on",
        ),
        Mutant(
            "a contact by address",
            edited(lambda body: body.get("contactAutomation", {}).update(contact="ann@shop.example")),
            "the contact is known by number",
        ),
    ),
)


def _enter(simulator: Activecampaign, kind: str, address: str, at: int) -> None:
    simulator.contacts[address] = len(simulator.contacts) + 1
    simulator.since[address] = datetime.fromtimestamp(at, timezone(timedelta(hours=-6)))
    if kind == "bounced":
        simulator.bounced.add(address)
    simulator.lists[address] = {
        "bounced": {"7": "1"},
        "bounced from a list": {"7": "3", "8": "1"},
        "left all lists": {"7": "2", "8": "2"},
        "left a list": {"7": "2", "8": "1"},
    }[kind]


STANDING = Standing(
    vendor=ENROLMENTS,
    enter=_enter,
    kinds={
        "bounced": Told(BOUNCED),
        "bounced from a list": Told(BOUNCED),
        "left all lists": Told(UNSUBSCRIBED),
        "left a list": Told(UNSUBSCRIBED, of="7"),
    },
    mutants=(
        Mutant("no key", without("api-token"), "the key is shown as Api-Token"),
        Mutant("by name", asking({"email": None, "search": "ann"}), "a contact is asked for by address"),
        Mutant("without lists", asking({"include": None})),
        Mutant("always the same one", asking({"email": "left-a-list@shop.example"})),
    ),
)
