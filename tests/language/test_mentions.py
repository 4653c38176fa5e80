"""Which events and properties a trigger mentions: all of them, wherever they stand."""

import re

from engine.language.files import load
from engine.language.mentions import mentions

EVERYWHERE = """
triggers:
  all:
    when: >-
      ((e01[p01 > 1] then e02 without e03) then no e04 within 1h
        or (seen(e05[p05 == 1 or not (p06 in [1, 2] and p07.inner contains "x")]) within 1d) on e06
        or (count(e07) > 2 within 1h) for 2h
        or distinct(e08.p08) > 3 within 1h
        or inactive for 3d)
      and last(e09[exists(p09)]).p10 > 1 within 1d and in segment "one"
    if: not seen(e11) within 1d
    until: e12 then e13
    goal: {event: "e14[p14 == 1] within 7d", revenue: p15}
    rollout: {share: 50%, segment: three}
    variants:
      a:
      b: {when: e15, steps: [{send: hello, if: seen(e16) within 1d}]}
    steps:
      - {send: hello, if: seen(e17) within 1d}
segments:
  one: in segment "two" or seen(e18)
  two: sum(e19.p19) > 1
  three: seen(e20)
  kept: list
  unused: seen(e21)
"""


def test_every_event_and_property_is_found_wherever_it_stands() -> None:
    loaded = load({"all": EVERYWHERE})
    (trigger,) = loaded.triggers
    found = mentions(trigger, {segment.name: segment.state for segment in loaded.segments})
    assert set(found) == set(re.findall(r"e\d\d", EVERYWHERE)) - {"e21"}
    paths = {".".join(path) for asked in found.values() for path in asked}
    assert paths == set(re.findall(r"p\d\d(?:\.inner)?", EVERYWHERE))
    assert found["e09"] == {("p09",), ("p10",)}
    assert found["e14"] == {("p14",), ("p15",)}


def test_any_and_traits_mention_no_event_by_name() -> None:
    loaded = load({"t": 'triggers: {t: {when: inactive for 30d, if: profile.plan == "vip"}}'})
    assert mentions(loaded.triggers[0], {}) == {}
