"""Requests and frames, split into the calls they carry; each call stays raw, to be decoded by itself."""

from collections.abc import Callable
from typing import Any, Literal

import msgspec

Form = Literal["json", "msgpack"]

CODECS: dict[Form, tuple[Callable[..., Any], Callable[[Any], bytes]]] = {
    "json": (msgspec.json.decode, msgspec.json.encode),
    "msgpack": (msgspec.msgpack.decode, msgspec.msgpack.encode),
}
"""For each form, how it is read (`decode(raw, type=...)`) and written."""


NONE = msgspec.Raw()
"""What stands where a raw part is absent; one of null is left as it is written."""


class BadEnvelope(Exception):
    """The request or frame as a whole cannot be read; the text says why."""


class Context(msgspec.Struct):
    """As much of a call's context as the engine asks for."""

    traits: msgspec.Raw = NONE
    consent: Any = None


class Batch(msgspec.Struct, rename="camel"):
    """The body of `POST /v1/batch`; its context counts for each event that has none of its own."""

    batch: list[msgspec.Raw]
    context: Context | None = None
    sent_at: Any = None


class _Keyed(msgspec.Struct, rename="camel"):
    write_key: Any = None


def read_batch(body: bytes) -> Batch:
    """Split the body of a batch.

    Raises:
        BadEnvelope: it is not a JSON object with a list `batch`.

    """
    batch: Batch = read(body, Batch)
    return batch


def read_frame(body: bytes, form: Form) -> list[msgspec.Raw]:
    """Split a frame of the stream: one event or a list of them.

    Raises:
        BadEnvelope: it is neither JSON nor msgpack.

    """
    whole: msgspec.Raw = read(body, msgspec.Raw, form)
    try:
        calls: list[msgspec.Raw] = read(whole, list[msgspec.Raw], form)
    except BadEnvelope:
        return [whole]
    return calls


def write_key_in(body: bytes) -> str | None:
    """The `writeKey` that a body carries, if any.

    Raises:
        BadEnvelope: it is not a JSON object.

    """
    key = read(body, _Keyed).write_key
    return key if isinstance(key, str) else None


def read(body: bytes | msgspec.Raw, kind: Any, form: Form = "json") -> Any:
    """Read a body as a `kind`.

    Raises:
        BadEnvelope: it is nothing of the sort.

    """
    try:
        if form == "json":
            bytes(body).decode()  # raw parts are skipped unread, and JSON is UTF-8
        return CODECS[form][0](body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise BadEnvelope(str(fault)) from fault
