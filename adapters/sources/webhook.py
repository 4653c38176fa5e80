"""Webhooks: `POST /webhook/NAME`, of the kind and with the mapping that the settings give for NAME.

What is not signed shows the write key, and is answered as events are. Who signs is a shop or a service, which sends
again what is answered with an error, and gives the webhook up after some of them: so what is genuine and cannot be used
is answered with 200, says so in the answer, and is logged. 401 says that the secret is another, 5xx to come back.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec
import structlog
from quart import Blueprint, Response, request

from adapters.secrets import SecretError
from adapters.signing import NotGenuine, Post
from adapters.sources.body import read_body
from adapters.sources.commerce import Body, Said, Told
from adapters.sources.envelope import read, read_frame
from adapters.sources.instants import BadInstant, instant
from adapters.sources.intake import Intakes
from adapters.sources.mapping import SHOPS, Mapped
from adapters.sources.segment import Check, Decoded, decode_calls
from adapters.sources.shopify import read_shopify
from adapters.sources.signatures import CHECKS
from adapters.sources.woocommerce import is_ping, read_woocommerce
from adapters.web.access import write_key
from adapters.web.answers import answer, refusal, report
from adapters.web.door import Door
from engine.core.events import Millis
from engine.runtime.arrivals import Choice

_log = structlog.get_logger()

_READERS: Mapping[str, tuple[Callable[[Post, Body], Told], str]] = {
    "shopify": (read_shopify, "X-Shopify-Webhook-Id"),
    "woocommerce": (read_woocommerce, "X-WC-Webhook-Delivery-ID"),
}
"""By kind, how a shop's webhooks are read, and the header with the id that stays the same when one is sent again."""


def webhook_source(door: Door, intakes: Intakes, mapped: Mapping[str, Mapped]) -> Blueprint:
    """The route."""
    routes = Blueprint("webhook", __name__)

    @routes.post("/webhook/<name>")
    async def take(name: str) -> Response:
        hook = mapped.get(name)
        unsigned = hook is None or hook.kind == "json"
        key = door.admit(request, write_key(request), {"server", "sandbox"}) if unsigned else None
        intake = intakes.of(key)
        if hook is None:
            return refusal(404, "there is no such webhook: name it under `webhooks:` in the settings")
        post = Post(dict(request.headers.items()), await read_body(), request.url, time.time())
        if hook.kind == "woocommerce" and is_ping(post):
            return answer({"success": True})
        try:
            decoded = _decoded(hook, post, intake.received(), intake.check)
        except NotGenuine as fault:
            _log.warning("a webhook was not genuine", webhook=name, reason=str(fault))
            return refusal(401, str(fault))
        except SecretError as fault:
            _log.error("a webhook's secret is not there", webhook=name, reason=str(fault))
            return refusal(503, str(fault))
        if key is not None:
            key.sent(decoded.calls)
        await intake.take(decoded.arrivals, "webhook", len(decoded.rejected))
        if decoded.rejected and hook.kind != "json":
            _log.warning("a webhook could not be used", webhook=name, reason=decoded.rejected[0].reason)
        alone = hook.kind == "json" and not post.body.lstrip().startswith(b"[")
        return answer(report(decoded.accepted, decoded.rejected), 400 if decoded.rejected and alone else 200)

    return routes


def _decoded(hook: Mapped, post: Post, received: Millis, check: Check | None) -> Decoded:
    """What a webhook says, if it is genuine.

    Raises:
        NotGenuine: it is not.
        SecretError: nobody can tell.
        BadEnvelope: it is not JSON.

    """
    if hook.kind != "json":
        CHECKS[hook.kind](post, hook.key())
    if hook.kind in SHOPS:
        return _from_shop(hook, post, received, check)
    own_id = post.shown("webhook-id") if hook.kind == "standard" else None
    shape = partial(_call, hook, own_id)
    return decode_calls(read_frame(post.body, "json"), received, kind="track", shape=shape, check=check)


def _call(hook: Mapped, own_id: str | None, body: bytes) -> bytes:
    """The call that one body stands for; where the mapping names no id, it is known by the sender's."""
    call = hook.call(msgspec.json.decode(body, type=dict[str, Any]))
    return msgspec.json.encode(call if call["messageId"] else call | {"messageId": own_id})


def _from_shop(hook: Mapped, post: Post, received: Millis, check: Check | None) -> Decoded:
    reader, id_header = _READERS[hook.kind]
    told = reader(post, read(post.body, dict[str, Any]))
    own_id = post.shown(id_header)
    calls = []
    for number, call in enumerate(told.calls):
        message_id = f"{hook.kind}:{own_id}:{number}" if own_id else None
        renamed = {"event": hook.named(call["event"])} if "event" in call else {}
        calls.append({"messageId": message_id, "timestamp": told.at} | _without_nulls(call) | renamed)
    decoded = decode_calls([msgspec.json.encode(call) for call in calls], received, check=check)
    choice = None if told.consent is None else _choice(hook, told, told.consent)
    if choice is None:
        return decoded
    return decoded._replace(arrivals=[*decoded.arrivals, choice], stamps=decoded.stamps + 1)


def _without_nulls(call: Body) -> dict[str, Any]:
    return {key: value for key, value in call.items() if value is not None}


def _choice(hook: Mapped, told: Told, said: Said) -> Choice | None:
    """What a shop says of consent. A yes of which it does not say since when goes over nothing that was said before."""
    if told.who.user_id is None and told.who.anonymous_id is None:
        return None
    at: Millis | None = 0 if said.granted else None
    with suppress(BadInstant):
        at = instant(said.at, "consent")
    return Choice(
        user_id=told.who.user_id,
        anonymous_id=told.who.anonymous_id,
        purpose="marketing",
        granted=said.granted,
        source=hook.kind,
        at=at,
    )
