"""What every destination does."""

from typing import TYPE_CHECKING

import pytest

from engine.runtime.ports import Delivery, Rejected, Unavailable, Unclear

if TYPE_CHECKING:
    from tests.adapters.destinations.conftest import World


async def test_a_message_that_is_accepted_has_left_once(world: "World", delivery: Delivery) -> None:
    await world.destination.send(delivery)
    assert world.sent() == 1


async def test_a_refusal_for_good_is_rejected(fallible: "World", delivery: Delivery) -> None:
    fallible.behave("rejected")
    with pytest.raises(Rejected):
        await fallible.destination.send(delivery)


async def test_a_refusal_for_now_is_unavailable(fallible: "World", delivery: Delivery) -> None:
    fallible.behave("unavailable")
    with pytest.raises(Unavailable):
        await fallible.destination.send(delivery)


async def test_a_lost_answer_is_unclear(fallible: "World", delivery: Delivery) -> None:
    fallible.behave("unclear")
    with pytest.raises(Unclear):
        await fallible.destination.send(delivery)


@pytest.mark.parametrize("outcome", ["rejected", "unavailable", "unclear"])
async def test_after_a_failure_the_next_message_leaves(fallible: "World", delivery: Delivery, outcome: str) -> None:
    fallible.behave(outcome)
    with pytest.raises((Rejected, Unavailable, Unclear)):
        await fallible.destination.send(delivery)
    before = fallible.sent()
    fallible.behave("ok")
    await fallible.destination.send(delivery)
    assert fallible.sent() == before + 1


@pytest.mark.parametrize("outcome", ["rejected", "unavailable", "unclear"])
async def test_a_reason_bears_no_personal_data(fallible: "World", delivery: Delivery, outcome: str) -> None:
    fallible.behave(outcome)
    with pytest.raises((Rejected, Unavailable, Unclear)) as caught:
        await fallible.destination.send(delivery)
    assert "ann" not in str(caught.value).lower()
