import socket
from pathlib import Path

import httpx
import pytest
import trio

from adapters.sources.body import BODY_LIMIT
from adapters.web import server
from adapters.web.server import bind
from tests.adapters.running import Sidecar, running

HEAD = b"POST /v1/track HTTP/1.1\r\nhost: shop\r\n"
SHORT = 0.1


def test_a_client_that_vanishes_or_takes_nothing_is_not_waited_for_for_ever() -> None:
    with bind("127.0.0.1", 0) as listener:
        listener.listen()
        with socket.create_connection(listener.getsockname()):
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 120_000


async def told(sidecar: Sidecar, *said: bytes) -> bytes:
    """Say something to a sidecar, and listen until it closes the connection; the client itself never does."""
    url = httpx.URL(sidecar.url)
    async with await trio.open_tcp_stream(url.host, url.port or 0) as stream:
        for each in said:
            await stream.send_all(each)
        return b"".join([part async for part in stream])


@pytest.mark.parametrize("body", [b"content-length: 100\r\n\r\n{", b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n"])
async def test_a_body_that_never_ends_is_not_waited_for_and_told_how_long_it_may_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    monkeypatch.setattr(server, "BODY_TIME", SHORT)
    async with running(tmp_path) as sidecar:
        answered = await told(sidecar, HEAD + body)
    assert answered.startswith(b"HTTP/1.1 408")
    assert b"the body did not come within 0.1 s; send it again" in answered


@pytest.mark.parametrize("said", [b"", b"GET /healthz HTTP/1.1\r\n", b"GET /healthz HTTP/1.1\r\nhost: shop\r\n\r\n"])
async def test_a_connection_on_which_no_request_ends_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(server, "IDLE_TIME", SHORT)
    async with running(tmp_path) as sidecar:
        answered = await told(sidecar, said)
    assert answered.count(b"HTTP/1.1 200") == said.count(b"\r\n\r\n")


@pytest.mark.parametrize(
    "said",
    [
        b"GET /healthz HTTP/1.0\r\n\r\n",
        b"GET /nowhere HTTP/1.1\r\nhost: shop\r\n\r\n",
        HEAD.replace(b"track", b"nowhere") + b"content-length: 100\r\n\r\n{",
    ],
)
async def test_an_answer_that_closes_the_connection_does(sidecar: Sidecar, said: bytes) -> None:
    assert (await told(sidecar, said)).lower().count(b"connection: close") == 1


async def test_several_requests_follow_each_other_on_one_connection(sidecar: Sidecar) -> None:
    request = b"GET /healthz HTTP/1.1\r\nhost: shop\r\n"
    answered = await told(sidecar, request + b"\r\n", request + b"\r\n", request + b"connection: close\r\n\r\n")
    assert answered.count(b"HTTP/1.1 200") == 3


async def test_headers_past_the_limit_are_refused(sidecar: Sidecar) -> None:
    said = b"GET /healthz HTTP/1.1\r\nhost: shop\r\nx-long: " + b"x" * 100_000 + b"\r\n\r\n"
    assert (await told(sidecar, said)).startswith(b"HTTP/1.1 431")


async def test_very_many_parameters_are_no_matter(sidecar: Sidecar) -> None:
    said = b"POST /v1/track?" + b"a=b&" * 8_000 + b" HTTP/1.1\r\nhost: shop\r\ncontent-length: 2\r\n\r\n{}"
    assert (await told(sidecar, said)).startswith(b"HTTP/1.1 401")


async def test_a_body_past_the_limit_is_told_the_limit(sidecar: Sidecar) -> None:
    said = HEAD + f"content-length: {BODY_LIMIT + 1}\r\n\r\n".encode()
    answered = await told(sidecar, said)
    assert answered.startswith(b"HTTP/1.1 413")
    assert str(BODY_LIMIT).encode() in answered


async def test_a_method_that_is_none_is_told_those_that_are(sidecar: Sidecar) -> None:
    answer = await sidecar.stranger.put("/v1/suppressions")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST"
    assert answer.json()["error"] == "here goes GET, HEAD, OPTIONS, POST"


async def test_a_websocket_that_is_asked_for_as_a_page_says_so(sidecar: Sidecar) -> None:
    answer = await sidecar.stranger.get("/v1/stream")
    assert answer.status_code == 400
    assert answer.json()["error"] == "this is a websocket: ask for `Upgrade: websocket`"
