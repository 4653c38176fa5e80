"""What must be true of a world after any run: the promises, read from what was written and what arrived."""

from collections import Counter, defaultdict

from engine.core.decisions import Firing, message_ids
from engine.core.events import Consent, Membership, Millis, Outcome, Sent
from engine.core.sending.policy import Policy
from engine.core.user import User
from engine.runtime.records import ENDED, Counted, Dispatch, Entry
from tests.simulation.shop import CLOSED, SOONEST_EXPIRY, compile_content, policy_of
from tests.simulation.world import World

Fired = tuple[str, str, Millis]
"""Id, trigger and instant."""


def check(world: World) -> None:
    """Check all promises."""
    _nothing_acknowledged_is_missing(world)
    end = max(batch.now for batch in world.log)
    lives = Lives(world)
    _decisions_are_those_of_the_inputs(world, lives.firings(end))
    _counts_are_of_what_happened(world, lives.credits())
    _messages_ended_as_they_should(world)
    _order_is_kept(world)
    _no_limit_is_exceeded(world)
    _nothing_is_sent_without_consent(world)


def _nothing_acknowledged_is_missing(world: World) -> None:
    written = {getattr(entry.item, "message_id", "") for entry in world.entries}
    assert world.acknowledged <= written, "an acknowledged input is not in the journal"
    items = [entry.item for entry in world.entries]
    listed = Counter((item.segment, item.member) for item in items if isinstance(item, Membership))
    assert world.listed <= listed, "an acknowledged change of a list is not in the journal"
    numbers = [entry.number for entry in world.entries]
    assert len(numbers) == len(set(numbers)), "a turn was written twice"


class Lives:
    """The users' lives over again, from the journal alone: the core, and no runtime."""

    def __init__(self, world: World) -> None:
        self._entries = world.entries
        self._versions = sorted(world.versions, key=lambda version: version.number)
        self._programs = {version.number: compile_content(version.content) for version in self._versions}
        self._users: dict[str, User] = {}
        self._at: dict[str, int] = {}
        """The version by which each user goes."""

    def firings(self, end: Millis) -> list[Fired]:
        """All that fires until everything is settled at `end`."""
        fired: list[Firing] = []
        for entry in self._entries:
            fired += self._turn(entry)
        last = 1 << 40
        for name, user in self._users.items():
            fired += self._adopted(name, user, last) + user.wake(end)
        return [(one.id, one.trigger, one.at) for one in fired]

    def credits(self) -> dict[Counted, float]:
        """All that is to be counted of what came of the firings."""
        counted: Counter[Counted] = Counter()
        for user in self._users.values():
            for trigger, version, variant, what, amount in user.exposures.credits:
                counted[Counted(trigger, version, variant, what)] += amount  # type: ignore[assignment]
        return dict(counted)

    def _turn(self, entry: Entry) -> list[Firing]:
        user = self._user(entry)
        fired = self._adopted(entry.name, user, entry.number)
        if entry.item is None:
            return fired + user.wake(entry.now)
        absorbed = None
        if entry.absorbed:
            absorbed = self._users[entry.absorbed]
            fired += self._adopted(entry.absorbed, absorbed, entry.number)
            del self._users[entry.absorbed]
        return fired + user.observe(entry.item, entry.now, absorbed)

    def _user(self, entry: Entry) -> User:
        if entry.name not in self._users:
            older = [each.number for each in self._versions if each.number < entry.number]
            number = older[-1] if older else self._versions[0].number
            self._users[entry.name] = User(entry.name, self._programs[number])
            self._at[entry.name] = number
        return self._users[entry.name]

    def _adopted(self, name: str, user: User, before: int) -> list[Firing]:
        fired: list[Firing] = []
        for version in self._versions:
            if self._at[name] < version.number < before:
                fired += user.adopt(self._programs[version.number], version.at)
                self._at[name] = version.number
        return fired


def _decisions_are_those_of_the_inputs(world: World, expected: list[Fired]) -> None:
    found = [(made.firing.id, made.firing.trigger, made.firing.at) for made, _ in world.decisions]
    twice = [one for one, number in Counter(found).items() if number > 1]
    assert not twice, f"decided twice: {twice}"
    missing, surplus = sorted(set(expected) - set(found)), sorted(set(found) - set(expected))
    assert not missing, f"not decided: {missing}"
    assert not surplus, f"decided without reason: {surplus}"
    _nothing_is_early(world)


def _counts_are_of_what_happened(world: World, expected: dict[Counted, float]) -> None:
    """Each firing, each end of a message and each outcome once, whatever happened to the process between."""
    counted: defaultdict[Counted, float] = defaultdict(float)
    for batch in world.log:
        for each, amount in batch.counts.items():
            counted[each] += amount
    found = {each: amount for each, amount in counted.items() if each.what in {"exposed", "converted", "revenue"}}
    assert found == expected, "what came of the firings is miscounted"
    made = Counter((one.firing.trigger, one.firing.version, one.firing.variant) for one, _ in world.decisions)
    fired = {tuple(each[:3]): amount for each, amount in counted.items() if each.what == "fired"}
    assert fired == made, "the firings are miscounted"
    ends = Counter(dispatch.state for dispatch in world.dispatches.values())
    for state in ENDED:
        amount = sum(amount for each, amount in counted.items() if each.what == state)
        assert amount == ends[state], f"{amount} messages counted as {state}, and there are {ends[state]}"


