"""No log holds a secret, at any level, wherever in a request it is shown."""

import json
import signal
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import httpx

from tests.adapters.running import started, write_config

SECRETS = {name: f"opensesame{name.lower()}" for name in ("WRITE", "ADMIN", "SANDBOX", "SIGNS", "FEEDBACK", "SERVICE")}
SECRETS |= {"STANDARD": "whsec_opensesamestandard=="}
SETTINGS = """
write_key: {env: WRITE}
admin_token: {env: ADMIN}
write_keys: {trial: {kind: sandbox, key: {env: SANDBOX}}}
destinations:
  kept: {kind: memory}
  news: {kind: klaviyo, url: "http://127.0.0.1:9", poll: "off", key: {env: SERVICE}, feedback: {env: FEEDBACK}}
  crm:
    kind: activecampaign
    account: larch
    url: http://127.0.0.1:9
    poll: "off"
    key: {env: SERVICE}
    feedback: {env: FEEDBACK}
webhooks:
  shopify: {kind: shopify, secret: {env: SIGNS}}
  woo: {kind: woocommerce, secret: {env: SIGNS}}
  stripe: {kind: stripe, secret: {env: SIGNS}, user: id, name: paid}
  standard: {kind: standard, secret: {env: STANDARD}, user: id, name: paid}
"""
SIGNATURES = (
    "X-Shopify-Hmac-Sha256",
    "X-WC-Webhook-Signature",
    "Stripe-Signature",
    "webhook-signature",
    "Klaviyo-Signature",
)
PATHS = (
    *(f"webhook/{name}" for name in ("shopify", "woo", "stripe", "standard", "other")),
    *(f"feedback/{name}" for name in ("news", "crm", "other")),
    *("admin/user", "admin/reload", "v1/stats", "v1/track", "v1/batch", "v1/stream", "v1/decisions", "docs", "o/x.gif"),
)


def requests(secret: str) -> Iterator[httpx.Request]:
    """A secret in the path, in the query, in every header that might hold one, and in bodies good and bad."""
    headers = dict.fromkeys(("X-Impel-Key", *SIGNATURES), secret) | {"webhook-id": "1", "webhook-timestamp": "1"}
    bodies = (json.dumps({"id": secret, "event": secret, "writeKey": secret}), secret)
    for path, (scheme, body) in product(PATHS, zip(("Bearer", "Basic"), bodies, strict=True)):
        shown = headers | {"Authorization": f"{scheme} {secret}"}
        yield httpx.Request("POST", f"/{path}?key={secret}&writeKey={secret}", content=body, headers=shown)
        yield httpx.Request("GET", f"/{path}?id={secret}&key={secret}", headers=shown)
        yield httpx.Request("POST", f"/{path}/{secret}", content=body)
    for path in ("unsubscribe", "preferences", "c", "v1/projects", "admin/outbox"):
        yield httpx.Request("GET", f"/{path}/{secret}")


def test_no_log_holds_a_secret_wherever_it_was_shown(tmp_path: Path) -> None:
    config = write_config(tmp_path, SETTINGS)
    with started(config, IMPEL_LOG_LEVEL="debug", **SECRETS) as (process, url), httpx.Client() as client:
        for secret in SECRETS.values():
            for request in requests(secret):
                client.request(request.method, f"{url}{request.url}", content=request.content, headers=request.headers)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=5)
    logged = [json.loads(line)["event"] for line in out.splitlines() if line.startswith("{")]
    assert {"a webhook was not genuine", "a report was not genuine", "ended"} <= set(logged)
    assert "opensesame" not in out + err
