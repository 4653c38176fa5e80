from adapters.destinations.sendgrid import SendgridSettings
from adapters.secrets import Secret
from tests.adapters.services.vendor import Mutant, Vendor, edited, with_header, without
from tests.simulators.sendgrid import Sendgrid

KEYS = {"SENDGRID_KEY": "SG.1"}

TEMPLATE = "d-" + "0123456789abcdef" * 2

MAILS = Vendor(
    name="sendgrid",
    simulator=Sendgrid,
    settings=lambda url: SendgridSettings(
        key=Secret(env="SENDGRID_KEY"), sender="shop@shop.example", url=url, rate=9, concurrency=4
    ),
    data={"to": "ann@shop.example", "template": TEMPLATE, "variables": {"cart": [{"product": "Tent"}]}, "group": 12},
    deduplicates=False,
    described=("sendgrid_mail.json", "/v3/mail/send"),
    wrong={"to": "ann@shop.example", "template": "reminder", "varibles": {}},
    mutants=(
        Mutant("no key", without("authorization"), "an API key is shown as bearer"),
        Mutant("basic auth", with_header("authorization", "Basic U0cuMQ=="), "an API key is shown as bearer"),
        Mutant("form", with_header("content-type", "application/x-www-form-urlencoded"), "the body is JSON"),
        Mutant("nobody", edited(lambda body: body.pop("personalizations")), "personalizations say to whom"),
        Mutant("no sender", edited(lambda body: body.pop("from")), "a mail has a sender"),
        Mutant("no template", edited(lambda body: body.pop("template_id")), "a template, or subject and content"),
        Mutant(
            "an old template",
            edited(lambda body: body.update(template_id="13b8f94f-bcae-4ec6-b752-70d6cb59f932")),
            "there is such a template",
        ),
        Mutant(
            "a number as argument",
            edited(lambda body: body["personalizations"][0]["custom_args"].update(at=5)),
            "custom_args are texts",
        ),
        Mutant(
            "too much sent along",
            edited(lambda body: body["personalizations"][0]["custom_args"].update(more="x" * 10_000)),
            "custom_args are less than 10,000 bytes",
        ),
    ),
)
