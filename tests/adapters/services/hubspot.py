from adapters.destinations.hubspot import HubspotSettings
from adapters.secrets import Secret
from tests.adapters.services.vendor import Mutant, Vendor, edited, with_header, without
from tests.simulators.hubspot import Hubspot

KEYS = {"HUBSPOT_TOKEN": "pat-1"}


def settings(url: str) -> HubspotSettings:
    return HubspotSettings(token=Secret(env="HUBSPOT_TOKEN"), url=url)


EVENTS = Vendor(
    name="hubspot events",
    simulator=Hubspot,
    settings=settings,
    data={"event": "pe1234_cart_left", "email": "ann@shop.example", "properties": {"cart": "c1"}},
    deduplicates=True,
    wrong={"event": "cart_left", "email": "ann@shop.example", "properties": {"total": 5}},
    mutants=(
        Mutant("no token", without("authorization"), "a token is shown as bearer"),
        Mutant("form", with_header("content-type", "application/x-www-form-urlencoded"), "the body is JSON"),
        Mutant("no name", edited(lambda body: body.pop("eventName")), "the event is defined"),
        Mutant("nobody's", edited(lambda body: body.pop("email")), "an event says whose it is"),
        Mutant("a number", edited(lambda body: body["properties"].update(total=5)), "properties are texts"),
        Mutant("no uuid", edited(lambda body: body.update(uuid="f1:reminder")), "uuid is one"),
        Mutant(
            "a reused uuid",
            edited(lambda body: body.update(uuid="5a7c2f0e-6f7b-4f0a-9d9e-1c1f6d2b8e11")),
        ),
    ),
)
SENDS = Vendor(
    name="hubspot sends",
    simulator=Hubspot,
    settings=settings,
    data={"email_id": 7, "to": "ann@shop.example", "custom_properties": {"cart": "c1"}},
    deduplicates=True,
    wrong={"email_id": "seven", "to": "ann@shop.example"},
    refused={"email_id": 7, "to": "bounced@shop.example"},
    mutants=(
        Mutant("a text as id", edited(lambda body: body.update(emailId="7")), "emailId is a number"),
        Mutant("nobody", edited(lambda body: body["message"].pop("to")), "message says to whom"),
        Mutant("a reused key", edited(lambda body: body["message"].update(sendId="always"))),
    ),
)
