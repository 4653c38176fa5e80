from datetime import UTC, datetime
from typing import Any

from adapters.destinations.klaviyo import KlaviyoSettings
from adapters.feedback.report import BOUNCED, SPAM, UNSUBSCRIBED
from adapters.secrets import Secret
from tests.adapters.services.vendor import Mutant, Standing, Told, Vendor, asking, edited, with_header, without
from tests.simulators.klaviyo import Klaviyo

KEYS = {"KLAVIYO_KEY": "pk_1"}

_REASONS = {
    "bounced": "HARD_BOUNCE",
    "invalid": "INVALID_EMAIL",
    "complained": "SPAM_COMPLAINT",
    "left": "UNSUBSCRIBE",
    "by hand": "USER_SUPPRESSED",
}

EVENTS = Vendor(
    name="klaviyo",
    simulator=Klaviyo,
    settings=lambda url: KlaviyoSettings(key=Secret(env="KLAVIYO_KEY"), url=url),
    data={
        "metric": "Cart Abandoned",
        "profile": {"email": "ann@shop.example", "first_name": "Ann", "plan": "vip"},
        "properties": {"cart_id": "c1", "items": [{"product": "Tent"}]},
        "value": 211.5,
    },
    deduplicates=True,
    described=("klaviyo.json", "/api/events"),
    wrong={"metrik": "Cart Abandoned", "profile": {"email": "x"}, "value_currency": "euro"},
    mutants=(
        Mutant("no revision", without("revision"), "the header `revision` says a date"),
        Mutant("no key", without("authorization"), "a private key is shown"),
        Mutant("form", with_header("content-type", "application/x-www-form-urlencoded"), "the body is JSON:API"),
        Mutant(
            "no metric", edited(lambda body: body["data"]["attributes"].pop("metric")), "KeyError('metric') is missing"
        ),
        Mutant(
            "a misspelt key",
            edited(lambda body: body["data"]["attributes"].update(uniqueid="x")),
            "an event has no other attributes",
        ),
        Mutant("a reused key", edited(lambda body: body["data"]["attributes"].update(unique_id="always"))),
        Mutant("no key of the message", edited(lambda body: body["data"]["attributes"].pop("unique_id"))),
    ),
)


def _enter(simulator: Klaviyo, kind: str, address: str, at: int) -> None:
    stamp = datetime.fromtimestamp(at, UTC).isoformat()
    marketing: dict[str, Any] = {
        "can_receive_email_marketing": True,
        "consent": "SUBSCRIBED",
        "consent_timestamp": stamp,
    }
    marketing |= {"suppression": [], "list_suppressions": []}
    if kind == "left a list":
        marketing["list_suppressions"] = [{"list_id": "Y6nRLr", "reason": "USER_SUPPRESSED", "timestamp": stamp}]
    else:
        marketing["can_receive_email_marketing"] = False
        marketing["suppression"] = [{"reason": _REASONS[kind], "timestamp": stamp}]
    if kind == "left":
        marketing["consent"] = "UNSUBSCRIBED"
    simulator.profiles[address] = marketing


STANDING = Standing(
    vendor=EVENTS,
    enter=_enter,
    described=("klaviyo.json", "/api/profiles"),
    kinds={
        "bounced": Told(BOUNCED),
        "invalid": Told(BOUNCED),
        "complained": Told(SPAM),
        "left": Told(UNSUBSCRIBED),
        "by hand": Told(UNSUBSCRIBED),
        "left a list": Told(UNSUBSCRIBED, of="Y6nRLr"),
    },
    page=100,
    lists=2,
    mutants=(
        Mutant("no revision", without("revision"), "the header `revision` says a date"),
        Mutant("no key", without("authorization"), "a private key is shown"),
        Mutant("larger pages", asking({"page[size]": "101"}), "a page has 1 to 100 profiles"),
        Mutant("pages by number", asking({"page[cursor]": "2nd"}), "a page's cursor is one that was given"),
        Mutant("unsorted", asking({"sort": None}), "it is sorted"),
        Mutant(
            "another time",
            asking({"filter": "greater-or-equal(subscriptions.email.marketing.suppression.timestamp,yesterday)"}),
            "it is filtered by when somebody was suppressed",
        ),
        Mutant("no additional fields", asking({"additional-fields[profile]": None})),
    ),
)
