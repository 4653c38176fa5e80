"""How each service signs its reports.

Where a scheme signs an instant, a report is taken only for five minutes about it, so that one that was overheard cannot
be played again later. A scheme that signs none is protected against that only by the reports' own ids.
"""

import base64
import hmac
from binascii import Error as NotBase64
from collections.abc import Mapping
from hashlib import sha1
from urllib.parse import parse_qsl, unquote

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from adapters.signing import Check, NotGenuine, Post, base64_of, digest, same, seconds_of


def klaviyo(post: Post, secret: str) -> None:
    """Klaviyo-Signature: hexadecimal HMAC-SHA256 of the body and, after it, the header Klaviyo-Timestamp.

    Klaviyo documents no window for the timestamp, and its retries bear the first one's; the webhook's id in the header
    must be the one in the body.
    """
    stamp = post.header("Klaviyo-Timestamp")
    same(post.header("Klaviyo-Signature"), digest(secret, post.body + stamp.encode()).hex())
    try:
        meta = msgspec.json.decode(post.body).get("meta", {})
    except (msgspec.DecodeError, AttributeError) as error:
        raise NotGenuine("the body is no report") from error
    same(post.header("Klaviyo-Webhook-Id"), str(meta.get("klaviyo_webhook_id", "")))


def mailchimp(post: Post, secret: str) -> None:
    """X-Mailchimp-Signature: `t=SECONDS,v1=HEX`, HMAC-SHA256 of the seconds, a dot and the body."""
    parts = dict(part.partition("=")[::2] for part in post.header("X-Mailchimp-Signature").split(","))
    stamp = parts.get("t", "")
    same(parts.get("v1", ""), digest(secret, f"{stamp}.".encode() + post.body).hex())
    post.recent(seconds_of(stamp))


def mandrill(post: Post, secret: str) -> None:
    """X-Mandrill-Signature: base64 of HMAC-SHA1 of the address, then each field's name and value, sorted by name."""
    fields = sorted(parse_qsl(post.body.decode(errors="replace"), keep_blank_values=True))
    signed = post.url + "".join(name + value for name, value in fields)
    same(post.header("X-Mandrill-Signature"), base64_of(hmac.digest(secret.encode(), signed.encode(), sha1)))


def hubspot(post: Post, secret: str) -> None:
    """X-HubSpot-Signature-v3: base64 of HMAC-SHA256 of method, decoded address, body and the timestamp in ms."""
    stamp = post.header("X-HubSpot-Request-Timestamp")
    signed = f"{post.method}{unquote(post.url)}".encode() + post.body + stamp.encode()
    same(post.header("X-HubSpot-Signature-v3"), base64_of(digest(secret, signed)))
    post.recent(seconds_of(stamp) / 1_000)


def salesforce(post: Post, secret: str) -> None:
    """x-sfmc-ens-signature: base64 of HMAC-SHA256 of the body; the key is used as it is written."""
    same(post.header("x-sfmc-ens-signature"), base64_of(digest(secret, post.body)))


def sendgrid(post: Post, secret: str) -> None:
    """X-Twilio-Email-Event-Webhook-Signature: ECDSA over P-256 of timestamp and body; `secret` is the public key.

    The scheme names no window; events bear ids of their own.
    """
    stamp = post.header("X-Twilio-Email-Event-Webhook-Timestamp")
    try:
        key = load_der_public_key(base64.b64decode(secret, validate=True))
        signature = base64.b64decode(post.header("X-Twilio-Email-Event-Webhook-Signature"), validate=True)
    except (NotBase64, ValueError) as error:
        raise NotGenuine("the key or the signature cannot be read") from error
    if not isinstance(key, EllipticCurvePublicKey):
        raise NotGenuine("the key is not one of an elliptic curve")
    try:
        key.verify(signature, stamp.encode() + post.body, ECDSA(SHA256()))
    except InvalidSignature as error:
        raise NotGenuine("the signature is wrong") from error


def shared(post: Post, secret: str) -> None:
    """Services that sign nothing are given an address with the secret in it: `?key=SECRET`."""
    query = dict(parse_qsl(post.url.partition("?")[2]))
    same(query.get("key", ""), secret)


CHECKS: Mapping[str, Check] = {
    "klaviyo": klaviyo,
    "mailchimp": mailchimp,
    "mailchimp_transactional": mandrill,
    "hubspot": hubspot,
    "salesforce_journey": salesforce,
    "salesforce_email": salesforce,
    "sendgrid": sendgrid,
    "activecampaign": shared,
}
"""By the kind of a destination."""
