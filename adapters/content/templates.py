"""Liquid templates that fail rather than say something wrong.

What is missing (never given, or null) is false in a test, empty in a loop, and replaced by the filter `default`; to
print it, to compute with it or to hand it to another filter is an error, because "Hello ," must not be sent. A misspelt
variable or filter is found when the template is read. Templates are the shop's own, what they print comes from its
visitors: in HTML it is escaped, and what filling in may take is bounded (`bounds.py`).

`event` and the items of `recent` are an event's properties, by their own names (`event.price`, and `event.name` is the
property `name`), beside `_name`, the name of the event, and `_at`, when it happened (ISO 8601, for the filter `date`).
So is `cart`, the latest event that lists a cart's `items` (or `products`); `favourite.category` is what is looked at
most. `unsubscribe_url` and `preferences_url` are there where the settings say a `public_url`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import wraps
from typing import Any, NoReturn

from liquid import BoundTemplate, CachingDictLoader, Environment, Undefined
from liquid.builtin.output import OutputNode
from liquid.exceptions import LiquidError, ResourceLimitError, TemplateNotFoundError, UndefinedError
from liquid.filter import string_filter
from liquid.span import Span
from liquid.static_analysis import TemplateAnalysis

from adapters.content.bounds import OUTPUT, BoundedFor, BoundedTablerow, Counted, Counting, Seen, bounded
from adapters.content.markup import without_tags
from engine.language.errors import meant

_VARIABLES = frozenset({
    "user", "trigger", "per", "event", "profile", "recent", "favourite", "cart", "unsubscribe_url", "preferences_url",
})  # fmt: skip


class TemplateError(Exception):
    """A template that cannot be read or rendered; the text says why, without personal data."""

    def __init__(self, reason: str, line: int = 0, file: str = "") -> None:
        super().__init__(reason)
        self.line = line
        """From 1, within the template; 0 where unknown."""
        self.file = file
        """The template it drew in and in which it failed; empty for the template itself."""


class _Missing(Undefined):
    """Stands for what is not there: nothing to tests, loops and `default`, an error where it would be printed."""

    __slots__ = ()

    force_liquid_default = True

    def refuse(self) -> NoReturn:
        """Say what is missing."""
        raise UndefinedError(self.hint or f"{self.name} is undefined", token=self.token)

    def __str__(self) -> str:
        return self.refuse()


class _Context(Counting):
    """Finds only what is there: null is missing, and `event.size` is a property, not how many there are."""

    def get_item(self, obj: Any, key: Any) -> Any:
        found = obj[key] if isinstance(obj, Mapping) else super().get_item(obj, key)
        if found is None:
            raise KeyError(key)
        return found


class _Bound(Counted):
    context_class = _Context


class _Liquid(Environment):
    template_class = _Bound
    output_stream_limit = OUTPUT
    local_namespace_limit = 1_000_000

    def __init__(self, files: Mapping[str, str], *, autoescape: bool) -> None:
        loader = CachingDictLoader(dict(files), auto_reload=False)
        super().__init__(undefined=_Missing, autoescape=autoescape, loader=loader)
        self.add_tag(BoundedFor)
        self.add_tag(BoundedTablerow)
        self.add_filter("strip_html", string_filter(without_tags))
        for name, function in self.filters.items():
            if name != "default":
                self.filters[name] = _given(bounded(name, function))


def _given(function: Callable[..., Any]) -> Callable[..., Any]:
    """The filter, refusing what is missing: by itself, most take it for an empty text or for 0."""

    @wraps(function)
    def checked(value: object, *args: Any, **kwargs: Any) -> Any:
        for given in (value, *args):
            if isinstance(given, _Missing):
                given.refuse()
        return function(value, *args, **kwargs)

    return checked


class Template:
    """One template, read and checked."""

    def __init__(self, bound: BoundTemplate, *, typed: bool) -> None:
        self._bound = bound
        only = bound.nodes[0] if len(bound.nodes) == 1 else None
        self._expression = only.expression if typed and isinstance(only, OutputNode) else None

    def render(self, seen: Seen) -> Any:
        """Fill the template in: text, or, if it is typed and a single `{{ ... }}`, the value itself.

        Raises:
            TemplateError: something is missing, or fails.

        """
        try:
            context = _Context(self._bound, globals=seen, steps=seen.steps)
            if self._expression is None:
                buffer = context.get_buffer()
                self._bound.render_with_context(context, buffer)
                return buffer.getvalue()
            value = self._expression.evaluate(context)
            return value.refuse() if isinstance(value, _Missing) else value
        except Exception as error:  # filters fail in many ways, and each is this template's failure
            raise _failure(error) from error


class Templates:
    """Reads templates; `files` are those that a template may draw in with `{% render "..." %}`."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files
        self._plain = _Liquid(files, autoescape=False)
        self._html = _Liquid(files, autoescape=True)

    def read(self, source: str, *, html: bool = False, typed: bool = False) -> Template:
        """Read one template.

        Raises:
            TemplateError: its syntax is wrong, or it names a variable, a filter or a file that does not exist.

        """
        environment = self._html if html else self._plain
        try:
            bound = environment.from_string(source)
            analysis = bound.analyze()
        except TemplateNotFoundError as error:
            raise TemplateError(f"there is no file `{error.message}` to draw in", _line(error)) from error
        except LiquidError as error:
            raise TemplateError(str(error.message), _line(error), str(error.template_name or "")) from error
        for reason, span in _unknown(analysis, environment):
            text = self._files.get(span.template_name, source)
            raise TemplateError(reason, text.count("\n", 0, span.index) + 1, span.template_name)
        return Template(bound, typed=typed)


