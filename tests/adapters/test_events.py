"""What events there are, in a sidecar that really runs: told beside what its triggers mention."""

from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import trio
from rich.console import Console

from adapters.commands.events import events, show
from tests.adapters.running import SETTINGS, Sidecar, running, write_config

TRIGGERS = """
segments: {buyer: seen(order_completed) within 30d}
triggers:
  left: {when: cart_updated then no cart_updated within 1h, if: not in segment buyer}
  looks: {when: count(product_viewed) >= 3 within 10m}
  away: {when: inactive for 30d}
"""


def configure(folder: Path) -> Path:
    return write_config(folder, SETTINGS, TRIGGERS, {})


async def track(sidecar: Sidecar, event: str, user: str = "u", **properties: object) -> None:
    body = {"type": "track", "userId": user, "event": event, "properties": properties}
    answer = await sidecar.client.post("/v1/track", json=body)
    assert answer.is_success, answer.text


async def told(sidecar: Sidecar, **params: str) -> dict[str, Any]:
    answer = await sidecar.stranger.get("/v1/events", params=params, headers=sidecar.admin)
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_events_are_told_with_the_triggers_that_mention_them(tmp_path: Path) -> None:
    async with running(tmp_path, config=configure(tmp_path)) as sidecar:
        for event in ("cart_updated", "cart_updated", "Product Viewed", "Email Opened", "order_completed"):
            await track(sidecar, event, total=12)
        found = await told(sidecar)
    assert {name: (each["number"], each["triggers"]) for name, each in found["events"].items()} == {
        "cart_updated": (2, ["left"]),
        "order_completed": (1, ["left"]),
        "Product Viewed": (1, []),
        "Email Opened": (1, []),
    }
    assert found["events"]["cart_updated"]["properties"] == {"total": {"number": 2}}
    assert found["unmentioned"] == ["Product Viewed"]
    assert found["never_seen"] == {"product_viewed": {"triggers": ["looks"], "meant": "Product Viewed"}}
    assert found["others"] is None


async def test_a_property_that_a_trigger_asks_for_and_no_event_bears_is_pointed_out(tmp_path: Path) -> None:
    when = 'cart[totl > 1] then no cart[exists(total) and address."zip code" == "8001"] within 1h'
    triggers = f"triggers: {{left: {{when: '{when}'}}, other: {{when: 'sum(cart.totl) > 9 within 1d'}}}}"
    async with running(tmp_path, config=write_config(tmp_path, SETTINGS, triggers, {})) as sidecar:
        await track(sidecar, "cart", total=12, address={"zip code": "8000"})
        cart = (await told(sidecar))["events"]["cart"]
    assert cart["never_seen"] == {"totl": {"triggers": ["left", "other"], "meant": "total"}}


async def test_every_way_in_counts_and_what_is_refused_does_not(tmp_path: Path) -> None:
    async with running(tmp_path, config=configure(tmp_path)) as sidecar:
        batch = [{"type": "page", "userId": "u", "name": "Home"}, {"type": "track", "userId": "u"}]
        assert (await sidecar.client.post("/v1/batch", json={"batch": batch})).is_success
        hook = {"user_id": "u", "event": "add_to_cart", "id": "m1"}
        assert (await sidecar.client.post("/webhook/shop", json=hook)).is_success
        assert (await sidecar.client.post("/v1/identify", json={"userId": "u", "traits": {"plan": "x"}})).is_success
        found = await told(sidecar)
    assert {name: each["number"] for name, each in found["events"].items()} == {"page": 1, "cart": 1}


async def test_counts_and_shapes_go_on_after_a_restart(tmp_path: Path) -> None:
    config = configure(tmp_path)
    async with running(tmp_path, config=config) as sidecar:
        await track(sidecar, "cart_updated", total=12)
        first = (await told(sidecar))["events"]["cart_updated"]
    async with running(tmp_path, config=config) as sidecar:
        assert (await told(sidecar))["events"]["cart_updated"] == first
        await track(sidecar, "cart_updated", total="12")
        second = (await told(sidecar, name="cart_updated"))["events"]["cart_updated"]
    assert (first["number"], second["number"], second["since"]) == (1, 2, first["since"])
    assert second["properties"] == {"total": {"number": 1, "string": 1}}


async def test_who_may_ask_and_for_what(tmp_path: Path) -> None:
    async with running(tmp_path, config=configure(tmp_path)) as sidecar:
        assert (await sidecar.client.get("/v1/events")).status_code == 401
        await track(sidecar, "Product Viewed")
        for name, reason in {
            "product_viewed": "; mentioned by looks; did you mean `Product Viewed`?",
            "cart_updatd": "; did you mean `cart_updated`?",
            "zebra": "",
        }.items():
            answer = await sidecar.stranger.get("/v1/events", params={"name": name}, headers=sidecar.admin)
            assert answer.status_code == 404
            assert answer.json()["error"] == f"no event `{name}` has come in{reason}"


async def test_the_command_tells_it_in_eighty_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configure(tmp_path)
    async with running(tmp_path, config=config) as sidecar:
        monkeypatch.setenv("IMPEL_ADMIN_TOKEN", sidecar.keys.admin_token)
        monkeypatch.setenv("COLUMNS", "80")
        call = partial(events, config=config, url=sidecar.url)
        assert await trio.to_thread.run_sync(call) == 0
        assert "no event has come in yet" in capsys.readouterr().out
        await track(sidecar, "cart_updated", total=1, items=[{"price": 2.5}, {"price": 3}])
        await track(sidecar, "Product Viewed \x1b[31m")
        for name in ("", "cart_updated", "cart_updatd"):
            assert await trio.to_thread.run_sync(partial(call, name)) == (name == "cart_updatd")
    out, err = capsys.readouterr()
    assert "did you mean `cart_updated`?" in err
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "event number last triggers" in lines
    (row,) = (line for line in lines if line.startswith("cart_updated 1 ") and line.endswith(" left"))
    assert row.split()[2] == "now" or row.endswith(" ago left")
    assert "product_viewed mentioned by looks; did you mean `Product Viewed [31m`?" in lines
    assert "items[].price 100 % number" in lines
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 80


def test_an_event_is_one_row_with_its_whole_name_and_those_without_a_row_are_counted() -> None:
    triggers = [f"trigger {n}" for n in range(30)]
    absent = {"totl": {"triggers": ["left"], "meant": "total"}}
    about = {"number": 1_234_567, "last": 0, "triggers": triggers, "violations": {}, "never_seen": absent}
    told = {
        "now": 3 * 86_400_000 + 5,
        "events": {"Product Added to a Wishlist by a Friend": about},
        "unmentioned": [],
        "unplanned": ["Product Added"],
        "never_seen": {"view": {"triggers": ["looks"], "meant": None}},
        "others": {"events": 9_000, "last": 5},
    }
    console = Console(file=StringIO(), width=80)
    show(told, console)
    assert isinstance(console.file, StringIO)
    lines = [" ".join(line.split()) for line in console.file.getvalue().splitlines()]
    assert lines[1].startswith("Product Added to a Wishlist by 1,234,567 3d ago trigger 0, trigger 1")
    assert lines[2:] == [
        "a Friend",
        "and 9,000 events of names that came too seldom to be kept, counted together",
        "has no schema in the tracking plan",
        "Product Added",
        "has not come in, or too seldom",
        "view mentioned by looks",
        "never seen in Product Added to a Wishlist by a Friend",
        "totl mentioned by left; did you mean `total`?",
    ]
