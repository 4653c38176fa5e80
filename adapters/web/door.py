"""The door: who shows a write key comes in, if that kind of key may come this way, from there, and so often."""

from collections.abc import Collection
from math import ceil

from quart.wrappers.base import BaseRequestWebsocket

from adapters.keys import Keys, WrongKey
from adapters.telemetry.metrics import Metrics
from adapters.write_keys import Kind, WriteKey


class Barred(Exception):
    """The key is a write key and may not come this way; the text says why, and what to do instead."""


class TooFast(Exception):
    """The key sends more than its rate allows; `retry_after` are whole seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"this key sends more events than its `rate` allows; come back in {retry_after} s")
        self.retry_after = retry_after


class Door:
    """Lets requests in; `keys` are those in force."""

    def __init__(self, keys: Keys, metrics: Metrics) -> None:
        self.keys = keys
        self._metrics = metrics

    def admit(self, request: BaseRequestWebsocket, shown: str | None, kinds: Collection[Kind]) -> WriteKey:
        """The write key that a request shows, which is one of these kinds.

        A request of a page bears the page's origin. One without any comes from no page of a browser, and is let in:
        who forges requests can forge an origin.

        Raises:
            WrongKey: it is none.
            Barred: it may not come this way, or not from there.
            TooFast: it has to wait.

        """
        key = self.keys.writer(shown)
        if key is None:
            raise WrongKey
        if key.kind not in kinds:
            raise Barred(f"a {key.kind} key may not do this; keys of kind {' or '.join(sorted(kinds))} may")
        origin = request.headers.get("Origin")
        if key.origins and origin is not None and origin not in key.origins:
            raise Barred(f"this key is not for pages of {origin}; its `origins` in the settings say for which")
        if key.wait:
            self._metrics.throttled(key.name)
            raise TooFast(ceil(key.wait))
        return key
