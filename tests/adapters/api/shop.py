"""A configuration in which every route has something to answer: the demo shop's files, and settings for all kinds."""

import shutil
from pathlib import Path

CONFIG = Path(__file__).parents[3] / "config"
BROWSER_KEY = "storefront-key"
SIGNS = "what-the-service-signs-with"
SETTINGS = """
public_url: https://shop.example/impel
log_level: debug
write_keys:
  storefront: {{kind: browser, origins: [https://shop.example], key: {{file: {folder}/browser_key}}}}
destinations:
  mail: {{kind: console}}
  site: {{kind: console}}
  news:
    kind: klaviyo
    url: http://127.0.0.1:9
    poll: "off"
    key: {{file: {folder}/secret}}
    feedback: {{file: {folder}/secret}}
  post:
    kind: smtp
    host: 127.0.0.1
    security: none
    sender: Larch <hello@shop.example>
    bounces: {{address: "bounces+{{{{ token }}}}@shop.example"}}
webhooks:
  shop: {{user: user_id, event: event, rename: {{add_to_cart: product_added}}}}
  signed: {{kind: stripe, secret: {{file: {folder}/secret}}, user: user_id, event: event}}
data: {folder}/data
"""


def write_shop(folder: Path) -> Path:
    """Write it into the folder; nothing in it reaches anybody."""
    config = folder / "config"
    shutil.copytree(CONFIG, config)
    (folder / "browser_key").write_text(BROWSER_KEY)
    (folder / "secret").write_text(SIGNS)
    (config / "impel.yaml").write_text(SETTINGS.format(folder=folder))
    return config
