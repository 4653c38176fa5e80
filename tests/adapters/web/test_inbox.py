"""The inbox page's routes: what is told, to whom, and how a mail is framed."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.adapters.running import Sidecar, running, write_config

SETTINGS = "destinations: {mail: {kind: inbox}, site: {kind: inbox}, there: {kind: memory}}\n"
TRIGGERS = """
triggers:
  left: {when: cart, per: cart_id, cooldown: 1m, send: reminder}
  looked: {when: view, cooldown: 1m, send: [advice, note]}
  told: {when: told, cooldown: 1m, send: elsewhere}
"""
MESSAGES = {
    "reminder": "destination: mail\nsubject: Your cart\nhtml: '<html><head></head><body><a href=\"https://shop.example/c"
    "art\">{{ event.item }}</a></body></html>'\nutm: false\n",
    "advice": "destination: site\ndata: {show: advice, seconds: '{{ event.seconds }}'}\n",
    "note": "destination: mail\nsubject: A note\ntext: 'Only text'\n",
    "elsewhere": "destination: there\ndata: {a: 1}\n",
}
SENDING = "caps: [2 per 1h]\n"


def configured(folder: Path, settings: str = SETTINGS) -> Path:
    config = write_config(folder, settings, TRIGGERS, MESSAGES)
    (config / "sending.yaml").write_text(SENDING)
    return config


@pytest.fixture
async def sidecar(tmp_path: Path) -> AsyncIterator[Sidecar]:
    async with running(tmp_path, config=configured(tmp_path)) as one:
        yield one


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Sidecar]:
    async with running(tmp_path, config=configured(tmp_path), demo=True) as one:
        yield one


async def happen(sidecar: Sidecar, event: str, user: str = "u1", **properties: Any) -> None:
    """Tell an event of somebody who may be written to, and wait until all that came of it is sent and written down."""
    traits = {"email": f"{user}@shop.example", "consent": {"marketing": True}}
    await sidecar.client.post("/v1/identify", json={"userId": user, "traits": traits})
    await sidecar.client.post("/v1/track", json={"userId": user, "event": event, "properties": properties})
    await sidecar.service.outbox.rested()
    await sidecar.service.journal.flushed()


async def told(sidecar: Sidecar, **params: str) -> dict[str, Any]:
    answer = await sidecar.stranger.get("/inbox/messages", params=params, headers=sidecar.admin)
    assert answer.status_code == 200
    return dict(answer.json())


async def test_a_mail_is_told_with_its_reason_and_framed_without_scripts(sidecar: Sidecar) -> None:
    await happen(sidecar, "cart", cart_id="c1", item="<b>Boots</b>")
    [message] = (await told(sidecar))["messages"]
    assert (message["trigger"], message["per"], message["user"], message["state"]) == ("left", "c1", "u1", "accepted")
    assert (message["content"]["to"], message["content"]["subject"]) == ("u1@shop.example", "Your cart")
    frame = await sidecar.stranger.get(message["content"]["frame"])
    assert "&lt;b&gt;Boots&lt;/b&gt;" in frame.text
    assert 'href="https://shop.example/cart"' in frame.text
    policy = frame.headers["Content-Security-Policy"]
    assert "sandbox allow-popups" in policy
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert frame.headers["Cache-Control"] == "no-store"


async def test_a_text_and_other_data_are_told_as_they_are(sidecar: Sidecar) -> None:
    await happen(sidecar, "view", seconds=45)
    content = {each["message"]: each["content"] for each in (await told(sidecar))["messages"]}
    assert content["note"]["text"] == "Only text"
    assert content["advice"] == {"data": {"show": "advice", "seconds": 45}}


async def test_what_is_held_is_told_with_its_gate_and_until_when(sidecar: Sidecar) -> None:
    await happen(sidecar, "view", seconds=45)
    await happen(sidecar, "cart", cart_id="c1", item="Boots")
    held = next(each for each in (await told(sidecar))["messages"] if each["state"] == "held")
    assert (held["gate"], held["message"]) == ("cap", "reminder")
    assert held["due"] > (await told(sidecar))["now"] + 3_000_000
    assert "content" not in held


async def test_only_what_goes_to_an_inbox_is_told_of_the_shop(sidecar: Sidecar) -> None:
    await happen(sidecar, "told")
    assert (await told(sidecar))["messages"] == []


async def test_the_messages_of_one_person_can_be_asked_for(sidecar: Sidecar) -> None:
    await happen(sidecar, "cart", "u1", cart_id="c1", item="Boots")
    await happen(sidecar, "cart", "u2", cart_id="c2", item="Socks")
    assert [each["user"] for each in (await told(sidecar, user="u2"))["messages"]] == ["u2"]
    assert len((await told(sidecar))["messages"]) == 2


async def test_why_it_was_sent_is_told_of_the_very_firing(sidecar: Sidecar) -> None:
    await happen(sidecar, "cart", cart_id="c1", item="Boots")
    [message] = (await told(sidecar))["messages"]
    answer = await sidecar.stranger.get(f"/inbox/why/{message['id']}", headers=sidecar.admin)
    found = answer.json()
    assert (found["trigger"], found["when"]) == ("left", "cart")
    [firing] = [each for each in found["watches"][0]["firings"] if each["id"] == found["firing"]]
    assert firing["messages"][0]["id"] == message["id"]
    assert (await sidecar.stranger.get("/inbox/why/nothing", headers=sidecar.admin)).status_code == 404


async def test_what_is_personal_needs_the_admin_token_and_the_page_says_nothing(sidecar: Sidecar) -> None:
    await happen(sidecar, "cart", cart_id="c1", item="Boots")
    for path in ("/inbox/messages", "/inbox/messages?space=sandbox", "/inbox/why/x"):
        assert (await sidecar.stranger.get(path)).status_code == 401
        assert (await sidecar.client.get(path)).status_code == 401, "the write key is no token"
    assert (await sidecar.stranger.get("/inbox/mail/guessed")).status_code == 404
    for path in ("/inbox", "/inbox/inbox.js", "/inbox/inbox.css"):
        page = await sidecar.stranger.get(path)
        assert page.status_code == 200
        assert "Boots" not in page.text
        assert "unsafe" not in page.headers["Content-Security-Policy"]


async def test_an_unknown_space_or_file_is_not_there(sidecar: Sidecar) -> None:
    answer = await sidecar.stranger.get("/inbox/messages?space=attic", headers=sidecar.admin)
    assert (answer.status_code, answer.json()["error"]) == (404, "`space` is one of shop, sandbox")
    assert (await sidecar.stranger.get("/inbox/..%2finbox.py")).status_code == 404
    assert (await sidecar.stranger.get("/inbox/inbox.html")).status_code == 404


async def test_without_an_inbox_among_the_destinations_there_is_the_sandbox_only(tmp_path: Path) -> None:
    config = configured(tmp_path, SETTINGS.replace("kind: inbox", "kind: memory"))
    async with running(tmp_path, config=config) as sidecar:
        assert (await told(sidecar))["spaces"] == ["sandbox"]


async def test_a_demo_on_this_machine_needs_no_token(demo: Sidecar) -> None:
    await happen(demo, "cart", cart_id="c1", item="Boots")
    said = (await demo.stranger.get("/inbox/messages")).json()
    assert said["spaces"] == ["shop", "sandbox"]
    frame = await demo.stranger.get(said["messages"][0]["content"]["frame"])
    assert 'href="/shop/cart"' in frame.text, "shop.example is nobody's"


@pytest.mark.parametrize(
    "host", ["shop.example", "127.0.0.1.shop.example", "localhost.shop.example:80", "[::1].example"]
)
async def test_a_page_that_lets_its_name_lead_to_this_machine_is_told_nothing(demo: Sidecar, host: str) -> None:
    assert (await demo.stranger.get("/inbox/messages", headers={"Host": host})).status_code == 401


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8808", "[::1]:8808"])
async def test_this_machine_is_known_by_its_own_names(demo: Sidecar, host: str) -> None:
    assert (await demo.stranger.get("/inbox/messages", headers={"Host": host})).status_code == 200


async def test_a_demo_that_others_reach_asks_for_the_token(tmp_path: Path) -> None:
    config = configured(tmp_path, SETTINGS + "host: 0.0.0.0\n")
    async with running(tmp_path, config=config, demo=True) as sidecar:
        assert (await sidecar.stranger.get("/inbox/messages")).status_code == 401
        assert (await sidecar.stranger.get("/inbox/messages", headers=sidecar.admin)).status_code == 200


async def test_the_demo_shop_is_served_by_the_demo_only(demo: Sidecar, tmp_path: Path) -> None:
    for path in ("/shop/", "/shop/product/boots", "/shop/cart", "/shop/checkout", "/shop/account", "/shop/shop.js"):
        page = await demo.stranger.get(path)
        assert page.status_code == 200
        assert "unsafe" not in page.headers["Content-Security-Policy"]
    front = await demo.stranger.get("/shop/")
    assert f'<script src="/impel.js" data-key="{demo.keys.write_key}" defer>' in front.text
    assert (await demo.stranger.get("/shop/product/hats")).status_code == 404


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/", "/shop/"),
        ("/shop/products?id=boots", "/shop/product/boots"),
        ("/shop/products?id=//elsewhere.example", "/shop/"),
        ("/shop/tents", "/shop/"),
        ("/shop/unsubscribe?u=u1", "/shop/account"),
    ],
)
async def test_links_in_the_demos_mails_lead_into_the_shop(demo: Sidecar, path: str, leads_to: str) -> None:
    assert (await demo.stranger.get(path)).headers["Location"] == leads_to


async def test_without_the_demo_there_is_no_shop(sidecar: Sidecar) -> None:
    answers: list[httpx.Response] = [await sidecar.stranger.get(path) for path in ("/", "/shop/")]
    assert [each.status_code for each in answers] == [404, 404]
