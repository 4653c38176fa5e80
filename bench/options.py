"""What the benches' command lines have in common."""

import argparse
import json
from pathlib import Path
from typing import Any


def positive(text: str) -> int:
    """Read an option's whole number above zero.

    Raises:
        argparse.ArgumentTypeError: it is none.

    """
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above zero")
    return int(text)


def keep(figures: Any, file: Path | None) -> None:
    """Write figures as JSON, into folders that may not be there yet; without a file, do nothing."""
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
