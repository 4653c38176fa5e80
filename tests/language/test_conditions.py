"""What is written in LANGUAGE.md, and the tree it stands for."""

import pytest

from engine.language import tree
from engine.language.conditions import parse_moment, parse_state
from engine.language.tree import (
    AllWhere,
    And,
    AnyWhere,
    Becomes,
    Choice,
    Compare,
    Contains,
    Count,
    Either,
    Exists,
    Folded,
    For,
    Happens,
    InSegment,
    Last,
    Not,
    NotWhere,
    On,
    OneOf,
    Or,
    Profile,
    Seen,
    Selector,
    Then,
    ThenNo,
    While,
)

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def events(*names: str | None) -> Selector:
    return Selector(tuple(Choice(name) for name in names))


def event(name: str, where: tree.Where) -> Selector:
    return Selector((Choice(name, where),))


def seen(name: str, within: int | None = None) -> Seen:
    return Seen(events(name), within)


A, B, C = (Happens(events(name)) for name in "ABC")
S, T, U = (seen(name) for name in "stu")

LONG_VIEW = event("product_viewed", Compare(("time_spent",), ">", 30))
VIEWED_A, VIEWED_B = (event("product_viewed", Compare(("product",), "==", name)) for name in "AB")

REQUIREMENTS = {
    "product_viewed[time_spent > 30s]": Happens(LONG_VIEW),
    'count(cta_clicked[cta == "hero"]) > 2 within 10m': Becomes(
        Count(event("cta_clicked", Compare(("cta",), "==", "hero")), ">", 2, 10 * MINUTE)
    ),
    "product_viewed[time_spent > 30s] or (cart_abandoned then no purchased within 24h)": Either(
        Happens(LONG_VIEW), ThenNo(Happens(events("cart_abandoned")), events("purchased"), DAY)
    ),
    """(seen(product_viewed[product == "A"]) within 48h and seen(product_viewed[product == "B"]) within 48h
    and not seen(purchased) within 48h) on product_viewed""": On(
        And(And(Seen(VIEWED_A, 2 * DAY), Seen(VIEWED_B, 2 * DAY)), Not(seen("purchased", 2 * DAY))),
        events("product_viewed"),
    ),
    "cart_updated then no (cart_updated or order_completed) within 1h": ThenNo(
        Happens(events("cart_updated")), events("cart_updated", "order_completed"), HOUR
    ),
    'cart_abandoned and in segment "high-value"': While(Happens(events("cart_abandoned")), InSegment("high-value")),
    "inactive for 30d": ThenNo(Happens(events(None)), events(None), 30 * DAY),
    '(profile.status == "onboarding") for 7d': For(Profile(Compare(("status",), "==", "onboarding")), 7 * DAY),
    "(product_added then checkout_started within 30m) then no order_completed within 2h": ThenNo(
        Then(Happens(events("product_added")), events("checkout_started"), None, 30 * MINUTE),
        events("order_completed"),
        2 * HOUR,
    ),
}

STATES = {
    "seen(E) within 1d": seen("E", DAY),
    "seen(E)": seen("E"),
    "seen(view or click)": Seen(events("view", "click"), None),
    "seen((view or click))": Seen(events("view", "click"), None),
    "count(E) >= 3 within 1h": Count(events("E"), ">=", 3, HOUR),
    "sum(E.prop) > 100 within 1d": Folded("sum", events("E"), ("prop",), ">", 100, DAY),
    "avg(E.cart.total) <= 1.5": Folded("avg", events("E"), ("cart", "total"), "<=", 1.5, None),
    "min(any.prop) < -2": Folded("min", events(None), ("prop",), "<", -2, None),
    "max(view or click.prop) != 2": Folded("max", events("view", "click"), ("prop",), "!=", 2, None),
    'distinct("Product Viewed".product_id) == 3': Folded(
        "distinct", events("Product Viewed"), ("product_id",), "==", 3, None
    ),
    "last(E).prop > 15 within 1h": Last(events("E"), Compare(("prop",), ">", 15), HOUR),
    'last(E).prop in ["a"]': Last(events("E"), OneOf(("prop",), ("a",)), None),
    "exists(last(E).prop) within 1h": Last(events("E"), Exists(("prop",)), HOUR),
    'profile.plan == "vip"': Profile(Compare(("plan",), "==", "vip")),
    'profile.tags contains "new"': Profile(Contains(("tags",), "new")),
    "profile.waiting > 1500ms": Profile(Compare(("waiting",), ">", 1.5)),
    "exists(profile.email)": Profile(Exists(("email",))),
    'in segment "high-value"': InSegment("high-value"),
    "in segment vip": InSegment("vip"),
    "(seen(E)) within 1d": seen("E", DAY),
}

MOMENTS = {
    "A": A,
    '"Order Completed"': Happens(events("Order Completed")),
    "'Order Completed'": Happens(events("Order Completed")),
    r'"say \"hi\" \\ bye"': Happens(events(r'say "hi" \ bye')),
    "add-to-cart": Happens(events("add-to-cart")),
    "$view": Happens(events("$view")),
    '"then"': Happens(events("then")),
    "any": Happens(events(None)),
    "any[price > 20]": Happens(Selector((Choice(None, Compare(("price",), ">", 20)),))),
    "A or B": Happens(events("A", "B")),
    "A then B within 1h": Then(A, events("B"), None, HOUR),
    "A then B": Then(A, events("B"), None, None),
    "(A then B) within 1h": Then(A, events("B"), None, HOUR),
    "A then B without C within 1h": Then(A, events("B"), events("C"), HOUR),
    "A then no B within 1h": ThenNo(A, events("B"), HOUR),
    "(A then no B) within 1h": ThenNo(A, events("B"), HOUR),
    "seen(s) for 3d": For(S, 3 * DAY),
    "seen(s) on A": On(S, events("A")),
    "A and seen(s)": While(A, S),
    "seen(s) and A": While(A, S),
    "inactive for 1h30m": ThenNo(Happens(events(None)), events(None), 90 * MINUTE),
    "seen(s)": Becomes(S),
}

