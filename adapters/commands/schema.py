"""`impel schema`: the JSON Schema of trigger files."""

import json
import sys

from engine.language.schema import schema


def print_schema() -> None:
    """Print the JSON Schema of trigger files, so that editors complete and check them.

    Save it, `impel schema > triggers.schema.json`, and begin each trigger file with
    `# yaml-language-server: $schema=triggers.schema.json`.
    """
    sys.stdout.write(json.dumps(schema(), indent=2, ensure_ascii=False) + "\n")
