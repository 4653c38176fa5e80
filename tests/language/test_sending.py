"""`sending.yaml`: what it says, and what is told where it is wrong."""

import random
from zoneinfo import ZoneInfo

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from engine.core.sending.policy import Cap, ConsentRule, Facts, Fatigue, Hours, Policy
from engine.language.errors import TriggerErrors
from engine.language.sending import read_sending
from engine.language.sending_schema import sending_schema

DAY = 86_400_000
MESSAGES = {
    "hello": Facts(tags=("winback",)),
    "text": Facts(channel="sms", weight=2.5),
    "receipt": Facts(purpose="transactional", weight=100),
}
TRIGGERS = ("left", "lapsed")


def read(text: str) -> Policy:
    return read_sending("sending.yaml", text, retention=90 * DAY, triggers=TRIGGERS, messages=MESSAGES)


def told(text: str) -> list[tuple[int, int, str, str]]:
    """Line, column, what is wrong, and what to do."""
    with pytest.raises(TriggerErrors) as raised:
        read(text)
    return [(error.line, error.column, error.message, error.hint) for error in raised.value.errors]


def test_an_empty_file_has_no_rules() -> None:
    assert read("") == Policy(messages=MESSAGES)
    assert read("# nothing yet\n") == Policy(messages=MESSAGES)


def test_a_whole_file() -> None:
    policy = read("""
timezone: Europe/Berlin
timezone_trait: tz
quiet_hours: [21:00-08:00, "sat,sun 12:00-14:30"]
send_windows: fri-mon 9:00-24:00
consent: {region_trait: state, opt_out: [US, BR], category: Advertising}
tracking: {opt_out: [US], category: Analytics}
caps:
  - 3 per 7d
  - 1 per day
  - 2 per month for tag winback and channel email
  - {limit: 1, per: 14d, trigger: left}
fatigue: {budget: 3, half_life: 2d}
holdout: 2.5%
""")
    everyday, weekend = frozenset(range(7)), frozenset({5, 6})
    assert policy == Policy(
        messages=MESSAGES,
        zone=ZoneInfo("Europe/Berlin"),
        zone_trait="tz",
        quiet=(Hours(1_260, 480, everyday), Hours(720, 870, weekend)),
        windows=(Hours(540, 1_440, frozenset({4, 5, 6, 0})),),
        consent=ConsentRule("state", frozenset({"US", "BR"}), "Advertising"),
        tracking=ConsentRule(opt_out=frozenset({"US"}), category="Analytics"),
        caps=(
            Cap(3, 7 * DAY, text="3 per 7d"),
            Cap(1, period="day", text="1 per day"),
            Cap(
                2, period="month", channel="email", tag="winback", text="2 per month for tag winback and channel email"
            ),
            Cap(1, 14 * DAY, trigger="left", text="1 per 14d for trigger left"),
        ),
        fatigue=Fatigue(3.0, 2 * DAY),
        holdout=0.025,
    )


