"""The sidecar itself: how it fares, its files, and its database."""

from adapters.api.words import INSTANT, TEXT, Json, Section, answered, body, fields, maybe, partly, ref, route, several

_NO_FILE = {409: "There is no file (`store: memory`), or it cannot be read or written; why."}
_YES: Json = {"const": True}

ROUTES = [
    route(
        "GET /healthz",
        "healthz",
        "Whether the process lives",
        by="anyone",
        answers={200: answered("It does.", fields(status={"const": "ok"}), {"status": "ok"})},
        always=True,
    ),
    route(
        "GET /readyz",
        "readyz",
        "Whether it takes events",
        by="anyone",
        answers={
            200: answered("It does.", fields(status={"const": "ready"}), {"status": "ready"}),
            503: answered("It does not, and why.", fields(status=TEXT, reason=TEXT)),
        },
        always=True,
    ),
    route(
        "GET /metrics",
        "metrics",
        "How it fares, for Prometheus",
        by="anyone",
        answers={200: answered("Prometheus' text format.", TEXT, kind="text/plain")},
        always=True,
    ),
    route(
        "POST /admin/reload",
        "reload",
        "Read triggers, segments, messages and keys again",
        by="admin",
        answers={
            200: answered(
                "They are in force.",
                fields(
                    success=_YES,
                    changed={"type": "boolean"},
                    version={"type": "integer"},
                    digest=TEXT,
                    since=INSTANT,
                    triggers={"type": "integer"},
                    writeKeys=several(TEXT),
                ),
            ),
            422: answered(
                "They do not check, and the former stay in force.",
                fields(success={"const": False}, errors=several(ref("Notice"))),
            ),
        },
    ),
    route(
        "GET /admin/db/check",
        "db_check",
        "Look at every row of the database",
        by="admin",
        answers={200: answered("What is wrong; nothing, if all is whole.", fields(problems=several(TEXT)))},
        refusals=_NO_FILE,
        always=True,
    ),
    route(
        "GET /admin/db/size",
        "db_size",
        "See what takes the room",
        by="admin",
        answers={200: answered("In bytes.", ref("Sizes"))},
        refusals=_NO_FILE,
        always=True,
    ),
    route(
        "POST /admin/db/backup",
        "db_backup",
        "Write a copy of the database",
        by="admin",
        body=body(ref("Backup"), copy={"file": "/var/backups/impel.db"}),
        answers={200: answered("It is written.", fields(success=_YES, file=TEXT))},
        refusals=_NO_FILE,
        always=True,
    ),
    route(
        "GET /impel.js",
        "page_script",
        "The script for the shop's pages",
        by="anyone",
        answers={
            200: answered("It.", TEXT, kind="text/javascript"),
            304: {"description": "It is as it was, by `If-None-Match`."},
        },
        always=True,
    ),
    route(
        "GET /openapi.json",
        "openapi",
        "This description",
        by="anyone",
        answers={200: answered("OpenAPI 3.1.", {"type": "object"})},
        always=True,
    ),
    route(
        "GET /docs",
        "docs",
        "This description, to read",
        by="anyone",
        answers={200: answered("A page.", TEXT, kind="text/html")},
        always=True,
    ),
]

NOTICE = partly(
    ["message"],
    "Something wrong, and where, as far as it has a place.",
    message=TEXT,
    file=TEXT,
    line={"type": "integer"},
    column={"type": "integer"},
    hint=maybe(TEXT),
    source=TEXT,
)

SECTION = Section("Operating", "How the sidecar fares, its files, and its database.", ROUTES)
