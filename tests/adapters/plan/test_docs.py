"""What docs/sources.md says of a tracking plan is so."""

import json
import re
from pathlib import Path
from typing import Any

from tests.adapters.plan.test_intake import configure, violations
from tests.adapters.running import running

DOCS = (Path(__file__).parents[3] / "docs" / "sources.md").read_text("utf-8").partition("### A tracking plan")[2]
PLAN = re.findall(r"^```yaml\n(.*?)^```$", DOCS, re.MULTILINE | re.DOTALL)[0]
ANSWER = re.findall(r"^```json\n(.*?)^```$", DOCS, re.MULTILINE | re.DOTALL)[0]


def call(event: str, message_id: str, **properties: object) -> dict[str, Any]:
    return {"type": "track", "userId": "u", "event": event, "messageId": message_id, "properties": properties}


async def test_the_plan_counts_and_rejects_as_it_is_told(tmp_path: Path) -> None:
    async with running(tmp_path, config=configure(tmp_path, PLAN)) as sidecar:
        batch = [
            call(
                "cart_updated",
                "m1",
                cart_id="c1",
                total="12",
                items=[{"product": "tent", "price": 1}, {"product": "x"}],
            ),
            call("order_completed", "m2", total="12"),
        ]
        answer = await sidecar.client.post("/v1/batch", json={"batch": batch})
        assert answer.json() == json.loads(ANSWER)
        assert await violations(sidecar, "cart_updated") == {"items[].price": {"required": 1}, "total": {"type": 1}}
