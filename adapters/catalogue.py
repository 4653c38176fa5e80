"""What events there are, beside what the triggers and the tracking plan say: each side points out the other's gaps."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from engine.core.events import FEEDBACK
from engine.language.errors import closest
from engine.language.files import Loaded
from engine.language.mentions import mentions
from engine.runtime.census import OTHERS, Seen


def mentioned(loaded: Loaded) -> dict[str, list[str]]:
    """The triggers that mention each event, both by name."""
    definitions = {segment.name: segment.state for segment in loaded.segments}
    found: defaultdict[str, list[str]] = defaultdict(list)
    for trigger in loaded.triggers:
        for event in mentions(trigger, definitions):
            found[event].append(trigger.name)
    return dict(found)


def catalogue(census: Iterable[Seen], triggers: Mapping[str, list[str]], plan: Mapping[str, str]) -> dict[str, Any]:
    """All of it, as it is told; `plan` says of each event that it has, what becomes of one that breaks its schema."""
    seen = {each.name: each for each in sorted(census, key=lambda each: -each.last)}
    others = seen.pop(OTHERS, None)
    unused = [name for name in seen if name not in triggers and name not in FEEDBACK]
    return {
        "events": {name: _event(each, triggers.get(name, []), plan.get(name)) for name, each in seen.items()},
        "unmentioned": sorted(unused),
        "never_seen": {
            name: {"triggers": triggers[name], "meant": closest(name, unused)}
            for name in sorted(triggers)
            if name not in seen
        },
        "others": None if others is None else {"events": others.number, "last": others.last},
    }


def _event(seen: Seen, triggers: list[str], plan: str | None) -> dict[str, Any]:
    shape = seen.shape
    return {
        "number": seen.number,
        "since": seen.since,
        "last": seen.last,
        "triggers": triggers,
        "looked_at": shape.looked,
        "properties": dict(sorted(shape.properties.items())),
        "left_out": shape.cut,
        "plan": plan,
        "violations": shape.violations,
    }
