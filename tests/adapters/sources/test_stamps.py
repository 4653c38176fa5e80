"""What a consent manager and the browser stamp on calls: taken before the call, once, and again when it changes."""

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.sources.envelope import Batch, Context
from adapters.sources.segment import decode_calls
from adapters.sources.stamps import Stamps
from engine.runtime.arrivals import Arrival, Choice, Event
from tests.adapters.running import Sidecar, running
from tests.adapters.test_sending import configure

STAMPED: dict[str, Any] = {
    "type": "track",
    "userId": "u",
    "event": "view",
    "context": {"consent": {"categoryPreferences": {"Advertising": True, "Analytics": False}}},
}


def stamp(*, granted: bool, user: str = "u", purpose: str = "Advertising") -> Choice:
    return Choice(user_id=user, purpose=purpose, granted=granted, source="consent manager", stamped=True)


def test_only_news_is_told() -> None:
    stamps = Stamps()
    event = Event(user_id="u", name="view")

    def told(*arrivals: Arrival) -> list[Arrival]:
        news = list(stamps.news(arrivals))
        stamps.remember(news)
        return news

    yes, no = stamp(granted=True), stamp(granted=False)
    assert told(yes, event, yes, event) == [yes, event, event]
    assert told(yes, event) == [event]
    assert told(no, event, yes) == [no, event, yes]
    assert told(stamp(granted=True, user="v"), event) == [stamp(granted=True, user="v"), event]
    assert told(stamp(granted=True, purpose="x"), event) == [stamp(granted=True, purpose="x"), event]


def test_what_was_not_taken_is_told_again() -> None:
    stamps = Stamps()
    assert stamps.news([stamp(granted=True)]) == [stamp(granted=True)]
    assert stamps.news([stamp(granted=True)]) == [stamp(granted=True)]


@pytest.mark.parametrize("said", [None, {}])
def test_who_says_nothing_for_a_call_says_what_is_said_for_its_batch(said: object) -> None:
    batch = Batch([], Context(consent=STAMPED["context"]["consent"]))
    call = json.dumps(STAMPED | {"context": {"consent": said}}).encode()
    assert decode_calls([call], 0, batch=batch).stamps == 2
    assert decode_calls([call], 0).stamps == 0


@pytest.mark.parametrize(
    "said",
    ["yes", "", 0, False, [], {"categoryPreferences": {"a": "yes"}}, {"categoryPreferences": 1}, {"a": {}}],
)
def test_another_form_is_an_error(said: object) -> None:
    decoded = decode_calls([json.dumps(STAMPED | {"context": {"consent": said}}).encode()], 0)
    assert decoded.arrivals == []
    assert "categoryPreferences" in decoded.rejected[0].reason


async def consents(sidecar: Sidecar) -> dict[str, bool]:
    told = (await sidecar.user("u")).json()["consents"]
    return {purpose: said["granted"] for purpose, said in told.items()}


async def test_stamps_arrive_by_every_way_in(tmp_path: Path) -> None:
    async with running(tmp_path, config=configure(tmp_path, "consent: {category: Advertising}\n")) as sidecar:
        answer = await sidecar.client.post("/v1/track", json=STAMPED)
        assert answer.json() == {"success": True}
        assert await consents(sidecar) == {"Advertising": True, "Analytics": False}
        context = {"consent": {"categoryPreferences": {"Advertising": False}}}
        batch = {"batch": [{"type": "identify", "userId": "u"}, {"type": "nothing"}], "context": context}
        answer = await sidecar.client.post("/v1/batch", json=batch)
        assert answer.json()["accepted"] == 1, "a stamp is no call"
        assert await consents(sidecar) == {"Advertising": False, "Analytics": False}
        before = sidecar.service.router.statistics().inputs
        again = {"batch": [{"type": "track", "userId": "u", "event": "e"}], "context": context}
        await sidecar.client.post("/v1/batch", json=again)
        assert sidecar.service.router.statistics().inputs == before + 1, "it says nothing new"


async def test_the_browsers_signal_is_heard(tmp_path: Path) -> None:
    async with running(tmp_path, config=configure(tmp_path, "consent: {opt_out: [US]}\n")) as sidecar:
        call = {"type": "track", "userId": "u", "event": "ask"}
        await sidecar.client.post("/v1/track", json=call, headers={"Sec-GPC": "1"})
        assert await consents(sidecar) == {"gpc": True}
