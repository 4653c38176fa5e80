"""The webhook, against a real server."""

import json
import re
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import msgspec
import pytest
from ruamel.yaml import YAML

from adapters.destinations import DestinationSettings, build
from adapters.destinations.webhook import WebhookSettings
from adapters.secrets import Secret, SecretError
from engine.runtime.ports import Delivery, DeliveryError, Rejected, Unavailable, Unclear
from tests.adapters.destinations.servers import web_server


def answer(status: str, **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n{lines}\r\n".encode()


async def attempt(raw: bytes | None, delivery: Delivery, seconds: float = 10) -> None:
    async with web_server() as server, build("w", WebhookSettings(server.url, timeout=seconds)) as webhook:
        server.answer = raw
        try:
            await webhook.send(delivery)
        except DeliveryError as error:
            failure = error
        else:
            return
    raise failure  # outside the server's nursery, which would wrap it


async def test_the_request_bears_the_fields_and_the_key(delivery: Delivery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_TOKEN", "Bearer s3cret\n")
    async with web_server() as server:
        settings = WebhookSettings(server.url, headers={"Authorization": Secret(env="HOOK_TOKEN"), "X-Shop": "a"})
        async with build("hook", settings) as webhook:
            await webhook.send(delivery)
            await webhook.send(delivery)
    headers, body = server.requests[0]
    assert json.loads(body) == {
        "id": "k1",
        "trigger": "cart",
        "user": "u1",
        "at": "2026-01-02T03:04:05.678Z",
        "message": "reminder",
        "data": dict(delivery.data),
    }
    assert headers["idempotency-key"] == "k1"
    assert headers["authorization"] == "Bearer s3cret"
    assert headers["x-shop"] == "a"
    assert headers["content-type"] == "application/json"
    assert server.requests[1] == server.requests[0]
    assert server.connections == 1


@pytest.mark.parametrize("status", ["400 Bad Request", "401 No", "404 Not Found", "422 Unprocessable"])
async def test_a_client_error_is_final(delivery: Delivery, status: str) -> None:
    with pytest.raises(Rejected, match=status[:3]):
        await attempt(answer(status), delivery)


@pytest.mark.parametrize("status", ["408 Timeout", "429 Slow down", "500 Oops", "503 Busy"])
async def test_busy_servers_are_tried_again(delivery: Delivery, status: str) -> None:
    with pytest.raises(Unavailable, match=status[:3]) as caught:
        await attempt(answer(status), delivery)
    assert caught.value.retry_after is None


NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry_After": "7"}, 7),
        ({"Retry_After": format_datetime(NOW + timedelta(seconds=90), usegmt=True), "Date": format_datetime(NOW)}, 90),
        ({"Retry_After": format_datetime(NOW, usegmt=True)}, 0),
        ({"Retry_After": "soon"}, None),
        ({"Retry_After": "-1"}, None),
    ],
)  # fmt: skip
async def test_the_server_says_when_to_come_back(
    delivery: Delivery, headers: dict[str, str], seconds: float | None
) -> None:
    with pytest.raises(Unavailable) as caught:
        await attempt(answer("429 Slow down", **headers), delivery)
    if "Date" in headers or seconds != 0:
        assert caught.value.retry_after == seconds
    else:  # against this machine's clock, whatever it says
        assert caught.value.retry_after is not None
        assert caught.value.retry_after >= 0


async def test_redirects_are_not_followed(delivery: Delivery) -> None:
    with pytest.raises(Rejected, match="set `url` to the final address"):
        await attempt(answer("302 Found", Location="https://elsewhere.example/"), delivery)


async def test_what_cannot_be_reached_is_tried_again(delivery: Delivery) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with build("w", WebhookSettings(f"http://127.0.0.1:{port}/")) as webhook:
        with pytest.raises(Unavailable, match="ConnectError"):
            await webhook.send(delivery)


async def test_no_answer_in_time_is_unclear(delivery: Delivery) -> None:
    with pytest.raises(Unclear, match=r"no answer within 0\.1 s"):
        await attempt(None, delivery, seconds=0.1)


@pytest.mark.parametrize("raw", [b"HTTP/1.1 200 O", b"what?\r\n\r\n"])
async def test_a_broken_answer_is_unclear(delivery: Delivery, raw: bytes) -> None:
    with pytest.raises(Unclear):
        await attempt(raw, delivery, seconds=0.2)


async def test_a_broken_body_does_not_unsend(delivery: Delivery) -> None:
    await attempt(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope", delivery)


async def test_data_that_is_not_json_is_rejected(delivery: Delivery) -> None:
    with pytest.raises(Rejected, match="cannot be written as JSON"):
        await attempt(answer("200 OK"), replace(delivery, data={"x": object()}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{kind: webhook, url: 'ftp://x'}", "not an http or https address"),
        ("{kind: webhook, url: 'https://me:pw@shop.example'}", "password does not belong"),
        ("{kind: webhook, url: 'https://x', timeout: 0}", "more than 0"),
        ("{kind: webhook, url: 'https://x', headers: {'a b': c}}", "not a header"),
        ("{kind: webhook, url: 'https://x', headers: {a: {env: A, file: b}}}", "{env: NAME} or as {file: PATH}"),
        ("{kind: webhook, url: 'https://x', retries: 3}", "unknown field `retries`"),
        ("{kind: carrier-pigeon}", "Invalid value 'carrier-pigeon'"),
    ],
)
def test_faulty_settings_are_refused(text: str, said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=re.escape(said)):
        msgspec.convert(YAML(typ="safe", pure=True).load(text), DestinationSettings)


def test_a_secret_comes_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cret\n", "utf-8")
    assert Secret(file=str(tmp_path / "key")).read() == "s3cret"


@pytest.mark.parametrize(("content", "said"), [(b"", "is empty"), (b"a\nb", "not one line"), (b"\xff", "not UTF-8")])
def test_a_faulty_secret_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(SecretError, match=said):
        Secret(file=str(tmp_path / "key")).read()


def test_a_missing_secret_is_named() -> None:
    with pytest.raises(SecretError, match="IMPEL_NO_SUCH_SECRET is not set"):
        Secret(env="IMPEL_NO_SUCH_SECRET").read()
