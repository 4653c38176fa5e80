"""What docs/sending.md shows is what the engine does."""

from pathlib import Path

from bench.fatigue import table

ROOT = Path(__file__).parents[3]


def test_the_week_in_the_document_is_the_one_that_the_engine_gives() -> None:
    assert table() in (ROOT / "docs" / "sending.md").read_text("utf-8")
