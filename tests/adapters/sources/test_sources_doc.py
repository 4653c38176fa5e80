"""What docs/sources.md has people write is read as it stands there."""

import re
from pathlib import Path

import pytest

from adapters.settings import FILE, Settings, read_settings
from engine.language.files import load

TEXT = (Path(__file__).parents[3] / "docs" / "sources.md").read_text("utf-8")


def blocks(file: str) -> list[str]:
    return re.findall(rf"^```yaml\n# {file}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", blocks("impel.yaml"))
def test_settings_are_taken(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    assert read_settings(tmp_path, {}) != Settings()


@pytest.mark.parametrize("text", blocks("triggers/[a-z]+.yaml"))
def test_triggers_check_without_a_warning(text: str) -> None:
    loaded = load({"sources.md": text})
    assert loaded.triggers
    assert loaded.warnings == ()
