"""Write keys of every kind: what each may do, from where, and how fast."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio.testing

from adapters.write_keys import WriteKey
from tests.adapters.running import SETTINGS, Sidecar, running
from tests.adapters.sources.test_stream import asked, closed_with, connected

SHOP, OTHER = "https://shop.example", "https://elsewhere.example"
EVENT = {"userId": "u", "event": "view"}
KEYS = """
write_keys:
  page: {kind: browser, origins: [https://shop.example, "http://localhost:3000"], key: {file: FOLDER/page}}
  kiosk: {kind: browser, origins: [https://kiosk.example], key: {file: FOLDER/kiosk}}
  erp: {key: {file: FOLDER/erp}}
  slow: {rate: 0.001, key: {file: FOLDER/slow}}
  trial: {kind: sandbox, key: {file: FOLDER/trial}}
"""


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Sidecar]:
    """A sidecar each of whose keys is its own name and `-key`."""
    for name in ("page", "kiosk", "erp", "slow", "trial"):
        (tmp_path / name).write_text(f"{name}-key\n")
    async with running(tmp_path, SETTINGS + KEYS.replace("FOLDER", str(tmp_path))) as one:
        yield one


async def send(shop: Sidecar, key: str, origin: str | None = None, **call: Any) -> httpx.Response:
    headers = {} if origin is None else {"Origin": origin}
    return await shop.stranger.post("/v1/track", json=EVENT | call, auth=(key, ""), headers=headers)


async def preflight(shop: Sidecar, path: str, origin: str) -> httpx.Response:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    return await shop.stranger.options(path, headers=headers)


@pytest.mark.parametrize("key", ["page-key", "kiosk-key", "erp-key"])
async def test_each_key_sends_events(shop: Sidecar, key: str) -> None:
    assert (await send(shop, key)).status_code == 200
    assert await shop.events("u") == ["view"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/webhook/shop", {"user_id": "u", "event": "view"}),
        ("/v1/consent", {"userId": "u", "granted": True}),
        ("/v1/suppressions", {"address": "a@shop.example"}),
        ("/admin/reload", {}),
    ],
)
async def test_a_browser_key_opens_nothing_else(shop: Sidecar, path: str, body: dict[str, Any]) -> None:
    for shown in ({"X-Impel-Key": "page-key"}, {"Authorization": "Bearer page-key"}):
        assert (await shop.stranger.post(path, json=body, headers=shown)).status_code in {401, 403}
    assert (await shop.user("u")).status_code == 404


async def test_what_a_key_may_not_do_is_said_with_the_kind_that_may(shop: Sidecar) -> None:
    answer = await shop.stranger.post("/webhook/shop", json={"user_id": "u", "event": "view"}, auth=("page-key", ""))
    assert answer.status_code == 403
    assert answer.json()["error"] == "a browser key may not do this; keys of kind sandbox or server may"


async def test_a_sandbox_key_never_reaches_the_real_people(shop: Sidecar) -> None:
    assert (await send(shop, "trial-key")).status_code == 200
    assert (await shop.user("u")).status_code == 404
    assert await shop.sandbox.space.service.person("u") is not None


async def test_a_page_of_a_foreign_origin_is_refused_with_the_reason_and_its_event_not_taken(shop: Sidecar) -> None:
    for origin in (OTHER, "https://kiosk.example", "null", "https://shop.example:444"):
        answer = await send(shop, "page-key", origin)
        assert answer.status_code == 403
        assert f"not for pages of {origin}" in answer.json()["error"]
    assert (await shop.user("u")).status_code == 404


@pytest.mark.parametrize("path", ["/v1/t", "/v1/i", "/v1/b", "/v1/track", "/v1/batch", "/beacon/v1/batch"])
async def test_a_preflight_of_an_origin_that_some_key_allows_permits_what_the_libraries_send(
    shop: Sidecar, path: str
) -> None:
    answer = await preflight(shop, path, SHOP)
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == SHOP
    allowed = answer.headers["Access-Control-Allow-Headers"].split(", ")
    assert {"authorization", "content-type", "x-retry-count", "anonymousid", "sentat"} <= set(allowed)
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert int(answer.headers["Access-Control-Max-Age"]) >= 600
    assert "Origin" in answer.headers["Vary"]


async def test_after_a_preflight_the_connection_goes_on(shop: Sidecar) -> None:
    for number in range(10):
        assert (await preflight(shop, "/v1/track", SHOP)).status_code == 204
        assert (await send(shop, "page-key", SHOP, event=str(number))).status_code == 200
    assert len(await shop.events("u")) == 10


async def test_a_header_that_a_library_adds_when_it_tries_again_is_permitted_too(shop: Sidecar) -> None:
    asked = {"Access-Control-Request-Headers": "authorization,rsa-since-last-attempt"}
    headers = {"Origin": SHOP, "Access-Control-Request-Method": "POST"} | asked
    answer = await shop.stranger.options("/v1/track", headers=headers)
    assert "rsa-since-last-attempt" in answer.headers["Access-Control-Allow-Headers"]


async def test_a_preflight_of_an_origin_that_no_key_allows_is_refused(shop: Sidecar) -> None:
    answer = await preflight(shop, "/v1/t", OTHER)
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert OTHER in answer.json()["error"]


async def test_a_page_may_read_its_answer_and_its_refusals_and_when_to_come_back(shop: Sidecar) -> None:
    taken, refused = await send(shop, "page-key", SHOP), await send(shop, "wrong", SHOP)
    shop.service.status = "ending"
    later = await send(shop, "page-key", SHOP)
    assert [answer.status_code for answer in (taken, refused, later)] == [200, 401, 503]
    for answer in (taken, refused, later):
        assert answer.headers["Access-Control-Allow-Origin"] == SHOP
        assert answer.headers["Access-Control-Expose-Headers"] == "Retry-After"
    assert later.headers["Retry-After"] == "2"


async def test_a_server_key_says_nothing_to_pages(shop: Sidecar) -> None:
    assert "Access-Control-Allow-Origin" not in (await send(shop, "erp-key", OTHER)).headers


async def test_a_key_past_its_rate_is_told_when_to_come_back_and_counted_and_others_go_on(shop: Sidecar) -> None:
    answers = [await send(shop, "slow-key", messageId=str(number)) for number in range(3)]
    assert [answer.status_code for answer in answers] == [200, 429, 429]
    assert 900 < int(answers[-1].headers["Retry-After"]) <= 1_000
    assert 'impel_throttled_total{key="slow"} 2.0' in (await shop.stranger.get("/metrics")).text
    assert (await send(shop, "erp-key")).status_code == 200


async def test_a_batch_of_more_than_the_rate_is_taken_whole_and_waited_for_afterwards(shop: Sidecar) -> None:
    batch = {"batch": [{"type": "track"} | EVENT] * 10}
    assert (await shop.stranger.post("/v1/batch", json=batch, auth=("slow-key", ""))).status_code == 200
    answer = await send(shop, "slow-key")
    assert answer.status_code == 429
    assert 9_900 < int(answer.headers["Retry-After"]) <= 10_000


async def test_a_stream_takes_no_keys_of_pages(shop: Sidecar) -> None:
    for key, code in (("erp-key", None), ("trial-key", None), ("page-key", 1008)):
        async with connected(shop, f"?key={key}") as connection:
            if code is None:
                assert json.loads(await asked(connection, json.dumps({"type": "track"} | EVENT)))["accepted"] == 1
            else:
                assert await closed_with(connection) == code


async def test_a_stream_past_the_rate_of_its_key_is_not_read_on_and_a_second_one_is_put_off(shop: Sidecar) -> None:
    async with connected(shop, "?key=slow-key") as connection:
        await asked(connection, json.dumps({"type": "track"} | EVENT))
        async with connected(shop, "?key=slow-key") as another:
            assert await closed_with(another) == 1013
    assert 'impel_throttled_total{key="slow"} 2.0' in (await shop.stranger.get("/metrics")).text


async def test_a_key_may_send_again_when_it_has_waited(autojump_clock: trio.testing.MockClock) -> None:
    key = WriteKey("erp", "secret", rate=4)
    for _ in range(4):
        assert key.wait == 0
        key.sent(1)
    assert key.wait == 0.25
    await trio.sleep(key.wait)
    assert key.wait == 0
    key.sent(9)
    assert key.wait == 2.25


async def test_a_key_without_a_rate_never_waits(autojump_clock: trio.testing.MockClock) -> None:
    key = WriteKey("erp", "secret")
    key.sent(1_000_000)
    assert key.wait == 0


async def test_segment_s_browser_library_is_told_where_to_send(shop: Sidecar) -> None:
    answer = await shop.stranger.get("/v1/projects/page-key/settings", headers={"Origin": SHOP})
    assert answer.headers["Access-Control-Allow-Origin"] == SHOP
    host = shop.url.removeprefix("http://")
    assert answer.json() == {
        "integrations": {"Segment.io": {"apiKey": "page-key", "apiHost": f"{host}/v1", "protocol": "http"}},
        "metrics": {"sampleRate": 0},
    }


async def test_where_there_is_a_public_address_that_is_where(tmp_path: Path) -> None:
    (tmp_path / "page").write_text("page-key")
    keys = f"\nwrite_keys: {{page: {{kind: browser, origins: ['{SHOP}'], key: {{file: {tmp_path / 'page'}}}}}}}\n"
    async with running(tmp_path, f"{SETTINGS}{keys}public_url: https://shop.example/impel/") as shop:
        said = (await shop.stranger.get("/v1/projects/page-key/settings")).json()["integrations"]["Segment.io"]
        assert (said["apiHost"], said["protocol"]) == ("shop.example/impel/v1", "https")


@pytest.mark.parametrize("key", ["erp-key", "wrong"])
async def test_settings_are_told_for_browser_keys_only(shop: Sidecar, key: str) -> None:
    assert (await shop.stranger.get(f"/v1/projects/{key}/settings")).status_code == 404


async def test_keys_change_without_a_restart_and_both_hold_while_both_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ERP_OLD", "old")
    monkeypatch.setenv("ERP_NEW", "new")
    listed = "\nwrite_keys: {{{}}}\n".format
    old, new = "erp-1: {key: {env: ERP_OLD}}", "erp-2: {key: {env: ERP_NEW}}"
    async with running(tmp_path, SETTINGS + listed(old)) as shop:
        file = shop.shop.folder / "impel.yaml"
        first = file.read_text()

        async def statuses(keys: str) -> list[int]:
            file.write_text(first.replace(listed(old), listed(keys)))
            answer = await shop.stranger.post("/admin/reload", headers=shop.admin)
            assert answer.json()["success"]
            return [(await send(shop, key)).status_code for key in ("old", "new", shop.keys.write_key)]

        assert await statuses(old) == [200, 401, 200]
        assert await statuses(f"{old}, {new}") == [200, 200, 200]
        assert await statuses(new) == [401, 200, 200]


async def test_keys_that_are_wrong_leave_the_former_in_force_and_are_told(shop: Sidecar) -> None:
    file = shop.shop.folder / "impel.yaml"
    file.write_text(file.read_text().replace("[https://kiosk.example]", "[kiosk.example]"))
    answer = await shop.stranger.post("/admin/reload", headers=shop.admin)
    assert answer.status_code == 422
    assert "'kiosk.example' is not an origin" in answer.json()["errors"][0]["message"]
    assert (await send(shop, "kiosk-key")).status_code == 200


async def test_a_key_in_a_file_is_read_again(shop: Sidecar, tmp_path: Path) -> None:
    (tmp_path / "erp").write_text("another")
    answer = await shop.stranger.post("/admin/reload", headers=shop.admin)
    assert answer.json()["writeKeys"] == ["write_key", "page", "kiosk", "erp", "slow", "trial"]
    assert [(await send(shop, key)).status_code for key in ("erp-key", "another")] == [401, 200]


async def test_the_admin_token_is_read_again_too(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first")
    settings = f"{SETTINGS}\nadmin_token: {{file: {tmp_path / 'token'}}}\n"
    async with running(tmp_path, settings) as shop:
        (tmp_path / "token").write_text("second")
        await shop.running.reloader.reload()
        for token, status in (("first", 401), ("second", 404)):
            headers = {"Authorization": f"Bearer {token}"}
            assert (await shop.stranger.get("/admin/user?id=u", headers=headers)).status_code == status
