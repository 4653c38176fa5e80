"""What every store does, before and after it is opened again."""

from collections.abc import AsyncIterator
from typing import TypeVar

import pytest
import trio

from engine.core.events import INF, Membership, Outcome, Track, Traits
from engine.core.sending.suppression import Suppressed
from engine.runtime.census import OTHERS
from engine.runtime.ports import Store
from engine.runtime.records import Count, Counted, Entry, Kept, Mark, Person, Published, Violation
from tests.adapters.store.conftest import Open
from tests.adapters.store.values import batch, decision, dispatch, entry, firing, save, version

_Item = TypeVar("_Item")


async def every(pages: AsyncIterator[list[_Item]]) -> list[_Item]:
    return [item async for page in pages for item in page]


async def kept(store: Store, name: str = "k:u") -> Kept:
    found = await store.load(name)
    assert found is not None
    return found


async def test_a_new_store_knows_nothing(opened: Open) -> None:
    async with opened() as store:
        assert await store.mark() == Mark(0, 0, 0)
        assert await store.load("k:u") is None
        assert await every(store.people()) == []
        assert await store.dispatch("f1:hello") is None


async def test_the_mark_tells_how_far_it_has_got(opened: Open) -> None:
    async with opened() as store:
        await store.write(batch(number=7, now=100, entries=[entry(7)]))
        await store.write(batch(saves=[save(number=7)]))
    async with opened() as store:
        assert await store.mark() == Mark(2, 7, 100)


async def test_turns_come_back_in_the_order_in_which_they_were_written(opened: Open) -> None:
    others = [
        Entry(4, "k:v", 40, None, 50),
        Entry(5, "k:v", 50, Traits(5, b'{"plan":"vip"}', "m"), INF, "a:x"),
        Entry(6, "k:v", 50, Membership(6, "vip", member=True), INF),
        Entry(3, "k:v", 30, Outcome(3, "f1:hello", "accepted"), INF),
    ]
    async with opened() as store:
        await store.write(batch(entries=[entry(1), entry(2)]))
        await store.write(batch(entries=others))
    async with opened() as store:
        assert await every(store.journal()) == [entry(1), entry(2), *others]


async def test_the_journal_is_cut_by_batches(opened: Open) -> None:
    async with opened() as store:
        for number in (5, 1, 9):
            await store.write(batch(entries=[entry(number)]))
        await store.write(batch(saves=[save()], journal_from=2))
        assert [each.number for each in await every(store.journal())] == [1, 9]
        await store.write(batch(journal_from=4))
        assert await every(store.journal()) == []


async def test_a_user_is_kept_with_the_chunks_since_the_last_whole_one(opened: Open) -> None:
    async with opened() as store:
        await store.write(batch(saves=[save(number=1, chunk=b"old", whole=True)]))
        await store.write(batch(saves=[save(number=2, chunk=b"all", whole=True)]))
        await store.write(batch(saves=[save(number=3, chunk=b"", state=b"later")]))
        await store.write(batch(saves=[save(number=4, chunk=b"more", version=3), save("k:v", 9)]))
    async with opened() as store:
        assert await kept(store) == Kept(4, 3, b"state", (b"all", b"more"))
        assert await kept(store, "k:v") == Kept(9, 1, b"state", (b"chunk",))


async def test_who_is_gone_is_gone_wholly(opened: Open) -> None:
    async with opened() as store:
        await store.write(batch(saves=[save("a:x"), save("k:u")]))
        await store.write(batch(saves=[save("k:u", 2)], gone=["a:x", "a:never"]))
        assert await store.load("a:x") is None
        await store.write(batch(saves=[save("a:x", 3, chunk=b"new")]))
        assert await kept(store, "a:x") == Kept(3, 1, b"state", (b"new",))


