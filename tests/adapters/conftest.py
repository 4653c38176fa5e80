from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adapters.running import Sidecar, running


@pytest.fixture
async def sidecar(tmp_path: Path) -> AsyncIterator[Sidecar]:
    async with running(tmp_path) as one:
        yield one
