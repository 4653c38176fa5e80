import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, open_websocket_url

from adapters.sources.intake import Intake
from adapters.sources.stream import FRAME_LIMIT
from tests.adapters.running import Sidecar


@asynccontextmanager
async def connected(sidecar: Sidecar, query: str = "", header: bytes = b"") -> AsyncIterator[WebSocketConnection]:
    headers = [(b"Authorization", header)] if header else None
    url = f"ws{sidecar.url.removeprefix('http')}/v1/stream{query}"
    async with open_websocket_url(url, extra_headers=headers) as connection:
        yield connection
        await connection._stream.aclose()  # noqa: SLF001 - the client leaves it open where the server closes first


def track(event: str, **others: object) -> dict[str, object]:
    return {"type": "track", "userId": "u", "event": event, **others}


async def asked(connection: WebSocketConnection, frame: str | bytes) -> str | bytes:
    await connection.send_message(frame)
    answer: str | bytes = await connection.get_message()
    return answer


async def closed_with(connection: WebSocketConnection) -> int:
    with pytest.raises(ConnectionClosed) as closed:
        await connection.get_message()
    assert closed.value.reason is not None
    return int(closed.value.reason.code)


async def test_frames_of_json_and_of_msgpack_are_taken_and_answered_alike(sidecar: Sidecar) -> None:
    async with connected(sidecar, f"?key={sidecar.keys.write_key}") as connection:
        single = await asked(connection, json.dumps(track("one")))
        several = await asked(connection, msgspec.msgpack.encode([track("two"), track("three")]))
    assert isinstance(single, str)
    assert json.loads(single) == {"accepted": 1, "rejected": []}
    assert isinstance(several, bytes)
    assert msgspec.msgpack.decode(several) == {"accepted": 2, "rejected": []}
    assert await sidecar.events("u") == ["one", "two", "three"]


async def test_the_key_may_come_as_basic_authentication(sidecar: Sidecar) -> None:
    shown = b"Basic " + base64.b64encode(f"{sidecar.keys.write_key}:".encode())
    async with connected(sidecar, header=shown) as connection:
        assert json.loads(await asked(connection, json.dumps(track("one"))))["accepted"] == 1


@pytest.mark.parametrize("query", ["", "?key=wrong"])
async def test_a_wrong_key_is_closed_with_1008(sidecar: Sidecar, query: str) -> None:
    async with connected(sidecar, query) as connection:
        assert await closed_with(connection) == 1008


async def test_a_bad_event_is_named_in_the_answer_and_its_neighbours_are_taken(sidecar: Sidecar) -> None:
    async with connected(sidecar, f"?key={sidecar.keys.write_key}") as connection:
        frame = json.dumps([track("one"), track("two", messageId="m2", timestamp="never"), track("three")])
        said = json.loads(await asked(connection, frame))
    assert said["accepted"] == 2
    assert [(each["index"], each["messageId"]) for each in said["rejected"]] == [(1, "m2")]
    assert await sidecar.events("u") == ["one", "three"]


@pytest.mark.parametrize("frame", ["{nope", b"\xc1", b""])
async def test_a_frame_that_cannot_be_read_is_answered_and_the_stream_goes_on(
    sidecar: Sidecar, frame: str | bytes
) -> None:
    async with connected(sidecar, f"?key={sidecar.keys.write_key}") as connection:
        answer = await asked(connection, frame)
        said = json.loads(answer) if isinstance(answer, str) else msgspec.msgpack.decode(answer)
        assert said["accepted"] == 0
        assert said["rejected"][0]["index"] is None
        assert json.loads(await asked(connection, json.dumps(track("one"))))["accepted"] == 1


async def test_a_frame_past_the_limit_is_closed_with_1009(sidecar: Sidecar) -> None:
    async with connected(sidecar, f"?key={sidecar.keys.write_key}") as connection:
        await connection.send_message(" " * (FRAME_LIMIT + 1))
        assert await closed_with(connection) == 1009


async def test_a_fault_of_ours_is_closed_with_1011(sidecar: Sidecar, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        await trio.lowlevel.checkpoint()
        raise KeyError

    monkeypatch.setattr(Intake, "receive", broken)
    async with connected(sidecar, f"?key={sidecar.keys.write_key}") as connection:
        await connection.send_message(json.dumps(track("one")))
        assert await closed_with(connection) == 1011


async def test_an_ending_sidecar_says_so(sidecar: Sidecar) -> None:
    async with connected(sidecar, f"?key={sidecar.keys.write_key}") as connection:
        sidecar.service.status = "ending"
        await connection.send_message(json.dumps(track("one")))
        assert await closed_with(connection) == 1012


async def test_a_client_that_hangs_up_leaves_no_frame_half_taken(sidecar: Sidecar) -> None:
    frame = json.dumps([track(f"e{number}") for number in range(2_000)])
    async with connected(sidecar, f"?key={sidecar.keys.write_key}") as connection:
        await connection.send_message(frame)
        while sidecar.service.router.statistics().inputs == 0:
            await trio.lowlevel.checkpoint()
        await connection._stream.aclose()  # noqa: SLF001 - a client that vanishes says no farewell
    with trio.fail_after(5):
        while sidecar.service.router.statistics().inputs < 2_000:
            await trio.lowlevel.checkpoint()