async def test_people_are_told_with_their_deadlines(opened: Open) -> None:
    async with opened() as store:
        await store.write(batch(saves=[save("k:u", 4, horizon=70), save("a:x", 5)]))
        await store.write(batch(saves=[save("k:u", 6, horizon=90)]))
        people = await every(store.people())
    assert sorted(people) == [Person("a:x", 5, INF), Person("k:u", 6, 90)]


async def test_many_people_come_in_pages(opened: Open) -> None:
    names = [f"k:{number:05}" for number in range(12_345)]
    async with opened() as store:
        await store.write(batch(saves=[save(name, chunk=b"") for name in names]))
        pages = [page async for page in store.people()]
    assert [person.name for page in pages for person in page] == names
    assert len(pages) > 1


async def test_ids_lead_where_they_were_last_said_to(opened: Open) -> None:
    async with opened() as store:
        await store.write(batch(links={"a:x": "k:u", "a:y": "k:u"}, linked={-5: 10, 2**62: 10}))
        await store.write(batch(links={"a:x": "k:v"}, linked={-5: 99, 7: 11}))
    async with opened() as store:
        assert dict(await every(store.links())) == {"a:x": "k:v", "a:y": "k:u"}
        assert sorted(dict(await every(store.linked()))) == [-5, 7, 2**62]


async def test_versions_are_kept_whole(opened: Open) -> None:
    async with opened() as store:
        await store.write(batch(version=version(1)))
        await store.write(batch(version=version(9, at=80)))
    async with opened() as store:
        assert await every(store.versions()) == [version(1), version(9, at=80)]


async def test_a_message_is_as_it_was_last_written_and_keeps_its_place(opened: Open) -> None:
    first, second = dispatch(1), dispatch(2)
    held = dispatch(1, state="held", reason="quiet hours", due=500, changed=7)
    async with opened() as store:
        await store.write(batch(dispatches={first.id: first, second.id: second}))
        await store.write(batch(dispatches={held.id: held}))
    async with opened() as store:
        assert await store.dispatch(first.id) == held
        assert await every(store.unended()) == [held, second]


@pytest.mark.parametrize("state", ["accepted", "unconfirmed", "failed", "dropped"])
async def test_what_has_ended_is_told_only_when_asked_for(opened: Open, state: str) -> None:
    ended = dispatch(1, state=state, reason="so it is")
    async with opened() as store:
        await store.write(batch(dispatches={ended.id: ended}))
        assert await every(store.unended()) == []
        assert await store.dispatch(ended.id) == ended


async def test_messages_are_listed_by_state_and_by_user_the_latest_first(opened: Open) -> None:
    made = [dispatch(1), dispatch(2, state="failed"), dispatch(3, state="failed"), dispatch(4, state="accepted")]
    async with opened() as store:
        await store.write(batch(dispatches={each.id: each for each in made}))
        assert await store.dispatches() == made[::-1]
        assert await store.dispatches(states=["failed", "accepted"]) == made[:0:-1]
        assert await store.dispatches(states=["failed"], limit=1) == [made[2]]
        assert len(await store.dispatches(name="k:u")) == 4
        assert await store.dispatches(name="k:v") == []


async def test_messages_are_told_page_by_page_in_the_order_of_their_last_change(opened: Open) -> None:
    made = [dispatch(1, changed=7), dispatch(2, changed=5), dispatch(4, changed=5), dispatch(3, changed=5)]
    async with opened() as store:
        await store.write(batch(dispatches={each.id: each for each in made}))
        told, after = list[str](), (5, "")
        while page := await store.changed(after, 2):
            told += [each.id for each in page]
            after = page[-1].changed, page[-1].id
        assert told == ["f2:hello", "f3:hello", "f4:hello", "f1:hello"]
        assert await store.changed((6, ""), 5) == [made[0]]
        changed = dispatch(2, changed=9, state="failed")
        await store.write(batch(dispatches={changed.id: changed}))
        assert await store.changed((7, "f1:hello"), 5) == [changed]


