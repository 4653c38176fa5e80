"""What mails lead to, and what comes back of them: for the people who get them, and for those who deliver them."""

from adapters.api.words import TEXT, Json, Section, answered, body, partly, route, within

_HTML = "text/html"
_TOKEN = within("token", "out of a mail; it is signed", "a-token-out-of-a-mail")
_STALE = {404: answered("The link is too old, or is none of ours.", TEXT, kind=_HTML)}
_NAME = within("name", "the destination", "mail")
_NO_DESTINATION = {404: "There is no destination of that name that reports."}
_TAKEN = partly(["success"], success={"const": True}, taken={"type": "integer"}, passed_over={"type": "integer"})
_CHOICES: Json = {
    "type": "object",
    "description": "Those that are ticked: `mail`, `list:NAME`, `use:PURPOSE`.",
    "additionalProperties": TEXT,
}

_RETURNED = "From: mailer@mx.example\nTo: bounces@shop.example\nSubject: Undelivered\n\nNobody of that name is here."

ROUTES = [
    route(
        "GET /unsubscribe/{token}",
        "ask_unsubscribe",
        "Ask whether a person wants to unsubscribe",
        by="signer",
        told="It changes nothing, since scanners follow links.",
        parameters=[_TOKEN],
        answers={200: answered("A page with one button.", TEXT, kind=_HTML)} | _STALE,
    ),
    route(
        "POST /unsubscribe/{token}",
        "unsubscribe",
        "Unsubscribe a person, in one click",
        by="signer",
        told="What mail readers send for `List-Unsubscribe-Post` (RFC 8058). The body is not looked at.",
        parameters=[_TOKEN],
        answers={200: answered("A page that says so.", TEXT, kind=_HTML)} | _STALE,
    ),
    route(
        "GET /preferences/{token}",
        "preferences",
        "Show what a person may choose",
        by="signer",
        parameters=[_TOKEN],
        answers={200: answered("A page to choose on.", TEXT, kind=_HTML)} | _STALE,
    ),
    route(
        "POST /preferences/{token}",
        "choose",
        "Take what a person has chosen",
        by="signer",
        parameters=[_TOKEN],
        body=body(_CHOICES, "application/x-www-form-urlencoded", all_mail={"mail": "on"}),
        answers={200: answered("The page, saved.", TEXT, kind=_HTML)} | _STALE,
    ),
    route(
        "GET /o/{token}.gif",
        "opened",
        "See that a mail was opened",
        by="signer",
        parameters=[_TOKEN],
        answers={
            200: answered(
                "An image of one transparent pixel.", {"type": "string", "format": "binary"}, kind="image/gif"
            ),
            404: {"description": "It is no token of ours."},
        },
        always=True,
    ),
    route(
        "GET /c/{token}",
        "clicked",
        "See that a link was followed, and lead on",
        by="signer",
        parameters=[_TOKEN],
        answers={302: {"description": "To where the link leads.", "headers": {"Location": {"schema": TEXT}}}} | _STALE,
        always=True,
    ),
    route(
        "GET /feedback/{name}",
        "feedback_probe",
        "Tell a service that somebody is there",
        by="anyone",
        parameters=[_NAME],
        answers={200: answered("Somebody is.", _TAKEN, {"success": True})},
        refusals=_NO_DESTINATION,
        always=True,
    ),
    route(
        "POST /feedback/{name}",
        "feedback",
        "Take what a service reports",
        by="signer",
        told="Deliveries, opens, clicks, bounces and complaints, signed as each service does it: docs/destinations.md.",
        parameters=[_NAME],
        body=body({}, told="Whatever the service sends.", klaviyo={"data": [], "meta": {"klaviyo_webhook_id": "W"}}),
        answers={200: answered("It is on the disk.", _TAKEN)},
        refusals=_NO_DESTINATION
        | {401: "The signature is missing or wrong.", 403: "The settings name no secret for it."},
    ),
    route(
        "POST /v1/bounces/{name}",
        "bounced",
        "Take a mail that came back",
        by="admin",
        told="The body is the mail; `impel bounces` sends it, out of a mail server's pipe (docs/mail.md).",
        parameters=[_NAME],
        body=body(TEXT, "message/rfc822", mail=_RETURNED),
        answers={200: answered("What it says is on the disk.", _TAKEN)},
        refusals={404: "No destination of that name has `bounces`."},
    ),
]

SECTION = Section("Mails", "What they lead to, and what comes back of them.", ROUTES)
