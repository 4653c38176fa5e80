"""Text of a condition -> raw tree, with positions; or one syntax error that says what to write instead."""

import re
from collections.abc import Set as AbstractSet
from typing import Literal, cast

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken
from lark.lexer import PatternStr

from engine.language.errors import TriggerErrors, closest, did_you_mean
from engine.language.sources import Passage

RawTree = Tree[Token]

_PARSER = Lark.open(
    "grammar.lark",
    rel_to=__file__,
    parser="lalr",
    lexer="basic",
    start=["expression", "path"],
    propagate_positions=True,
    maybe_placeholders=True,
)
_SPELLED = {
    terminal.name: terminal.pattern.value for terminal in _PARSER.terminals if isinstance(terminal.pattern, PatternStr)
}
KEYWORDS = frozenset(word for word in _SPELLED.values() if word.isalpha())
"""Words that mean something to the language: an event of that name has to be quoted."""

_FUNCTIONS = ("seen", "count", "sum", "avg", "min", "max", "distinct", "last", "exists")
_FOREIGN = {
    "=": "to compare, write `==`",
    "&": "write `and`",
    "|": "write `or`",
    "!": "write `not`, or `!=` to compare",
    '"': "a quotation mark is missing its partner",
    "'": "a quotation mark is missing its partner",
    "“": 'write straight quotation marks: `"`',
    "”": 'write straight quotation marks: `"`',
    "{": "conditions on an event stand in brackets: `view[price > 20]`",
}
_MISPLACED = {
    "WITHIN": "`within` follows `seen(…)`, `count(…) > 2` and the like, or a chain, once",
    "WITHOUT": "`without` follows `then` and stands before `within`: `a then b without c within 1h`",
    "THEN": "`then` stands between two events: `a then b`",
    "NO": "`no` follows `then`: `a then no b within 1h`",
    "DOT": 'a name with a dot in it is quoted: `"cart.updated"`',
    "LSQB": "conditions on an event follow its name: `view[price > 20]`",
    "OP": "compare a property, `view[price > 20]`, a trait, `profile.age > 20`, or `count(view) > 2`",
}
_VALUE = "here stands a value: a number, a text in quotation marks, `true`, `false` or a duration"
_MISSING = (
    ("DURATION", "here stands a duration, such as `30m` or `24h`"),
    ("OP", "here stands a comparison, such as `> 20`"),
    ("STRING", "here stands an event or a condition"),
    ("DOT", "here stands a dot and the name of a property"),
    ("LSQB", 'here stands a list in brackets: `in ["a", "b"]`'),
    ("LPAR", "here stands a `(`"),
    ("SEGMENT", 'here stands `segment` and its name: `in segment "vip"`'),
    ("RPAR", "a `)` is missing"),
    ("RSQB", "a `]` is missing"),
)


def parse(passage: Passage, start: Literal["expression", "path"] = "expression") -> RawTree:
    """Read a condition, or the path of a property.

    Raises:
        TriggerErrors: it is not in the language; holds the first thing that is not.

    """
    try:
        return _PARSER.parse(passage.value, start=start)
    except UnexpectedInput as error:
        offset, message, hint = _explain(error, passage.value)
        raise TriggerErrors([passage.error(offset, message, hint)]) from None


def _explain(error: UnexpectedInput, text: str) -> tuple[int, str, str]:
    if isinstance(error, UnexpectedToken) and error.token.type != "$END":
        offset = error.token.start_pos or 0
        return (
            offset,
            f"`{error.token}` cannot stand here",
            _instead(error.token, error.accepts, text[:offset]),
        )
    if isinstance(error, UnexpectedCharacters):
        offset = cast("int", error.pos_in_stream)
        found = text[offset]
        return offset, f"`{found}` is not in the language", _FOREIGN.get(found, "")
    if not text.strip():
        return 0, "there is no condition here", "write one, such as `product_viewed`"
    accepted = error.accepts if isinstance(error, UnexpectedToken) else frozenset()
    return len(text), "the condition ends too early", _wanted(accepted)


def _instead(token: Token, accepted: AbstractSet[str], before: str) -> str:
    previous = _last_word(before)
    if token.type == "LPAR" and previous not in KEYWORDS and (meant := closest(previous, _FUNCTIONS)):
        return f"did you mean `{meant}(`?"
    if token.type == "NAME":
        return _misspelt(token, accepted, previous)
    if token in KEYWORDS and "STRING" in accepted and token.type in _MISPLACED.keys() | {"FOR", "ON", "AND", "OR"}:
        return f'`{token}` is a word of the language; as a name it is quoted: `"{token}"`'
    return _MISPLACED.get(token.type) or _wanted(accepted)


def _misspelt(token: Token, accepted: AbstractSet[str], previous: str) -> str:
    words = {_SPELLED[name] for name in accepted if _SPELLED.get(name) in KEYWORDS}
    if hint := did_you_mean(token, words):
        return hint
    if re.fullmatch(r"[0-9.]+", previous):
        return f"number and unit stand together: `{previous}{token}`"
    if previous and previous not in KEYWORDS and previous[-1].isalnum():
        return f'a name with a space in it is quoted: `"{previous} {token}"`'
    return _wanted(accepted)


def _last_word(text: str) -> str:
    found = re.search(r"[^\s()\[\],]+$", text.rstrip())
    return found.group() if found else ""


def _wanted(accepted: AbstractSet[str]) -> str:
    if accepted == {"FOR"}:
        return "say for how long: `inactive for 30d`"
    if {"NUMBER", "TRUE"} <= accepted:
        return _VALUE
    return next((hint for terminal, hint in _MISSING if terminal in accepted), "")
