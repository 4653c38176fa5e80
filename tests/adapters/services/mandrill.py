from datetime import UTC, datetime

from adapters.destinations.mandrill import MandrillSettings
from adapters.feedback.report import BOUNCED, SPAM, UNSUBSCRIBED
from adapters.secrets import Secret
from tests.adapters.services.vendor import Mutant, Standing, Told, Vendor, edited
from tests.simulators.mandrill import Mandrill

KEYS = {"MANDRILL_KEY": "md-1"}

MAILS = Vendor(
    name="mandrill",
    simulator=Mandrill,
    settings=lambda url: MandrillSettings(key=Secret(env="MANDRILL_KEY"), url=url),
    data={"template": "cart-reminder", "to": "ann@shop.example", "variables": {"name": "Ann"}, "tags": ["cart"]},
    deduplicates=False,
    described=("mailchimp_transactional.json", "/messages/send-template"),
    wrong={"templat": "cart-reminder", "to": "ann@shop.example"},
    refused={"template": "cart-reminder", "to": "bounced@shop.example"},
    mutants=(
        Mutant("no key", edited(lambda body: body.pop("key")), "the key stands in the body"),
        Mutant("no content", edited(lambda body: body.pop("template_content")), "template_content is there, if empty"),
        Mutant("no template", edited(lambda body: body.pop("template_name")), "there is such a template"),
        Mutant("a bare address", edited(lambda body: body["message"].update(to=["ann@shop.example"])), "to is objects"),
        Mutant(
            "variables as a mapping",
            edited(lambda body: body["message"].update(global_merge_vars=[{"name": "Ann"}])),
            "a merge variable has name and content",
        ),
        Mutant(
            "a misspelt field",
            edited(lambda body: body["message"].update(metdata={})),
            "a message has no other fields",
        ),
    ),
)

_REASONS = {"bounced": "hard-bounce", "full": "soft-bounce", "complained": "spam", "left": "unsub", "by hand": "custom"}


def _enter(simulator: Mandrill, kind: str, address: str, at: int) -> None:
    entry = {
        "email": address,
        "reason": _REASONS[kind],
        "detail": f"about {address}",
        "created_at": datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S"),
        "expired": False,
        "subaccount": None,
    }
    simulator.denied += [entry, entry | {"email": f"expired-{address}", "expired": True}]


STANDING = Standing(
    vendor=MAILS,
    enter=_enter,
    described=("mailchimp_transactional.json", "/rejects/list"),
    kinds={
        "bounced": Told(BOUNCED),
        "full": Told(BOUNCED, soft=True),
        "complained": Told(SPAM),
        "left": Told(UNSUBSCRIBED),
        "by hand": Told(UNSUBSCRIBED),
    },
    mutants=(
        Mutant("no key", edited(lambda body: body.pop("key")), "the key stands in the body"),
        Mutant("a text", edited(lambda body: body.update(include_expired="no")), "include_expired is true or false"),
        Mutant("paging", edited(lambda body: body.update(offset=1000)), "the denylist is asked for by no other fields"),
        Mutant("another subaccount", edited(lambda body: body.update(subaccount="us")), "there is such a subaccount"),
        Mutant("expired ones, too", edited(lambda body: body.update(include_expired=True))),
    ),
)
