"""The rules of sending, in a sidecar that really runs: what holds a message is told, and lets go when it is to."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.adapters.running import SETTINGS, Sidecar, running, write_config

TRIGGERS = "triggers:\n  now: {when: ask, send: hello}\n  must: {when: paid, send: receipt}\n"
MESSAGES = {
    "hello": "destination: kept\ndata: {user: '{{ user }}'}\ntags: [news]\n",
    "receipt": "destination: kept\ndata: {user: '{{ user }}'}\npurpose: transactional\n",
}


def configure(folder: Path, sending: str, messages: Mapping[str, str] = MESSAGES) -> Path:
    config = write_config(folder, SETTINGS, TRIGGERS, messages)
    (config / "sending.yaml").write_text(sending)
    return config


async def ask(sidecar: Sidecar, event: str = "ask", user: str = "u") -> None:
    body = {"type": "track", "userId": user, "event": event}
    assert (await sidecar.client.post("/v1/track", json=body)).is_success


async def ended(sidecar: Sidecar, number: int, user: str = "u") -> list[dict[str, Any]]:
    """The messages of a user, oldest first, once so many of them are in a state where they stay for now."""
    with trio.fail_after(10):
        while True:
            told = (await sidecar.user(user)).json()
            messages = [message for firing in reversed(told["firings"]) for message in firing["messages"]]
            if len(messages) == number and all(each["state"] not in {"due", "sending"} for each in messages):
                return messages
            await trio.lowlevel.checkpoint()


def states(messages: list[dict[str, Any]]) -> list[str]:
    return [message["state"] for message in messages]


async def become(sidecar: Sidecar, wanted: list[str]) -> None:
    """Wait until the messages of the user are in these states."""
    with trio.fail_after(10):
        while states(await ended(sidecar, len(wanted))) != wanted:
            await trio.lowlevel.checkpoint()


async def consent(sidecar: Sidecar, *, granted: bool, **more: object) -> int:
    body = {"userId": "u", "granted": granted} | more
    return (await sidecar.stranger.post("/v1/consent", json=body, headers=sidecar.admin)).status_code


async def test_a_cap_holds_the_second_message_and_says_until_when(tmp_path: Path) -> None:
    config = configure(tmp_path, "caps: [1 per 1d]\n")
    async with running(tmp_path, config=config) as sidecar:
        await ask(sidecar)
        await ended(sidecar, 1)
        await ask(sidecar)
        first, second = await ended(sidecar, 2)
        assert states([first, second]) == ["accepted", "held"]
        assert second["reason"].startswith("cap: 1 sent, and the cap is 1 per 1d; from ")
        await ask(sidecar, "paid")
        assert states(await ended(sidecar, 3)) == ["accepted", "held", "accepted"]


async def test_what_is_held_survives_a_restart_and_what_was_sent_still_counts(tmp_path: Path) -> None:
    config = configure(tmp_path, "fatigue: {budget: 1, half_life: 1d}\n")
    config.joinpath("messages", "hello.yaml").write_text(MESSAGES["hello"] + "weight: 0.6\n")
    async with running(tmp_path, config=config) as sidecar:
        await ask(sidecar)
        await ended(sidecar, 1)
    async with running(tmp_path, config=config) as sidecar:
        await ask(sidecar)
        held = await ended(sidecar, 2)
        assert states(held) == ["accepted", "held"]
    async with running(tmp_path, config=config) as sidecar:
        assert (await ended(sidecar, 2))[1]["reason"] == held[1]["reason"]


async def test_a_withdrawal_ends_what_is_held_at_once(tmp_path: Path) -> None:
    config = configure(tmp_path, "consent: opt-in\ncaps: [1 per 1d]\n")
    async with running(tmp_path, config=config) as sidecar:
        await ask(sidecar)
        assert [each["reason"] for each in await ended(sidecar, 1)] == ["consent: they have not opted in to marketing"]
        assert await consent(sidecar, granted=True, source="checkout") == 200
        await ask(sidecar)
        await ended(sidecar, 2)
        await ask(sidecar)
        assert states(await ended(sidecar, 3)) == ["dropped", "accepted", "held"]
        assert await consent(sidecar, granted=False, source="preferences") == 200
        await become(sidecar, ["dropped", "accepted", "dropped"])
        assert "they withdrew it for marketing" in (await ended(sidecar, 3))[2]["reason"]
        told = (await sidecar.user("u")).json()["consents"]
        assert (told["marketing"]["granted"], told["marketing"]["source"]) == (False, "preferences")


async def test_other_rules_are_asked_at_once_when_they_are_put_in_force(tmp_path: Path) -> None:
    config = configure(tmp_path, "caps: [1 per 1d]\n")
    async with running(tmp_path, config=config) as sidecar:
        await ask(sidecar)
        await ended(sidecar, 1)
        await ask(sidecar)
        assert states(await ended(sidecar, 2)) == ["accepted", "held"]
        (config / "sending.yaml").write_text("caps: [2 per 1d]\n")
        assert (await sidecar.stranger.post("/admin/reload", headers=sidecar.admin)).is_success
        await become(sidecar, ["accepted", "accepted"])


async def test_rules_with_mistakes_leave_those_before_in_force(tmp_path: Path) -> None:
    config = configure(tmp_path, "caps: [1 per 1d]\n")
    async with running(tmp_path, config=config) as sidecar:
        (config / "sending.yaml").write_text("caps: [1 per dya]\n")
        answer = await sidecar.stranger.post("/admin/reload", headers=sidecar.admin)
        assert answer.status_code == 422
        assert "sending.yaml" in answer.text
        await ask(sidecar)
        await ended(sidecar, 1)
        await ask(sidecar)
        assert states(await ended(sidecar, 2)) == ["accepted", "held"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"granted": True}, 400),
        ({"userId": "u"}, 400),
        ({"userId": "u", "granted": "yes"}, 400),
        ({"userId": "u", "granted": True, "purpos": "x"}, 400),
    ],
)
async def test_a_word_on_consent_that_says_too_little_is_refused(
    sidecar: Sidecar, body: dict[str, object], status: int
) -> None:
    answer = await sidecar.stranger.post("/v1/consent", json=body, headers=sidecar.admin)
    assert answer.status_code == status


async def test_consent_is_the_shops_word(sidecar: Sidecar) -> None:
    body = {"userId": "u", "granted": True}
    assert (await sidecar.client.post("/v1/consent", json=body)).status_code == 401


async def test_a_purchase_ends_what_is_held_for_the_cart_at_once(tmp_path: Path) -> None:
    config = configure(tmp_path, "caps: [1 per 1d]\n")
    (config / "triggers" / "all.yaml").write_text("triggers: {now: {when: ask, send: hello, until: paid}}")
    async with running(tmp_path, config=config) as sidecar:
        await ask(sidecar)
        await ended(sidecar, 1)
        await ask(sidecar)
        assert states(await ended(sidecar, 2)) == ["accepted", "held"]
        await ask(sidecar, "paid")
        await become(sidecar, ["accepted", "dropped"])
        assert (await ended(sidecar, 2))[1]["reason"].startswith("until: `paid` happened at ")


async def suppress(sidecar: Sidecar, body: object, **headers: str) -> dict[str, Any]:
    content = body if isinstance(body, str) else json.dumps(body)
    answer = await sidecar.stranger.post("/v1/suppressions", content=content, headers=sidecar.admin | headers)
    told: dict[str, Any] = answer.json()
    return told | {"status": answer.status_code}


async def test_an_address_that_is_suppressed_gets_nothing_across_restarts(tmp_path: Path) -> None:
    config = configure(tmp_path, "", {"hello": MESSAGES["hello"] + "channel: email\n", "receipt": MESSAGES["receipt"]})
    async with running(tmp_path, config=config) as sidecar:
        assert await suppress(sidecar, {"userId": "u", "why": "complained"}) == {
            "status": 200,
            "success": True,
            "taken": 1,
            "rejected": [],
        }
        await ask(sidecar)
        (dropped,) = await ended(sidecar, 1)
        assert dropped["reason"].startswith("suppression: they are suppressed")
        assert (await suppress(sidecar, {"address": "Ada@Shop.Example", "why": "bounced"}))["taken"] == 1
    async with running(tmp_path, config=config) as sidecar:
        await ask(sidecar)
        assert states(await ended(sidecar, 2)) == ["dropped", "dropped"]
        told = await sidecar.stranger.get("/v1/suppressions", headers=sidecar.admin)
        assert told.text.splitlines()[0] == "address,channel,list,why,source,at"
        assert told.text.splitlines()[1].startswith("ada@shop.example,email,,bounced,shop,")
        assert (await suppress(sidecar, {"suppressions": [{"userId": "u"}], "lifted": True}))["success"]
        await ask(sidecar)
        assert states(await ended(sidecar, 3)) == ["dropped", "dropped", "accepted"]
        again = await sidecar.service.outbox.retry(dropped["id"])
        assert (again.state, again.gate, again.reason) == ("due", "", ""), "what ended it holds no more"
        await become(sidecar, ["accepted", "dropped", "accepted"])


async def test_a_file_of_addresses_is_taken_but_for_the_lines_that_are_wrong(tmp_path: Path) -> None:
    async with running(tmp_path, config=configure(tmp_path, "")) as sidecar:
        text = "address,why\nada@shop.example,bounced\n,bounced\nbob@shop.example,moved\ncy@shop.example,\n"
        told = await suppress(sidecar, text, **{"Content-Type": "text/csv"})
        assert (told["status"], told["taken"], [each["place"] for each in told["rejected"]]) == (200, 2, [3, 4])
        assert set(sidecar.service.addresses.marks) == {"ada@shop.example", "cy@shop.example"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"why": "bounced"}, "who? Give an `address`, a `userId` or an `anonymousId`"),
        ({"address": "a", "why": "moved"}, "Invalid enum value 'moved'"),
        ({"adress": "a"}, "unknown field `adress`"),
    ],
)
async def test_a_suppression_that_says_too_little_is_refused(
    sidecar: Sidecar, body: dict[str, object], reason: str
) -> None:
    told = await suppress(sidecar, body)
    assert told["status"] == 400
    assert reason in told["rejected"][0]["reason"]


@pytest.mark.parametrize("to", ["", 'to: "{{ profile.email }}"\n', 'to: "{{ profile.email | downcase }}"\n'])
async def test_a_mail_to_a_suppressed_address_is_dropped_however_it_is_addressed(tmp_path: Path, to: str) -> None:
    mail = f"destination: kept\nsubject: Hello\ntext: Hello\n{to}"
    async with running(tmp_path, config=configure(tmp_path, "", MESSAGES | {"hello": mail})) as sidecar:
        person = {"type": "identify", "userId": "u", "traits": {"email": "Ada@Shop.Example"}}
        assert (await sidecar.client.post("/v1/identify", json=person)).is_success
        await ask(sidecar)
        assert states(await ended(sidecar, 1)) == ["accepted"]
        await suppress(sidecar, {"address": "ada@shop.example", "why": "complained"})
        await ask(sidecar)
        _, dropped = await ended(sidecar, 2)
        assert dropped["state"] == "dropped"
        assert "address is suppressed (complained at " in dropped["reason"]


async def test_a_mail_to_a_trait_that_is_not_there_is_dropped_with_that_reason(tmp_path: Path) -> None:
    mail = 'destination: kept\nsubject: Hello\ntext: Hello\nto: "{{ profile.work_email }}"\n'
    async with running(tmp_path, config=configure(tmp_path, "", MESSAGES | {"hello": mail})) as sidecar:
        await ask(sidecar)
        (dropped,) = await ended(sidecar, 1)
        assert dropped["reason"] == "address: their profile has no `work_email`"
