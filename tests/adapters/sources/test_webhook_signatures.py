"""Signatures of webhooks: one body, signed in four ways, verifies, and fails after one flipped byte."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from adapters.signing import WINDOW, NotGenuine, Post
from adapters.sources.signatures import CHECKS, check_secret
from tests.adapters.sources.payloads import VECTORS

SIGNED_AT = 1_700_000_000
BODY = VECTORS["body"].encode()
STANDARD = VECTORS["standard_webhooks"]
HEADERS = {
    "shopify": {"X-Shopify-Hmac-Sha256": VECTORS["shopify"]["X-Shopify-Hmac-Sha256"]},
    "woocommerce": {"X-WC-Webhook-Signature": VECTORS["woocommerce"]["X-WC-Webhook-Signature"]},
    "stripe": {"Stripe-Signature": VECTORS["stripe"]["Stripe-Signature"]},
    "standard": {name: STANDARD[name] for name in ("webhook-id", "webhook-timestamp", "webhook-signature")},
}
SECRETS = dict.fromkeys(HEADERS, VECTORS["secret"]) | {"standard": STANDARD["secret"]}

every = pytest.mark.parametrize("kind", HEADERS)
windowed = pytest.mark.parametrize("kind", ["stripe", "standard"])


def check(
    kind: str, body: bytes = BODY, *, now: float = SIGNED_AT, secret: str = "", headers: Mapping[str, str] = {}
) -> None:
    CHECKS[kind](Post(HEADERS[kind] | dict(headers), body, "", now), secret or SECRETS[kind])


@every
def test_what_was_signed_is_genuine(kind: str) -> None:
    check(kind)


@every
def test_one_flipped_byte_is_noticed_wherever_it_is(kind: str) -> None:
    for place in range(0, len(BODY), 97):
        flipped = bytes([*BODY[:place], BODY[place] ^ 1, *BODY[place + 1 :]])
        with pytest.raises(NotGenuine, match="the signature is wrong"):
            check(kind, flipped)


@every
def test_another_secret_is_noticed(kind: str) -> None:
    other = "whsec_" + base64.b64encode(b"another key").decode()
    with pytest.raises(NotGenuine, match="the signature is wrong"):
        check(kind, secret=other)


@every
def test_a_missing_header_is_named(kind: str) -> None:
    for name in HEADERS[kind]:
        headers = {each: value for each, value in HEADERS[kind].items() if each != name}
        with pytest.raises(NotGenuine, match=f"{name} is missing"):
            CHECKS[kind](Post(headers, BODY, "", SIGNED_AT), SECRETS[kind])


@windowed
def test_one_that_was_overheard_cannot_be_played_later(kind: str) -> None:
    for away in (-WINDOW, WINDOW):
        check(kind, now=SIGNED_AT + away)
        with pytest.raises(NotGenuine, match="more than 300 seconds from now"):
            check(kind, now=SIGNED_AT + away + (1 if away > 0 else -1))


def test_one_signature_of_several_is_enough_while_a_secret_is_changed() -> None:
    stamp, _, right = VECTORS["stripe"]["Stripe-Signature"].partition(",")
    check("stripe", headers={"Stripe-Signature": f"{stamp},v1={'0' * 64},{right},v0=x"})
    check("standard", headers={"webhook-signature": f"v1a,x v1,AAAA {STANDARD['webhook-signature']}"})


def test_a_signature_of_another_version_is_none() -> None:
    stamp, _, right = VECTORS["stripe"]["Stripe-Signature"].partition(",")
    with pytest.raises(NotGenuine, match="missing"):
        check("stripe", headers={"Stripe-Signature": f"{stamp},{right.replace('v1', 'v0')}"})
    with pytest.raises(NotGenuine, match="missing"):
        check("standard", headers={"webhook-signature": STANDARD["webhook-signature"].replace("v1", "v2")})


def test_what_the_standards_own_library_signs_is_genuine() -> None:
    at = datetime.fromtimestamp(SIGNED_AT, UTC)
    signature = Webhook(STANDARD["secret"]).sign("msg_other", at, VECTORS["body"])
    check("standard", headers={"webhook-id": "msg_other", "webhook-signature": signature})


def test_a_secret_that_can_be_none_is_told_what_it_looks_like() -> None:
    check_secret("standard", STANDARD["secret"])
    with pytest.raises(ValueError, match="is `whsec_` and base64"):
        check_secret("standard", "not base64!")
    with pytest.raises(NotGenuine, match="is `whsec_` and base64"):
        check("standard", secret="whsec_***")  # noqa: S106 - none
