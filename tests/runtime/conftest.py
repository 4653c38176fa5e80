import pytest

from tests.runtime.rig import Quiet


@pytest.fixture
def telemetry() -> Quiet:
    return Quiet()