def test_everybody_must_opt_in_where_no_region_is_named() -> None:
    assert read("consent: opt-in").consent == ConsentRule()


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("quiet_hour: 21:00-08:00", "`sending.yaml` has no key `quiet_hour`", "did you mean `quiet_hours`?"),
        ("timezone: Europe/Berln", "there is no time zone `Europe/Berln`", "did you mean `Europe/Berlin`?"),
        ("timezone: 7", "`timezone` is a time zone", "write one, such as `Europe/Berlin`"),
        (
            "quiet_hours: nights",
            "`nights` is not hours of the day",
            "write them as `21:00-08:00`, or with days before them, `sat,sun 20:00-10:00`",
        ),
        ("quiet_hours: 21:00-25:00", "there is no time `25:00`", "the times of a day are 00:00 to 24:00"),
        ("quiet_hours: 21:60-23:00", "there is no time `21:60`", "the times of a day are 00:00 to 24:00"),
        ("quiet_hours: thr 21:00-23:00", "there is no day `thr`", "did you mean `thu`?"),
        ("quiet_hours: 00:00-24:00", "`00:00-24:00` is always: nothing could ever go", "write shorter hours"),
        (
            "caps: [three per 7d]",
            "`three per 7d` is not a cap",
            "write `3 per 7d`, `1 per day`, or with what it is about, `2 per 30d for tag winback`",
        ),
        (
            "caps: [1 per day for tag winback and sms]",
            "`1 per day for tag winback and sms` is not a cap",
            "write `3 per 7d`, `1 per day`, or with what it is about, `2 per 30d for tag winback`",
        ),
        ("caps: [3 per 91d]", "`91d` is longer than history is kept", "write at most 90d, or raise `retention`"),
        (
            "caps: [3 per fortnight]",
            "`fortnight` is neither a duration nor a day, week or month",
            "write `7d`, or `day`, `week`, `month`",
        ),
        ("caps: [3 per dya]", "`dya` is neither a duration nor a day, week or month", "did you mean `day`?"),
        ("caps: [1 per day for tag wniback]", "there is no tag `wniback`", "did you mean `winback`?"),
        ("caps: [1 per day for channel post]", "there is no channel `post`", "no message has it"),
        ("caps: [1 per day for trigger lef]", "there is no trigger `lef`", "did you mean `left`?"),
        ("caps: [{limit: 1.5, per: 7d}]", "`limit` is a whole number", "write one, such as `3`"),
        ("caps: [{per: 7d}]", "a cap needs a `limit`", "write `{limit: 3, per: 7d}`"),
        ("caps: 3 per 7d", "`caps` is a list", "write each item in a line of its own that begins with `- `"),
        ("fatigue: {budget: 3}", "`fatigue` needs a `budget` and a `half_life`", "write `{budget: 3, half_life: 2d}`"),
        ("fatigue: {budget: 0, half_life: 2d}", "`budget` is more than nothing", "write a number such as `3`"),
        (
            "fatigue: {budget: 2, half_life: 2d}",
            "message `text` weighs 2.5, more than the whole budget: it could never go",
            "give it a smaller `weight`, or raise the budget",
        ),
        ("holdout: 120%", "`holdout` is a share of the people", "write it as `5%`, from 0% to 100%"),
        ("holdout: 0.05", "`holdout` is a share of the people", "write it as `5%`, from 0% to 100%"),
        ("consent: {opt_in: [DE]}", "`consent` has no key `opt_in`", "did you mean `opt_out`?"),
        ("tracking: {opt_in: [DE]}", "`tracking` has no key `opt_in`", "did you mean `opt_out`?"),
    ],
)
def test_a_mistake_is_told_with_what_to_write_instead(text: str, message: str, hint: str) -> None:
    assert [(each[2], each[3]) for each in told(text)] == [(message, hint)]


def test_all_mistakes_are_told_together_each_at_its_place() -> None:
    found = told("timezone: Mars\ncaps:\n  - 3 per 7d\n  - 1 per dey\nholdout: lots\n")
    assert [(line, column) for line, column, _, _ in found] == [(1, 11), (4, 5), (5, 10)]


def test_any_text_is_read_or_refused_with_its_mistakes() -> None:
    seed = random.randrange(10**6)
    draw = random.Random(seed)
    words = "timezone: quiet_hours: caps: fatigue: consent: - { } [ ] , 3 per day for tag winback 21:00-08:00 5% \n"
    for _ in range(400):
        text = " ".join(draw.choices(words.split(" "), k=draw.randint(1, 12)))
        text = text.replace(" \n ", "\n")
        try:
            read(text)
        except TriggerErrors:
            continue
        except Exception as error:
            raise AssertionError(f"seed {seed}: {text!r}") from error


SCHEMA = Draft202012Validator(sending_schema())
FINE = [
    "timezone: Europe/Berlin",
    "quiet_hours: 21:00-08:00",
    "quiet_hours: [21:00-08:00, 'sat,sun 12:00-14:30']",
    "send_windows: mon-fri 09:00-19:30",
    "consent: opt-in",
    "consent: {opt_out: [US]}",
    "tracking: opt-in",
    "tracking: {opt_out: [US], category: Analytics}",
    "caps: [3 per 7d, 1 per day, 2 per 30d for tag winback and channel email]",
    "caps: [{limit: 1, per: 14d, trigger: left}]",
    "fatigue: {budget: 2.5, half_life: 1d12h}",
    "holdout: 5%",
    "",
]
BAD = [
    "quiet_hour: 21:00-08:00",
    "quiet_hours: nights",
    "quiet_hours: thr 21:00-23:00",
    "consent: yes",
    "tracking: no",
    "caps: 3 per 7d",
    "caps: [three per 7d]",
    "caps: [{per: 7d}]",
    "caps: [{limit: 1.5, per: 7d}]",
    "fatigue: {budget: 3}",
    "fatigue: {budget: 0, half_life: 2d}",
    "holdout: 0.05",
]


@pytest.mark.parametrize("text", FINE)
def test_what_is_read_is_right_by_the_schema(text: str) -> None:
    read(text)
    assert SCHEMA.is_valid(YAML(typ="safe", pure=True).load(text))


@pytest.mark.parametrize("text", BAD)
def test_what_is_wrong_by_the_schema_is_not_read(text: str) -> None:
    assert told(text)
    assert not SCHEMA.is_valid(YAML(typ="safe", pure=True).load(text))
