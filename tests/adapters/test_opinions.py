"""Second opinions: what the vendors' own libraries think of what we write, and of what we take for genuine.

They are asked where they are installed: `make opinions` does that.
"""

import base64
import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from adapters.feedback import signatures
from adapters.signing import NotGenuine, Post
from tests.adapters.feedback.test_signatures import NOW, VECTORS
from tests.adapters.services import klaviyo
from tests.adapters.services.test_klaviyo_history import account, entries, opened, past

WHY = "the vendors' libraries are not installed: `make opinions`"
URL = "https://hooks.shop.example/feedback/there"
BODIES = (b"[]", b'[{"event":"open","email":"ann@shop.example"}]\r\n', '[{"name":"Zoë"}]'.encode(), b"x" * 5_000)

Told = Callable[[Any], Any]


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in klaviyo.KEYS.items():
        monkeypatch.setenv(name, value)


def reading(module: str, name: str) -> Told:
    """What a model of Klaviyo's library makes of a body: it raises, or leaves out what it does not know."""
    model = getattr(pytest.importorskip(f"openapi_client.models.{module}", reason=WHY), name)
    return lambda body: _said(json.loads(json.dumps(model.from_dict(body).to_dict(), default=_iso)))


def _said(read: Any) -> Any:
    """Without what is null: it says so of all that is not there."""
    if isinstance(read, dict):
        return {name: _said(value) for name, value in read.items() if value is not None}
    return [_said(each) for each in read] if isinstance(read, list) else read


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def written(number: int, *, history: bool) -> Any:
    """The body of the request that tells Klaviyo of messages."""
    async with opened() as (destination, simulator):
        if history:
            await destination.record(past(number), account())
        else:
            await destination.send(past(1)[0])
        (asked,) = simulator.asked
        return asked.json


async def test_klaviyo_reads_each_event_as_it_was_written() -> None:
    read = reading("event_create_query_v2", "EventCreateQueryV2")
    for body in (await written(1, history=False), await written(1, history=True)):
        attributes = body["data"]["attributes"]
        attributes.setdefault("backfill", False)  # it says what we leave out
        assert read(body) == body


async def test_klaviyo_reads_many_events_as_they_were_written() -> None:
    read = reading("events_bulk_create_job", "EventsBulkCreateJob")
    body = await written(3, history=True)
    assert len(entries(body)) == 3
    assert read(body) == body


@pytest.mark.parametrize(
    "change",
    [
        lambda entry: entry.pop("profile"),
        lambda entry: entry.pop("events"),
        lambda entry: entry.update(backfil=True),
        lambda entry: entry["events"]["data"][0]["attributes"].pop("metric"),
        lambda entry: entry["events"]["data"][0]["attributes"].update(uniqueid="x"),
        lambda entry: entry["events"]["data"][0]["attributes"].update(value="much"),
        lambda entry: entry["events"]["data"][0].update(type="events"),
    ],
)
async def test_klaviyo_does_not_read_what_is_written_wrong(change: Told) -> None:
    read = reading("events_bulk_create_job", "EventsBulkCreateJob")
    body = await written(2, history=True)
    change(entries(body)[0]["attributes"])
    try:
        found = read(body)
    except (ValueError, TypeError, AttributeError):
        return
    assert found != body


def genuine(kind: str, post: Post, secret: str) -> bool:
    """Our own opinion."""
    try:
        signatures.CHECKS[kind](post, secret)
    except NotGenuine:
        return False
    return True


def flipped(body: bytes, place: int) -> bytes:
    return body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]


def test_hubspot_signs_as_we_check() -> None:
    theirs = pytest.importorskip("hubspot.utils.signature", reason=WHY).Signature
    stamp = str(round(time.time() * 1_000))
    for body in BODIES:
        signed = theirs.get_signature("s3cret", body.decode(), "v3", URL, "POST", stamp)
        headers = {"X-HubSpot-Signature-v3": signed, "X-HubSpot-Request-Timestamp": stamp}
        for told in (body, flipped(body, 0), flipped(body, len(body) - 1)):
            post = Post(headers, told, URL, time.time())
            valid = theirs.is_valid(signed, "s3cret", told.decode(), URL, "POST", "v3", stamp)
            assert genuine("hubspot", post, "s3cret") is valid is (told == body)
            assert not genuine("hubspot", post, "other")
    vector = VECTORS["hubspot"]
    stamp = vector["headers"]["X-HubSpot-Request-Timestamp"]
    signed = theirs.get_signature(vector["secret"], vector["body"], "v3", vector["url"], "POST", stamp)
    assert signed == vector["headers"]["X-HubSpot-Signature-v3"]


def _sendgrid_valid(headers: Mapping[str, str], body: bytes, key: str) -> bool:
    theirs = pytest.importorskip("sendgrid.helpers.eventwebhook", reason=WHY)
    named = theirs.EventWebhookHeader
    return bool(
        theirs.EventWebhook(key).verify_signature(body.decode(), headers[named.SIGNATURE], headers[named.TIMESTAMP])
    )


def test_sendgrid_takes_the_same_reports_for_its_own() -> None:
    vector = VECTORS["sendgrid"]
    body = vector["body"].encode()
    reports = [(vector["headers"], body, vector["secret"])]
    for content in BODIES:
        private = ec.generate_private_key(ec.SECP256R1())
        signed = private.sign(f"{NOW}".encode() + content, ec.ECDSA(SHA256()))
        public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        name = "X-Twilio-Email-Event-Webhook"
        headers = {f"{name}-Signature": base64.b64encode(signed).decode(), f"{name}-Timestamp": f"{NOW}"}
        reports.append((headers, content, base64.b64encode(public).decode()))
    for headers, content, key in reports:
        for told in (content, flipped(content, 0), flipped(content, len(content) - 1)):
            valid = _sendgrid_valid(headers, told, key)
            assert genuine("sendgrid", Post(headers, told, URL, NOW), key) is valid is (told == content)
    assert not _sendgrid_valid(reports[0][0], body, reports[1][2])
