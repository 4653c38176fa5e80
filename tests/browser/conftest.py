import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_QUIET = ("background-networking", "component-update", "sync", "gpu", "quic")
"""What a browser does by itself, and not for a test."""


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    playwright = pytest.importorskip("playwright.sync_api", reason="`make test-browser` installs playwright")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no `chromium` here; `make test-browser` says how to get it")
    alone = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium's own sandbox refuses to serve root
    with playwright.sync_playwright() as driver:
        arguments = [*alone, "--no-first-run", *(f"--disable-{each}" for each in _QUIET)]
        found = driver.chromium.launch(executable_path=chromium, args=arguments)
        yield found
        found.close()
