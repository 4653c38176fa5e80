"""Let schemathesis send what follows from the description to a sidecar: `python -m tests.adapters.api.fuzz --seed 7`.

No answer may be a fault of the server's, or one that is not described. The sidecar runs on a configuration of its own
that reaches nobody, and everything goes in the end.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx

from adapters.web.unsubscribing import Links
from engine.core.identity import known
from tests.adapters.api.shop import write_shop
from tests.adapters.running import started

HERE = Path(__file__).parent
_FAULTS = ("request failed", "Error in ASGI", "Traceback")


def main() -> int:
    """Run it; returns the exit status, 1 where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    parser.add_argument("--examples", type=int, default=30, help="requests of a route at most, beside those by rule")
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)  # noqa: T201 - what a repetition needs
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            (folder / "log").open("w") as log,
            started(write_shop(folder), log.fileno(), IMPEL_PUBLIC_URL="''") as (_, url),
        ):
            status = _fuzz(url, folder, asked.seed, asked.examples)
        said = (folder / "log").read_text()
    faults = [line for line in said.splitlines() if any(each in line for each in _FAULTS)]
    print("\n".join(faults))  # noqa: T201 - the result
    return 1 if faults else status


def _fuzz(url: str, folder: Path, seed: int, examples: int) -> int:
    key, token, links = (
        (folder / "data" / name).read_text().strip() for name in ("write_key", "admin_token", "links_key")
    )
    variables = {
        "FUZZ_HOOKS": str(HERE / "hooks.py"),
        "FUZZ_FOLDER": str(folder),
        "FUZZ_KEY": key,
        "FUZZ_TOKEN": token,
        "FUZZ_MESSAGE": _message(url, key, token),
        "FUZZ_TOKEN_OF_A_PERSON": Links(links, url).of(known("u1"))["unsubscribe_url"].rpartition("/")[2],
    }
    options = [
        "--phases",
        "examples,coverage,fuzzing",
        "--max-examples",
        str(examples),
        "--seed",
        str(seed),
        "--no-color",
    ]
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "--config-file",
        str(HERE / "schemathesis.toml"),
        "run",
    ]
    done = subprocess.run(  # noqa: S603 - our own command
        [*command, f"{url}/openapi.json", *options], check=False, cwd=folder, env=dict(os.environ) | variables
    )
    return done.returncode


def _message(url: str, key: str, token: str) -> str:
    """The id of a message that there is."""
    look = {"userId": "u1", "event": "product_viewed", "properties": {"product_id": "lamp", "time_spent": 45}}
    httpx.post(f"{url}/v1/track", json=look, auth=(key, "")).raise_for_status()
    listed = httpx.get(f"{url}/admin/outbox", headers={"Authorization": f"Bearer {token}"})
    found: str = listed.json()["messages"][0]["id"]
    return found


if __name__ == "__main__":
    sys.exit(main())
