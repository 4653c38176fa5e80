"""The real sidecar for a bench: a process of its own, on a free port, with a configuration that the bench writes."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import trio
from trio_websocket import open_websocket_url

Frame = list[dict[str, Any]]
"""Events in the Segment form."""

KEY = "bench"
"""The write key."""

_LOOK = 0.01
"""Seconds between two looks at whether it has got so far."""

_TOLD = 2_000
"""Letters of the log that are shown when it does not."""


@dataclass(frozen=True)
class Sidecar:
    """One that was started."""

    process: subprocess.Popen[bytes]
    url: str
    data: Path
    """The folder of its database."""
    seconds: float
    """From its start until it had got as far as was asked."""

    @property
    def stream(self) -> str:
        """The address of its websocket."""
        return f"ws{self.url.removeprefix('http')}/v1/stream?key={KEY}"

    def gauges(self) -> dict[str, float]:
        """The numbers of `/metrics` without labels, by name."""
        lines = httpx.get(f"{self.url}/metrics", timeout=60).text.splitlines()
        pairs = [line.split(" ") for line in lines if not line.startswith("#") and "{" not in line]
        return {name: float(value) for name, value in pairs}

    def fired(self) -> float:
        """How often triggers have fired."""
        lines = httpx.get(f"{self.url}/metrics", timeout=60).text.splitlines()
        wanted = (line for line in lines if line.startswith("impel_decisions_total") and 'outcome="fired"' in line)
        return sum(float(line.rpartition(" ")[2]) for line in wanted)

    def memory(self) -> int:
        """Bytes of it that are in memory, as Linux counts them."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def worked(self) -> float:
        """Seconds of processor time it has taken so far, as Linux counts them."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def waited(self) -> float:
        """Seconds that its threads could have worked and had to wait for a processor, as Linux counts them."""
        files = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(file.read_text().split()[1]) for file in files) / 1e9

    def check(self) -> None:
        """See that it has not ended by itself.

        Raises:
            SystemExit: it has; the text is the end of its log.

        """
        status = self.process.poll()
        if status is not None:
            told = (self.data.parent / "log").read_text()[-_TOLD:]
            raise SystemExit(f"{told}\nthe sidecar ended by itself with status {status}")

    def end(self) -> None:
        """Let it end in order."""
        self.process.terminate()
        self.process.wait()


def configure(
    folder: Path, triggers: str, settings: Mapping[str, Any], messages: Mapping[str, str] | None = None
) -> Path:
    """Write a configuration into the folder, and let data be kept beside it; `messages` are the texts of files."""
    config = folder / "config"
    for part in ("triggers", "messages"):
        (config / part).mkdir(parents=True)
    (config / "triggers" / "all.yaml").write_text(triggers)
    for name, text in (messages or {}).items():
        (config / "messages" / f"{name}.yaml").write_text(text)
    (config / "impel.yaml").write_text(json.dumps({"data": str(folder / "data"), **settings}))
    return config


@contextmanager
def started(config: Path, *, ready: bool = True, patience: float = 60, port: int = 0) -> Iterator[Sidecar]:
    """Start it, and wait until it takes events, or only until it listens; in the end it is killed if it still runs.

    It listens at `port`, or at one that is free.

    Raises:
        SystemExit: it has not got so far within `patience` seconds; the text is the end of its log.

    """
    data, log = config.parent / "data", config.parent / "log"
    (data / "address").unlink(missing_ok=True)
    command = [sys.executable, "-c", "from adapters.cli import main; main()", "run"]
    began = time.monotonic()
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [*command, "--config", str(config), "--port", str(port)],
            env=os.environ | {"IMPEL_WRITE_KEY": KEY},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        while not (url := _url(data / "address", ready=ready)):
            if process.poll() is not None or time.monotonic() > began + patience:
                raise SystemExit(f"the sidecar does not start:\n{log.read_text()[-_TOLD:]}")
            time.sleep(_LOOK)
        yield Sidecar(process, url, data, time.monotonic() - began)
    finally:
        process.kill()
        process.wait()


def _url(address: Path, *, ready: bool) -> str:
    """Where it listens; empty text as long as it has not got so far."""
    try:
        url = address.read_text().strip()
        return url if url and (not ready or httpx.get(f"{url}/readyz").is_success) else ""
    except (OSError, httpx.HTTPError):
        return ""


async def pour(sidecar: Sidecar, frames: Iterator[Frame], lanes: int = 1, pause: float = 0) -> None:
    """Send frames over so many connections, each frame after the answer to the one before and `pause` seconds.

    Raises:
        RuntimeError: a frame was not taken whole.

    """

    async def lane() -> None:
        async with open_websocket_url(sidecar.stream) as connection:
            for frame in frames:
                await connection.send_message(json.dumps(frame))
                answer = json.loads(await connection.get_message())
                if answer != {"accepted": len(frame), "rejected": []}:
                    raise RuntimeError(f"a frame was not taken whole: {answer}")
                await trio.sleep(pause)

    async with trio.open_nursery() as nursery:
        for _ in range(lanes):
            nursery.start_soon(lane)
