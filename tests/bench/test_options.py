import argparse
import json
from pathlib import Path

import pytest

from bench.options import keep, positive


def test_a_number_above_zero_is_read() -> None:
    assert positive("300000") == 300_000


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5", ""])
def test_anything_else_is_refused_by_what_it_is(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=f"{text!r} is no whole number above zero"):
        positive(text)


def test_figures_are_kept_in_a_new_folder(tmp_path: Path) -> None:
    file = tmp_path / "new" / "figures.json"
    keep({"ratio": 2.5}, file)
    assert json.loads(file.read_text("utf-8")) == {"ratio": 2.5}


def test_without_a_file_nothing_is_kept(tmp_path: Path) -> None:
    keep({"ratio": 2.5}, None)
    assert not list(tmp_path.iterdir())
