import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.shop import Shop, Visitor, opened

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


@pytest.fixture(scope="session")
def shop(browser: "Browser", tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with opened(tmp_path_factory.mktemp("shop")) as one:
        yield one


@pytest.fixture
def visitor(browser: "Browser", shop: Shop) -> Iterator[Visitor]:
    with browser.new_context() as context:
        visitor = Visitor(context, shop)
        yield visitor
        assert visitor.faults == [], "nothing is thrown into the page"
