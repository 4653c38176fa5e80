"""The scripts and styles of our own pages: small files, read when they are asked for."""

from collections.abc import Collection, Mapping
from pathlib import Path

from quart import Response

from adapters.web.answers import refusal

_FOLDER = Path(__file__).parent / "static"
_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


def static(name: str, among: Collection[str], headers: Mapping[str, str]) -> Response:
    """One of these files."""
    if name not in among:
        return refusal(404, f"there is no file `{name}` here")
    file = _FOLDER / name
    return Response(file.read_bytes(), 200, dict(headers), content_type=f"{_KINDS[file.suffix]}; charset=utf-8")
