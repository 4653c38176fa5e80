"""Whether a report is from the service that it says: signatures over the raw bytes, compared in constant time.

Where a scheme signs an instant, a report is taken only for five minutes about it, so that one that was overheard cannot
be played again later. A scheme that signs none is protected against that only by the reports' own ids.
"""

import base64
import hmac
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha1, sha256
from urllib.parse import parse_qsl, unquote

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

WINDOW = 300
"""Seconds."""


class NotGenuine(Exception):
    """The signature is missing, wrong, or of another time; the text says which."""


@dataclass(frozen=True)
class Post:
    """A request as it came: header names in any case, `url` as the service was told it, `now` in seconds."""

    headers: Mapping[str, str]
    body: bytes
    url: str
    now: float
    method: str = "POST"

    def header(self, name: str) -> str:
        """A header's value.

        Raises:
            NotGenuine: it is missing.

        """
        wanted = name.lower()
        for found, value in self.headers.items():
            if found.lower() == wanted:
                return value
        raise NotGenuine(f"the header {name} is missing")

    def recent(self, seconds: float) -> None:
        """Refuse what was signed at another time.

        Raises:
            NotGenuine: it was.

        """
        if abs(self.now - seconds) > WINDOW:
            raise NotGenuine(f"it was signed more than {WINDOW} seconds from now")


Check = Callable[[Post, str], None]
"""Raises NotGenuine where a post was not signed with a secret."""


def klaviyo(post: Post, secret: str) -> None:
    """Klaviyo-Signature: hexadecimal HMAC-SHA256 of the body and, after it, the header Klaviyo-Timestamp.

    Klaviyo documents no window for the timestamp, and its retries bear the first one's; the webhook's id in the header
    must be the one in the body.
    """
    stamp = post.header("Klaviyo-Timestamp")
    _same(post.header("Klaviyo-Signature"), _hmac(secret, post.body + stamp.encode()).hex())
    try:
        meta = msgspec.json.decode(post.body).get("meta", {})
    except (msgspec.DecodeError, AttributeError) as error:
        raise NotGenuine("the body is no report") from error
    _same(post.header("Klaviyo-Webhook-Id"), str(meta.get("klaviyo_webhook_id", "")))


def mailchimp(post: Post, secret: str) -> None:
    """X-Mailchimp-Signature: `t=SECONDS,v1=HEX`, HMAC-SHA256 of the seconds, a dot and the body."""
    parts = dict(part.partition("=")[::2] for part in post.header("X-Mailchimp-Signature").split(","))
    stamp = parts.get("t", "")
    _same(parts.get("v1", ""), _hmac(secret, f"{stamp}.".encode() + post.body).hex())
    post.recent(_seconds(stamp))


def mandrill(post: Post, secret: str) -> None:
    """X-Mandrill-Signature: base64 of HMAC-SHA1 of the address, then each field's name and value, sorted by name."""
    fields = sorted(parse_qsl(post.body.decode(errors="replace"), keep_blank_values=True))
    signed = post.url + "".join(name + value for name, value in fields)
    _same(post.header("X-Mandrill-Signature"), _base64(hmac.digest(secret.encode(), signed.encode(), sha1)))


def hubspot(post: Post, secret: str) -> None:
    """X-HubSpot-Signature-v3: base64 of HMAC-SHA256 of method, decoded address, body and the timestamp in ms."""
    stamp = post.header("X-HubSpot-Request-Timestamp")
    signed = f"{post.method}{unquote(post.url)}".encode() + post.body + stamp.encode()
    _same(post.header("X-HubSpot-Signature-v3"), _base64(_hmac(secret, signed)))
    post.recent(_seconds(stamp) / 1_000)


def salesforce(post: Post, secret: str) -> None:
    """x-sfmc-ens-signature: base64 of HMAC-SHA256 of the body; the key is used as it is written."""
    _same(post.header("x-sfmc-ens-signature"), _base64(_hmac(secret, post.body)))


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
    _same(query.get("key", ""), secret)


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


def _same(shown: str, right: str) -> None:
    if not hmac.compare_digest(shown.strip().encode(), right.encode()):
        raise NotGenuine("the signature is wrong")


def _hmac(secret: str, signed: bytes) -> bytes:
    return hmac.digest(secret.encode(), signed, sha256)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _seconds(stamp: str) -> float:
    try:
        return float(stamp) if stamp.isdecimal() else datetime.fromisoformat(stamp).timestamp()
    except ValueError as error:
        raise NotGenuine("its timestamp is none") from error
