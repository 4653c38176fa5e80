"""The sandbox: apart from the shop in everything, with the same triggers, and with a time that can be moved."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from trio_websocket import open_websocket_url

from adapters.destinations.memory import Memory
from tests.adapters.running import Sidecar, running, write_config

SETTINGS = """
destinations: {kept: {kind: memory}}
webhooks: {shop: {user: user_id, event: event}}
public_url: http://127.0.0.1:1
"""
TRIGGERS = """
segments: {vip: list}
triggers:
  left:
    when: cart then no order within 24h
    steps:
      - {send: reminder}
      - {after: 48h, send: again, if: not seen(order)}
    until: order
    expires: 1h
  quick: {when: count(view) >= 3 within 10m, if: not in segment "vip", send: nudge}
"""
MESSAGES = {
    "reminder": "destination: kept\nhtml: '<a href=\"{{ unsubscribe_url }}\">no more</a>'\nsubject: S\nutm: false\n",
    "again": "destination: kept\ndata: {n: 2}\n",
    "nudge": "destination: kept\ndata: {n: 3}\n",
}
DAY = 86_400_000


def configured(folder: Path) -> Path:
    return write_config(folder, SETTINGS, TRIGGERS, MESSAGES)


@pytest.fixture
async def sidecar(tmp_path: Path) -> AsyncIterator[Sidecar]:
    async with running(tmp_path, config=configured(tmp_path)) as one:
        yield one


async def call(sidecar: Sidecar, path: str, body: Any, *, sandbox: bool = True) -> httpx.Response:
    key = sidecar.keys.sandbox_key if sandbox else sidecar.keys.write_key
    answer = await sidecar.stranger.post(path, json=body, auth=(key, ""))
    assert answer.status_code == 200, answer.text
    return answer


async def happen(sidecar: Sidecar, event: str, *, sandbox: bool = True, **more: Any) -> None:
    await call(sidecar, "/v1/track", {"userId": "u1", "event": event} | more, sandbox=sandbox)


async def arrive(sidecar: Sidecar, *, sandbox: bool = True) -> None:
    traits = {"email": "u1@shop.example", "consent": {"marketing": True}}
    await call(sidecar, "/v1/identify", {"userId": "u1", "traits": traits}, sandbox=sandbox)


async def forward(sidecar: Sidecar, span: str) -> dict[str, Any]:
    answer = await sidecar.stranger.post("/sandbox/clock", json={"forward": span}, headers=sidecar.admin)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def asked(sidecar: Sidecar, path: str, **params: str) -> httpx.Response:
    return await sidecar.stranger.get(path, params=params, headers=sidecar.admin)


async def inbox(sidecar: Sidecar) -> list[dict[str, Any]]:
    """What the inbox page shows of the sandbox, oldest first."""
    return list(reversed((await asked(sidecar, "/inbox/messages", space="sandbox")).json()["messages"]))


async def events_in(sidecar: Sidecar, space: str) -> list[str]:
    answer = await asked(sidecar, f"{space}/admin/user", id="u1")
    return [each["event"] for each in answer.json()["recent"]] if answer.is_success else []


async def test_a_trigger_of_a_day_is_tried_at_once_and_its_message_goes_to_the_inbox_and_nowhere_else(
    sidecar: Sidecar,
) -> None:
    await arrive(sidecar)
    await happen(sidecar, "cart")
    before = (await asked(sidecar, "/sandbox/clock")).json()
    assert before["ahead"] == 0
    said = await forward(sidecar, "24h")
    assert [(each["trigger"], each["user"]) for each in said["firings"]] == [("left", "u1")]
    assert said["ahead"] == DAY
    sent, waits = await inbox(sidecar)
    assert (sent["message"], sent["state"], sent["content"]["to"]) == ("reminder", "accepted", "u1@shop.example")
    assert (waits["message"], waits["state"], waits["gate"]) == ("again", "held", "delay")
    assert waits["due"] == sent["fired"] + 2 * DAY
    assert sidecar.service.outbox.waiting == 0
    assert not await sidecar.service.store.dispatches()
    assert (await sidecar.user("u1")).status_code == 404, "in the shop, nobody is known by that id"


async def test_nothing_of_the_sandbox_reaches_a_destination(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handed: list[str] = []

    async def send(_: Memory, delivery: Any) -> None:
        handed.append(delivery.message)

    monkeypatch.setattr(Memory, "send", send)
    async with running(tmp_path, config=configured(tmp_path)) as sidecar:
        await arrive(sidecar)
        await happen(sidecar, "cart")
        await forward(sidecar, "4d")
        assert [each["state"] for each in await inbox(sidecar)] == ["accepted", "accepted"]
        assert handed == []
        await arrive(sidecar, sandbox=False)
        for _ in range(3):
            await happen(sidecar, "view", sandbox=False)
        await sidecar.service.outbox.rested()
        assert handed == ["nudge"], "the shop's own messages go where they always did"


async def test_what_comes_in_between_is_decided_as_of_its_own_instant(sidecar: Sidecar) -> None:
    await arrive(sidecar)
    await happen(sidecar, "cart")
    await forward(sidecar, "25h")
    await happen(sidecar, "order")
    await forward(sidecar, "30d")
    first, second = await inbox(sidecar)
    assert (first["state"], second["state"], second["gate"]) == ("accepted", "dropped", "until")


async def test_the_same_id_is_two_people_in_shop_and_sandbox(sidecar: Sidecar) -> None:
    await happen(sidecar, "view", sandbox=False)
    await happen(sidecar, "cart")
    assert await events_in(sidecar, "") == ["view"]
    assert await events_in(sidecar, "/sandbox") == ["cart"]


async def test_the_key_leads_into_the_sandbox_by_every_way_in(sidecar: Sidecar) -> None:
    key = sidecar.keys.sandbox_key
    track = {"type": "track", "userId": "u1", "event": "batched"}
    await call(sidecar, "/v1/batch", {"batch": [track]})
    bare = {"writeKey": key, "userId": "u1", "event": "bare"}
    assert (await sidecar.stranger.post("/v1/track", json=bare)).json() == {"success": True}
    hook = {"user_id": "u1", "event": "hooked"}
    assert (await sidecar.stranger.post("/webhook/shop", json=hook, headers={"X-Impel-Key": key})).status_code == 200
    url = sidecar.url.replace("http", "ws") + f"/v1/stream?key={key}"
    async with open_websocket_url(url) as stream:
        await stream.send_message(json.dumps(track | {"event": "streamed"}))
        assert json.loads(await stream.get_message())["accepted"] == 1
    assert await events_in(sidecar, "/sandbox") == ["streamed", "hooked", "bare", "batched"]
    assert await events_in(sidecar, "") == []


async def test_the_time_of_a_sandbox_does_not_move_the_shops(sidecar: Sidecar) -> None:
    await happen(sidecar, "cart", sandbox=False)
    before = sidecar.service.now()
    await forward(sidecar, "30d")
    assert sidecar.service.now() - before < DAY
    assert (await sidecar.user("u1")).json()["firings"] == []


async def test_an_event_that_says_when_it_was_sent_happens_now_in_a_sandbox_that_is_ahead(sidecar: Sidecar) -> None:
    now = (await forward(sidecar, "10d"))["now"]
    world = now - 10 * DAY
    await happen(sidecar, "view", timestamp=world - 2_000, sentAt=world)
    await happen(sidecar, "cart", timestamp=now - 5_000)
    recent = (await asked(sidecar, "/sandbox/admin/user", id="u1")).json()["recent"]
    told = {each["event"]: each["at"] for each in recent}
    assert told["cart"] == now - 5_000, "without it, a timestamp is by the sandbox's own clock"
    assert now - 2_000 <= told["view"] <= now + 60_000


@pytest.mark.parametrize(
    ("span", "said"),
    [
        ("-1h", "not a duration"),
        ("24", "has no unit"),
        ("yesterday", "not a duration"),
        ("3651d", "ten years ahead at most"),
        ("0.3ms", "not a whole number of milliseconds"),
    ],
)
async def test_time_goes_forward_only_and_not_too_far(sidecar: Sidecar, span: str, said: str) -> None:
    answer = await sidecar.stranger.post("/sandbox/clock", json={"forward": span}, headers=sidecar.admin)
    assert answer.status_code == 400
    assert said in answer.json()["error"]
    assert (await asked(sidecar, "/sandbox/clock")).json()["ahead"] == 0


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"forward": 1}', b'{"forward": "1h", "back": "1h"}', b"\xff"])
async def test_anything_else_than_a_span_is_refused(sidecar: Sidecar, body: bytes) -> None:
    answer = await sidecar.stranger.post("/sandbox/clock", content=body, headers=sidecar.admin)
    assert answer.status_code == 400


async def test_the_clock_and_what_is_told_need_the_admin_token(sidecar: Sidecar) -> None:
    for key in (sidecar.keys.write_key, sidecar.keys.sandbox_key):
        shown = {"Authorization": f"Bearer {key}"}
        moved = await sidecar.stranger.post("/sandbox/clock", json={"forward": "1h"}, headers=shown)
        paths = ("clock", "admin/user?id=u1", "admin/outbox", "v1/stats", "v1/users/u1/why", "admin/preview")
        told = [await sidecar.stranger.get(f"/sandbox/{path}", headers=shown) for path in paths]
        assert {each.status_code for each in (moved, *told)} == {401}


async def test_it_is_asked_and_told_below_sandbox_as_the_shop_is(sidecar: Sidecar) -> None:
    vip = {"userId": "u1", "member": True}
    answer = await sidecar.stranger.post("/sandbox/v1/segments/vip", json=vip, headers=sidecar.admin)
    assert answer.json() == {"success": True}
    consent = {"userId": "u1", "granted": True, "purpose": "marketing"}
    await sidecar.stranger.post("/sandbox/v1/consent", json=consent, headers=sidecar.admin)
    for _ in range(3):
        await happen(sidecar, "view")
    person = (await asked(sidecar, "/sandbox/admin/user", id="u1")).json()
    assert (person["segments"], person["consents"]["marketing"]["granted"]) == (["vip"], True)
    told = (await asked(sidecar, "/sandbox/v1/users/u1/why", trigger="quick")).json()
    assert told["watches"][0]["status"] != "fired", "a vip is not nudged"
    await happen(sidecar, "cart")
    await forward(sidecar, "24h")
    stats = (await asked(sidecar, "/sandbox/v1/stats")).json()["triggers"]
    assert stats["left"][0]["fired"] == 1
    assert (await asked(sidecar, "/v1/stats")).json()["triggers"]["left"] == []
    assert (await asked(sidecar, "/sandbox/admin/outbox")).json()["messages"]
    assert (await asked(sidecar, "/admin/outbox")).json()["messages"] == []


async def test_what_happens_in_it_is_not_counted_as_the_shops(sidecar: Sidecar) -> None:
    await happen(sidecar, "cart")
    await forward(sidecar, "24h")
    page = (await sidecar.stranger.get("/metrics")).text
    assert 'impel_events_total{source="http"' not in page
    assert 'trigger="left"' not in page
    await happen(sidecar, "cart", sandbox=False)
    assert 'impel_events_total{source="http"' in (await sidecar.stranger.get("/metrics")).text


async def test_a_link_to_unsubscribe_that_was_sent_there_does_nothing_to_the_shops_people(sidecar: Sidecar) -> None:
    for sandbox in (True, False):
        await arrive(sidecar, sandbox=sandbox)
    await happen(sidecar, "cart")
    await forward(sidecar, "24h")
    sent = (await inbox(sidecar))[0]
    frame = (await sidecar.stranger.get(sent["content"]["frame"])).text
    token = frame.partition("/sandbox/unsubscribe/")[2].partition('"')[0]
    assert (await sidecar.stranger.post(f"/unsubscribe/{token}")).status_code == 404
    assert (await sidecar.stranger.post(f"/sandbox/unsubscribe/{token}")).status_code == 200
    there = await sidecar.sandbox.space.service.person("u1")
    here = await sidecar.service.person("u1")
    assert there is not None
    assert here is not None
    assert ("email", "") in there.sending.suppressed
    assert ("email", "") not in here.sending.suppressed


async def test_new_files_are_in_force_in_both(sidecar: Sidecar) -> None:
    more = TRIGGERS + "  greeted: {when: hello, cooldown: 1d, send: nudge}\n"
    (sidecar.shop.folder / "triggers" / "all.yaml").write_text(more)
    assert (await sidecar.stranger.post("/admin/reload", headers=sidecar.admin)).json()["changed"]
    for sandbox, space in ((True, "/sandbox"), (False, "")):
        await happen(sidecar, "hello", sandbox=sandbox)
        fired = (await asked(sidecar, f"{space}/admin/user", id="u1")).json()["firings"]
        assert [each["trigger"] for each in fired] == ["greeted"]


async def test_a_restart_empties_it_and_brings_its_clock_back(tmp_path: Path) -> None:
    config = configured(tmp_path)
    async with running(tmp_path, config=config) as sidecar:
        await happen(sidecar, "view")
        await happen(sidecar, "view", sandbox=False)
        await forward(sidecar, "24h")
    async with running(tmp_path, config=config) as sidecar:
        assert await events_in(sidecar, "/sandbox") == []
        assert await events_in(sidecar, "") == ["view"]
        assert (await asked(sidecar, "/sandbox/clock")).json()["ahead"] == 0
