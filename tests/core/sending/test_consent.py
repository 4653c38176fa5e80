"""Consent, and the address: who may be written to."""

import pytest

from engine.core.events import Consent, Outcome, Sent, Traits, encode
from engine.core.sending.answers import Go, Never
from engine.core.sending.consent import may_track
from engine.core.sending.policy import ConsentRule, Facts, Policy
from engine.core.user import User
from tests.core.sending.people import DAY, HOUR, NOON, due, person, policy_of

EUROPE = policy_of(consent=ConsentRule(opt_out=frozenset({"US"})))


def may(user: User, policy: Policy = EUROPE, now: int = NOON) -> str:
    """Empty where a message may go; otherwise why not."""
    answer = user.release(due(user, at=now), now, policy)
    return "" if answer == Go() else answer.reason if isinstance(answer, Never) else str(answer)


def test_silence_is_no_consent_but_where_the_shop_says_so() -> None:
    user = person()
    assert may(user) == "consent: they have not opted in to marketing"
    user.profile["country"] = "US"
    assert may(user) == ""
    user.profile["country"] = ["US"]
    assert may(user) == "consent: they have not opted in to marketing"
    assert may(user, policy_of()) == "", "a shop that asks elsewhere"


def test_global_privacy_control_objects_where_silence_would_be_consent() -> None:
    user = person()
    user.profile.update(country="US", gpc=True)
    assert may(user) == "consent: Global Privacy Control objects for them"
    user.observe(Consent(1, "marketing", granted=True, source="checkout"), NOON)
    assert may(user) == "", "what they say themselves goes before"


def test_what_was_said_last_counts_with_its_time_and_source() -> None:
    user = person()
    user.observe(Consent(1, "marketing", granted=True, source="checkout"), NOON)
    assert may(user) == ""
    user.observe(Consent(2, "marketing", granted=False, source="preferences"), NOON + HOUR)
    assert may(user, now=NOON + HOUR) == "consent: they withdrew it for marketing at 2026-01-08T13:00:00Z (preferences)"


def test_an_older_word_that_comes_in_late_is_none() -> None:
    user = person()
    user.observe(Consent(1, "marketing", granted=False, source="mail"), NOON)
    user.observe(Consent(2, "marketing", granted=True, source="shop", at=NOON - 1), NOON + 1)
    assert may(user, now=NOON + 1).startswith("consent: they withdrew it")
    user.observe(Consent(3, "marketing", granted=True, source="shop", at=NOON + 2), NOON + 3)
    assert may(user, now=NOON + 3) == ""
    assert user.sending.consents["marketing"].at == NOON + 2


def test_what_is_said_to_have_been_said_in_the_future_was_said_now() -> None:
    user = person()
    user.observe(Consent(1, "marketing", granted=True, source="shop", at=NOON + DAY), NOON)
    user.observe(Consent(2, "marketing", granted=False, source="mail"), NOON + 1)
    assert may(user, now=NOON + 1).startswith("consent: they withdrew it")


def test_an_archives_yes_goes_over_nothing_that_was_said_and_its_no_does() -> None:
    yes, no = (encode({"consent": {"marketing": granted}}) for granted in (True, False))
    user = person()
    user.observe(Traits(1, yes, imported=True), NOON)
    assert may(user) == ""
    user.observe(Traits(2, no, imported=True), NOON + 1)
    user.observe(Traits(3, yes, imported=True), NOON + 2)
    assert may(user, now=NOON + 2).startswith("consent: they withdrew it")


def test_consent_to_another_purpose_is_none_to_this_one() -> None:
    user = person()
    user.observe(Consent(1, "analytics", granted=True, source="banner"), NOON)
    assert may(user) == "consent: they have not opted in to marketing"


def test_a_profile_update_may_say_it_too() -> None:
    user = person()
    user.observe(Traits(1, encode({"consent": {"marketing": True, "odd": "yes"}})), NOON)
    assert may(user) == ""
    assert user.sending.consents["marketing"].source == "profile"
    assert "odd" not in user.sending.consents
    user.observe(Traits(2, encode({"consent": {"marketing": False}})), NOON + 1)
    assert may(user, now=NOON + 1).startswith("consent: they withdrew it")


@pytest.mark.parametrize("later", [True, False])
def test_of_two_who_are_one_the_later_word_counts(*, later: bool) -> None:
    visitor, user = person(name="a:v"), person()
    visitor.observe(Consent(1, "marketing", granted=later, source="banner"), NOON + 1)
    user.observe(Consent(2, "marketing", granted=not later, source="checkout"), NOON)
    user.observe(Traits(3), NOON + 2, visitor)
    assert (may(user, now=NOON + 2) == "") is later


def test_of_two_words_at_one_instant_the_no_counts() -> None:
    for first in (True, False):
        visitor, user = person(name="a:v"), person()
        visitor.observe(Consent(1, "marketing", granted=first, source="banner"), NOON)
        user.observe(Consent(2, "marketing", granted=not first, source="checkout"), NOON)
        user.observe(Traits(3), NOON, visitor)
        assert may(user)


def test_transactional_messages_need_none() -> None:
    assert may(person(), policy_of(Facts(purpose="transactional"), consent=ConsentRule())) == ""


def test_without_an_address_nothing_goes() -> None:
    user, policy = person(), policy_of(Facts(address="email", purpose="transactional"))
    assert may(user, policy) == "address: their profile has no `email`"
    user.profile["email"] = "ada@shop.example"
    assert may(user, policy) == ""


