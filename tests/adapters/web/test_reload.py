from pathlib import Path

import httpx
import pytest
import trio

from adapters import reloading
from adapters.configuration import Files, read_files
from adapters.settings import Settings
from tests.adapters.running import TRIGGERS, HeldStore, Sidecar, running

MORE = TRIGGERS.replace("vip: list", "vip: list, staff: list") + "  greeted: {when: hello, cooldown: 1d, send: nudge}\n"


def write(sidecar: Sidecar, text: str, file: str = "triggers/all.yaml") -> None:
    (sidecar.shop.folder / file).write_text(text)


async def reload(sidecar: Sidecar) -> httpx.Response:
    return await sidecar.stranger.post("/admin/reload", headers=sidecar.admin)


async def fired(sidecar: Sidecar, event: str) -> list[str]:
    await sidecar.client.post("/v1/track", json={"userId": "u", "event": event})
    return [each["trigger"] for each in (await sidecar.user("u")).json()["firings"]]


async def test_it_needs_the_admin_token(sidecar: Sidecar) -> None:
    assert (await sidecar.client.post("/admin/reload")).status_code == 401


async def test_files_that_check_are_in_force_with_the_answer(sidecar: Sidecar) -> None:
    assert await fired(sidecar, "hello") == []
    before = sidecar.service.versions.current
    write(sidecar, MORE)
    answer = await reload(sidecar)
    assert answer.status_code == 200
    said = answer.json()
    assert (said["success"], said["changed"], said["triggers"]) == (True, True, 4)
    assert said["version"] > before.number
    assert said["digest"] == sidecar.service.versions.current.digest != before.digest
    assert await fired(sidecar, "hello") == ["greeted"]


async def test_the_same_files_again_change_nothing(sidecar: Sidecar) -> None:
    before = sidecar.service.versions.current
    said = (await reload(sidecar)).json()
    assert (said["changed"], said["version"]) == (False, before.number)


async def test_files_that_do_not_check_leave_the_former_in_force_and_every_error_is_answered(sidecar: Sidecar) -> None:
    before = sidecar.service.versions.current
    write(sidecar, "triggers:\n  a: {whne: view}\n")
    write(sidecar, "destination: nowhere\ndata: {}", "messages/nudge.yaml")
    answer = await reload(sidecar)
    assert answer.status_code == 422
    message, key = answer.json()["errors"]
    assert "nowhere" in message["message"]
    assert key == {
        "file": str(sidecar.shop.folder / "triggers" / "all.yaml"),
        "line": 2,
        "column": 7,
        "message": "trigger `a` has no key `whne`",
        "hint": "did you mean `when`?",
        "source": "  a: {whne: view}",
    }
    assert sidecar.service.versions.current is before
    views = [await fired(sidecar, "view") for _ in range(3)]
    assert views[-1] == ["thrice"]


async def test_the_lists_that_are_taken_are_those_of_the_version_in_force(sidecar: Sidecar) -> None:
    path, change = "/v1/segments/staff", {"userId": "u", "member": True}
    assert (await sidecar.stranger.post(path, json=change, headers=sidecar.admin)).status_code == 404
    write(sidecar, MORE)
    await reload(sidecar)
    assert (await sidecar.stranger.post(path, json=change, headers=sidecar.admin)).status_code == 200
    assert (await sidecar.user("u")).json()["segments"] == ["staff"]


async def test_other_messages_are_rendered_from_then_on(sidecar: Sidecar) -> None:
    write(sidecar, "destination: kept\ndata: {product: '{{ event.colour }}'}\n", "messages/nudge.yaml")
    assert (await reload(sidecar)).json()["changed"]
    for _ in range(3):
        await fired(sidecar, "view")
    await sidecar.service.outbox.rested()
    [firing] = (await sidecar.user("u")).json()["firings"]
    assert "event.colour" in firing["messages"][0]["reason"]


async def test_an_operator_who_hangs_up_leaves_no_half_of_it(tmp_path: Path) -> None:
    store = HeldStore()
    store.may_read.set()
    store.may_write.set()
    async with running(tmp_path, store=store) as sidecar:
        store.may_write = trio.Event()
        write(sidecar, MORE)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sidecar.running.reloader.reload)
            while len(sidecar.service.versions.program.triggers) == 3:
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
            store.may_write.set()
        assert sidecar.running.reloader.files.lists == {"vip", "staff"}


async def test_of_two_at_a_time_the_second_reads_after_the_first(
    sidecar: Sidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []

    def watched(folder: Path, settings: Settings) -> Files:
        order.append("begins")
        files = read_files(folder, settings)
        order.append("ends")
        return files

    monkeypatch.setattr(reloading, "read_files", watched)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(reload, sidecar)
        nursery.start_soon(reload, sidecar)
    assert order == ["begins", "ends", "begins", "ends"]


async def test_while_it_recovers_files_are_not_read_again(tmp_path: Path) -> None:
    store = HeldStore()
    store.may_write.set()
    async with running(tmp_path, store=store, recovered=False) as sidecar:
        answer = await reload(sidecar)
        assert answer.status_code == 503
        assert answer.json()["error"].startswith("recovering")
        store.may_read.set()
