"""Message files: `messages/NAME.yaml` says what the message NAME tells, and by which destination.

    destination: mail
    to: "{{ profile.email }}"          # this is the default
    subject: Still thinking about {{ event.product }}?
    html_file: templates/cart.html     # or `html:`, `mjml:`, `mjml_file:`, and `text:` or `text_file:`
    utm: true                          # the default: links bear where they come from
    tracking: false                    # whether opens and clicks are seen, where the destination looks at them

or, for a destination that takes any data,

    destination: crm
    data: {coupon: WELCOME, product: "{{ event.product }}"}

What it is, and what it costs, the rules of sending (`sending.yaml`) ask for:

    purpose: marketing                 # or transactional, which no holdout, quiet hours, caps or fatigue concern
    channel: email                     # the default for a mail and for services that send mails; else the destination
    tags: [winback]
    weight: 1                          # of the fatigue budget
    over: defer                        # or drop: what happens where a cap or the budget is used up

In `data`, a text that is one single `{{ ... }}` keeps the type of its value. A mail without `text` gets one made from
its HTML. What templates see is told in `templates.py`.
"""

from collections.abc import Collection, Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from adapters.content.bounds import Seen
from adapters.content.links import ID, marked
from adapters.content.markup import loose
from adapters.content.mjml import compiled
from adapters.content.plaintext import plain_text
from adapters.content.reader import Message, MessageErrors, Placed, Reader
from adapters.content.templates import variables
from engine.core.sending.policy import Facts
from engine.runtime.ports import Rejected

_MOST = 200_000
_LOOSE = 10


class Messages:
    """The messages of a shop, read and checked."""

    def __init__(self, messages: Mapping[str, Message]) -> None:
        self._messages = messages

    @classmethod
    def load(cls, files: Mapping[str, str], destinations: Collection[str]) -> "Messages":
        """Read the messages among `files`, the texts of `messages/` and `templates/` by path.

        Raises:
            MessageErrors: all that is wrong with them.

        """
        reader = Reader(files, destinations)
        paths = [path for path in map(PurePosixPath, files) if _is_message(path)]
        messages = {path.stem: reader.read(str(path)) for path in paths}
        if reader.errors:
            raise MessageErrors(reader.errors)
        return cls(messages)

    @property
    def names(self) -> frozenset[str]:
        """All messages there are."""
        return frozenset(self._messages)

    @property
    def facts(self) -> Mapping[str, Facts]:
        """What the rules of sending ask of each."""
        return {name: message.facts for name, message in self._messages.items()}

    def destination_of(self, name: str) -> str:
        """The destination by which a message leaves."""
        return self._messages[name].destination

    def render(self, message: str, context: Mapping[str, Any]) -> Mapping[str, Any]:
        """Render the fields of a message; `context` is what `templates.variables` takes.

        Raises:
            Rejected: a template fails, or there is no address.

        """
        seen = variables(context)
        known = self._messages[message]
        if not known.mail:
            return {name: _filled(part, seen) for name, part in known.fields.items()}
        mail = _mail(known.fields, seen, _origin(message, context) if known.utm else {})
        if known.facts.purpose == "transactional":
            mail["unsubscribe"] = ""  # there is nothing to unsubscribe from, whatever its destination says
        if known.tracked and context.get("tracking"):
            mail["tracking"] = True
        return mail


def message_names(files: Iterable[str]) -> frozenset[str]:
    """The messages that stand among the files, given by their paths, right or wrong."""
    return frozenset(path.stem for path in map(PurePosixPath, files) if _is_message(path))


def _origin(message: str, context: Mapping[str, Any]) -> dict[str, str]:
    """What the links of a mail say of where they come from."""
    return {
        "utm_source": "impel",
        "utm_medium": "email",
        "utm_campaign": str(context.get("trigger") or ""),
        "utm_content": message,
        ID: str(context.get("id") or ""),
    }


def _mail(fields: Mapping[str, Placed], seen: Seen, origin: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a mail; whoever has no address is told first, before any fault of a template.

    The text that is made of HTML has the addresses as they are written, which a reader sees.
    """
    try:
        to = str(fields["to"].render(seen)).strip()
    except Rejected as error:
        raise Rejected(f"no address: {error}") from error
    if not to:
        raise Rejected("no address")
    filled: dict[str, Any] = {"to": to} | {name: field.render(seen) for name, field in fields.items() if name != "to"}
    if "mjml" in filled:
        filled["html"] = compiled(filled.pop("mjml"))
    if "html" in filled:
        _check(filled["html"])
    if "text" not in filled:
        filled["text"] = plain_text(filled["html"])
    if url := seen.get("unsubscribe_url"):
        filled["unsubscribe"] = str(url)
    if origin and "html" in filled:
        filled["html"] = marked(filled["html"], origin)
    return filled


def _check(html: str) -> None:
    """Refuse what no mail program would show, and what would take long to work through."""
    if len(html) > _MOST:
        raise Rejected(f"its HTML has {len(html):,} characters; at most {_MOST:,} are sent")
    if (number := loose(html)) > _LOOSE:
        raise Rejected(f"its HTML has {number:,} `<` that begin no tag: write each as `&lt;`")


def _filled(field: Any, seen: Seen) -> Any:
    match field:
        case Placed():
            return field.render(seen)
        case dict():
            return {name: _filled(part, seen) for name, part in field.items()}
        case list():
            return [_filled(part, seen) for part in field]
    return field


def _is_message(path: PurePosixPath) -> bool:
    return path.parent.name == "messages" and path.suffix in {".yaml", ".yml"}