def test_what_was_said_and_sent_survives_sleep() -> None:
    user = person()
    user.observe(Consent(1, "marketing", granted=True, source="checkout"), NOON)
    message = due(user)
    user.observe(Outcome(2, message, "sending", Sent(message, NOON, "t", "m", tags=("promo",), weight=0.5)), NOON)
    snapshot = user.snapshot()
    again = User.restore(snapshot.state, [], user.program)
    assert again.sending.consents == user.sending.consents
    assert (
        list(again.sending.ledger)
        == list(user.sending.ledger)
        == [Sent(message, NOON, "t", "m", tags=("promo",), weight=0.5)]
    )


def test_what_is_sent_counts_until_it_is_refused_and_no_longer_than_history_is_kept() -> None:
    user = person()
    for number, (fate, counts) in enumerate(
        [("accepted", True), ("unconfirmed", True), ("failed", False), ("dropped", False), ("later", False)]
    ):
        message = due(user, number=number)
        user.observe(Outcome(2 * number, message, "sending", Sent(message, NOON, "t", "m")), NOON)
        assert message in {each.id for each in user.sending.ledger}
        user.observe(Outcome(2 * number + 1, message, fate), NOON)  # type: ignore[arg-type]
        assert (message in {each.id for each in user.sending.ledger}) is counts, fate
        assert (message in user.sending.due) is (fate == "later")
    user.observe(Traits(99), NOON + 91 * DAY)
    user.snapshot()
    assert len(user.sending.ledger) == 0


MANAGED = policy_of(consent=ConsentRule(opt_out=frozenset({"US"}), category="Advertising"))


def stamp(user: User, category: str, at: int, *, granted: bool) -> None:
    user.observe(Consent(1, category, granted=granted, source="consent manager", stamped=True), at)


def test_a_category_of_a_consent_manager_may_stand_for_marketing() -> None:
    user = person()
    stamp(user, "Advertising", NOON, granted=True)
    assert may(user, MANAGED) == ""
    assert may(user, EUROPE) == "consent: they have not opted in to marketing"
    stamp(user, "Advertising", NOON + 1, granted=False)
    assert may(user, MANAGED, NOON + 1).startswith("consent: they withdrew it for marketing")


def test_a_stamp_that_says_what_it_said_before_does_not_take_back_a_later_word() -> None:
    user = person()
    stamp(user, "Advertising", NOON, granted=True)
    user.observe(Consent(2, "marketing", granted=False, source="mail"), NOON + 1)
    stamp(user, "Advertising", NOON + 2, granted=True)
    assert may(user, MANAGED, NOON + 2) == "consent: they withdrew it for marketing at 2026-01-08T12:00:00Z (mail)"
    stamp(user, "Advertising", NOON + 3, granted=False)
    stamp(user, "Advertising", NOON + 4, granted=True)
    assert may(user, MANAGED, NOON + 4) == "", "they have changed their mind"


def test_the_browsers_signal_objects_where_silence_is_consent() -> None:
    user = person()
    user.profile["country"] = "US"
    assert may(user) == ""
    stamp(user, "gpc", NOON, granted=True)
    assert may(user) == "consent: Global Privacy Control objects for them"
    user.observe(Consent(2, "marketing", granted=True, source="form"), NOON + 1)
    assert may(user, now=NOON + 1) == "", "what they say themselves counts"


@pytest.mark.parametrize(
    ("traits", "said", "asked", "seen"),
    [
        ({}, None, True, False),
        ({"country": "US"}, None, True, True),
        ({"country": "US", "gpc": True}, None, True, False),
        ({"country": "US"}, False, True, False),
        ({"country": "DE"}, True, True, True),
        ({"country": "DE", "gpc": True}, True, True, True),
        ({}, None, False, True),
        ({"gpc": True}, None, False, False),
        ({}, False, False, False),
    ],
)
def test_what_a_reader_does_is_seen_where_they_have_said_so_or_their_silence_does(
    traits: dict[str, object], *, said: bool | None, asked: bool, seen: bool
) -> None:
    user = person()
    user.profile.update(traits)
    user.observe(Consent(1, "marketing", granted=True, source="checkout"), NOON)
    if said is not None:
        user.observe(Consent(2, "tracking", granted=said, source="page"), NOON)
    assert may_track(user, EUROPE if asked else policy_of()) is seen


def test_who_does_not_want_to_be_watched_is_written_to_all_the_same() -> None:
    user = person()
    user.observe(Consent(1, "marketing", granted=True, source="checkout"), NOON)
    user.observe(Consent(2, "tracking", granted=False, source="page"), NOON)
    assert may(user) == ""


def test_being_seen_can_have_a_rule_of_its_own() -> None:
    rule = ConsentRule(opt_out=frozenset({"US"}), category="Analytics")
    asked_here, asked_elsewhere = policy_of(tracking=rule, consent=ConsentRule()), policy_of(tracking=rule)
    user = person()
    for policy in (asked_here, asked_elsewhere):
        assert not may_track(user, policy)
    user.profile["country"] = "US"
    for policy in (asked_here, asked_elsewhere):
        assert may_track(user, policy)
    user.observe(Consent(1, "Analytics", granted=False, source="banner"), NOON)
    assert not may_track(user, asked_elsewhere)
    user.observe(Consent(2, "tracking", granted=True, source="page"), NOON + HOUR)
    assert may_track(user, asked_elsewhere), "the later word counts"
    assert may_track(user, policy_of())