@pytest.mark.parametrize("per", [None, True, 5, 2.5, "x", 2**70, -(2**65)])
async def test_a_message_of_any_value_comes_back_the_same(opened: Open, per: object) -> None:
    made = dispatch(1)
    made = type(made)(made.id, made.name, made.message, made.destination, firing(1, per))
    async with opened() as store:
        await store.write(batch(decisions=[decision(1, per)], dispatches={made.id: made}))
        assert await store.dispatch(made.id) == made


async def test_those_who_lag_behind_are_found_page_by_page(opened: Open) -> None:
    saves = [save(f"k:{letter}", version=number) for number, letter in enumerate("abcdef", 1)]
    async with opened() as store:
        await store.write(batch(saves=saves))
        assert await store.behind(5, "", 3) == ["k:a", "k:b", "k:c"]
        assert await store.behind(5, "k:c", 3) == ["k:d"]
        assert await store.behind(5, "k:d", 3) == []


async def test_firings_and_messages_are_published_by_commits_each_as_it_was_last_written(opened: Open) -> None:
    first, second = dispatch(1), dispatch(2)
    held = dispatch(1, state="held")
    async with opened() as store:
        await store.write(batch(decisions=[decision(1), decision(2)], dispatches={first.id: first, second.id: second}))
        await store.write(batch(saves=[save()]))
        await store.write(batch(decisions=[decision(3, per="x")], dispatches={held.id: held}))
    async with opened() as store:
        assert await store.published(0, 9, 100) == [
            Published(1, decision(1)),
            Published(1, decision(2)),
            Published(1, second),
            Published(3, decision(3, per="x")),
            Published(3, held),
        ]
        assert [each.commit for each in await store.published(1, 9, 100)] == [3, 3]
        assert [each.commit for each in await store.published(0, 2, 100)] == [1, 1, 1]
        assert await store.published(3, 9, 100) == []


@pytest.mark.parametrize(("limit", "commits"), [(1, [1] * 3), (3, [1] * 3), (4, [1] * 3), (5, [1] * 3 + [2] * 2)])
async def test_what_is_published_comes_in_whole_commits(opened: Open, limit: int, commits: list[int]) -> None:
    async with opened() as store:
        await store.write(batch(decisions=[decision(number) for number in (1, 2, 3)]))
        await store.write(batch(decisions=[decision(number) for number in (4, 5)]))
        await store.write(batch(decisions=[decision(6)]))
        assert [each.commit for each in await store.published(0, 9, limit)] == commits


async def test_how_far_something_is_gone_is_remembered(opened: Open) -> None:
    ended, waiting = dispatch(1, state="accepted"), dispatch(2)
    async with opened() as store:
        assert await store.pruned() == 0
        await store.write(batch(decisions=[decision(1)]))
        await store.write(batch(dispatches={ended.id: ended}))
        await store.write(batch(dispatches={waiting.id: waiting}, decisions=[decision(2, at=60)]))
        await store.prune(before=50, retained=50, linked=50, passed=9)
        assert await store.pruned() == 2
        await store.prune(before=50, retained=50, linked=50, passed=9)
    async with opened() as store:
        assert await store.pruned() == 2
        assert [each.commit for each in await store.published(0, 9, 100)] == [3, 3]


async def test_what_is_too_old_is_let_go(opened: Open) -> None:
    ended, young, waiting = dispatch(1, state="accepted"), dispatch(50, state="failed"), dispatch(2)
    async with opened() as store:
        await store.write(batch(now=10, saves=[save(chunk=b"old")], linked={1: 10}, version=version(1, 1)))
        await store.write(batch(now=60, saves=[save(chunk=b"new", version=9)], linked={2: 60}, version=version(9, 9)))
        made = {each.id: each for each in (ended, young, waiting)}
        await store.write(batch(dispatches=made, decisions=[decision(1), decision(2, at=60)]))
        assert await store.prune(before=50, retained=50, linked=50, passed=9) == []
    async with opened() as store:
        assert (await kept(store)).chunks == (b"new",)
        assert await store.dispatch(ended.id) is None
        assert await store.dispatch(young.id) == young
        assert await every(store.unended()) == [waiting]
        assert [message for message, _ in await every(store.linked())] == [2]
        assert [each.number for each in await every(store.versions())] == [9]


