"""What the description promises of parameters, and schemathesis found otherwise."""

from pathlib import Path

import pytest

from tests.adapters.running import SETTINGS, Sidecar, running

CALL = {"batch": [{"type": "track", "userId": "u1", "event": "view", "timestamp": "2026-03-01T10:00:00Z"}]}
ADDRESS = {"address": "ann@shop.example"}


@pytest.mark.parametrize("limit", ["0", "10001", "-1", "many", "", "1.5", "9" * 5_000])
async def test_a_limit_that_is_none_is_refused_and_not_passed_over(sidecar: Sidecar, limit: str) -> None:
    answer = await sidecar.stranger.get("/admin/outbox", params={"limit": limit}, headers=sidecar.admin)
    assert (answer.status_code, answer.json()["error"]) == (400, "`limit` is a number from 1 to 10000")


@pytest.mark.parametrize(("path", "body"), [("/admin/import", CALL), ("/v1/suppressions", ADDRESS)])
@pytest.mark.parametrize("said", ["yes", "", "True", "1"])
async def test_what_is_neither_true_nor_false_does_nothing_for_real(
    sidecar: Sidecar, path: str, body: dict[str, object], said: str
) -> None:
    answer = await sidecar.stranger.post(path, params={"dry_run": said}, json=body, headers=sidecar.admin)
    assert (answer.status_code, answer.json()["error"]) == (400, "`dry_run` is true or false")
    assert (await sidecar.user("u1")).status_code == 404
    assert not sidecar.service.addresses.marks


async def test_a_replay_that_does_not_say_of_what_is_refused(sidecar: Sidecar) -> None:
    answer = await sidecar.stranger.post("/admin/destinations/kept/replay", content=b"{}", headers=sidecar.admin)
    assert answer.status_code == 400
    assert "missing required field `since`" in answer.json()["error"]


async def test_a_replay_from_beyond_all_time_is_refused(sidecar: Sidecar) -> None:
    asked = {"since": 2**70, "until": 2**70, "states": ["failed"]}
    for body in (asked, asked | {"since": 0, "until": 1, "after": [2**70, ""]}):
        answer = await sidecar.stranger.post("/admin/destinations/kept/replay", json=body, headers=sidecar.admin)
        assert answer.status_code == 400


@pytest.mark.parametrize(("method", "path"), [("GET", "check"), ("GET", "size"), ("POST", "backup")])
async def test_without_a_file_the_database_has_nothing_to_tell(tmp_path: Path, method: str, path: str) -> None:
    async with running(tmp_path, SETTINGS + "store: memory\n") as sidecar:
        body = {"file": str(tmp_path / "copy.db")} if method == "POST" else None
        answer = await sidecar.stranger.request(method, f"/admin/db/{path}", json=body, headers=sidecar.admin)
        assert answer.status_code == 409
        assert "there is no file" in answer.json()["error"]
        assert (await sidecar.stranger.request(method, f"/admin/db/{path}", json=body)).status_code == 401
