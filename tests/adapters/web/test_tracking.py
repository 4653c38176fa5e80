"""From a mail that a real server took to its opening, and to the click in it: seen once, and only where it may be."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from adapters.feedback.machines import is_machine
from adapters.trail import Trail
from tests.adapters.destinations.servers import MailServer, mail_server
from tests.adapters.running import HeldStore, Sidecar, running, write_config
from tests.adapters.test_sending import ask, consent, ended

PUBLIC = "https://shop.example/impel"
TRIGGERS = """
triggers:
  now: {when: ask, send: hello}
  paid: {when: pay, send: receipt}
  quiet: {when: hush, send: plain}
"""
BODY = """
destination: mail
subject: Hi
html: |
  <body><a href="https://shop.example/cart?a=1&amp;b=2">Cart</a> <a href="mailto:hi@shop.example">Write</a>
  <a href="{{ unsubscribe_url }}">Unsubscribe</a></body>
"""
MESSAGES = {"hello": BODY, "receipt": BODY + "purpose: transactional\n", "plain": BODY + "tracking: false\n"}
SETTINGS = """
public_url: PUBLIC
destinations:
  mail: {kind: smtp, host: 127.0.0.1, port: PORT, security: none, sender: Shop <hello@shop.example>, TRACKING}
"""
TRACKING = "tracking: {opens: true, clicks: true}"
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
APPLE = {"User-Agent": "Mozilla/5.0"}


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as started:
        yield started


@asynccontextmanager
async def shop(
    folder: Path,
    server: MailServer,
    sending: str = "",
    tracking: str = TRACKING,
    store: HeldStore | None = None,
    **traits: object,
) -> AsyncIterator[Sidecar]:
    """A sidecar that sends by the server, and knows Ann."""
    settings = SETTINGS.replace("PUBLIC", PUBLIC).replace("PORT", str(server.port)).replace("TRACKING", tracking)
    config = write_config(folder, settings, TRIGGERS, MESSAGES)
    (config / "sending.yaml").write_text(sending)
    async with running(folder, config=config, store=store) as sidecar:
        known = {"email": "ann@shop.example"} | traits
        await sidecar.client.post("/v1/identify", json={"userId": "u", "traits": known})
        yield sidecar


async def html(sidecar: Sidecar, server: MailServer, event: str = "ask", number: int = 1) -> str:
    """The HTML of a mail that Ann gets upon an event: her so manieth."""
    await ask(sidecar, event)
    assert [each["state"] for each in await ended(sidecar, number)] == ["accepted"] * number
    body = mail(server).get_body(("html",))
    assert body is not None
    return str(body.get_content())


def mail(server: MailServer) -> EmailMessage:
    read = message_from_bytes(server.mails[-1], policy=default)
    assert isinstance(read, EmailMessage)
    return read


def paths(text: str) -> tuple[str, str]:
    """The paths of the image and of the link to the cart."""
    return re.findall(rf'src="{PUBLIC}([^"]+)"', text)[0], re.findall(rf'<a href="{PUBLIC}([^"]+)">Cart', text)[0]


async def told(sidecar: Sidecar, number: int) -> list[dict[str, Any]]:
    """What was seen of mails, once there is so much of it: the events, oldest first."""
    with trio.fail_after(10):
        while True:
            events = (await sidecar.user("u")).json()["recent"]
            seen = [each for each in reversed(events) if each["event"].startswith("Email ")]
            if len(seen) >= number:
                return seen
            await trio.lowlevel.checkpoint()


async def counts(sidecar: Sidecar) -> tuple[int, int]:
    """How many were opened and clicked, of all that has come in."""
    await ask(sidecar, "something else")  # what is acknowledged is written down, and all before it
    answer = await sidecar.stranger.get("/v1/triggers/now/stats", headers=sidecar.admin)
    (arm,) = answer.json()["arms"]
    return arm["opened"], arm["clicked"]


async def test_a_mail_that_is_opened_and_followed_is_attributed_and_counted_once(
    tmp_path: Path, server: MailServer
) -> None:
    async with shop(tmp_path, server) as sidecar:
        text = await html(sidecar, server)
        image, link = paths(text)
        for _ in range(3):
            shown = await sidecar.stranger.get(image, headers=BROWSER)
            assert (shown.status_code, shown.headers["content-type"]) == (200, "image/gif")
            assert shown.headers["cache-control"] == "no-store"
            led = await sidecar.stranger.get(link, headers=BROWSER)
            assert led.status_code == 302
        (message,) = await ended(sidecar, 1)
        target = httpx.URL(led.headers["location"])
        assert (target.path, target.params["b"], target.params["impel_id"]) == ("/cart", "2", message["id"])
        seen = await told(sidecar, 2)
        assert [each["event"] for each in seen] == ["Email Opened", "Email Link Clicked"]
        assert seen[0]["properties"] == {"impel_id": message["id"], "destination": "mail"}
        assert seen[1]["properties"] == {"impel_id": message["id"], "destination": "mail", "link": str(target)}
        assert await counts(sidecar) == (1, 1)


async def test_a_machine_is_marked_and_does_not_count_and_a_person_after_it_does(
    tmp_path: Path, server: MailServer
) -> None:
    async with shop(tmp_path, server) as sidecar:
        image, link = paths(await html(sidecar, server))
        await sidecar.stranger.get(image, headers=APPLE)
        await sidecar.stranger.get(link, headers={"User-Agent": "Mimecast"})
        seen = await told(sidecar, 2)
        assert [each["properties"]["machine"] for each in seen] == [True, True]
        assert await counts(sidecar) == (0, 0)
        await sidecar.stranger.get(image, headers=BROWSER)
        assert "machine" not in (await told(sidecar, 3))[2]["properties"]
        assert await counts(sidecar) == (1, 0)


async def test_head_is_answered_and_is_no_opening(tmp_path: Path, server: MailServer) -> None:
    async with shop(tmp_path, server) as sidecar:
        image, link = paths(await html(sidecar, server))
        assert (await sidecar.stranger.head(image)).status_code == 200
        assert (await sidecar.stranger.head(link)).status_code == 302
        await sidecar.stranger.get(image, headers=BROWSER)
        assert [each["event"] for each in await told(sidecar, 1)] == ["Email Opened"]


async def test_what_is_no_token_of_ours_leads_nowhere(tmp_path: Path, server: MailServer) -> None:
    async with shop(tmp_path, server) as sidecar:
        image, link = paths(await html(sidecar, server))
        forged = Trail("another key", PUBLIC).tracked(
            '<a href="https://evil.example">', "f:m", opens=False, clicks=True
        )
        forged = re.findall(rf"{PUBLIC}(/c/[^\"]+)", forged)[0]
        for wrong in (forged, link[:-2], "/c/https://evil.example", image.replace("/o/", "/c/").removesuffix(".gif")):
            answer = await sidecar.stranger.get(wrong)
            assert answer.status_code == 404
            assert "location" not in answer.headers
        assert (await sidecar.stranger.get(link.replace("/c/", "/o/") + ".gif")).status_code == 404


async def test_only_links_to_the_web_lead_by_way_of_us(tmp_path: Path, server: MailServer) -> None:
    async with shop(tmp_path, server) as sidecar:
        text = await html(sidecar, server)
        assert text.count(f"{PUBLIC}/c/") == text.count(f"{PUBLIC}/o/") == 1
        assert 'href="mailto:hi@shop.example"' in text
        assert f'href="{PUBLIC}/unsubscribe/' in text
        plain = mail(server).get_body(("plain",))
        assert plain is not None
        assert "Cart (https://shop.example/cart?a=1&b=2)" in plain.get_content()


@pytest.mark.parametrize(
    ("event", "tracking"),
    [("hush", TRACKING), ("pay", TRACKING), ("ask", "tracking: {opens: false}"), ("ask", "tracking: {}"), ("ask", "")],
)
async def test_a_mail_that_is_not_to_be_tracked_bears_nothing(
    tmp_path: Path, server: MailServer, event: str, tracking: str
) -> None:
    async with shop(tmp_path, server, tracking=tracking or "attempts: 3") as sidecar:
        text = await html(sidecar, server, event)
        assert f"{PUBLIC}/c/" not in text
        assert "<img" not in text
        assert "https://shop.example/cart?a=1&amp;b=2" in text


CONSENT = "consent: {region_trait: country, opt_out: [US]}\n"


@pytest.mark.parametrize(
    ("traits", "tracked"),
    [
        ({"country": "DE", "consent": {"marketing": True}}, False),
        ({"country": "DE", "consent": {"marketing": True, "tracking": True}}, True),
        ({"country": "US"}, True),
        ({"country": "US", "gpc": True, "consent": {"marketing": True}}, False),
        ({"country": "US", "consent": {"tracking": False}}, False),
    ],
)
async def test_where_people_live_and_what_they_have_said_decides(
    tmp_path: Path, server: MailServer, traits: dict[str, Any], tracked: bool
) -> None:
    async with shop(tmp_path, server, CONSENT, **traits) as sidecar:
        text = await html(sidecar, server)
        assert (f"{PUBLIC}/c/" in text, "<img" in text) == (tracked, tracked)


@pytest.mark.parametrize(("country", "tracked"), [("DE", False), ("US", True)])
async def test_a_region_can_be_left_out_though_the_shop_asks_for_consent_elsewhere(
    tmp_path: Path, server: MailServer, country: str, *, tracked: bool
) -> None:
    async with shop(tmp_path, server, "tracking: {region_trait: country, opt_out: [US]}\n", country=country) as sidecar:
        assert (f"{PUBLIC}/c/" in await html(sidecar, server)) is tracked


async def test_who_says_no_on_the_page_is_not_looked_at_in_old_mails_either(tmp_path: Path, server: MailServer) -> None:
    async with shop(tmp_path, server) as sidecar:
        text = await html(sidecar, server)
        image, link = paths(text)
        page = re.findall(rf"{PUBLIC}(/unsubscribe/[^\"]+)", text)[0].replace("unsubscribe", "preferences")
        shown = (await sidecar.stranger.get(page)).text
        assert 'name="use:tracking" checked' in shown
        saved = await sidecar.stranger.post(page, data={"mail": "on"})
        assert 'name="use:tracking">' in saved.text
        assert (await sidecar.stranger.get(link, headers=BROWSER)).status_code == 302, "it still leads where it should"
        await sidecar.stranger.get(image, headers=BROWSER)
        again = await html(sidecar, server, number=2)
        assert f"{PUBLIC}/c/" not in again
        assert "<img" not in again
        await consent(sidecar, granted=True, purpose="tracking", source="page")
        await sidecar.stranger.get(paths(text)[0], headers=BROWSER)
        assert [each["event"] for each in await told(sidecar, 1)] == ["Email Opened"], "of all that was seen"


async def test_a_preview_bears_nothing_that_would_count(tmp_path: Path, server: MailServer) -> None:
    async with shop(tmp_path, server) as sidecar:
        await html(sidecar, server)
        params = {"message": "hello", "id": "u"}
        shown = await sidecar.stranger.get("/admin/preview", params=params, headers=sidecar.admin)
        assert f"{PUBLIC}/c/" not in shown.json()["fields"]["html"]
        assert shown.json()["fields"]["tracking"] is True


async def test_a_link_leads_on_while_the_engine_recovers_and_is_counted_when_it_has(
    tmp_path: Path, server: MailServer
) -> None:
    store = HeldStore()
    store.may_write.set()
    store.may_read.set()
    async with shop(tmp_path, server, store=store) as sidecar:
        image, link = paths(await html(sidecar, server))
    store.may_read = trio.Event()
    async with running(tmp_path, config=tmp_path / "config", store=store, recovered=False) as sidecar:
        assert (await sidecar.stranger.get("/readyz")).status_code == 503
        assert (await sidecar.stranger.get(link, headers=BROWSER)).status_code == 302
        assert (await sidecar.stranger.get(image, headers=BROWSER)).status_code == 200
        store.may_read.set()
        await sidecar.running.ready.wait()
        assert [each["event"] for each in await told(sidecar, 2)] == ["Email Link Clicked", "Email Opened"]


@pytest.mark.parametrize(
    ("headers", "machine"),
    [
        ({"user-agent": "Mozilla/5.0"}, True),
        ({"user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15"}, False),
        (
            {"user-agent": "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"},
            False,
        ),
        (
            {
                "user-agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
                "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"
            },
            True,
        ),
        ({"user-agent": "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"}, False),
        ({"user-agent": "Mozilla/5.0 (compatible; SafeBot/1.0)"}, True),
        ({"user-agent": "Mozilla/5.0 (Linux; Android 15; CUBOT X70)"}, False),
        ({"user-agent": "Mozilla/5.0 (X11) Firefox/140.0", "sec-purpose": "prefetch"}, True),
        ({"user-agent": ""}, False),
        ({}, False),
    ],
)
def test_what_is_known_to_be_a_machine(headers: dict[str, str], machine: bool) -> None:
    assert is_machine(headers) is machine