async def test_a_version_by_which_somebody_still_goes_stays(opened: Open) -> None:
    async with opened() as store:
        await store.write(batch(version=version(1, 1), saves=[save("k:u", version=1), save("k:v", version=9)]))
        await store.write(batch(version=version(9, 9)))
        await store.prune(before=50, retained=50, linked=50, passed=9)
        assert [each.number for each in await every(store.versions())] == [1, 9]


async def test_a_version_that_turns_in_the_journal_may_need_stays(opened: Open) -> None:
    async with opened() as store:
        await store.write(batch(version=version(1, 1)))
        await store.write(batch(version=version(9, 9), saves=[save("k:u", version=9)]))
        for passed, left in ((1, [1, 9]), (8, [1, 9]), (9, [9])):
            await store.prune(before=50, retained=50, linked=50, passed=passed)
            assert [each.number for each in await every(store.versions())] == left


async def test_visitors_of_whom_nothing_else_is_known_may_be_forgotten(opened: Open) -> None:
    idle = save("a:idle", bare=True, touched=10)
    saves = [
        idle,
        idle._replace(name="a:linked"),
        idle._replace(name="a:known", bare=False),
        idle._replace(name="a:armed", horizon=99),
        idle._replace(name="a:young", touched=60),
    ]
    async with opened() as store:
        await store.write(batch(saves=saves, links={"a:other": "a:linked"}))
        assert await store.prune(before=50, retained=50, linked=50, passed=9) == ["a:idle"]


async def test_many_loads_at_a_time_each_get_their_own(opened: Open) -> None:
    names = [f"k:{number}" for number in range(200)]
    found: dict[str, Kept | None] = {}
    async with opened() as store:
        await store.write(batch(saves=[save(name, number) for number, name in enumerate(names, 1)]))

        async def load(name: str) -> None:
            found[name] = await store.load(name)

        async with trio.open_nursery() as nursery:
            for name in [*names, "k:nobody"]:
                nursery.start_soon(load, name)
    assert found.pop("k:nobody") is None
    assert {name: each.number for name, each in found.items() if each} == {n: i for i, n in enumerate(names, 1)}


async def test_addresses_are_suppressed_until_that_is_lifted(opened: Open) -> None:
    first, second = (
        Suppressed("email", "", "bounced", 5, "mail"),
        Suppressed("email", "news", "unsubscribed", 6, "link"),
    )
    async with opened() as store:
        await store.write(
            batch(suppressed={("ada@x.example", *first.key): first, ("ada@x.example", *second.key): second})
        )
        await store.write(batch(suppressed={("bob@x.example", *first.key): first}))
        again = Suppressed("email", "", "complained", 7, "mail")
        await store.write(batch(suppressed={("ada@x.example", *again.key): again, ("bob@x.example", *first.key): None}))
    async with opened() as store:
        kept_marks = {(address, *mark.key): mark for address, mark in await every(store.suppressions())}
        assert kept_marks == {("ada@x.example", *mark.key): mark for mark in (again, second)}


async def test_the_message_that_was_last_accepted_for_an_address_is_found(opened: Open) -> None:
    made = [
        dispatch(10, state="accepted", address="ada@x.example"),
        dispatch(20, state="accepted", address="ada@x.example"),
        dispatch(30, state="failed", address="ada@x.example"),
        dispatch(40, state="accepted", address="bob@x.example"),
    ]
    async with opened() as store:
        await store.write(batch(dispatches={each.id: each for each in made}))
    async with opened() as store:
        found = [await store.accepted_for("ada@x.example", "there", 5, until) for until in (9, 10, 19, 20, 99)]
        assert found == [None, made[0], made[0], made[1], made[1]]
        assert await store.accepted_for("ada@x.example", "there", 21, 99) is None
        assert await store.accepted_for("ada@x.example", "elsewhere", 5, 99) is None
        assert await store.accepted_for("", "there", 0, 99) is None


