"""What each service reports, read as one form; and what cannot be read."""

import json
from pathlib import Path
from urllib.parse import urlencode

import pytest

from adapters.feedback.report import Report
from adapters.feedback.reports import READERS, Unreadable

AT = 1_795_428_000_000
VECTORS = json.loads(Path(__file__).with_name("vectors.json").read_text())


def read(kind: str, body: bytes) -> list[Report | None]:
    return list(READERS[kind](body))


def test_the_services_own_examples() -> None:
    found = {kind: read(kind, vector["body"].encode()) for kind, vector in VECTORS.items()}
    assert found["sendgrid"] == [Report("Email Opened", AT, "ev1", "a@example.com")]
    assert found["mailchimp"] == [
        Report("Unsubscribed", 1_795_428_000_000, "unsubscribe:L:a@example.com:2026-11-23 10:00:00", "a@example.com")
    ]
    assert found["mailchimp_transactional"] == [Report("Email Opened", 1_000, "m1:open:1", "a@example.com")]
    assert found["klaviyo"] == [Report("Email Opened", 0, "e1")]
    assert found["hubspot"] == [None]
    assert [each and (each.event, each.at) for each in found["salesforce_email"]] == [
        ("Unsubscribed", 1_600_722_902_000)
    ]


def test_sendgrid_gives_back_what_it_was_told() -> None:
    events = [
        {"event": "open", "sg_event_id": "1", "impel_id": "f:m", "sg_machine_open": True, "timestamp": 5},
        {"event": "click", "sg_event_id": "2", "url": "https://x", "timestamp": 5},
        {"event": "bounce", "sg_event_id": "3", "type": "blocked", "email": "a@x", "timestamp": 5},
        {"event": "group_unsubscribe", "sg_event_id": "4", "asm_group_id": 12, "email": "a@x", "timestamp": 5},
        {"event": "processed", "sg_event_id": "5"},
        "nonsense",
    ]
    opened, clicked, blocked, left, *rest = read("sendgrid", json.dumps(events).encode())
    assert opened == Report("Email Opened", 5_000, "1", message="f:m", machine=True)
    assert clicked == Report("Email Link Clicked", 5_000, "2", link="https://x")
    assert blocked == Report("Email Bounced", 5_000, "3", "a@x", soft=True)
    assert left == Report("Unsubscribed", 5_000, "4", "a@x", of="12")
    assert rest == [None, None]


def test_mandrill_tells_hard_from_soft() -> None:
    events = [
        {"event": kind, "_id": "m", "ts": 5, "msg": {"email": "a@x", "metadata": {"impel_id": "f:m"}}}
        for kind in ("hard_bounce", "soft_bounce", "send")
    ]
    hard, soft, sent = read("mailchimp_transactional", urlencode({"mandrill_events": json.dumps(events)}).encode())
    assert hard == Report("Email Bounced", 5_000, "m:hard_bounce:5", "a@x", "f:m")
    assert soft is not None
    assert (soft.event, soft.soft) == ("Email Bounced", True)
    assert sent is None


def test_active_campaign_and_mailchimp_are_forms() -> None:
    form = {"type": "click", "contact[email]": "a@x", "campaign[id]": "7", "date_time": "2026-11-23T10:00:00+00:00"}
    (clicked,) = read("activecampaign", urlencode(form).encode())
    assert clicked is not None
    assert (clicked.event, clicked.at, clicked.address) == ("Email Link Clicked", 1_795_428_000_000, "a@x")
    abuse = {"type": "unsubscribe", "data[reason]": "abuse", "data[email]": "a@x", "fired_at": "2026-11-23 10:00:00"}
    (complained,) = read("mailchimp", urlencode(abuse).encode())
    assert complained is not None
    assert complained.event == "Email Marked as Spam"


@pytest.mark.parametrize("kind", [kind for kind in READERS if kind != "hubspot"])
@pytest.mark.parametrize("body", [b"", b"{}", b"7", b"\xff\xfe", b"[[[", b"null"])
def test_what_is_no_report_is_refused_whole(kind: str, body: bytes) -> None:
    with pytest.raises(Unreadable):
        read(kind, body) == []  # noqa: B015
