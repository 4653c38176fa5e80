"""What filling in a template may take: so many steps and no more, the same number on every machine.

Templates are filled in where everything else is decided, and nothing can interrupt a filter or a loop that runs away,
so work is paid for before it is done. A step is about a node of a template; the size of texts and lists counts, since
filters take time by it, and in a loop all of its body counts for each item. Visitors choose what the properties of
events say, so this holds for what they can make a well-meant template do, too.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TextIO

from liquid import BoundTemplate, Node, RenderContext
from liquid.builtin.tags.for_tag import ForNode, ForTag
from liquid.builtin.tags.tablerow_tag import TablerowNode, TablerowTag
from liquid.exceptions import ResourceLimitError

STEPS = 20_000
"""For all of a message; a long mail takes a few thousand."""

OUTPUT = 200_000
"""Bytes; mail programs show about 100,000."""

LARGEST = 50_000
"""Characters, items or bits of what a filter takes or gives."""

_PER_STEP = 100
"""Characters or items that a filter works through in a step."""

_DRAWN_IN = 10
"""Steps to begin a template, apart from its nodes."""

_SIZELESS = frozenset({"default", "size", "first", "last"})
"""Filters that take no longer with what is larger."""


class TooMuch(ResourceLimitError):
    """A template asks for more work than it may; the text says what to do instead."""

    def __init__(self, text: str) -> None:
        super().__init__(text, token=None)


class Steps:
    """The steps that are left for a message."""

    def __init__(self) -> None:
        self._left = STEPS

    def take(self, number: int) -> None:
        """Take some.

        Raises:
            TooMuch: there are not so many.

        """
        self._left -= number
        if self._left < 0:
            raise TooMuch(f"it takes more than {STEPS:,} steps to fill in: write fewer loops, or over less")


class Seen(dict[str, Any]):
    """What the templates of one message see, and the steps that they have together."""

    def __init__(self, variables: Mapping[str, Any]) -> None:
        super().__init__(variables)
        self.steps = Steps()


class Counting(RenderContext):
    """Counts what is looked up and assigned, in the template and in those that it draws in."""

    def __init__(
        self,
        template: BoundTemplate,
        *,
        parent_context: RenderContext | None = None,
        steps: Steps | None = None,
        **more: Any,
    ) -> None:
        super().__init__(template, parent_context=parent_context, **more)
        inherited = parent_context.steps if isinstance(parent_context, Counting) else Steps()
        self.steps: Steps = inherited if steps is None else steps

    def get(self, path: list[object], **more: Any) -> object:
        """Look a variable up."""
        found = super().get(path, **more)
        self.steps.take(1 + (len(found) // _PER_STEP if isinstance(found, str) else 0))
        return found

    def assign(self, key: str, val: Any) -> None:
        """Assign a variable, after which the size of all is reckoned."""
        self.steps.take(1 + len(self.locals) // 10)
        super().assign(key, val)


class Counted(BoundTemplate):
    """Counts its nodes whenever it is filled in, by itself or within another."""

    _weight = 0
    """In steps; 0: not reckoned yet."""

    def render_with_context(self, context: RenderContext, buffer: TextIO, *args: Any, **more: Any) -> None:
        """Fill it in."""
        self._weight = self._weight or _DRAWN_IN + sum(_nodes(node, context) for node in self.nodes)
        _take(context, self._weight)
        super().render_with_context(context, buffer, *args, **more)


class _For(ForNode):
    """Pays for a whole loop when it begins."""

    _weight = 0
    """In steps, of one turn; 0: not reckoned yet."""

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        self._weight = self._weight or _nodes(self, context)
        _take(context, _turns(self, context) * self._weight)
        return super().render_to_output(context, buffer)


class BoundedFor(ForTag):
    """`{% for %}`."""

    node_class = _For


class _Tablerow(TablerowNode):
    """The same."""

    _weight = 0

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        self._weight = self._weight or _nodes(self, context)
        _take(context, _turns(self, context) * self._weight)
        return super().render_to_output(context, buffer)


class BoundedTablerow(TablerowTag):
    """`{% tablerow %}`."""

    node_class = _Tablerow


def _turns(loop: ForNode | TablerowNode, context: RenderContext) -> int:
    """How many turns a loop takes at most."""
    items = loop.expression.iterable.evaluate(context)
    return _length(items) if isinstance(items, range | list | tuple | Mapping) else 1


def _nodes(node: Node, context: RenderContext) -> int:
    """How many nodes there are in one, itself included; what it draws in is counted then."""
    return 1 + sum(_nodes(child, context) for child in node.children(context, include_partials=False))


def _take(context: RenderContext, number: int) -> None:
    if isinstance(context, Counting):
        context.steps.take(number)


def bounded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that is paid for, and takes and gives nothing that is too large; it wants the context."""
    if name in _SIZELESS:
        return function

    def paid(value: object, *args: Any, context: RenderContext, **more: Any) -> Any:
        size = _size(value) + sum(map(_size, args)) + _growth(name, value, args)
        if size > LARGEST:
            raise TooMuch(f"the filter `{name}` takes and gives at most {LARGEST:,} characters or items")
        _take(context, 1 + _effort(name, size))
        return function(value, *args, **more)

    for attribute in ("with_environment", "validate"):
        if hasattr(function, attribute):
            setattr(paid, attribute, getattr(function, attribute))
    paid.with_context = True  # type: ignore[attr-defined]
    return paid


def _effort(name: str, size: int) -> int:
    """Steps that a filter takes: dates are read with great care, and each item is compared with each for `uniq`."""
    if name == "date":
        return size
    return size * size // _PER_STEP if name == "uniq" else size // _PER_STEP


def _growth(name: str, value: object, args: Sequence[object]) -> int:
    """How much longer a text becomes by what is put into it at many places."""
    if name == "replace" and args:
        text, old, new = str(value), str(args[0]), str(args[1]) if len(args) > 1 else ""
        return (text.count(old) if old else len(text) + 1) * len(new)
    if name == "join" and isinstance(value, list | tuple | range):
        return _length(value) * len(str(args[0]) if args else " ")
    return 0


def _size(value: object) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list | tuple):
        return len(value) + sum(_size(each) for each in value if isinstance(each, str | list | tuple))
    if isinstance(value, range):
        return _length(value)
    return value.bit_length() if isinstance(value, int) else 1


def _length(items: range | list[Any] | tuple[Any, ...] | Mapping[Any, Any]) -> int:
    """How many there are, also where Python cannot say because there are too many."""
    if isinstance(items, range):
        return max(items.stop - items.start, 0)
    return len(items)
