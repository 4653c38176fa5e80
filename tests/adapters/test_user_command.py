"""How `impel user` shows a person in a terminal of eighty columns."""

from io import StringIO

from rich.console import Console

from adapters.commands.user import show

NOW = 1_764_000_000_000
PERSON = {
    "user": "u1",
    "anonymous": False,
    "now": NOW,
    "traits": {},
    "segments": [],
    "consents": {},
    "pending": [],
    "firings": [],
    "recent": [{"at": NOW - 500_000_000, "event": "cart_updated", "properties": {"items": ["a long name" * 9]}}],
}


def test_an_event_is_one_line_with_its_whole_name_however_much_it_says() -> None:
    console = Console(file=StringIO(), width=80)
    show(PERSON, console)
    assert isinstance(console.file, StringIO)
    line = console.file.getvalue().splitlines()[-1]
    assert '  5d18h53m20s ago  cart_updated  {"items":["a l' in line
    assert line.endswith("…")
