"""Signatures of services: reports that were signed by each service's scheme verify, and fail after one flipped byte."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from adapters.feedback.signatures import CHECKS
from adapters.signing import WINDOW, NotGenuine, Post

VECTORS: Mapping[str, Any] = json.loads(Path(__file__).with_name("vectors.json").read_text())
NOW = 1_795_428_000
WINDOWED = {"mailchimp": 1, "hubspot": 1}
"""Schemes that sign an instant for which they are good."""

every = pytest.mark.parametrize("kind", VECTORS)


def post(kind: str, *, now: float = NOW, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Post:
    vector = VECTORS[kind]
    content = vector["body"].encode() if body is None else body
    return Post(vector["headers"] | (headers or {}), content, vector["url"], now)


def check(kind: str, what: Post, secret: str | None = None) -> None:
    CHECKS[kind](what, VECTORS[kind]["secret"] if secret is None else secret)


@every
def test_what_the_service_signed_is_genuine(kind: str) -> None:
    check(kind, post(kind))


@every
def test_one_flipped_byte_is_noticed(kind: str) -> None:
    body = bytearray(VECTORS[kind]["body"].encode())
    for place in range(0, len(body), max(len(body) // 12, 1)):
        flipped = bytes([*body[:place], body[place] ^ 1, *body[place + 1 :]])
        with pytest.raises(NotGenuine):
            check(kind, post(kind, body=flipped))


@every
def test_another_secret_and_another_signature_are_noticed(kind: str) -> None:
    with pytest.raises(NotGenuine):
        check(kind, post(kind), secret=VECTORS[kind]["secret"][::-1])
    name = next(name for name in VECTORS[kind]["headers"] if "ignature" in name and "imestamp" not in name)
    for wrong in ("", "x", VECTORS[kind]["headers"][name][::-1], "\u00e9"):
        with pytest.raises(NotGenuine):
            check(kind, post(kind, headers={name: wrong}))


@every
def test_a_missing_header_is_noticed(kind: str) -> None:
    for name in VECTORS[kind]["headers"]:
        if name != "Content-Type":
            vector = VECTORS[kind]
            headers = {each: value for each, value in vector["headers"].items() if each != name}
            with pytest.raises(NotGenuine, match=f"{name} is missing"):
                check(kind, Post(headers, vector["body"].encode(), vector["url"], NOW))


@every
def test_what_was_signed_at_another_time_is_refused_where_the_scheme_has_a_time(kind: str) -> None:
    for off in (-WINDOW - 1, WINDOW + 1):
        if kind in WINDOWED:
            with pytest.raises(NotGenuine, match="300 seconds from now"):
                check(kind, post(kind, now=NOW + off))
        else:
            check(kind, post(kind, now=NOW + off))
    check(kind, post(kind, now=NOW + WINDOW))


def test_an_address_with_the_secret_in_it() -> None:
    CHECKS["activecampaign"](Post({}, b"type=open", "https://there.example/feedback/ac?key=s3cret", NOW), "s3cret")
    for url in ("https://there.example/feedback/ac", "https://there.example/?key=other"):
        with pytest.raises(NotGenuine):
            CHECKS["activecampaign"](Post({}, b"type=open", url, NOW), "s3cret")
