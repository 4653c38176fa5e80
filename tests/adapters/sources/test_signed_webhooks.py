"""Webhooks of any shape that are signed: in a sidecar that runs, by what signs them elsewhere."""

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import pytest
from standardwebhooks import Webhook

from adapters.commands.notices import stderr
from adapters.commands.run import open_shop
from adapters.sources.mapping import Mapped
from tests.adapters.running import Sidecar, running
from tests.adapters.sources.payloads import VECTORS
from tests.adapters.sources.shop import SECRET, config

BODY = {"type": "invoice.paid", "timestamp": "2026-11-27T10:00:00Z", "data": {"user": "u1", "amount": 9}}


@pytest.fixture
async def sidecar(tmp_path: Path) -> AsyncIterator[Sidecar]:
    async with running(tmp_path, config=config(tmp_path)) as one:
        yield one


async def standard(sidecar: Sidecar, message_id: str, body: object = BODY) -> httpx.Response:
    content, now = json.dumps(body), datetime.now(UTC)
    signed = Webhook(VECTORS["standard_webhooks"]["secret"]).sign(message_id, now, content)
    stamp = str(int(now.timestamp()))
    headers = {"webhook-id": message_id, "webhook-timestamp": stamp, "webhook-signature": signed}
    return await sidecar.stranger.post("/webhook/hooks", content=content, headers=headers)


async def stripe(sidecar: Sidecar, body: object, at: float | None = None) -> httpx.Response:
    content, stamp = json.dumps(body).encode(), int(time.time() if at is None else at)
    signed = hmac.digest(SECRET.encode(), f"{stamp}.".encode() + content, hashlib.sha256).hex()
    headers = {"Stripe-Signature": f"t={stamp},v1={signed}"}
    return await sidecar.stranger.post("/webhook/pay", content=content, headers=headers)


async def test_a_standard_webhook_becomes_an_event_once_by_its_id(sidecar: Sidecar) -> None:
    for message_id in ("msg_1", "msg_1", "msg_2"):
        assert (await standard(sidecar, message_id)).json() == {"success": True}
    assert await sidecar.events("u1") == ["invoice.paid", "invoice.paid"]


async def test_a_webhook_signed_as_stripe_signs_becomes_an_event_at_its_second(sidecar: Sidecar) -> None:
    now = int(time.time())
    body = {"id": "evt_1", "created": now - 60, "type": "charge.refunded", "data": {"object": {"customer": "cus_1"}}}
    for _ in range(2):
        assert (await stripe(sidecar, body)).json() == {"success": True}
    user = await sidecar.service.person("cus_1")
    assert user is not None
    assert [(each.name, each.ts) for each in user.recent(9)] == [("charge.refunded", (now - 60) * 1_000)]


async def test_one_that_is_too_old_is_refused(sidecar: Sidecar) -> None:
    answer = await stripe(sidecar, {"id": "evt_2", "type": "x"}, at=time.time() - 301)
    assert (answer.status_code, "more than 300 seconds" in answer.text) == (401, True)


async def test_what_the_mapping_finds_nothing_in_does_not_cost_the_webhook(sidecar: Sidecar) -> None:
    answer = await standard(sidecar, "msg_3", {"type": "account.updated", "data": {}})
    assert answer.status_code == 200
    assert "needs a `userId`" in answer.json()["rejected"][0]["reason"]


async def test_the_write_key_is_no_signature(sidecar: Sidecar) -> None:
    assert (await sidecar.client.post("/webhook/hooks", json=BODY)).status_code == 401


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "shopify"}, "needs `secret:`"),
        ({"kind": "shopify", "secret": {"env": "S"}, "user": "u"}, "give `secret` and `rename` only"),
        ({"kind": "stripe", "user": "u", "name": "n"}, "needs `secret:`"),
        ({"user": "u", "name": "n", "secret": {"env": "S"}}, "say by which `kind:`"),
        ({"kind": "standard", "secret": {"env": "S"}}, "needs `user:` or `anonymous:`"),
    ],
)
def test_an_entry_that_cannot_work_is_an_error_that_says_what_to_do(fields: dict[str, object], said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=said):
        msgspec.convert(fields, Mapped)


@pytest.mark.parametrize(("file", "said"), [("secret", "cannot be read"), ("standard", "is `whsec_` and base64")])
def test_a_secret_that_is_not_there_is_told_at_the_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str, said: str
) -> None:
    folder = config(tmp_path)
    (tmp_path / file).unlink()
    if file == "standard":
        (tmp_path / file).write_text("whsec_not base64")
    assert open_shop(folder, {}, stderr()) is None
    assert said in capsys.readouterr().err.replace("\n", " ")