BINDING = {
    "seen(s) or seen(t) or A": Either(Becomes(Or(S, T)), A),
    "A or seen(s) or seen(t)": Either(Either(A, Becomes(S)), Becomes(T)),
    "A or B or seen(s)": Either(Happens(events("A", "B")), Becomes(S)),
    "seen(s) and seen(t) and A": While(A, And(S, T)),
    "A and seen(s) and seen(t)": While(While(A, S), T),
    "seen(s) and seen(t) or seen(u)": Becomes(Or(And(S, T), U)),
    "seen(s) or seen(t) and seen(u)": Becomes(Or(S, And(T, U))),
    "A or B and seen(s)": Either(A, While(B, S)),
    "not seen(s) and seen(t)": Becomes(And(Not(S), T)),
    "not seen(s) within 1h": Becomes(Not(seen("s", HOUR))),
    "not seen(s) within 1h for 2h": For(Not(seen("s", HOUR)), 2 * HOUR),
    "not seen(s) on A": On(Not(S), events("A")),
    "not not seen(s)": Becomes(Not(Not(S))),
    "A then B then C within 1h": Then(Then(A, events("B"), None, None), events("C"), None, HOUR),
    "A then B within 1h then C within 48h": Then(Then(A, events("B"), None, HOUR), events("C"), None, 2 * DAY),
    "(A then B within 1h) then C within 48h": Then(Then(A, events("B"), None, HOUR), events("C"), None, 2 * DAY),
    "A then no B within 1h then C": Then(ThenNo(A, events("B"), HOUR), events("C"), None, None),
    "seen(s) within 1h then A within 2h": Then(Becomes(seen("s", HOUR)), events("A"), None, 2 * HOUR),
    "seen(s) or seen(t) then A": Either(Becomes(S), Then(Becomes(T), events("A"), None, None)),
    "(seen(s) or seen(t)) then A": Then(Becomes(Or(S, T)), events("A"), None, None),
    "seen(s) and A then B": While(Then(A, events("B"), None, None), S),
    "(A and seen(s)) then B": Then(While(A, S), events("B"), None, None),
    "seen(s) for 1h then A": Then(For(S, HOUR), events("A"), None, None),
    "A then (B or C) within 1h": Then(A, events("B", "C"), None, HOUR),
}

FILTERS = {
    'price > 20 and cat in ["a","b"]': AllWhere((Compare(("price",), ">", 20), OneOf(("cat",), ("a", "b")))),
    "cart.total >= -1.5": Compare(("cart", "total"), ">=", -1.5),
    "a == true": Compare(("a",), "==", True),
    "a != false": Compare(("a",), "!=", False),
    "a in []": OneOf(("a",), ()),
    "exists(a.b)": Exists(("a", "b")),
    "not exists(a)": NotWhere(Exists(("a",))),
    "a == 1 or b == 2 and c == 3": AnyWhere(
        (Compare(("a",), "==", 1), AllWhere((Compare(("b",), "==", 2), Compare(("c",), "==", 3))))
    ),
    "(a == 1 or b == 2) and c == 3": AllWhere(
        (AnyWhere((Compare(("a",), "==", 1), Compare(("b",), "==", 2))), Compare(("c",), "==", 3))
    ),
    "not a == 1 and b == 2": AllWhere((NotWhere(Compare(("a",), "==", 1)), Compare(("b",), "==", 2))),
    '"first name" == "x"': Compare(("first name",), "==", "x"),
    "count > 1 and order.in < 1": AllWhere((Compare(("count",), ">", 1), Compare(("order", "in"), "<", 1))),
    "t < 1m": Compare(("t",), "<", 60),
    "t < 250ms": Compare(("t",), "<", 0.25),
    "t > -1h30m": Compare(("t",), ">", -5400),
    "a == 1e3": Compare(("a",), "==", 1000.0),
}


@pytest.mark.parametrize(("text", "expected"), (REQUIREMENTS | MOMENTS | BINDING).items())
def test_a_moment_means_its_tree(text: str, expected: tree.Moment) -> None:
    assert parse_moment(text) == expected


@pytest.mark.parametrize(("text", "expected"), STATES.items())
def test_a_state_means_its_tree(text: str, expected: tree.State) -> None:
    assert parse_state(text) == expected


@pytest.mark.parametrize(("text", "expected"), FILTERS.items())
def test_what_stands_in_brackets_means_its_tree(text: str, expected: tree.Where) -> None:
    assert parse_moment(f"view[{text}]") == Happens(event("view", expected))


def test_a_whole_number_stays_whole() -> None:
    state = parse_state("count(A) > 2")
    assert isinstance(state, Count)
    assert type(state.value) is int


def test_one_is_not_true() -> None:
    choice = parse_moment("A[a == 1]").selector.choices[0]  # type: ignore[union-attr]
    assert type(choice.where.value) is int  # type: ignore[union-attr]


def test_space_and_lines_mean_nothing() -> None:
    assert parse_moment("A\n  then\tB\n\nwithin 1h") == parse_moment("A then B within 1h")


def test_a_long_row_of_alternatives_is_one_selector() -> None:
    names = [f"event_{number}" for number in range(50)]
    assert parse_moment(" or ".join(names)) == Happens(events(*names))
