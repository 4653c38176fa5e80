"""Unsubscribing in one click, and the page on which a person chooses."""

import re
from pathlib import Path

import pytest
from itsdangerous import TimestampSigner

from adapters.destinations.mail import compose, parse_address
from adapters.web.unsubscribing import GOOD_FOR, Links
from engine.runtime.ports import Delivery
from tests.adapters.running import SETTINGS, Sidecar, running, write_config
from tests.adapters.test_sending import ask, become, ended

PUBLIC = "https://shop.example/impel"
TRIGGERS = "triggers:\n  now: {when: ask, send: [hello, receipt]}\n"
MESSAGES = {
    "hello": "destination: kept\nsubject: Hi\ntext: 'Leave: {{ unsubscribe_url }}'\ntags: [news]\n",
    "receipt": "destination: kept\nsubject: Paid\ntext: Thanks\npurpose: transactional\n",
}
ANN = {"email": "ann@shop.example"}


def configure(folder: Path, sending: str = "") -> Path:
    config = write_config(folder, SETTINGS + f"public_url: {PUBLIC}\n", TRIGGERS, MESSAGES)
    (config / "sending.yaml").write_text(sending)
    return config


async def link(sidecar: Sidecar, kind: str = "unsubscribe") -> str:
    """The path of the person's link, out of a mail that they were sent."""
    await sidecar.client.post("/v1/identify", json={"userId": "u", "traits": ANN})
    params = {"message": "hello", "id": "u"}
    shown = (await sidecar.stranger.get("/admin/preview", params=params, headers=sidecar.admin)).json()["fields"]
    assert shown["text"].strip() == f"Leave: {shown['unsubscribe']}"
    assert shown["unsubscribe"].startswith(f"{PUBLIC}/unsubscribe/")
    return str(shown["unsubscribe"]).removeprefix(PUBLIC).replace("unsubscribe", kind)


async def test_one_click_is_enough_and_looking_is_none(tmp_path: Path) -> None:
    async with running(tmp_path, config=configure(tmp_path)) as sidecar:
        path = await link(sidecar)
        looked = await sidecar.stranger.get(path)
        assert looked.status_code == 200
        assert '<form method="post">' in looked.text
        await ask(sidecar)
        await become(sidecar, ["accepted", "accepted"])
        answer = await sidecar.stranger.post(path, data={"List-Unsubscribe": "One-Click"})
        assert (answer.status_code, "You are unsubscribed" in answer.text) == (200, True)
        await ask(sidecar)
        await become(sidecar, ["accepted", "accepted", "dropped", "accepted"])
        assert (await ended(sidecar, 4))[2]["gate"] == "suppression", "and a receipt still comes"


async def test_choices_are_saved_and_shown(tmp_path: Path) -> None:
    async with running(tmp_path, config=configure(tmp_path, "consent: opt-in\n")) as sidecar:
        path = await link(sidecar, "preferences")

        async def ticked() -> set[str]:
            text = (await sidecar.stranger.get(path)).text
            return set(re.findall(r'name="([^"]+)" checked', text))

        assert await ticked() == {"mail", "list:news"}, "nothing was said of marketing yet"
        answer = await sidecar.stranger.post(path, data={"mail": "on", "use:marketing": "on"})
        assert "Saved." in answer.text
        assert await ticked() == {"mail", "use:marketing"}
        told = (await sidecar.user("u")).json()["consents"]["marketing"]
        assert (told["granted"], told["source"]) == (True, "the person")
        await ask(sidecar)
        await become(sidecar, ["dropped", "accepted"])
        await sidecar.stranger.post(path, data={"mail": "on", "use:marketing": "on", "list:news": "on"})
        await ask(sidecar)
        await become(sidecar, ["dropped", "accepted", "accepted", "accepted"])


async def test_a_link_that_is_not_ours_or_too_old_opens_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, config=configure(tmp_path)) as sidecar:
        path = await link(sidecar)
        forged = Links("another key", PUBLIC).of("k:u")["unsubscribe_url"].removeprefix(PUBLIC)
        for wrong in (path[:-1], path + "x", forged, "/unsubscribe/x"):
            assert (await sidecar.stranger.post(wrong)).status_code == 404
        now = TimestampSigner("x").get_timestamp()
        monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: now + GOOD_FOR + 5)
        assert (await sidecar.stranger.post(path)).status_code == 404
        monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: now + GOOD_FOR - 60)
        assert (await sidecar.stranger.post(path)).status_code == 200


async def test_pages_tell_their_address_to_nobody(tmp_path: Path) -> None:
    async with running(tmp_path, config=configure(tmp_path)) as sidecar:
        headers = (await sidecar.stranger.get(await link(sidecar))).headers
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]


def test_the_mail_bears_the_persons_own_link_in_its_header() -> None:
    fields = {"to": "ann@shop.example", "text": "x", "unsubscribe": f"{PUBLIC}/unsubscribe/abc"}
    delivery = Delivery("f:m", "t", "u", 0, "m", fields)
    others = ("https://old.example/?u={{ user }}", "mailto:leave@shop.example")
    mail = compose(delivery, parse_address("shop@shop.example"), others)
    assert mail["List-Unsubscribe"] == f"<{PUBLIC}/unsubscribe/abc>, <mailto:leave@shop.example>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_without_a_public_address_there_are_no_links() -> None:
    assert Links("key", "").of("k:u") == {}
