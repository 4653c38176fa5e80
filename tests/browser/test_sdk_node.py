"""The libraries for Node.js, as they come from npm, by the lines that docs/sources.md gives for them."""

from pathlib import Path

import pytest

from tests.adapters.cart_left import cart_shop
from tests.browser.packages import needs_packages, ran


@needs_packages
@pytest.mark.parametrize("library", [r"Segment for Node\.js", r"RudderStack for Node\.js"])
def test_a_cart_sent_by_a_library_becomes_one_mail_though_the_server_fails_first(tmp_path: Path, library: str) -> None:
    with cart_shop(tmp_path) as shop:
        ran(shop.documented(library))
        shop.sends_one_mail_to_ada()
