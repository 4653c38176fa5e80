"""What happens to a user when the trigger files change."""

from engine.core.decisions import Firing
from engine.core.events import INF, Track, Traits
from engine.core.program import Program
from engine.core.user import User
from tests.core.worlds import copied, program_of

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def files(**triggers: str) -> Program:
    lines = "".join(f"  {name}: {{{keys}}}\n" for name, keys in triggers.items())
    return program_of(f"triggers:\n{lines}", retention=90 * DAY, history_after=DAY)


def user_with(program: Program, *events: tuple[str, int]) -> User:
    user = User("k:u", program)
    for seq, (name, at) in enumerate(events):
        user.observe(Track(seq, name, at), at)
    return user


def when(fired: list[Firing]) -> list[tuple[str, int]]:
    return [(one.trigger, one.at) for one in fired]


OTHER = files(other="when: other, cooldown: 1h")


def test_a_deadline_of_a_new_trigger_that_lies_ahead_is_armed_from_history() -> None:
    user = user_with(OTHER, ("add", 0))
    assert user.adopt(files(cart="when: add then no buy within 1h"), 10 * MINUTE) == []
    assert when(user.wake(DAY)) == [("cart", HOUR)]


def test_a_deadline_of_a_new_trigger_that_lies_behind_does_not_fire() -> None:
    user = user_with(OTHER, ("add", 0))
    assert user.adopt(files(cart="when: add then no buy within 1h"), 2 * HOUR) == []
    assert user.horizon() == INF


def test_a_chain_begun_before_the_change_is_completed_after_it() -> None:
    user = user_with(OTHER, ("view", 0))
    user.adopt(files(pair="when: view then buy within 1h"), MINUTE)
    assert when(user.observe(Track(9, "buy", HOUR - 1), HOUR - 1)) == [("pair", HOUR - 1)]


def test_a_state_that_holds_when_the_trigger_is_new_has_not_become_true() -> None:
    user = user_with(OTHER, ("view", 0), ("view", 1))
    user.adopt(files(keen="when: count(view) >= 2"), MINUTE)
    assert user.observe(Track(9, "view", HOUR), HOUR) == []


def test_a_trigger_that_means_the_same_goes_on_where_it_is() -> None:
    first = files(keen="when: count(view) >= 2, cooldown: 1d", other="when: other, cooldown: 1h")
    user = user_with(first, ("view", 0), ("view", 1))
    changed = files(keen="when: 'count( view )>=2', cooldown: 1d, priority: 3")
    user.adopt(changed, MINUTE)
    assert user.firings()
    assert [watch.fired_at for watch in user.watches] == [1]


def test_backfill_fires_once_where_the_state_holds_already() -> None:
    user = user_with(OTHER, ("view", 0), ("view", 1))
    program = files(keen="when: count(view) >= 2, backfill: true")
    assert when(user.adopt(program, MINUTE)) == [("keen", MINUTE)]
    assert user.adopt(program, 2 * MINUTE) == []


def test_backfill_fires_once_where_the_latest_deadline_has_passed() -> None:
    program = files(cart="when: add then no buy within 1h, backfill: true")
    assert when(user_with(OTHER, ("add", 0)).adopt(program, 2 * HOUR)) == [("cart", 2 * HOUR)]
    assert user_with(OTHER, ("add", 0), ("buy", 1)).adopt(program, 2 * HOUR) == []
    assert user_with(OTHER, ("add", 0), ("add", 90 * MINUTE)).adopt(program, 2 * HOUR) == []


def test_backfill_asks_the_if() -> None:
    program = files(keen="when: count(view) >= 2, backfill: true, if: profile.vip == true")
    plain, vip = user_with(OTHER, ("view", 0), ("view", 1)), user_with(OTHER, ("view", 0), ("view", 1))
    vip.observe(Traits(5, b'{"vip": true}'), 2)
    assert plain.adopt(program, MINUTE) == []
    assert when(vip.adopt(program, MINUTE)) == [("keen", MINUTE)]


def test_what_is_due_before_the_change_is_settled_by_the_old_files() -> None:
    user = user_with(files(cart="when: add then no buy within 1h"), ("add", 0))
    assert when(user.adopt(OTHER, 2 * HOUR)) == [("cart", HOUR)]


def test_a_watch_per_value_is_armed_from_history_too() -> None:
    user = User("k:u", OTHER)
    user.observe(Track(1, "add", 0, b'{"cart": "c"}'), 0)
    user.adopt(files(cart="when: add then no buy within 1h, per: cart"), MINUTE)
    assert [(one.at, one.per) for one in user.wake(DAY)] == [(HOUR, "c")]


def test_a_snapshot_after_a_change_goes_on_under_the_new_files() -> None:
    program = files(cart="when: add then no buy within 1h")
    user = user_with(OTHER, ("add", 0))
    user.adopt(program, MINUTE)
    assert when(copied(user).wake(DAY)) == [("cart", HOUR)]


def test_to_take_up_the_same_files_again_forgets_no_cooldown() -> None:
    program = files(keen="when: view, cooldown: 1h")
    user = user_with(program, ("view", 0))
    user.adopt(program, MINUTE)
    assert user.observe(Track(9, "view", 2 * MINUTE), 2 * MINUTE) == []
    assert when(user.observe(Track(10, "view", HOUR), HOUR)) == [("keen", HOUR)]
