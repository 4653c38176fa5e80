from io import StringIO

from rich.console import Console as Terminal

from adapters.destinations.console import Console
from adapters.destinations.inbox import KEPT, Inbox
from engine.runtime.ports import Delivery


def delivery(message_id: str) -> Delivery:
    return Delivery(message_id, "left", "u1", 0, "reminder", {"text": f"the text of {message_id}"})


async def test_a_message_is_found_by_its_id_and_opened_by_a_handle_that_nobody_guesses() -> None:
    inbox = Inbox()
    await inbox.send(delivery("a"))
    await inbox.send(delivery("b"))
    first, second = inbox.find("a"), inbox.find("b")
    assert first is not None
    assert second is not None
    assert inbox.opened(first.handle) == delivery("a")
    assert first.handle != second.handle
    assert len(first.handle) >= 16
    assert inbox.opened("a") is None
    assert inbox.find("c") is None


async def test_only_the_last_are_kept() -> None:
    inbox = Inbox()
    for number in range(KEPT + 2):
        await inbox.send(delivery(str(number)))
    assert [inbox.find(str(number)) is None for number in (0, 1, 2, KEPT + 1)] == [True, True, False, False]


async def test_an_echo_prints_each_message_too() -> None:
    printed = StringIO()
    await Inbox(Console("mail", Terminal(file=printed))).send(delivery("a"))
    assert "reminder to u1" in printed.getvalue()
    assert "the text of a" in printed.getvalue()
