"""How senders of webhooks sign them.

Shopify and WooCommerce sign the body alone, so what was overheard could be sent again: it is known by its own id. The
other two sign an instant besides, and are taken only for five minutes about it.
"""

import base64
from collections.abc import Iterable, Mapping

from adapters.signing import Check, NotGenuine, Post, base64_of, digest, same, seconds_of

_PREFIX = "whsec_"


def shopify(post: Post, secret: str) -> None:
    """X-Shopify-Hmac-Sha256: base64 of HMAC-SHA256 of the body; the secret is the app's, used as it is written."""
    same(post.header("X-Shopify-Hmac-Sha256"), base64_of(digest(secret, post.body)))


def woocommerce(post: Post, secret: str) -> None:
    """X-WC-Webhook-Signature: the same, with the webhook's secret."""
    same(post.header("X-WC-Webhook-Signature"), base64_of(digest(secret, post.body)))


def stripe(post: Post, secret: str) -> None:
    """Stripe-Signature: `t=SECONDS,v1=HEX`, HMAC-SHA256 of the seconds, a dot and the body; `v1` may stand twice."""
    parts = [part.strip().partition("=")[::2] for part in post.header("Stripe-Signature").split(",")]
    stamp = dict(parts).get("t", "")
    right = digest(secret, f"{stamp}.".encode() + post.body).hex()
    _one_of((value for name, value in parts if name == "v1"), right)
    post.recent(seconds_of(stamp))


def standard(post: Post, secret: str) -> None:
    """Standard Webhooks 1.0: `webhook-signature` is a list of `v1,BASE64`, of HMAC-SHA256 of id, seconds and body.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """
    stamp = post.header("webhook-timestamp")
    signed = f"{post.header('webhook-id')}.{stamp}.".encode() + post.body
    try:
        right = base64_of(digest(_standard_key(secret), signed))
    except ValueError as error:  # it has been changed since the start
        raise NotGenuine(str(error)) from error
    parts = [part.partition(",")[::2] for part in post.header("webhook-signature").split()]
    _one_of((value for version, value in parts if version == "v1"), right)
    post.recent(seconds_of(stamp))


def check_secret(kind: str, secret: str) -> None:
    """Look whether a secret can be one of that kind.

    Raises:
        ValueError: it cannot; the text says what it should look like.

    """
    if kind == "standard":
        _standard_key(secret)


def _standard_key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except ValueError as error:
        raise ValueError(f"the secret of a `kind: standard` webhook is `{_PREFIX}` and base64") from error


CHECKS: Mapping[str, Check] = {
    "shopify": shopify,
    "woocommerce": woocommerce,
    "standard": standard,
    "stripe": stripe,
}
"""By the kind of a webhook."""


def _one_of(shown: Iterable[str], right: str) -> None:
    """While a sender changes its secret it signs with both."""
    wrong = NotGenuine("the signature is missing")
    for each in shown:
        try:
            same(each, right)
        except NotGenuine as error:
            wrong = error
        else:
            return
    raise wrong
