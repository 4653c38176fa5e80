"""`GET /v1/users/ID/why`: what decided, and what became of the messages."""

from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from engine.runtime.arrivals import Event
from tests.adapters.running import MESSAGES, SETTINGS, TRIGGERS, Sidecar, running, write_config


async def why(sidecar: Sidecar, user: str, **params: str) -> httpx.Response:
    return await sidecar.stranger.get(f"/v1/users/{user}/why", params=params, headers=sidecar.admin)


async def view(sidecar: Sidecar, times: int) -> None:
    for number in range(times):
        event = {"userId": "u", "event": "view", "properties": {"product": f"hat {number}"}}
        await sidecar.client.post("/v1/track", json=event)


async def test_a_firing_is_told_with_its_values_and_the_gates_its_message_passed(sidecar: Sidecar) -> None:
    await view(sidecar, 3)
    await sidecar.service.outbox.rested()
    told = (await why(sidecar, "u", trigger="thrice")).json()
    assert (told["user"], told["trigger"], told["when"]) == ("u", "thrice", "count(view) >= 3 within 10m")
    [watch] = told["watches"]
    assert watch["status"] == "fired"
    [fired] = watch["firings"]
    assert fired["event"]["properties"] == {"product": "hat 2"}
    assert fired["when"]["values"]["count"] == 3
    [message] = fired["messages"]
    assert (message["message"], message["state"], message["passed"][0]) == ("nudge", "accepted", "delay")
    assert fired["id"] == (await sidecar.user("u")).json()["firings"][0]["id"]


async def test_what_did_not_fire_tells_what_it_needs(sidecar: Sidecar) -> None:
    await view(sidecar, 2)
    told = (await why(sidecar, "u", trigger="thrice")).json()
    [watch] = told["watches"]
    assert watch["when"]["needs"] == "1 more `view`"
    assert watch["said"].endswith("it needs 1 more `view`")


async def test_without_a_trigger_all_are_told_in_short(sidecar: Sidecar) -> None:
    await view(sidecar, 3)
    told = (await why(sidecar, "u")).json()
    assert {each["trigger"]: each["status"] for each in told["triggers"]} == {
        "thrice": "fired",
        "left": "not yet",
        "welcome": "not yet",
    }


async def test_it_may_be_asked_of_an_instant_that_is_past(sidecar: Sidecar) -> None:
    await view(sidecar, 3)
    first = (await sidecar.user("u")).json()["recent"][-1]["at"]
    told = (await why(sidecar, "u", trigger="thrice", at=str(first))).json()
    assert told["at"] == first
    assert told["watches"][0]["status"] == "not yet"


async def test_a_message_that_is_held_says_by_which_gate_and_until_when(tmp_path: Path) -> None:
    config = write_config(tmp_path, SETTINGS, TRIGGERS, MESSAGES)
    (config / "sending.yaml").write_text("caps: [1 per 1h]\n")
    async with running(tmp_path, config=config) as sidecar:
        await view(sidecar, 3)
        await sidecar.service.outbox.rested()
        await sidecar.client.post("/v1/identify", json={"userId": "u", "traits": {"email": "e@shop.example"}})
        await sidecar.client.post("/v1/track", json={"userId": "u", "event": "cart"})
        message: dict[str, Any] = {"state": "due"}
        with trio.fail_after(20):
            while message["state"] == "due":  # until the deadline has come, and what it makes due was asked about
                told = (await why(sidecar, "u", trigger="left")).json()
                firings = told["watches"][0].get("firings", [])
                message = next((each for fired in firings for each in fired.get("messages", [])), message)
        assert (message["state"], message["gate"], message["passed"][-1]) == ("held", "cap", "quiet hours")
        assert message["until"] > told["now"]
        assert "1 per 1h" in message["reason"]


async def test_what_was_decided_a_moment_ago_is_told_when_it_is_durable(sidecar: Sidecar) -> None:
    await view(sidecar, 2)
    await sidecar.service.receive([Event(user_id="u", name="view")])  # without waiting until it is durable
    told = (await why(sidecar, "u", trigger="thrice")).json()
    [message] = told["watches"][0]["firings"][0]["messages"]
    assert message["state"] != "unknown"
    [fired] = (await sidecar.user("u")).json()["firings"]
    assert fired["messages"][0]["state"] != "unknown"


async def test_a_reload_changes_what_is_told(tmp_path: Path) -> None:
    config = write_config(tmp_path, SETTINGS, TRIGGERS, MESSAGES)
    async with running(tmp_path, config=config) as sidecar:
        await view(sidecar, 3)
        (config / "triggers" / "all.yaml").write_text(TRIGGERS.replace(">= 3", ">= 2"))
        await sidecar.stranger.post("/admin/reload", headers=sidecar.admin)
        told = (await why(sidecar, "u", trigger="thrice")).json()
        [watch] = told["watches"]
        assert watch["when"]["values"]["wanted"] == 2
        assert [fired["event"]["properties"] for fired in watch["firings"]] == [{"product": "hat 2"}]
        assert watch["occurrences"][0]["held"] == "new"
        assert "is recorded, and not told by the timeline" in told["notes"][0]


@pytest.mark.parametrize(
    ("user", "params", "status", "reason"),
    [
        ("u", {"trigger": "thrise"}, 404, "there is no trigger `thrise` in force; did you mean `thrice`?"),
        ("v", {"trigger": "thrice"}, 404, "nobody is known by that id"),
        ("u", {"at": "yesterday"}, 400, "`at` is not ISO 8601 text such as 2026-11-23T14:12:59.334Z"),
        ("u", {"trigger": "thrice", "per": "c1"}, 400, "`thrice` has no `per`: it watches the whole timeline"),
    ],
)
async def test_what_cannot_be_told_is_refused(
    sidecar: Sidecar, user: str, params: dict[str, str], status: int, reason: str
) -> None:
    await view(sidecar, 1)
    answer = await why(sidecar, user, **params)
    assert (answer.status_code, answer.json()["error"]) == (status, reason)


async def test_nobody_is_told_without_the_token(sidecar: Sidecar) -> None:
    assert (await sidecar.client.get("/v1/users/u/why")).status_code == 401


@pytest.mark.parametrize("user_id", ["..", "a/../b", "a?b#c", " "])
async def test_an_id_that_cannot_stand_in_a_path_stands_in_the_query(sidecar: Sidecar, user_id: str) -> None:
    await sidecar.client.post("/v1/track", json={"userId": user_id, "event": "view"})
    answer = await sidecar.stranger.get("/admin/why", params={"id": user_id}, headers=sidecar.admin)
    assert answer.json()["user"] == user_id
