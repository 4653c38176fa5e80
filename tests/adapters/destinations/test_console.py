"""What the console shows."""

from dataclasses import replace
from io import StringIO

from rich.console import Console as Terminal

from adapters.destinations.console import Console
from engine.runtime.ports import Delivery


async def shown(delivery: Delivery, *, colours: bool = False) -> str:
    out = StringIO()
    await Console("screen", Terminal(file=out, width=100, force_terminal=colours)).send(delivery)
    return out.getvalue()


async def test_a_mail_is_shown_as_its_reader_sees_it(delivery: Delivery) -> None:
    text = await shown(delivery)
    for part in (":05.678", "reminder", "u1", "cart", "screen", "ann@shop.example", "Your cart", "Hello Ann"):
        assert part in text


async def test_other_data_is_shown_as_it_is(delivery: Delivery) -> None:
    assert "{'coupon': 'WELCOME'}" in await shown(replace(delivery, data={"coupon": "WELCOME"}))


async def test_a_name_cannot_command_the_terminal(delivery: Delivery) -> None:
    text = await shown(replace(delivery, user="[red]u[/]\x1b[2J\n", data={"text": "\x1b]0;x\x07"}))
    assert "[red]u[/]" in text
    assert "\x1b" not in text


async def test_a_long_text_is_cut(delivery: Delivery) -> None:
    text = await shown(replace(delivery, data={"text": "\n\n".join(f"line {n}" for n in range(20))}))
    assert "line 5" in text
    assert "line 6" not in text
    assert "…" in text
