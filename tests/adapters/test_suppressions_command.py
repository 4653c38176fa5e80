"""`impel suppressions`, against a sidecar that runs."""

from pathlib import Path

import pytest
import trio

from adapters.commands import suppressions
from tests.adapters.running import Sidecar


@pytest.fixture
def config(sidecar: Sidecar, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IMPEL_ADMIN_TOKEN", sidecar.keys.admin_token)
    return Path(sidecar.shop.settings.data).parent / "config"


async def test_addresses_are_added_lifted_and_written_to_a_file_that_can_be_read_again(
    sidecar: Sidecar, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> None:
        file, url = tmp_path / "out.csv", sidecar.url
        assert suppressions.add("ada@x.example", "bob@x.example", why="bounced", config=config, url=url) == 0
        assert suppressions.lift("bob@x.example", config=config, url=url) == 0
        assert suppressions.write(file, config=config, url=url) == 0
        assert suppressions.lift("ada@x.example", config=config, url=url) == 0
        assert not sidecar.service.addresses.marks
        assert suppressions.take(file, config=config, url=url) == 0

    await trio.to_thread.run_sync(work)
    (mark,) = sidecar.service.addresses.marks["ada@x.example"].values()
    assert (mark.why, mark.channel, mark.source) == ("bounced", "email", "impel")
    assert capsys.readouterr().out.splitlines() == [
        "2 taken",
        "1 taken",
        "1 address written",
        "1 taken",
        "1 taken, 0 wrong",
    ]


async def test_lines_that_are_wrong_are_told_by_their_number_and_the_rest_is_taken(
    sidecar: Sidecar, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suppressions, "_TOGETHER", 2)
    file = tmp_path / "in.csv"
    file.write_text("why,address\nbounced,a@x.example\nmoved,b@x.example\n,c@x.example\nbounced,\n")
    status = await trio.to_thread.run_sync(lambda: suppressions.take(file, config=config, url=sidecar.url))
    assert status == 1
    told = capsys.readouterr()
    assert "2 taken, 2 wrong" in told.out
    assert [f"in.csv:{line}: " in told.err.replace("\n", "") for line in (2, 3, 4, 5)] == [False, True, False, True]
    assert set(sidecar.service.addresses.marks) == {"a@x.example", "c@x.example"}


async def test_a_file_without_addresses_is_refused(
    sidecar: Sidecar, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "in.csv"
    file.write_text("mail\na@x.example\n")
    assert await trio.to_thread.run_sync(lambda: suppressions.take(file, config=config, url=sidecar.url)) == 1
    assert "one of them is `address`" in capsys.readouterr().err.replace("\n", " ")
