"""Suppressions: who, and which addresses, nothing is sent to."""

from engine.core.events import Suppression, Traits, encode
from engine.core.sending.answers import Go, Never
from engine.core.sending.policy import Facts
from engine.core.sending.suppression import Suppressed, normal
from engine.core.user import User
from tests.core.sending.people import NOON, due, person, policy_of

NEWS = Facts(address="email", tags=("news",))


ADDRESS = "ada@shop.example"


def may(user: User, facts: Facts = NEWS, *, mark: Suppressed | None = None, address: str = ADDRESS) -> str:
    """Empty where a message may go; otherwise why not."""
    marks = {} if mark is None else {address: {mark.key: mark}}
    answer = user.release(due(user), NOON, policy_of(facts, suppressed=marks))
    return "" if answer == Go() else answer.reason if isinstance(answer, Never) else str(answer)


def ada() -> User:
    user = person()
    user.observe(Traits(1, encode({"email": " Ada@Shop.Example"})), NOON)
    return user


def bounced(channel: str = "email", tag: str = "") -> Suppressed:
    return Suppressed(channel, tag, "bounced", NOON, "mail")


def test_an_address_is_suppressed_however_it_is_written() -> None:
    assert normal(" Ada@Shop.Example") == "ada@shop.example"
    told = "suppression: their address is suppressed (bounced at 2026-01-08T12:00:00Z, mail)"
    assert may(ada(), mark=bounced()) == told
    assert may(ada(), mark=bounced(), address="bob@shop.example") == ""
    assert may(ada(), mark=bounced("sms")) == ""


def test_a_list_is_a_tag() -> None:
    assert "bounced of news" in may(ada(), mark=bounced(tag="news"))
    assert may(ada(), mark=bounced(tag="sale")) == ""


def test_a_person_is_suppressed_whatever_the_address() -> None:
    user = ada()
    user.observe(Suppression(2, "email", "", "complained", "mail"), NOON)
    assert may(user) == "suppression: they are suppressed (complained at 2026-01-08T12:00:00Z, mail)"
    user.observe(Suppression(3, "email", "", "complained", "mail", lifted=True), NOON)
    assert may(user) == ""


def test_who_has_unsubscribed_still_gets_a_receipt_and_who_bounced_does_not() -> None:
    receipt = Facts(address="email", purpose="transactional")
    user = ada()
    user.observe(Suppression(2, "email", "", "unsubscribed", "link"), NOON)
    assert may(user, receipt) == ""
    assert may(user).startswith("suppression: ")
    assert may(user, receipt, mark=bounced()).startswith("suppression: ")


def test_it_goes_along_in_a_merge_and_through_sleep() -> None:
    visitor, user = person(name="a:v"), ada()
    visitor.observe(Suppression(2, "email", "news", "unsubscribed", "link"), NOON)
    user.observe(Traits(3), NOON, visitor)
    again = User.restore(user.snapshot().state, [], user.program)
    assert may(again) == "suppression: they are suppressed (unsubscribed of news at 2026-01-08T12:00:00Z, link)"


def test_who_bounced_and_unsubscribes_afterwards_is_not_reached_by_a_receipt_either() -> None:
    receipt = Facts(address="email", purpose="transactional")
    visitor, user = person(name="a:v"), ada()
    user.observe(Suppression(2, "email", "", "bounced", "mail"), NOON)
    user.observe(Suppression(3, "email", "", "unsubscribed", "link"), NOON)
    assert may(user, receipt) == "suppression: they are suppressed (bounced at 2026-01-08T12:00:00Z, mail)"
    visitor.observe(Suppression(4, "email", "", "unsubscribed", "link"), NOON)
    visitor.observe(Traits(5), NOON, user)
    assert may(visitor, receipt) == "suppression: they are suppressed (bounced at 2026-01-08T12:00:00Z, mail)"
