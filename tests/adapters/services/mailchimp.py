from adapters.destinations.mailchimp import MailchimpSettings
from adapters.secrets import Secret
from tests.adapters.services.vendor import Mutant, Vendor, edited, without
from tests.simulators.base import Parts
from tests.simulators.mailchimp import Mailchimp

KEYS = {"MAILCHIMP_KEY": "mc-us6"}


def settings(url: str) -> MailchimpSettings:
    return MailchimpSettings(key=Secret(env="MAILCHIMP_KEY"), audience="l1", url=url)


def _address_in_the_path(parts: Parts) -> None:
    parts.url = parts.url.replace("/members/", "/members/ann@shop.example?")


EVENTS = Vendor(
    name="mailchimp events",
    simulator=Mailchimp,
    settings=settings,
    data={"email": "ann@shop.example", "event": "cart_left", "properties": {"cart": "c1"}},
    deduplicates=False,
    described=("mailchimp_marketing.json", "/lists/{list_id}/members/{subscriber_hash}/events"),
    wrong={"email": "ann@shop.example", "event": "x", "properties": {"total": 5}},
    mutants=(
        Mutant("no key", without("authorization"), "a key is shown by Basic authentication"),
        Mutant("a number", edited(lambda body: body["properties"].update(total=5)), "properties are texts"),
        Mutant("too long a name", edited(lambda body: body.update(name="x" * 31)), "a name has 2 to 30 characters"),
        Mutant("no name", edited(lambda body: body.pop("name")), "a name has 2 to 30 characters"),
        Mutant("the address in the path", _address_in_the_path, "there is such a call"),
        Mutant("more than an event", edited(lambda body: body.update(status="subscribed")), "an event has no more"),
    ),
)
JOURNEYS = Vendor(
    name="mailchimp journeys",
    simulator=Mailchimp,
    settings=settings,
    data={"email": "ann@shop.example", "journey": 3, "step": 4},
    deduplicates=False,
    described=(
        "mailchimp_marketing.json",
        "/customer-journeys/journeys/{journey_id}/steps/{step_id}/actions/trigger",
    ),
    wrong={"email": "ann@shop.example", "journey": "three", "step": 4},
    mutants=(Mutant("nobody", edited(lambda body: body.pop("email_address")), "the member is in the audience"),),
)
