"""`impel schema`: the JSON Schemas of trigger files and of the rules of sending."""

import json
import sys
from typing import Literal

from engine.language.schema import schema
from engine.language.sending_schema import sending_schema

_SCHEMAS = {"triggers": schema, "sending": sending_schema}


def print_schema(of: Literal["triggers", "sending"] = "triggers", /) -> None:
    """Print the JSON Schema of trigger files, or of `sending.yaml`, so that editors complete and check them.

    Save it, `impel schema > triggers.schema.json`, and begin each trigger file with
    `# yaml-language-server: $schema=triggers.schema.json`.

    Args:
        of: Which: `triggers`, or `sending` for the rules of sending.
    """
    sys.stdout.write(json.dumps(_SCHEMAS[of](), indent=2, ensure_ascii=False) + "\n")
