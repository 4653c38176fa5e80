"""The floor and the core are fed the same events, and nobody who is due is forgotten between frames."""

from itertools import chain

import pytest
from rich.progress import Progress

from bench.core import Case, report
from bench.load import DAY, NAMES, Call, Form, Shoppers, mentions, program, triggers
from bench.race import Agenda, Core, Race, Round, decoder
from engine.core.events import INF
from engine.language.files import load


@pytest.mark.parametrize("form", ["msgpack", "json"])
def test_the_floor_and_the_core_see_the_same_events(form: Form) -> None:
    shoppers = Shoppers(10, DAY, 1, form)
    race = Race(shoppers, program(10), form)
    with Progress(disable=True) as progress:
        race.fill(200, progress)
        race.run(3, 100, progress)
    for name, user in race.core.users.items():
        assert sorted(event.ts for event in user.recent(1_000)) == race.floor.users[name]
    assert sum(map(len, race.floor.users.values())) == 500


def test_the_same_seed_gives_the_same_frames() -> None:
    first, again, other = (list(Shoppers(10, DAY, seed).frames(500)) for seed in (1, 1, 2))
    assert first == again != other


def test_events_are_in_order_of_arrival_with_an_id_of_their_own() -> None:
    frames = [decoder(Call, "msgpack")(frame.body) for frame in Shoppers(20, DAY, 1).frames(1_000)]
    calls = list(chain.from_iterable(frames))
    assert [call.received_at for call in calls] == sorted(call.received_at for call in calls)
    assert len({call.message_id for call in calls}) == 1_000
    assert 200 < sum(len(bytes(call.properties)) for call in calls) / 1_000 < 300
    assert {call.event for call in calls} == NAMES.keys()


def test_with_the_agenda_everybody_is_woken_when_due_and_fires_as_if_woken_at_once() -> None:
    text = program(10)
    shoppers = Shoppers(30, DAY, 3)
    core, alone = (Core(shoppers.names, text, "msgpack") for _ in range(2))
    agenda = Agenda(core.users)
    for frame in shoppers.frames(2_000, 10):
        due = agenda.due(frame.received_at)
        core.wake(due, frame.received_at)
        agenda.look_again(due)
        assert all(user.horizon() > frame.received_at for user in core.users.values())
        agenda.note(core.take(frame.body))
        alone.take(frame.body)
    core.wake(core.users, INF - 1)
    alone.wake(alone.users, INF - 1)
    assert core.fired == alone.fired > 0


@pytest.mark.parametrize("count", [1, 10, 25, 100])
def test_so_many_triggers_check_and_only_the_first_ten_mention_the_load(count: int) -> None:
    text = triggers(count)
    loaded = load({"core.yaml": text})
    assert len(loaded.triggers) == count
    assert mentions(text) == mentions(triggers(min(count, 10)))


def test_an_event_of_the_load_concerns_about_four_of_the_ten() -> None:
    assert 3.5 <= mentions(triggers(10)) <= 4.5


def test_figures_are_medians_of_the_rounds() -> None:
    rounds = [Round(100, floor, 10 * floor, 0.5, 50) for floor in (1.0, 3.0, 2.0)]
    figures = report(Case("x", 10, 20, 5), rounds)
    assert (figures["ratio"], figures["floor_us"], figures["turn_us"]) == (10.0, 20_000, 200_000)
    assert (figures["wakes_per_event"], figures["wake_us"]) == (0.5, 10_000)
