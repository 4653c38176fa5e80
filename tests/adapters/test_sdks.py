"""The libraries for Python, as they come from PyPI, by the lines that docs/sources.md gives for them."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.adapters.cart_left import cart_shop


@pytest.mark.parametrize("library", ["Segment for Python", "RudderStack for Python"])
def test_a_cart_sent_by_a_library_becomes_one_mail_though_the_server_fails_first(tmp_path: Path, library: str) -> None:
    with cart_shop(tmp_path) as shop:
        code = shop.documented(library)
        subprocess.run([sys.executable, "-c", code], check=True, timeout=120)  # noqa: S603 - our own documentation
        shop.sends_one_mail_to_ada()
