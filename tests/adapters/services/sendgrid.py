from adapters.destinations.sendgrid import SendgridSettings
from adapters.feedback.report import BOUNCED, SPAM, UNSUBSCRIBED
from adapters.secrets import Secret
from tests.adapters.services.vendor import Mutant, Standing, Told, Vendor, asking, edited, with_header, without
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


def _enter(simulator: Sendgrid, kind: str, address: str, at: int) -> None:
    if kind == "left a group":
        simulator.left.append({"email": address, "group_id": 12, "group_name": "News", "created_at": at})
        return
    name, more = {
        "bounced": ("bounces", {"reason": f"550 5.1.1 no {address}", "status": "5.1.1"}),
        "full": ("bounces", {"reason": f"452 4.2.2 {address} is full", "status": "4.2.2"}),
        "invalid": ("invalid_emails", {"reason": "Mail domain mentioned in email address is unknown"}),
        "complained": ("spam_reports", {"ip": "192.0.2.7"}),
        "left": ("unsubscribes", {}),
    }[kind]
    simulator.lists[name].append({"created": at, "email": address, **more})


STANDING = Standing(
    vendor=MAILS,
    enter=_enter,
    described=("sendgrid_suppressions.json", "/v3/suppression/unsubscribes"),
    kinds={
        "bounced": Told(BOUNCED),
        "full": Told(BOUNCED, soft=True),
        "invalid": Told(BOUNCED),
        "complained": Told(SPAM),
        "left": Told(UNSUBSCRIBED),
        "left a group": Told(UNSUBSCRIBED, of="12"),
    },
    page=500,
    lists=5,
    mutants=(
        Mutant("no key", without("authorization"), "an API key is shown as bearer"),
        Mutant("any answer", with_header("accept", "*/*"), "bounces are asked for as JSON"),
        Mutant("larger pages", asking({"limit": "501"}), "a page has at most 500 entries"),
        Mutant("pages by number", asking({"offset": "1"}), "offsets are multiples of the page"),
        Mutant("a date", asking({"start_time": "2026-01-02"}), "parameters are whole numbers"),
        Mutant("another name", asking({"since": "0"}), "there are such parameters"),
        Mutant("milliseconds", asking({"start_time": "1767323045678"})),
    ),
)
