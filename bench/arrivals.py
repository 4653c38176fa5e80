"""A webhook that says yes, and notes when each message came: in the bench's own loop, which a thread would disturb."""

import json
import re
import socket
import time
from datetime import datetime

import trio

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_END = b"\r\n\r\n"
_YES = b"HTTP/1.1 204 No Content\r\n\r\n"


class Site:
    """Listens from the beginning on, and answers while `run` does."""

    def __init__(self) -> None:
        self.arrived: list[tuple[str, float, float]] = []
        """To whom each message went, as of when its trigger fired, and when it arrived: seconds of the wall clock."""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/"

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()

    async def run(self) -> None:
        """Answer, and forget what arrived before."""
        self.arrived.clear()
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(self._socket.dup()))
        await trio.serve_listeners(self._answer, [listener])

    async def _answer(self, stream: trio.SocketStream) -> None:
        waiting = b""
        async for chunk in stream:
            now = time.time()
            waiting += chunk
            while (body := _body(waiting)) is not None:
                content, waiting = json.loads(body[0]), body[1]
                fired = datetime.fromisoformat(content["at"]).timestamp()
                self.arrived.append((content["user"], fired, now))
                await stream.send_all(_YES)


def _body(received: bytes) -> tuple[bytes, bytes] | None:
    """The body of the first request, and what follows it; None where it is not there yet."""
    head, end, rest = received.partition(_END)
    length = _LENGTH.search(head)
    if not end or length is None or len(rest) < int(length[1]):
        return None
    return rest[: int(length[1])], rest[int(length[1]) :]
