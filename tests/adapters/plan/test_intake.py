"""A tracking plan in a sidecar that really runs: violations are counted, and rejected where it says so."""

from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from trio_websocket import open_websocket_url

from adapters.commands.events import events
from tests.adapters.running import SETTINGS, Sidecar, running, write_config
from tests.adapters.test_events import told, track

TRIGGERS = "triggers: {left: {when: cart then no cart within 1h}}\n"
PLAN = """
events:
  cart: {required: [cart_id], properties: {total: {type: number}}}
  order: {violations: reject, required: [order_id], properties: {items: {items: {required: [price]}}}}
  page: {properties: {name: {type: string}}}
"""
WHY = "the tracking plan does not take this `order`: `order_id` is missing"


def configure(folder: Path, plan: str = PLAN) -> Path:
    config = write_config(folder, SETTINGS, TRIGGERS, {})
    (config / "events.yaml").write_text(plan)
    return config


def call(event: str, message_id: str = "", **properties: object) -> dict[str, Any]:
    return {"type": "track", "userId": "u", "event": event, "messageId": message_id, "properties": properties}


async def violations(sidecar: Sidecar, event: str) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = (await told(sidecar, name=event))["events"][event]["violations"]
    return found


async def test_an_event_that_breaks_its_schema_is_taken_all_the_same_and_counted(tmp_path: Path) -> None:
    config = configure(tmp_path)
    async with running(tmp_path, config=config) as sidecar:
        await track(sidecar, "cart", total="12")
        await track(sidecar, "cart", total="12", cart_id="c1")
        await track(sidecar, "cart", total=12, cart_id="c1")
        await track(sidecar, "unplanned", total="12")
        assert await sidecar.events("u") == ["cart", "cart", "cart", "unplanned"]
        metrics = (await sidecar.stranger.get("/metrics")).text
    assert 'impel_violations_total{event="cart",keyword="type"} 2.0' in metrics
    assert 'impel_violations_total{event="cart",keyword="required"} 1.0' in metrics
    async with running(tmp_path, config=config) as sidecar:
        assert await violations(sidecar, "cart") == {"total": {"type": 2}, "cart_id": {"required": 1}}
        found = await told(sidecar)
        assert {name: each["plan"] for name, each in found["events"].items()} == {"cart": "count", "unplanned": None}
        assert found["unplanned"] == ["unplanned"]


async def test_where_the_plan_says_so_it_is_rejected_by_every_way_in(tmp_path: Path) -> None:
    async with running(tmp_path, config=configure(tmp_path)) as sidecar:
        answer = await sidecar.client.post("/v1/track", json=call("order"))
        assert (answer.status_code, answer.json()["rejected"][0]["reason"]) == (400, WHY)
        calls = [call("order", order_id="o1"), call("order", "m2"), call("order", order_id="o3", items=[{}, {}])]
        answer = await sidecar.client.post("/v1/batch", json={"batch": calls})
        rejected = answer.json()["rejected"]
        assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
        assert [(each["index"], each["messageId"]) for each in rejected] == [(1, "m2"), (2, "")]
        assert rejected[1]["reason"].endswith("this `order`: `items[].price` is missing")
        answer = await sidecar.client.post("/webhook/shop", json={"user_id": "u", "event": "order"})
        assert (answer.status_code, answer.json()["rejected"][0]["reason"]) == (400, WHY)
        url = sidecar.url.replace("http", "ws") + "/v1/stream?key=" + sidecar.keys.write_key
        async with open_websocket_url(url) as stream:
            for frame in ([call("order"), call("order", order_id="o4")], [call("order"), 1]):
                await stream.send_message(msgspec.json.encode(frame).decode())
                rejected = msgspec.json.decode(await stream.get_message())["rejected"]
                assert rejected[0]["reason"] == WHY
        assert await sidecar.events("u") == ["order", "order"]
        assert await violations(sidecar, "order") == {"order_id": {"required": 5}, "items[].price": {"required": 1}}
        assert (await told(sidecar, name="order"))["events"]["order"]["number"] == 2


async def test_a_call_that_is_bad_for_another_reason_breaks_no_schema(tmp_path: Path) -> None:
    async with running(tmp_path, config=configure(tmp_path)) as sidecar:
        calls = [{"type": "track", "event": "order"}, {**call("order"), "timestamp": "never"}]
        answer = await sidecar.client.post("/v1/batch", json={"batch": calls})
        assert len(answer.json()["rejected"]) == 2
        assert (await told(sidecar))["events"] == {}


async def test_pages_are_events_and_profiles_are_not(tmp_path: Path) -> None:
    async with running(tmp_path, config=configure(tmp_path)) as sidecar:
        page = {"userId": "u", "properties": {"name": 7}}
        assert (await sidecar.client.post("/v1/page", json=page)).is_success
        assert (await sidecar.client.post("/v1/identify", json={"userId": "u", "traits": {"name": 7}})).is_success
        assert await violations(sidecar, "page") == {"name": {"type": 1}}


async def test_another_plan_is_in_force_after_a_reload_and_a_wrong_one_is_not(tmp_path: Path) -> None:
    config = configure(tmp_path, "")
    async with running(tmp_path, config=config) as sidecar:
        await track(sidecar, "order")
        (config / "events.yaml").write_text(PLAN)
        answer = await sidecar.stranger.post("/admin/reload", headers=sidecar.admin)
        assert (answer.status_code, answer.json()["changed"]) == (200, True)
        assert (await sidecar.client.post("/v1/track", json=call("order"))).status_code == 400
        answer = await sidecar.stranger.post("/admin/reload", headers=sidecar.admin)
        assert answer.json()["changed"] is False
        (config / "events.yaml").write_text("events: {order: {type: objct}}")
        answer = await sidecar.stranger.post("/admin/reload", headers=sidecar.admin)
        (error,) = answer.json()["errors"]
        assert (answer.status_code, error["line"], error["column"]) == (422, 1, 24)
        assert (await sidecar.client.post("/v1/track", json=call("order"))).status_code == 400
        (config / "events.yaml").unlink()
        assert (await sidecar.stranger.post("/admin/reload", headers=sidecar.admin)).json()["changed"] is True
        await track(sidecar, "order")


async def test_the_command_shows_what_is_broken_and_what_becomes_of_such_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configure(tmp_path)
    async with running(tmp_path, config=config) as sidecar:
        monkeypatch.setenv("IMPEL_ADMIN_TOKEN", sidecar.keys.admin_token)
        monkeypatch.setenv("COLUMNS", "80")
        await track(sidecar, "cart", total="12")
        await sidecar.client.post("/v1/track", json=call("order"))
        for name in ("", "cart", "order"):
            assert await trio.to_thread.run_sync(partial(events, name, config=config, url=sidecar.url)) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "event number last violations triggers" in lines
    first = lines.index("violations of the tracking plan such events are taken all the same")
    assert lines[first + 1 : first + 3] == ["cart_id required 1", "total type 1"]
    second = lines.index("violations of the tracking plan such events are rejected")
    assert lines[second + 1] == "order_id required 1"
    assert "order 0 times" in lines
