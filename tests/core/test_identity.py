"""Who is who, and what happens to what two people had when they turn out to be one."""

from functools import lru_cache

from engine.core.events import Track, Traits
from engine.core.identity import Identities, Linked, anonymous, known
from engine.core.program import Program
from engine.core.user import User
from tests.core.worlds import program_of

HOUR, DAY = 3_600_000, 86_400_000


@lru_cache
def program(when: str, more: str) -> Program:
    text = f"triggers: {{t: {{when: '{when}'{more}}}}}"
    return program_of(text, retention=90 * DAY, history_after=DAY)


def user_of(when: str, name: str = "k:u", more: str = "") -> User:
    return User(name, program(when, more))


def test_a_visitor_who_logs_in_becomes_another_name_of_the_user() -> None:
    ids = Identities()
    ids.resolve(None, "v")
    assert ids.link(anonymous("v"), known("ann")) == Linked(known("ann"), anonymous("v"))
    assert ids.resolve(None, "v") == known("ann")


def test_an_id_met_for_the_first_time_brings_nobody_along() -> None:
    assert Identities().link(anonymous("v"), known("ann")) == Linked(known("ann"), None)


def test_the_same_text_as_user_id_and_as_anonymous_id_names_two_people() -> None:
    ids = Identities()
    assert ids.resolve("x", None) != ids.resolve(None, "x")


def test_a_second_person_on_the_same_device_takes_the_device_and_not_the_past() -> None:
    ids = Identities()
    ids.resolve(None, "device")
    ids.link(anonymous("device"), known("ann"))
    assert ids.link(anonymous("device"), known("bob")) == Linked(known("bob"), None)
    assert ids.resolve(None, "device") == known("bob")
    assert ids.resolve("ann", None) == known("ann")


def test_what_a_visitor_had_stays_with_the_first_person_on_the_device() -> None:
    ids = Identities()
    ids.resolve(None, "device")
    for person in ("ann", "bob", "cy"):
        ids.link(anonymous("device"), known(person))
        assert ids.resolve(None, "device") == known(person)
        assert ids.heir(anonymous("device")) == known("ann")
    ids.alias("ann", "anna")
    assert ids.heir(anonymous("device")) == known("anna")
    assert ids.heir(known("bob")) == known("bob")
    assert ids.heir(known("nobody")) is None
    again = Identities()
    again.restore(ids.changes().links.items())
    assert again.heir(anonymous("device")) == known("anna")


def test_a_repeated_login_brings_nobody_along() -> None:
    ids = Identities()
    ids.resolve(None, "v")
    ids.link(anonymous("v"), known("ann"))
    assert ids.link(anonymous("v"), known("ann")) == Linked(known("ann"), None)


def test_an_alias_between_two_known_users_makes_them_one() -> None:
    ids = Identities()
    ids.resolve("old", None)
    ids.resolve("new", None)
    assert ids.alias("old", "new") == Linked(known("new"), known("old"))
    assert ids.resolve("old", None) == known("new")


def test_names_follow_through_several_aliases_and_never_in_a_circle() -> None:
    ids = Identities()
    for name in ("a", "b", "c"):
        ids.resolve(name, None)
    ids.alias("a", "b")
    ids.alias("b", "c")
    assert ids.alias("c", "a") == Linked(known("c"), None)
    assert {ids.resolve(name, None) for name in ("a", "b", "c")} == {known("c")}


def test_an_alias_of_a_visitor_takes_the_visitor() -> None:
    ids = Identities()
    ids.resolve(None, "v")
    assert ids.alias("v", "ann").absorbed == anonymous("v")


def test_the_later_of_two_firings_counts_for_the_cooldown() -> None:
    visitor, user = (user_of("view", name, ", cooldown: 2h") for name in ("a:v", "k:u"))
    assert user.observe(Track(1, "view", 0), 0)
    assert visitor.observe(Track(2, "view", HOUR), HOUR)
    user.observe(Traits(3), HOUR + 1, visitor)
    assert user.observe(Track(4, "view", 2 * HOUR), 2 * HOUR) == []
    assert user.observe(Track(5, "view", 3 * HOUR), 3 * HOUR)


