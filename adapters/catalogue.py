"""What events there are, beside what the triggers and the tracking plan say: each side points out the other's gaps."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any

from engine.core.events import FEEDBACK
from engine.language.errors import closest
from engine.language.files import Loaded
from engine.language.mentions import mentions
from engine.runtime.census import OTHERS, Seen, Shape, step

Mentioned = Mapping[str, Mapping[str, set[str]]]
"""By event the triggers that mention it, each with the paths of the properties that it asks for."""


def mentioned(loaded: Loaded) -> Mentioned:
    """What all triggers mention."""
    definitions = {segment.name: segment.state for segment in loaded.segments}
    found: defaultdict[str, dict[str, set[str]]] = defaultdict(dict)
    for trigger in loaded.triggers:
        for event, paths in mentions(trigger, definitions).items():
            found[event][trigger.name] = {reduce(step, path, "") for path in paths}
    return dict(found)


def catalogue(census: Iterable[Seen], triggers: Mentioned, plan: Mapping[str, str]) -> dict[str, Any]:
    """All of it, as it is told; `plan` says of each event that it has, what becomes of one that breaks its schema."""
    seen = {each.name: each for each in sorted(census, key=lambda each: -each.last)}
    others = seen.pop(OTHERS, None)
    own = sorted(name for name in seen if name not in FEEDBACK)
    unmentioned = [name for name in own if name not in triggers]
    return {
        "events": {name: _event(each, triggers.get(name, {}), plan.get(name)) for name, each in seen.items()},
        "unmentioned": unmentioned,
        "unplanned": [name for name in own if name not in plan] if plan else [],
        "never_seen": {
            name: {"triggers": list(triggers[name]), "meant": closest(name, unmentioned)}
            for name in sorted(triggers)
            if name not in seen
        },
        "others": None if others is None else {"events": others.number, "last": others.last},
    }


def _event(seen: Seen, triggers: Mapping[str, set[str]], plan: str | None) -> dict[str, Any]:
    shape = seen.shape
    return {
        "number": seen.number,
        "since": seen.since,
        "last": seen.last,
        "triggers": list(triggers),
        "looked_at": shape.looked,
        "properties": dict(sorted(shape.properties.items())),
        "left_out": shape.cut,
        "never_seen": _absent(shape, triggers),
        "plan": plan,
        "violations": shape.violations,
    }


def _absent(shape: Shape, triggers: Mapping[str, set[str]]) -> dict[str, Any]:
    """The properties that triggers ask for and no event bore that was looked at, where nothing was left out."""
    if not shape.looked or shape.cut:
        return {}
    asked = sorted(set().union(*triggers.values()) - shape.properties.keys())
    return {
        path: {
            "triggers": [name for name, paths in triggers.items() if path in paths],
            "meant": closest(path, shape.properties),
        }
        for path in asked
    }
