"""From a mail through SendGrid to its opening: reported, attributed, and counted once."""

import base64
import hmac
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.adapters.running import Sidecar, running, write_config
from tests.adapters.services.sendgrid import TEMPLATE
from tests.adapters.test_sending import ask, ended
from tests.simulators.base import served
from tests.simulators.klaviyo import Klaviyo
from tests.simulators.sendgrid import Sendgrid

TRIGGERS = "triggers:\n  now: {when: ask, send: hello}\n"
MESSAGES = {"hello": f"destination: mail\ndata: {{to: '{{{{ profile.email }}}}', template: {TEMPLATE}}}\n"}
SETTINGS = """
destinations:
  mail:
    kind: sendgrid
    key: {env: SENDGRID_KEY}
    sender: shop@shop.example
    url: URL
    feedback: {env: SENDGRID_SIGNS}
"""


KLAVIYO_MESSAGES = {
    "hello": "destination: news\ndata: {metric: Asked, profile: {email: '{{ profile.email }}'}}\n",
}
KLAVIYO = """
destinations:
  news: {kind: klaviyo, key: {env: KLAVIYO_KEY}, feedback: {env: KLAVIYO_SIGNS}, url: URL}
"""


class Reporter:
    """SendGrid's Event Webhook."""

    def __init__(self) -> None:
        self._key: EllipticCurvePrivateKey = generate_private_key(SECP256R1())
        public = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.public = base64.b64encode(public).decode()

    async def report(self, sidecar: Sidecar, *events: Mapping[str, Any]) -> httpx.Response:
        body, stamp = json.dumps(events).encode(), str(int(time.time()))
        signature = base64.b64encode(self._key.sign(stamp.encode() + body, ECDSA(SHA256()))).decode()
        headers = {
            "X-Twilio-Email-Event-Webhook-Signature": signature,
            "X-Twilio-Email-Event-Webhook-Timestamp": stamp,
        }
        return await sidecar.stranger.post("/feedback/mail", content=body, headers=headers)


async def opened(sidecar: Sidecar, address: str, number: int, *, seconds_ago: int = 0) -> None:
    """Klaviyo tells that somebody opened some mail; it says whose address that is, and not which mail."""
    at = (datetime.now(UTC) - timedelta(seconds=seconds_ago)).isoformat(timespec="seconds")
    said = {"datetime": at, "event_properties": {"Recipient Email Address": address}}
    event = {
        "external_id": f"e{number}",
        "topic": "event:klaviyo.opened_email",
        "payload": {"data": {"attributes": said}},
    }
    body = json.dumps({"data": [event], "meta": {"klaviyo_webhook_id": "W"}}).encode()
    signature = hmac.new(b"signs", body + at.encode(), sha256).hexdigest()
    headers = {"Klaviyo-Signature": signature, "Klaviyo-Timestamp": at, "Klaviyo-Webhook-Id": "W"}
    answer = await sidecar.stranger.post("/feedback/news", content=body, headers=headers)
    assert answer.status_code == 200


async def test_what_is_told_of_an_address_belongs_to_the_latest_message_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator = Klaviyo()
    monkeypatch.setenv("KLAVIYO_KEY", "pk_1")
    monkeypatch.setenv("KLAVIYO_SIGNS", "signs")
    async with served(simulator) as url:
        config = write_config(tmp_path, KLAVIYO.replace("URL", url), TRIGGERS, KLAVIYO_MESSAGES)
        async with running(tmp_path, config=config) as sidecar:
            traits = {"email": "ann@shop.example"}
            await sidecar.client.post("/v1/identify", json={"userId": "u", "traits": traits})
            await opened(sidecar, "ann@shop.example", 0)
            assert await sidecar.events("u") == [], "nothing was sent yet"
            await ask(sidecar)
            (first,) = await ended(sidecar, 1)
            await opened(sidecar, "ann@shop.example", 1, seconds_ago=3_600)
            await opened(sidecar, "bob@shop.example", 2)
            assert await sidecar.events("u") == ["ask"], "before it was sent, and of another"
            for _ in range(2):
                await opened(sidecar, " Ann@Shop.example", 3)
            assert sorted(await sidecar.events("u")) == ["Email Opened", "ask"]
            await ask(sidecar)
            (_, second) = await ended(sidecar, 2)
            await opened(sidecar, "ann@shop.example", 4)
            told = (await sidecar.user("u")).json()["recent"]
            about = [each["properties"]["impel_id"] for each in told if each["event"] == "Email Opened"]
            assert set(about) == {first["id"], second["id"]}
            arms = (await sidecar.stranger.get("/v1/triggers/now/stats", headers=sidecar.admin)).json()["arms"]
            assert [(each["accepted"], each["opened"]) for each in arms] == [(2, 2)]


async def test_what_came_of_a_mail_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reporter, simulator = Reporter(), Sendgrid()
    monkeypatch.setenv("SENDGRID_KEY", "SG.1")
    monkeypatch.setenv("SENDGRID_SIGNS", reporter.public)
    async with served(simulator) as url:
        config = write_config(tmp_path, SETTINGS.replace("URL", url), TRIGGERS, MESSAGES)
        async with running(tmp_path, config=config) as sidecar:
            traits = {"email": "ann@shop.example"}
            await sidecar.client.post("/v1/identify", json={"userId": "u", "traits": traits})
            await ask(sidecar)
            (sent,) = await ended(sidecar, 1)
            assert sent["state"] == "accepted"
            (mail,) = simulator.effects
            returned = mail["personalizations"][0]["custom_args"]
            returned |= {"email": "ann@shop.example", "timestamp": int(time.time())}
            kinds = ("delivered", "open", "open", "click", "spamreport")
            events = [returned | {"event": kind, "sg_event_id": f"e-{kind}"} for kind in kinds]
            for _ in range(2):  # it reports again what it is not sure to have reported
                assert (await reporter.report(sidecar, *events)).status_code == 200
            assert (await sidecar.events("u")).count("Email Opened") == 1
            answer = await sidecar.stranger.get("/v1/triggers/now/stats", headers=sidecar.admin)
            (arm,) = answer.json()["arms"]
            counts = {name: arm[name] for name in ("fired", "accepted", "delivered", "opened", "clicked")}
            assert set(counts.values()) == {1}
            await ask(sidecar)
            (_, second) = await ended(sidecar, 2)
            assert (second["state"], second["gate"]) == ("dropped", "suppression"), "who complained gets no more"
