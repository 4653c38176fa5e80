from adapters.destinations.klaviyo import KlaviyoSettings
from adapters.secrets import Secret
from tests.adapters.services.vendor import Mutant, Vendor, edited, with_header, without
from tests.simulators.klaviyo import Klaviyo

KEYS = {"KLAVIYO_KEY": "pk_1"}

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