async def test_addresses_that_were_lately_mailed_come_latest_first_and_once(opened: Open) -> None:
    addresses = {10: "old@x.example", 20: "ada@x.example", 30: "bob@x.example", 40: "ada@x.example", 50: ""}
    made = [dispatch(number, state="accepted", address=address) for number, address in addresses.items()]
    due = dispatch(60, address="due@x.example")
    async with opened() as store:
        await store.write(batch(dispatches={each.id: each for each in (*made, due)}))
        assert await store.mailed("there", 20, 9) == ["ada@x.example", "bob@x.example"]
        assert await store.mailed("there", 0, 9) == ["ada@x.example", "bob@x.example", "old@x.example"]
        assert await store.mailed("there", 0, 1) == ["ada@x.example"]
        assert await store.mailed("elsewhere", 0, 9) == []


async def test_an_address_goes_with_its_message(opened: Open) -> None:
    made = dispatch(10, state="accepted", address="ada@x.example")
    async with opened() as store:
        await store.write(batch(dispatches={made.id: made}))
        await store.prune(before=50, retained=50, linked=50, passed=9)
        assert await store.accepted_for("ada@x.example", "there", 0, 99) is None
        assert await store.mailed("there", 0, 9) == []


async def test_how_far_each_service_has_told_is_remembered(opened: Open) -> None:
    async with opened() as store:
        assert await store.cursor("news") == ""
        await store.write(batch(cursors={"news": "1", "mail": "x"}))
        await store.write(batch(cursors={"news": "2"}))
    async with opened() as store:
        assert (await store.cursor("news"), await store.cursor("mail")) == ("2", "x")


async def test_what_was_counted_adds_up_and_keeps_when_it_began(opened: Open) -> None:
    fired, worth = Counted("t", "v", "", "fired"), Counted("t", "v", "", "revenue")
    held = Counted("t", "v", "fast", "held", "cap")
    async with opened() as store:
        await store.write(batch(now=5, counts={fired: 1.0, worth: 9.5}))
    async with opened() as store:
        await store.write(batch(now=7, counts={fired: 2.0, worth: -0.25, held: 1.0}))
        expected = [Count(fired, 3.0, 5), Count(worth, 9.25, 5), Count(held, 1.0, 7)]
        assert sorted(await store.counts()) == sorted(expected)


async def test_what_events_there_are_is_counted_with_the_turns(opened: Open) -> None:
    async with opened() as store:
        await store.write(batch(now=20, entries=[entry(1), entry(2)]))
    async with opened() as store:
        await store.write(batch(now=30, entries=[entry(3)], violations={Violation("view", "a", "type"): 2}))
    async with opened() as store:
        (view,) = await store.events()
        assert (view.name, view.number, view.since, view.last) == ("view", 3, 10, 30)
        assert (view.shape.looked, view.shape.properties) == (3, {"a": {"number": 3}})
        assert view.shape.violations == {"a": {"type": 2}}


async def test_of_names_without_end_those_that_are_kept_are_the_same_after_opening(opened: Open) -> None:
    async with opened() as store:
        for first in range(0, 1_200, 100):
            made_up = [
                Entry(number, "k:u", number, Track(number, f"name {number}", number), INF)
                for number in range(first, first + 100)
            ]
            await store.write(batch(entries=made_up))
        before = {seen.name: seen.number for seen in await store.events()}
    async with opened() as store:
        assert {seen.name: seen.number for seen in await store.events()} == before
    assert len(before) <= 501
    assert before[OTHERS] == 1_200 - (len(before) - 1)
