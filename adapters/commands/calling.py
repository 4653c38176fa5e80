"""How a command reaches the running sidecar: at the address that it left in its data folder, with the admin token."""

import os
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

import httpx
from cyclopts import Parameter
from rich.console import Console

from adapters.commands.notices import fail
from adapters.keys import read_admin_token
from adapters.secrets import SecretError
from adapters.settings import SettingsError, read_settings

ADDRESS = "address"
"""The file in the data folder that says where the sidecar listens, while it runs."""

_TIMEOUT = 60.0

Config = Annotated[Path, Parameter(env_var="IMPEL_CONFIG")]
"""The folder with the settings, which say where the sidecar keeps its address and token."""


def call(
    method: str,
    path: str,
    *,
    config: Path,
    url: str | None,
    console: Console,
    params: Mapping[str, Any] | None = None,
    json: Any = None,
    content: str | bytes | None = None,
    kind: str = "",
) -> httpx.Response | None:
    """Ask the running sidecar, with JSON or with `content` of another kind.

    None, with the reason on the console, where that cannot be.
    """
    try:
        settings = read_settings(config, os.environ)
        token = read_admin_token(settings, os.environ)
        base = url or (Path(settings.data) / ADDRESS).read_text("utf-8").strip()
        headers = {"Authorization": f"Bearer {token}"}
        if kind:
            headers["Content-Type"] = kind
        answer = httpx.request(
            method, base + path, params=params, json=json, content=content, headers=headers, timeout=_TIMEOUT
        )
    except (SettingsError, SecretError) as error:
        fail(console, str(error))
    except (OSError, httpx.HTTPError, httpx.InvalidURL) as error:
        fail(console, f"no sidecar can be reached ({error}); is `impel run` running with this configuration?")
    else:
        if answer.status_code != HTTPStatus.UNAUTHORIZED:
            return answer
        fail(console, f"the sidecar answers {answer.status_code}: {answer.text.strip()}")
    return None


def refused(answer: httpx.Response, console: Console) -> int:
    """Show why a sidecar did not do as asked; returns the exit status."""
    try:
        reason = str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        reason = f"the sidecar answers {answer.status_code}: {answer.text.strip()}"
    return fail(console, reason)
