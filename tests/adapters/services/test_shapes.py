"""What a message to a service must say is told when the files are loaded, with what to write instead."""

from typing import Any

import msgspec
import pytest

from adapters.content import MessageErrors, Messages
from adapters.destinations.activecampaign import ActivecampaignSettings
from adapters.destinations.service import ServiceSettings
from adapters.secrets import Secret
from tests.adapters.services import activecampaign, hubspot, klaviyo, mailchimp, mandrill, salesforce, sendgrid

KLAVIYO, HUBSPOT, MAILCHIMP = (each.EVENTS.settings("") for each in (klaviyo, hubspot, mailchimp))
ACTIVECAMPAIGN, MANDRILL, SENDGRID = (
    activecampaign.EVENTS.settings(""),
    mandrill.MAILS.settings(""),
    sendgrid.MAILS.settings(""),
)
BARE = ActivecampaignSettings(account="shop", key=Secret(env="AC_KEY"))
EMAIL = salesforce.EMAILS.settings("")
TO = "ann@shop.example"


def errors(settings: Any, **data: Any) -> list[str]:
    assert isinstance(settings, ServiceSettings)
    text = msgspec.json.encode({"destination": "there", "data": data}).decode()
    try:
        Messages.load({"messages/m.yaml": text}, {"there": settings})
    except MessageErrors as found:
        return [each.text for each in found.errors]
    return []


@pytest.mark.parametrize(
    ("settings", "data", "said"),
    [
        (
            KLAVIYO,
            {"metric": "x" * 128, "profile": {"email": TO}},
            "`metric` has 128 characters; at most 127 are taken",
        ),
        (KLAVIYO, {"metric": "Cart", "profile": {"first_name": "Ann"}}, "`profile` does not say whose it is; it needs"),
        (
            KLAVIYO,
            {"metric": "Cart", "profile": {"email": TO}, "properties": {f"p{number}": 1 for number in range(401)}},
            "`properties` has 401 entries; at most 400 are taken",
        ),
        (
            HUBSPOT,
            {"event": "pe1_cart"},
            "a message needs `event` and `email`, or `event` and `object_id`, or `email_id`",
        ),
        (HUBSPOT, {"email_id": 7}, "or `email_id` and `to`"),
        (
            HUBSPOT,
            {"event": "pe1_cart", "email": TO, "properties": {f"p{number}": "1" for number in range(51)}},
            "`properties` has 51 entries; at most 50 are taken",
        ),
        (MAILCHIMP, {"email": TO, "journey": 3}, "a message needs `event`, or `journey` and `step`"),
        (MAILCHIMP, {"email": TO, "event": "x" * 31}, "an event's name has 2 to 30 characters"),
        (ACTIVECAMPAIGN, {"email": TO}, "a message needs `event`, or `automation`"),
        (ACTIVECAMPAIGN, {"email": TO, "event": "x" * 33}, "`event` has 33 characters; at most 32 are taken"),
        (BARE, {"email": TO, "event": "cart"}, "events need `event_key` and `actid` in the destination's settings"),
        (SENDGRID, {"to": TO, "subject": "Hello"}, "a message needs `template`, or `subject` and `html`, or `subject`"),
        (MANDRILL, {"template": "cart", "to": TO, "tags": "cart"}, "`tags` is a list of texts"),
        (MANDRILL, {"template": "cart", "to": TO, "tags": ["_cart"]}, "a tag does not begin with an underscore"),
        (
            MANDRILL,
            {"template": "cart", "to": TO, "tags": ["x" * 51]},
            "`tags` has 51 characters; at most 50 are taken",
        ),
        (EMAIL, {"definition": "reminder", "contact": "ann"}, "`to` is missing: it is a text"),
    ],
)
def test_what_a_message_lacks_or_has_too_much_of_is_told(settings: Any, data: dict[str, Any], said: str) -> None:
    (error,) = errors(settings, **data)
    assert said in error


@pytest.mark.parametrize(
    ("settings", "data"),
    [
        (KLAVIYO, {"metric": "x" * 127, "profile": {"external_id": "{{ user }}"}}),
        (HUBSPOT, {"event": "pe1_cart", "object_id": "{{ profile.hubspot }}"}),
        (MAILCHIMP, {"email": "{{ profile.email }}", "journey": 0, "step": 4}),
        (ACTIVECAMPAIGN, {"email": TO, "event": "{{ trigger }}"}),
        (SENDGRID, {"to": TO, "subject": "Hello", "text": "{{ event.text }}"}),
        (MANDRILL, {"template": "cart", "to": TO, "tags": ["cart", "{{ trigger }}"]}),
    ],
)
def test_what_a_template_will_fill_in_may_be_anything(settings: Any, data: dict[str, Any]) -> None:
    assert errors(settings, **data) == []
