"""The whole description, out of its sections, and of schemas that the decoders' own types make."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Any

import msgspec

from adapters.api import events, mails, operating, people, results, trying
from adapters.api.calls import CALLS, EVERY_CALL
from adapters.api.words import TEXT, Json, Section, fields, partly, ref, several
from adapters.sources.consents import Consent
from adapters.sources.lists import Membership
from adapters.sources.segment import Rejection
from adapters.sources.suppressions import Suppression
from adapters.statistics import Rate
from adapters.store.upkeep import Sizes
from adapters.web.database import Backup
from adapters.web.replay import Replay
from engine.why import Answer

SECTIONS: tuple[Section, ...] = (
    events.SECTION,
    people.SECTION,
    results.SECTION,
    mails.SECTION,
    trying.SECTION,
    operating.SECTION,
)

TWICE = frozenset(
    {each.path for each in (*people.ROUTES, *results.ROUTES)}
    | {"/admin/import", "/v1/events", "/unsubscribe/{token}", "/preferences/{token}"}
)
"""Paths that are there of the shop, and below `/sandbox` of the sandbox."""

_TOLD = """\
Impel watches what each shopper does and acts at the right moment: events come in, triggers decide at once, and
messages leave.

Events show a **write key**: as the user name of Basic authentication, as `X-Impel-Key`, as `?key=`, or as `writeKey` in
the body. All else shows the **admin token**. Pages of a browser key's `origins` may call what takes events (CORS).

Events that show the sandbox key live apart. What is asked and told of people, and what came of it, is below `/sandbox`
of them.

An answer of success means that it is on the disk. What is answered with 429 or 503 is to be sent again after
`Retry-After` seconds; with a `messageId`, nothing is counted twice. A body has 30 seconds to come. A connection
on which for 30 seconds no request's headers end is closed."""

_SCHEMES: Json = {
    "writeKey": {"type": "http", "scheme": "basic", "description": "The write key is the user name; no password."},
    "writeKeyHeader": {"type": "apiKey", "in": "header", "name": "X-Impel-Key", "description": "A write key."},
    "writeKeyQuery": {"type": "apiKey", "in": "query", "name": "key", "description": "A write key."},
    "adminToken": {"type": "http", "scheme": "bearer", "description": "The admin token."},
}

_DECODED = (Consent, Membership, Suppression, Replay, Backup, Rejection, Rate, Sizes, Answer)

_SCHEMAS: Mapping[str, Json] = {
    **CALLS,
    "Call": EVERY_CALL,
    "Refusal": fields(
        "Why not; twice, for the sake of RudderStack's library.",
        success={"const": False},
        error=TEXT,
        code={"type": "integer"},
        message=TEXT,
    ),
    "Report": {
        "description": "What became of calls.",
        "oneOf": [
            fields(success={"const": True}),
            fields(success={"const": False}, accepted={"type": "integer"}, rejected=several(ref("Rejection"))),
        ],
    },
    "Taken": fields(
        success={"type": "boolean"},
        taken={"type": "integer"},
        rejected=several(fields(place={"type": "integer", "description": "from 1"}, reason=TEXT)),
    ),
    "Suppressions": partly(
        ["suppressions"],
        suppressions=several(ref("Suppression")),
        lifted={"type": "boolean", "default": False},
    ),
    "User": people.USER,
    "Message": results.MESSAGE,
    "Arm": results.ARM,
    "Notice": operating.NOTICE,
}


def document(server: str) -> Json:
    """The description of a sidecar that is reached at the address `server`."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Impel",
            "version": version("impel"),
            "summary": "A real-time behavioural trigger engine for shops",
            "description": _TOLD,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": server}],
        "tags": [{"name": section.name, "description": section.told} for section in SECTIONS],
        "paths": {
            path: {method: operation | _of_both(server, path) for method, operation in methods.items()}
            for path, methods in _paths().items()
        },
        "components": {"schemas": _schemas(), "securitySchemes": _SCHEMES},
    }


def _of_both(server: str, path: str) -> Json:
    """Where else a path is than at the server itself."""
    if path not in TWICE:
        return {}
    return {"servers": [{"url": server}, {"url": f"{server}/sandbox", "description": "of the sandbox"}]}


@cache
def _paths() -> Json:
    paths: Json = {}
    for section in SECTIONS:
        for path, method, operation in section.routes:
            paths.setdefault(path, {})[method] = {"tags": [section.name], **operation}
    return paths


@cache
def _schemas() -> Json:
    made: dict[str, Any] = msgspec.json.schema_components(_DECODED, ref_template="#/components/schemas/{name}")[1]
    return {**made, **_SCHEMAS}
