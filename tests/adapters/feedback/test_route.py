"""`POST /feedback/NAME`, of a sidecar that really runs."""

import hmac
import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.adapters.running import SETTINGS, Sidecar, running, write_config

SIGNS = "klaviyo-signs-with-this"
STAMP = "2026-11-23T10:00:00+00:00"
MAILED = """destinations:
  news: {kind: klaviyo, key: {env: KLAVIYO_KEY}, feedback: {env: KLAVIYO_SIGNS}}
  kept: {kind: memory}"""


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KLAVIYO_KEY", "pk_1")
    monkeypatch.setenv("KLAVIYO_SIGNS", SIGNS)


def configure(folder: Path) -> Path:
    settings = SETTINGS.replace("destinations: {kept: {kind: memory}}", MAILED)
    assert MAILED in settings
    return write_config(folder, settings)


async def report(
    sidecar: Sidecar, *events: Mapping[str, Any], signs: str = SIGNS, name: str = "news"
) -> httpx.Response:
    body = json.dumps({"data": events, "meta": {"klaviyo_webhook_id": "W"}}).encode()
    signature = hmac.new(signs.encode(), body + STAMP.encode(), sha256).hexdigest()
    headers = {"Klaviyo-Signature": signature, "Klaviyo-Timestamp": STAMP, "Klaviyo-Webhook-Id": "W"}
    return await sidecar.stranger.post(f"/feedback/{name}", content=body, headers=headers)


def said(topic: str, address: str = "ann@shop.example", **more: Any) -> dict[str, Any]:
    properties = {"Recipient Email Address": address} | more
    payload = {"data": {"attributes": {"datetime": STAMP, "event_properties": properties}}}
    return {"external_id": f"{topic}:{address}", "topic": f"event:klaviyo.{topic}", "payload": payload}


async def test_a_bounce_suppresses_the_address_at_once(tmp_path: Path) -> None:
    async with running(tmp_path, config=configure(tmp_path)) as sidecar:
        soft = said("bounced_email", "bob@shop.example", **{"Bounce Type": "Soft"})
        answer = await report(
            sidecar, said("bounced_email", "Ann@Shop.example"), soft, said("received_email"), said("other")
        )
        assert answer.json() == {"success": True, "taken": 3, "passed_over": 1}
        marks = sidecar.service.addresses.marks
        assert marks.keys() == {"ann@shop.example"}
        (mark,) = marks["ann@shop.example"].values()
        assert (mark.why, mark.source) == ("bounced", "news")


async def test_what_is_not_signed_by_the_service_changes_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, config=configure(tmp_path)) as sidecar:
        answer = await report(sidecar, said("bounced_email"), signs="guessed")
        assert answer.status_code == 401
        assert sidecar.service.addresses.marks == {}
        assert (await report(sidecar, name="kept")).status_code == 404
        assert (await sidecar.stranger.get("/feedback/news")).status_code == 200


async def test_what_is_told_again_is_not_written_again_and_the_stricter_of_two_stays(tmp_path: Path) -> None:
    async with running(tmp_path, config=configure(tmp_path)) as sidecar:
        service, topics = sidecar.service, ("unsubscribed_from_email_marketing", "bounced_email")
        for topic in topics:
            before = service.journal.commits
            await report(sidecar, said(topic))
            assert service.journal.commits > before
        for topic in topics:
            before = service.journal.commits
            assert (await report(sidecar, said(topic))).json()["taken"] == 1
            assert service.journal.commits == before
        (mark,) = service.addresses.marks["ann@shop.example"].values()
        assert mark.why == "bounced"