def _nothing_is_early(world: World) -> None:
    """Neither by the clock of the turn that decided it, nor, where nobody set it, by the real one."""
    for batch in world.log:
        latest: dict[str, Millis] = {}
        for entry in batch.entries:
            latest[entry.name] = entry.now
        early = [made for made in batch.decisions if latest.get(made.name, 0) < made.firing.at]
        assert not early, f"decided early: {early}"
    assert not world.early, f"arrived before it was due: {world.early}"


def _messages_ended_as_they_should(world: World) -> None:
    dispatches = world.dispatches
    due = {key for made, _ in world.decisions for key, _ in message_ids(made.firing)}
    assert set(dispatches) == due, "a decided message has no dispatch, or the reverse"
    arrived = Counter(key for keys in world.delivered.values() for key in keys)
    assert not [key for key, number in arrived.items() if number > 1], "delivered twice"
    for key, dispatch in dispatches.items():
        _ended_as_it_should(dispatch, arrived=key in arrived, doubtful=key in world.doubtful)
        _ended_with_a_reason(dispatch, refused=key in world.refused)
        if key in arrived and dispatch.message == "later":
            assert world.arrived_at[key] >= dispatch.firing.at + CLOSED, "it arrived before its gate opened"


def _ended_as_it_should(dispatch: Dispatch, *, arrived: bool, doubtful: bool) -> None:
    assert dispatch.state in ENDED, f"a message is still {dispatch.state}: {dispatch}"
    match dispatch.state:
        case "accepted":
            assert arrived, "accepted, and never arrived"
        case "unconfirmed":
            assert doubtful, f"unconfirmed without a reason: {dispatch}"
        case "failed" | "dropped":
            assert not arrived, f"{dispatch.state}, and arrived: {dispatch}"


def _ended_with_a_reason(dispatch: Dispatch, *, refused: bool) -> None:
    if dispatch.state == "dropped" and not dispatch.reason.startswith(("until: ", "consent: ", "if: ", "exclusive: ")):
        assert "expired" in dispatch.reason, f"dropped without a reason: {dispatch}"
        assert dispatch.changed >= dispatch.firing.at + SOONEST_EXPIRY, f"dropped too soon: {dispatch}"
    if dispatch.state == "failed":
        assert refused, f"failed, though nobody refused it: {dispatch}"


def _order_is_kept(world: World) -> None:
    """To each user, at each destination, in the order of decision, but for what was held."""
    held = {each.id for batch in world.log for each in batch.dispatches.values() if each.state == "held"}
    order = {
        key: (number, place)
        for number, (made, _) in enumerate(world.decisions)
        for place, (key, _) in enumerate(message_ids(made.firing))
    }
    for keys in world.delivered.values():
        by_user: dict[str, list[tuple[int, int]]] = {}
        for key in keys:
            dispatch = world.dispatches[key]
            if key not in held:
                by_user.setdefault(dispatch.name, []).append(order[key])
        for places in by_user.values():
            assert places == sorted(places), "messages overtook each other"


def _no_limit_is_exceeded(world: World) -> None:
    """Of what arrived, as of its last attempt: who was nobody else was not sent more than the rules of then allow."""
    merged = {name for entry in world.entries if entry.absorbed for name in (entry.name, entry.absorbed)}
    arrived = {key for keys in world.delivered.values() for key in keys}
    attempts: dict[str, tuple[str, Sent, Policy | None]] = {}
    """By message, whose it was, what counts of it, and by which rules it went, if that is certain; in order."""
    policy = Policy()
    for batch in world.log:
        for entry in batch.entries:
            sent = entry.item.sent if isinstance(entry.item, Outcome) else None
            if sent is not None and sent.id in arrived and entry.name not in merged:
                attempts.pop(sent.id, None)
                attempts[sent.id] = entry.name, sent, policy if batch.version is None else None
        if batch.version is not None:
            policy = policy_of(batch.version.content)
    earlier: dict[str, list[Sent]] = {}
    for name, sent, rules in attempts.values():
        before = earlier.setdefault(name, [])
        before.append(sent)
        if rules is not None:
            _is_within(rules, sent, before)


def _is_within(rules: Policy, one: Sent, before: list[Sent]) -> None:
    """Whether a message, the last of those that were sent until then, was within the limits."""
    for cap in rules.caps:
        assert cap.span
        if cap.trigger in {None, one.trigger}:
            inside = [each for each in before if cap.trigger in {None, each.trigger} and each.at > one.at - cap.span]
            assert len(inside) <= cap.limit, f"more than {cap.limit} in {cap.span} ms: {inside}"
    if rules.fatigue is not None:
        felt = sum(
            rules.facts(each.message).weight * 2 ** ((each.at - one.at) / rules.fatigue.half_life) for each in before
        )
        assert felt <= rules.fatigue.budget + 1e-9, f"more than the budget: {before}"


def _nothing_is_sent_without_consent(world: World) -> None:
    """After a withdrawal was written no attempt begins, by rules that ask for consent; who was nobody else, again."""
    merged = {name for entry in world.entries if entry.absorbed for name in (entry.name, entry.absorbed)}
    said: dict[str, bool] = {}
    policy = Policy()
    for batch in world.log:
        for entry in batch.entries:
            if isinstance(entry.item, Consent):
                said[entry.name] = entry.item.granted
            elif isinstance(entry.item, Outcome) and entry.item.fate == "sending" and batch.version is None:
                objects = policy.consent is not None and not said.get(entry.name, True)
                assert entry.name in merged or not objects, f"sent after a withdrawal: {entry}"
        if batch.version is not None:
            policy = policy_of(batch.version.content)
