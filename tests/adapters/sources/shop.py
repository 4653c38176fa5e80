"""A shop that sends webhooks as Shopify and WooCommerce do, signed, again and again until they are taken."""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import httpx

from tests.adapters.running import Sidecar, write_config

SECRET = "shpss_test_secret"  # noqa: S105 - of the tests
SETTINGS = """
destinations: {kept: {kind: memory}}
webhooks:
  shopify: {kind: shopify, secret: {file: FOLDER/secret}}
  woo: {kind: woocommerce, secret: {file: FOLDER/secret}}
  renamed: {kind: shopify, secret: {file: FOLDER/secret}, rename: {Product Added: cart_updated}}
  hooks: {kind: standard, secret: {file: FOLDER/standard}, user: data.user, event: type, timestamp: timestamp}
  pay: {kind: stripe, secret: {file: FOLDER/secret}, user: data.object.customer, event: type, timestamp: created,
        message_id: id}
"""
TRIGGERS = """
triggers:
  cart_left:
    when: '"Product Added" then no ("Product Added" or "Order Completed") within 150ms'
    per: cart_id
    send: cart
"""
MESSAGES = {"cart": "destination: kept\ndata: {to: '{{ profile.email }}', cart: '{{ per }}'}\n"}


def config(folder: Path, triggers: str = TRIGGERS) -> Path:
    (folder / "secret").write_text(SECRET + "\n")
    (folder / "standard").write_text("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n")
    return write_config(folder, SETTINGS.replace("FOLDER", str(folder)), triggers, MESSAGES)


def signature(body: bytes) -> str:
    return base64.b64encode(hmac.digest(SECRET.encode(), body, hashlib.sha256)).decode()


class Shop:
    """Sends webhooks to a sidecar; each gets an id of its own, which it keeps when it is sent again."""

    def __init__(self, sidecar: Sidecar, name: str = "shopify") -> None:
        self._sidecar = sidecar
        self._name = name
        self._sent = 0

    async def says(self, topic: str, payload: dict[str, Any], **headers: str) -> httpx.Response:
        """Send one as Shopify does; the last answer. After an error it is sent again, as many times as Shopify does."""
        self._sent += 1
        own = {"X-Shopify-Topic": topic, "X-Shopify-Webhook-Id": f"b54557e4-{self._sent}"}
        return await self._deliver(payload, "X-Shopify-Hmac-Sha256", own | headers, attempts=9)

    async def woo(self, topic: str, payload: dict[str, Any], **headers: str) -> httpx.Response:
        """Send one as WooCommerce does, once."""
        self._sent += 1
        own = {"X-WC-Webhook-Topic": topic, "X-WC-Webhook-Delivery-ID": f"36e520eb{self._sent}"}
        return await self._deliver(payload, "X-WC-Webhook-Signature", own | headers, attempts=1)

    async def _deliver(
        self, payload: dict[str, Any], signed_by: str, headers: dict[str, str], attempts: int
    ) -> httpx.Response:
        body = json.dumps(payload).encode()
        headers = {signed_by: signature(body), "Content-Type": "application/json"} | headers
        for _ in range(attempts):
            answer = await self._sidecar.stranger.post(f"/webhook/{self._name}", content=body, headers=headers)
            if answer.is_success:
                break
        return answer
