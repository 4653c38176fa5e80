"""The rules of sending, as a shop writes them in `sending.yaml`, read and checked.

timezone: Europe/Berlin
quiet_hours: 21:00-08:00
consent: {region_trait: country, opt_out: [US]}
tracking: opt-in
send_windows: mon-sat 09:00-19:30
caps: [3 per 7d, 1 per day for channel email]
fatigue: {budget: 3, half_life: 2d}
holdout: 5%
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from zoneinfo import ZoneInfo, available_timezones

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from engine.core.sending.local import is_zone_name
from engine.core.sending.policy import Cap, ConsentRule, Facts, Fatigue, Hours, Period, Policy
from engine.language.documents import Document, Entry
from engine.language.durations import DurationError
from engine.language.errors import TriggerErrors, did_you_mean
from engine.language.notes import check_span
from engine.language.sources import Source

KEYS = (
    "timezone",
    "timezone_trait",
    "quiet_hours",
    "send_windows",
    "consent",
    "tracking",
    "caps",
    "fatigue",
    "holdout",
)
CONSENT_KEYS = ("region_trait", "opt_out", "category")
CAP_KEYS = ("limit", "per", "channel", "tag", "trigger")
FATIGUE_KEYS = ("budget", "half_life")
OPT_IN = "opt-in"
"""Stands in the place of rules where everybody must opt in."""

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PERIODS: tuple[Period, ...] = ("day", "week", "month")

_HOURS = re.compile(r"(?:(?P<days>[a-z,-]+)\s+)?(?P<start>\d\d?:\d\d)\s*-\s*(?P<stop>\d\d?:\d\d)")
_CAP = re.compile(r"(?P<limit>\d+)\s+per\s+(?P<per>\S+)(?:\s+for\s+(?P<about>.+))?")
_ABOUT = re.compile(r"(?P<kind>channel|tag|trigger)\s+(?P<name>\S+)")
_DAY = 24 * 60


def read_sending(
    file: str,
    text: str,
    *,
    retention: int,
    triggers: Collection[str] = (),
    messages: Mapping[str, Facts] | None = None,
    holdouts: Mapping[str, float] | None = None,
) -> Policy:
    """Read the rules of sending; `triggers` and `messages` are those that there are, `holdouts` what triggers say.

    Raises:
        TriggerErrors: all that is wrong.

    """
    document = Document(Source(file, text))
    policy = replace(_Reader(document, retention, triggers, messages or {}).read(), holdouts=holdouts or {})
    if document.errors:
        raise TriggerErrors(document.errors)
    return policy


class _Reader:
    """Reads one file; what is wrong goes to the document's errors."""

    def __init__(
        self, document: Document, retention: int, triggers: Collection[str], messages: Mapping[str, Facts]
    ) -> None:
        self._document = document
        self._retention = retention
        self._messages = messages
        self._known = {
            "trigger": triggers,
            "channel": {facts.channel for facts in messages.values()},
            "tag": {tag for facts in messages.values() for tag in facts.tags},
        }

    def read(self) -> Policy:
        """The rules; of use only if there were no errors."""
        root = self._document.root()
        entries = self._document.mapping(root, "`sending.yaml`", KEYS) if root is not None else {}
        nodes = {key: entry.value for key, entry in entries.items()}
        policy = Policy(messages=self._messages)
        if "timezone" in nodes:
            policy = replace(policy, zone=self._zone(nodes["timezone"]))
        if "timezone_trait" in nodes:
            policy = replace(policy, zone_trait=self._document.text(nodes["timezone_trait"], "`timezone_trait`"))
        if "quiet_hours" in nodes:
            policy = replace(policy, quiet=self._parts(nodes["quiet_hours"], "`quiet_hours`"))
        if "send_windows" in nodes:
            policy = replace(policy, windows=self._parts(nodes["send_windows"], "`send_windows`"))
        if "consent" in nodes:
            policy = replace(policy, consent=self._consent(nodes["consent"], "`consent`"))
        if "tracking" in nodes:
            policy = replace(policy, tracking=self._consent(nodes["tracking"], "`tracking`"))
        if "caps" in nodes:
            caps = [self._cap(item) for item in self._document.items(nodes["caps"], "`caps`")]
            policy = replace(policy, caps=tuple(cap for cap in caps if cap is not None))
        if "fatigue" in nodes:
            policy = replace(policy, fatigue=self._fatigue(nodes["fatigue"]))
        if "holdout" in nodes:
            policy = replace(policy, holdout=self._document.share(nodes["holdout"], "`holdout`"))
        return policy

    def _zone(self, node: Node) -> ZoneInfo:
        name = self._document.text(node, "`timezone`", "a time zone", "such as `Europe/Berlin`")
        known = set(filter(is_zone_name, available_timezones()))
        if not name or name in known:
            return ZoneInfo(name or "UTC")
        hint = did_you_mean(name, known, "write an IANA name, such as `Europe/Berlin`")
        self._document.fail(node, f"there is no time zone `{name}`", hint)
        return ZoneInfo("UTC")

    # Hours -------------------------------------------------------------------------------------------------------

    def _parts(self, node: Node, what: str) -> tuple[Hours, ...]:
        nodes = node.value if isinstance(node, SequenceNode) else [node]
        found = [self._hours(item, what) for item in nodes]
        return tuple(hours for hours in found if hours is not None)

    def _hours(self, node: Node, what: str) -> Hours | None:
        text = self._document.text(node, what, "hours of the day", "such as `21:00-08:00` or `mon-fri 09:00-19:30`")
        if not text:
            return None
        written = _HOURS.fullmatch(text.strip().lower())
        if written is None:
            hint = "write them as `21:00-08:00`, or with days before them, `sat,sun 20:00-10:00`"
            self._document.fail(node, f"`{text}` is not hours of the day", hint)
            return None
        start, stop = self._time(node, written["start"]), self._time(node, written["stop"])
        days = self._days(node, written["days"] or "mon-sun")
        if start is None or stop is None or days is None:
            return None
        if start == stop or (start, stop) == (0, _DAY):
            if what == "`quiet_hours`" and len(days) == len(DAYS):
                self._document.fail(node, f"`{text}` is always: nothing could ever go", "write shorter hours")
                return None
            start, stop = start % _DAY, start % _DAY
        return Hours(start, stop, days)

    def _time(self, node: Node, text: str) -> int | None:
        hours, minutes = map(int, text.split(":"))
        if hours * 60 + minutes <= _DAY and minutes < 60:  # noqa: PLR2004 - of an hour
            return hours * 60 + minutes
        self._document.fail(node, f"there is no time `{text}`", "the times of a day are 00:00 to 24:00")
        return None

    def _days(self, node: Node, text: str) -> frozenset[int] | None:
        found: set[int] = set()
        for part in text.split(","):
            first, _, last = part.partition("-")
            for name in (first, last or first):
                if name not in DAYS:
                    hint = did_you_mean(name, DAYS, f"the days are {', '.join(DAYS)}")
                    self._document.fail(node, f"there is no day `{name}`", hint)
                    return None
            begin, end = DAYS.index(first), DAYS.index(last or first)
            found |= {day % 7 for day in range(begin, end + (7 if end < begin else 0) + 1)}
        return frozenset(found)

    def _consent(self, node: Node, what: str) -> ConsentRule:
        document, rule = self._document, ConsentRule()
        if isinstance(node, ScalarNode) and node.value == OPT_IN:
            return rule
        entries = document.mapping(node, what, CONSENT_KEYS)
        if "region_trait" in entries:
            trait = document.text(entries["region_trait"].value, "`region_trait`", "the name of a trait", "`country`")
            rule = replace(rule, region_trait=trait)
        if "opt_out" in entries:
            regions = document.items(entries["opt_out"].value, "`opt_out`")
            names = [document.text(each, "a region", "text", "such as `US`") for each in regions]
            rule = replace(rule, opt_out=frozenset(names))
        if "category" in entries:
            name = document.text(entries["category"].value, "`category`", "a category", "such as `Advertising`")
            rule = replace(rule, category=name)
        return rule

    # Limits ------------------------------------------------------------------------------------------------------

    def _cap(self, node: Node) -> Cap | None:
        if isinstance(node, MappingNode):
            return self._long_cap(node)
        text = self._document.text(node, "a cap", "text", "such as `3 per 7d` or `1 per day for channel email`")
        if not text:
            return None
        written = _CAP.fullmatch(text.strip())
        abouts = written["about"].split(" and ") if written and written["about"] else []
        narrowed = [_ABOUT.fullmatch(each.strip()) for each in abouts]
        if written is None or None in narrowed:
            hint = "write `3 per 7d`, `1 per day`, or with what it is about, `2 per 30d for tag winback`"
            self._document.fail(node, f"`{text}` is not a cap", hint)
            return None
        about = {each["kind"]: each["name"] for each in narrowed if each is not None}
        return self._made(node, int(written["limit"]), written["per"], about, text.strip())

    def _long_cap(self, node: Node) -> Cap | None:
        document = self._document
        entries = document.mapping(node, "a cap", CAP_KEYS)
        for key in ("limit", "per"):
            if key not in entries:
                document.fail(node, f"a cap needs a `{key}`", "write `{limit: 3, per: 7d}`")
                return None
        limit = document.number(entries["limit"].value, "`limit`")
        if limit < 0 or limit != int(limit):
            document.fail(entries["limit"].value, "`limit` is a whole number", "write one, such as `3`")
            return None
        per = document.text(entries["per"].value, "`per`", "a duration, or `day`, `week`, `month`", "such as `7d`")
        about = {key: document.text(entry.value, f"`{key}`") for key, entry in entries.items() if key in self._known}
        if not per or not all(about.values()):
            return None
        words = " and ".join(f"{kind} {name}" for kind, name in about.items())
        return self._made(node, int(limit), per, about, f"{int(limit)} per {per}" + (f" for {words}" if words else ""))

    def _made(self, node: Node, limit: int, per: str, about: Mapping[str, str], text: str) -> Cap | None:
        for kind, name in about.items():
            known = self._known[kind]
            if name not in known:
                remedy = "no message has it" if kind != "trigger" else "no trigger has that name"
                self._document.fail(node, f"there is no {kind} `{name}`", did_you_mean(name, known, remedy))
                return None
        period = next((each for each in PERIODS if each == per), None)
        if period is None and per.isalpha():
            hint = did_you_mean(per, PERIODS, "write `7d`, or `day`, `week`, `month`")
            self._document.fail(node, f"`{per}` is neither a duration nor a day, week or month", hint)
            return None
        span = None if period else self._span(node, per)
        return None if period is None and span is None else Cap(limit, span, period, text=text, **about)

    def _fatigue(self, node: Node) -> Fatigue | None:
        document = self._document
        entries = document.mapping(node, "`fatigue`", FATIGUE_KEYS)
        if entries.keys() != set(FATIGUE_KEYS):
            document.fail(node, "`fatigue` needs a `budget` and a `half_life`", "write `{budget: 3, half_life: 2d}`")
            return None
        budget = document.number(entries["budget"].value, "`budget`")
        text = document.text(entries["half_life"].value, "`half_life`", "a duration", "such as `2d`")
        half_life = self._span(entries["half_life"].value, text) if text else None
        if budget <= 0:
            document.fail(entries["budget"].value, "`budget` is more than nothing", "write a number such as `3`")
        self._too_heavy(entries["budget"], budget)
        return None if half_life is None else Fatigue(budget, half_life)

    def _too_heavy(self, budget: Entry, size: float) -> None:
        for name, facts in self._messages.items():
            if facts.purpose == "marketing" and 0 < size < facts.weight:
                problem = f"message `{name}` weighs {facts.weight:g}, more than the whole budget: it could never go"
                self._document.fail(budget.value, problem, "give it a smaller `weight`, or raise the budget")

    def _span(self, node: Node, text: str) -> int | None:
        try:
            return check_span(text, self._retention)
        except DurationError as error:
            self._document.fail(node, str(error), error.hint)
            return None