def _unknown(analysis: TemplateAnalysis, environment: Environment) -> Iterator[tuple[str, Span]]:
    """What the template names and nobody gives."""
    for name, spans in analysis.filters.items():
        if name not in environment.filters:
            yield _no_such("filter", name, environment.filters), spans[0]
    for name, places in analysis.globals.items():
        if name not in _VARIABLES:
            yield _no_such("variable", name, _VARIABLES), places[0].span


def _no_such(kind: str, name: str, known: Iterable[str]) -> str:
    return f"there is no {kind} `{name}`{meant(name, known)}"


def _failure(error: Exception) -> TemplateError:
    """What failed, in the template's own words: the error's text may bear a visitor's data."""
    if not isinstance(error, LiquidError):
        return TemplateError(type(error).__name__)
    context = error.context()
    if isinstance(error, UndefinedError | ResourceLimitError):
        reason = str(error.message)
    else:
        reason = type(error).__name__ + (f" in `{context[3].strip()}`" if context else "")
    return TemplateError(reason, _line(error), str(error.template_name or ""))


def _line(error: LiquidError) -> int:
    context = error.context()
    return context[0] if context else 0


def variables(context: Mapping[str, Any]) -> Seen:
    """What templates see, out of `user`, `trigger`, `per`, `event`, `profile`, `recent`, `favourite` and `cart`.

    `event` is a mapping of `name`, `ts` (milliseconds) and `properties`, or None; `recent` maps names to lists of such.
    """
    recent = context.get("recent") or {}
    seen = {
        "user": context.get("user"),
        "trigger": context.get("trigger"),
        "per": context.get("per"),
        "profile": context.get("profile") or {},
        "event": _event(context.get("event")),
        "recent": {name: [_event(event) for event in events] for name, events in recent.items()},
        "favourite": context.get("favourite") or {},
        "cart": _cart(context.get("cart")),
        "unsubscribe_url": context.get("unsubscribe_url"),
        "preferences_url": context.get("preferences_url"),
    }
    return Seen({name: value for name, value in seen.items() if value is not None})


def _cart(event: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A cart: the event that lists it, with what is in it as `items`, however it calls that."""
    cart = _event(event)
    if cart is None or "items" in cart:
        return cart
    return cart | {"items": cart["products"]}


def _event(event: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if event is None:
        return None
    moment = datetime.fromtimestamp(event["ts"] / 1000, UTC)
    return {
        **event["properties"],
        "_name": event["name"],
        "_at": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
