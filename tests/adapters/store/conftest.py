from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.store.memory import MemoryStore
from adapters.store.sqlite import FILE, SqliteStore, open_file
from engine.runtime.ports import Store

Open = Callable[[], AbstractAsyncContextManager[Store]]
"""Opens the same store again and again."""


@asynccontextmanager
async def opening(path: Path, **options: Any) -> AsyncIterator[SqliteStore]:
    store = open_file(path, **options)
    try:
        yield store
    finally:
        store.close()


@pytest.fixture(params=["memory", "sqlite"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    memory = MemoryStore()

    @asynccontextmanager
    async def again() -> AsyncIterator[Store]:
        yield memory

    return again if request.param == "memory" else lambda: opening(tmp_path / FILE)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / FILE