def test_the_first_id_survives_a_merge_so_that_ids_of_firings_do_too() -> None:
    visitor, user = user_of("view", "a:v"), user_of("view")
    visitor.observe(Track(1, "view", 0), 0)
    user.observe(Traits(2), 1, visitor)
    assert user.first_id == "a:v"
    assert user_of("view", "a:v").observe(Track(3, "view", 5), 5)[0].id == user.observe(Track(3, "view", 5), 5)[0].id


def test_what_fires_in_the_millisecond_of_a_merge_has_an_id_that_neither_had() -> None:
    visitor, user = user_of("view", "a:v"), user_of("view")
    fired = [firing for seq in (1, 2) for firing in visitor.observe(Track(seq, "view", 0), 0)]
    fired += user.observe(Track(3, "view", 0), 0)
    fired += user.observe(Traits(4), 0, visitor)
    fired += user.observe(Track(5, "view", 0), 0)
    assert len(fired) == len({each.id for each in fired}) == 4


def test_what_a_visitor_left_pending_fires_for_the_user() -> None:
    visitor, user = user_of("add then no buy within 1h", "a:v"), user_of("add then no buy within 1h")
    visitor.observe(Track(1, "add", 0), 0)
    user.observe(Traits(2), 10, visitor)
    assert [(one.user, one.at) for one in user.wake(2 * HOUR)] == [("u", HOUR)]


def test_a_purchase_on_the_other_side_ends_what_is_pending() -> None:
    visitor, user = user_of("add then no buy within 1h", "a:v"), user_of("add then no buy within 1h")
    visitor.observe(Track(1, "add", 0), 0)
    user.observe(Track(2, "buy", 5), 5)
    user.observe(Traits(3), 10, visitor)
    assert user.wake(2 * HOUR) == []


def test_a_chain_over_both_timelines_is_known_when_they_meet() -> None:
    visitor, user = user_of("view then buy within 1h", "a:v"), user_of("view then buy within 1h")
    visitor.observe(Track(1, "view", 0), 0)
    user.observe(Track(2, "buy", 5), 5)
    assert [one.at for one in user.observe(Traits(3), 10, visitor)] == [10]


def test_the_users_own_traits_win_over_the_visitors() -> None:
    visitor, user = user_of("view", "a:v"), user_of("view")
    visitor.observe(Traits(1, b'{"plan": "free", "city": "x"}'), 0)
    user.observe(Traits(2, b'{"plan": "vip"}'), 1)
    user.observe(Traits(3, b'{"age": 3}'), 2, visitor)
    assert user.profile == {"plan": "vip", "city": "x", "age": 3}


def test_the_latest_firings_of_both_are_remembered_in_order() -> None:
    visitor, user = user_of("view", "a:v"), user_of("view")
    for seq in range(160):
        (visitor if seq % 2 else user).observe(Track(seq, "view", seq), seq)
    user.observe(Traits(200), 200, visitor)
    assert [one.at for one in user.firings()] == list(range(159, 59, -1))


def test_a_login_sent_again_does_not_take_the_device_back() -> None:
    ids = Identities()
    ids.login("device", "ann", "m1", 0)
    ids.login("device", "bob", "m2", 1)
    assert ids.login("device", "ann", "m1", 2) == Linked(known("ann"), None)
    assert ids.resolve(None, "device") == known("bob")


def test_an_alias_sent_again_links_nothing_again() -> None:
    ids = Identities()
    ids.resolve(None, "v")
    assert ids.alias("v", "ann", "m1", 0).absorbed == anonymous("v")
    ids.login("v", "bob", "m2", 1)
    assert ids.alias("v", "ann", "m1", 2) == Linked(known("ann"), None)
    assert ids.resolve(None, "v") == known("bob")


def test_what_is_past_keeping_meets_nothing_in_a_merge_whatever_else_came_in_between() -> None:
    for between in ([], [100 * DAY]):
        visitor, user = user_of("view then buy", "a:v"), user_of("view then buy")
        user.observe(Track(1, "view", DAY), DAY)
        visitor.observe(Track(2, "buy", DAY + 1), DAY + 1)
        for at in between:
            visitor.observe(Track(3, "other", at), at)
        assert user.observe(Traits(4), 201 * DAY, visitor) == []
