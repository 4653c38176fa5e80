"""Roll-out, modes and exclusive groups: for whom a trigger fires, and which of several sends."""

import pytest

from engine.core.events import Membership, Track
from engine.core.sending.answers import Go, Never
from engine.core.sending.policy import Policy
from engine.core.user import User
from tests.core.sending.people import DAY, NOON
from tests.core.worlds import program_of


def people(keys: str, number: int = 1_000) -> list[User]:
    program = program_of(
        f"segments: {{vip: list}}\ntriggers: {{t: {{when: view, send: m, {keys}}}}}",
        retention=90 * DAY,
        history_after=DAY,
    )
    return [User(f"k:{each}", program) for each in range(number)]


def fire(user: User) -> bool:
    return bool(user.observe(Track(1, "view", NOON), NOON))


def test_a_larger_share_only_adds_people() -> None:
    before: set[str] = set()
    for share in (0, 1, 10, 50, 100):
        fired = {user.name for user in people(f"rollout: {share}%") if fire(user)}
        assert fired >= before
        assert len(fired) / 1_000 == pytest.approx(share / 100, abs=0.05)
        before = fired


def test_who_is_in_keeps_their_place_by_the_first_id_they_were_known_by() -> None:
    (visitor,) = (user for user in people("rollout: 50%", 3)[:1])
    user = User("k:known", visitor.program)
    user.first_id = visitor.name
    assert fire(user) == fire(visitor)


def test_a_rollout_may_be_to_a_segment() -> None:
    inside, outside = people("rollout: {share: 100%, segment: vip}", 2)
    inside.observe(Membership(1, "vip", member=True), NOON)
    assert fire(inside)
    assert not fire(outside)


def test_a_shadow_decides_and_sends_nothing() -> None:
    (user,) = people("mode: shadow", 1)
    (firing,) = user.observe(Track(1, "view", NOON), NOON)
    assert firing.messages == ()
    assert not user.sending.due


def test_what_is_off_does_not_fire() -> None:
    assert not any(map(fire, people("mode: off", 10)))


def test_of_an_exclusive_group_only_the_first_sends_in_a_step() -> None:
    program = program_of(
        "triggers:\n"
        "  a: {when: view, send: m, exclusive: g}\n"
        "  b: {when: view, send: m, exclusive: g, priority: 1}\n"
        "  c: {when: view, send: m}\n",
        retention=90 * DAY,
        history_after=DAY,
    )
    user = User("k:u", program)
    for seq in (1, 2):
        fired = user.observe(Track(seq, "view", NOON), NOON)
        answers = {each.trigger: user.release(f"{each.id}:m", NOON, Policy()) for each in fired}
        barred = Never("exclusive", "exclusive: `b` of the same group came first")
        assert answers == {"a": barred, "b": Go(), "c": Go()}
