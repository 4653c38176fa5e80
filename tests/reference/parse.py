"""Reads the language by recursive descent: the binding rules once more, independently of the engine's grammar.

So the facts about the language can be written as the texts they speak of, and a text that was rendered with few
parentheses is known to mean what was rendered.
"""

import json
import re
from typing import cast

from tests.reference.render import UNITS
from tests.reference.terms import (
    STATES,
    And,
    Becomes,
    BothWhere,
    Choice,
    Compare,
    Contains,
    Count,
    Either,
    EitherWhere,
    Exists,
    Fold,
    For,
    Happens,
    InSegment,
    Last,
    Literal,
    Moment,
    Not,
    NotWhere,
    On,
    OneOf,
    Or,
    Path,
    Profile,
    Seen,
    Selector,
    Span,
    State,
    Then,
    ThenNo,
    Where,
    While,
    inactive,
)

TOKEN = re.compile(
    r'\s*("(?:[^"\\]|\\.)*"|(?:\d+(?:ms|[smhdw]))+(?!\w)|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|[<>=!]=|[<>()\[\],.]|\w+)'
)
OPERATORS = ("==", "!=", "<", "<=", ">", ">=")
FOLDS = ("sum", "avg", "min", "max", "distinct")


def moment(text: str) -> Moment:
    """Read what stands under `when`."""
    return as_moment(Parser(text).whole())


def state(text: str) -> State:
    """Read what stands under `if`."""
    return as_state(Parser(text).whole())


def as_moment(term: State | Moment) -> Moment:
    return Becomes(term) if isinstance(term, STATES) else term


def as_state(term: State | Moment) -> State:
    if not isinstance(term, STATES):
        raise TypeError(f"a state is wanted: {term}")
    return term


def milliseconds(text: str) -> int:
    sizes = dict(UNITS)
    return sum(int(number) * sizes[unit] for number, unit in re.findall(r"(\d+)(ms|[smhdw])", text))


class Parser:
    """A text's tokens, and what they mean."""

    def __init__(self, text: str) -> None:
        self.tokens = cast("list[str]", TOKEN.findall(text))
        self.position = 0

    def peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def next(self) -> str:
        token = self.peek()
        self.position += 1
        return token

    def accept(self, *words: str) -> bool:
        if self.tokens[self.position : self.position + len(words)] != list(words):
            return False
        self.position += len(words)
        return True

    def expect(self, word: str) -> None:
        if not self.accept(word):
            raise SyntaxError(f"{word!r} wanted at {self.tokens[self.position :]}")

    # Conditions

    def whole(self) -> State | Moment:
        term = self.disjunction()
        if self.peek():
            raise SyntaxError(f"left over: {self.tokens[self.position :]}")
        return term

    def disjunction(self) -> State | Moment:
        left = self.conjunction()
        while self.accept("or"):
            right = self.conjunction()
            if isinstance(left, STATES) and isinstance(right, STATES):
                left = Or(left, right)
            elif isinstance(left, Happens) and isinstance(right, Happens):
                left = Happens(left.selector + right.selector)
            else:
                left = Either(as_moment(left), as_moment(right))
        return left

    def conjunction(self) -> State | Moment:
        left = self.chain()
        while self.accept("and"):
            right = self.chain()
            if isinstance(left, STATES):
                left = And(left, right) if isinstance(right, STATES) else While(right, left)
            else:
                left = While(left, as_state(right))
        return left

    def chain(self) -> State | Moment:
        left = self.negation()
        while True:
            if self.accept("then", "no"):
                left = ThenNo(as_moment(left), self.selector(), self.span("within"))
            elif self.accept("then"):
                then = self.selector()
                without = self.selector() if self.accept("without") else None
                left = Then(as_moment(left), then, without, self.within())
            elif self.peek() == "for":
                left = For(as_state(left), self.span("for"))
            elif self.accept("on"):
                left = On(as_state(left), self.selector())
            else:
                return left

    def negation(self) -> State | Moment:
        return Not(as_state(self.negation())) if self.accept("not") else self.atom()

    def atom(self) -> State | Moment:
        if self.accept("("):
            term = self.disjunction()
            self.expect(")")
            return term
        if self.accept("inactive"):
            return inactive(self.span("for"))
        if self.accept("in", "segment"):
            return InSegment(json.loads(self.next()))
        if self.accept("exists", "("):
            return Profile(self.exists(self.profile_path()))
        if self.peek() == "profile" and self.tokens[self.position + 1] == ".":
            return Profile(self.test(self.profile_path()))
        return self.window() or Happens(self.selector())

    def window(self) -> State | None:
        word = self.peek()
        if word not in ("seen", "count", "last", *FOLDS) or self.tokens[self.position + 1 :][:1] != ["("]:
            return None
        self.position += 2
        selector = self.choices()
        path = self.path() if word in FOLDS and self.accept(".") else ()
        self.expect(")")
        if word == "seen":
            return Seen(selector, self.within())
        if word == "last":
            self.expect(".")
            return Last(selector, self.test(self.path()), self.within())
        op, value = self.next(), cast("int | float", self.literal())
        if word == "count":
            return Count(selector, op, value, self.within())
        return Fold(word, selector, path, op, value, self.within())

    def within(self) -> int | None:
        return self.span("within") if self.peek() == "within" else None

    def span(self, word: str) -> int:
        self.expect(word)
        return milliseconds(self.next())

    # Selectors and filters

    def selector(self) -> Selector:
        if self.accept("("):
            choices = self.choices()
            self.expect(")")
            return choices
        return (self.choice(),)

    def choices(self) -> Selector:
        found = self.selector()
        while self.accept("or"):
            found += self.selector()
        return found

    def choice(self) -> Choice:
        token = self.next()
        name = json.loads(token) if token.startswith('"') else token
        where = None
        if self.accept("["):
            where = self.where()
            self.expect("]")
        return Choice(None if name == "any" and not token.startswith('"') else name, where)

    def where(self) -> Where:
        left = self.where_and()
        while self.accept("or"):
            left = EitherWhere(left, self.where_and())
        return left

    def where_and(self) -> Where:
        left = self.where_not()
        while self.accept("and"):
            left = BothWhere(left, self.where_not())
        return left

    def where_not(self) -> Where:
        if self.accept("not"):
            return NotWhere(self.where_not())
        if self.accept("("):
            where = self.where()
            self.expect(")")
            return where
        if self.accept("exists", "("):
            return self.exists(self.path())
        return self.test(self.path())

    def path(self) -> Path:
        names = [self.next()]
        while self.accept("."):
            names.append(self.next())
        return tuple(names)

    def profile_path(self) -> Path:
        self.expect("profile")
        self.expect(".")
        return self.path()

    def exists(self, path: Path) -> Exists:
        self.expect(")")
        return Exists(path)

    def test(self, path: Path) -> Where:
        op = self.next()
        if op == "contains":
            return Contains(path, self.literal())
        if op != "in":
            return Compare(path, op, self.literal())
        self.expect("[")
        values = [self.literal()]
        while self.accept(","):
            values.append(self.literal())
        self.expect("]")
        return OneOf(path, tuple(values))

    def literal(self) -> Literal:
        token = self.next()
        if re.fullmatch(r"(\d+(ms|[smhdw]))+", token):
            return Span(milliseconds(token))
        return cast("Literal", json.loads(token))
