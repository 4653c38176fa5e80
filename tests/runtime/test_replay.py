"""Messages of the past are told to their destination for the record: who of, what of, and who not of."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from adapters.destinations.memory import Memory
from engine.core.sending.consent import Stance
from engine.core.sending.policy import ConsentRule, Facts, Policy
from engine.core.sending.suppression import Suppressed
from engine.core.user import User
from engine.runtime.outbox import NotPossible, Outbox
from engine.runtime.ports import Delivery, Pace, Rejected, Turns, Unavailable
from engine.runtime.records import Dispatch
from tests.runtime.desk import FakeDesk
from tests.runtime.rig import Plain, Quiet
from tests.runtime.test_outbox import PROGRAM, context, firing


class Book(Memory):
    """Keeps what it is told of; refuses what is about `refused` for what it says, and once more when it is told."""

    def __init__(self) -> None:
        super().__init__(Pace(account="shop"))
        self.recorded: list[Delivery] = []
        self.fails: Exception | None = None

    def checked(self, delivery: Delivery) -> object:
        if delivery.user == "misspelt":
            raise Rejected("there is no field `metrik`")
        return delivery

    async def record(self, deliveries: Sequence[Delivery], account: Turns) -> Mapping[str, str]:
        if self.fails is not None:
            raise self.fails
        async with account.attempt():
            self.recorded += [each for each in deliveries if each.user != "refused"]
        return {each.id: "answered 400" for each in deliveries if each.user == "refused"}


class Shop:
    """An outbox whose messages have ended, and a book that they may be told to."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.desk, self.book = FakeDesk(PROGRAM), Book()
        more: dict[str, Any] = {"context": context, "desk": self.desk, "find": self.desk.find, "telemetry": Quiet()}
        there = {"there": self.book, "elsewhere": Memory()}
        self.outbox = Outbox(there, Plain("hello"), Policy() if policy is None else policy, **more)

    def ended(self, user: str, state: Any = "failed", **profile: Any) -> Dispatch:
        made = replace(firing("hello", at=5_000), user=user)
        person = self.desk.users.setdefault(user, User(user, PROGRAM))
        person.profile.update(profile)
        (dispatch,) = self.outbox.make(user, made, 9_000, "")
        return replace(dispatch, state=state)


async def test_a_message_is_told_with_its_key_and_as_of_its_firing_and_nothing_is_sent() -> None:
    shop = Shop()
    told = [shop.ended("ann"), shop.ended("bob", "unconfirmed"), shop.ended("cem", "accepted")]
    assert await shop.outbox.replay("there", told) == {}
    assert [(each.id, each.user, each.at) for each in shop.book.recorded] == [
        (each.id, each.firing.user, 5_000) for each in told
    ]
    assert shop.book.recorded[0].data == {"message": "hello", "user": "ann"}
    assert shop.book.attempts == []
    assert shop.desk.told == [], "what became of the messages is left as it is"


async def test_what_is_wrong_is_left_out_with_the_reason_and_the_rest_is_told() -> None:
    shop = Shop()
    good, misspelt, refused, unknown = (shop.ended(each) for each in ("ann", "misspelt", "refused", "gone"))
    del shop.desk.users["gone"]
    renamed = replace(shop.ended("ann"), message="former")
    left_out = await shop.outbox.replay("there", [misspelt, good, refused, unknown, renamed])
    assert left_out == {
        misspelt.id: "there is no field `metrik`",
        refused.id: "answered 400",
        unknown.id: "the user is no longer known",
        renamed.id: "there is no message 'former'",
    }
    assert [each.id for each in shop.book.recorded] == [good.id]


async def test_a_dry_run_finds_what_is_wrong_and_tells_nothing() -> None:
    shop = Shop()
    misspelt = shop.ended("misspelt")
    assert list(await shop.outbox.replay("there", [shop.ended("ann"), misspelt], dry=True)) == [misspelt.id]
    assert shop.book.recorded == []


async def test_of_whom_nothing_is_to_be_told_nothing_is() -> None:
    marked = {"bob@shop.example": {("email", ""): Suppressed("email", "", "complained", 1, "desk")}}
    facts = {"hello": Facts(channel="email", address="email")}
    shop = Shop(Policy(consent=ConsentRule(), messages=facts, suppressed=marked))
    ann, bob, cem = (shop.ended(each, email=f"{each}@shop.example") for each in ("ann", "bob", "cem"))
    for name, granted in (("ann", True), ("bob", True), ("cem", False)):
        shop.desk.users[name].sending.consents["marketing"] = Stance(granted, 1, "profile")
    left_out = await shop.outbox.replay("there", [ann, bob, cem])
    assert [each.id for each in shop.book.recorded] == [ann.id]
    assert "complained" in left_out[bob.id]
    assert "withdrew it for marketing" in left_out[cem.id]
    assert not [reason for reason in left_out.values() if "@" in reason]


async def test_what_is_on_its_way_is_not_past() -> None:
    shop = Shop()
    due, again = shop.ended("ann", "due"), shop.ended("bob", "failed")
    shop.outbox.admit([due, replace(again, state="due")])
    assert await shop.outbox.replay("there", [due, again]) == {}
    assert shop.book.recorded == []


async def test_a_destination_that_would_send_is_told_nothing() -> None:
    shop = Shop()
    with pytest.raises(NotPossible, match="`elsewhere` cannot be told what is past"):
        await shop.outbox.replay("elsewhere", [shop.ended("ann")])


async def test_where_it_cannot_be_told_now_that_is_said() -> None:
    shop = Shop()
    shop.book.fails = Unavailable("answered 429", 7, account=True)
    with pytest.raises(Unavailable, match="answered 429"):
        await shop.outbox.replay("there", [shop.ended("ann")])
