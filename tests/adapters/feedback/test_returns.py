"""From a mail that a real server took to its coming back: whose it was is known, and nothing else is believed."""

import io
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
import trio.lowlevel

from adapters.commands.bounces import bounces
from adapters.settings import SettingsError, read_settings
from adapters.trail import Trail
from tests.adapters.destinations.servers import MailServer, mail_server
from tests.adapters.feedback.dovecot import PASSWORD, dovecot, needs_dovecot
from tests.adapters.running import Sidecar, running, write_config
from tests.adapters.test_sending import ask, ended

MAILS = Path(__file__).parent / "mails"
TRIGGERS = "triggers:\n  now: {when: ask, send: hello}\n"
MESSAGES = {"hello": "destination: mail\nsubject: Hi\ntext: Hello\n"}
SETTINGS = """
destinations:
  mail:
    kind: smtp
    host: 127.0.0.1
    port: PORT
    security: none
    sender: Larch <hello@shop.example>
    bounces: {address: "bounces+{{ token }}@shop.example", MORE}
  other: {kind: console}
"""
ANN = "ann@mail.example"


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as started:
        yield started


def configure(folder: Path, server: MailServer, more: str = "") -> Path:
    return write_config(folder, SETTINGS.replace("PORT", str(server.port)).replace("MORE", more), TRIGGERS, MESSAGES)


@asynccontextmanager
async def shop(config: Path, address: str = ANN) -> AsyncIterator[Sidecar]:
    """A sidecar that has sent Ann a mail."""
    async with running(config.parent, config=config) as sidecar:
        await sidecar.client.post("/v1/identify", json={"userId": "u", "traits": {"email": address}})
        await ask(sidecar)
        assert [each["state"] for each in await ended(sidecar, 1)] == ["accepted"]
        yield sidecar


def returned(server: MailServer, name: str = "postfix") -> bytes:
    """What comes back upon the first mail."""
    token = server.senders[0].removeprefix("bounces+").removesuffix("@shop.example")
    return (MAILS / f"{name}.eml").read_text().replace("TOKEN", token).encode()


async def bring(sidecar: Sidecar, mail: bytes, name: str = "mail") -> httpx.Response:
    return await sidecar.stranger.post(f"/v1/bounces/{name}", content=mail, headers=sidecar.admin)


async def told(sidecar: Sidecar) -> list[dict[str, Any]]:
    """What is told of Ann's mails."""
    events = (await sidecar.user("u")).json()["recent"]
    return [each for each in reversed(events) if each["event"].startswith("Email ")]


async def test_a_mail_that_cannot_be_delivered_ends_what_would_follow(tmp_path: Path, server: MailServer) -> None:
    async with shop(configure(tmp_path, server)) as sidecar:
        token = server.senders[0].removeprefix("bounces+").removesuffix("@shop.example")
        assert f"Message-ID: <{token}@shop.example>".encode() in server.mails[0]
        for _ in range(2):  # a mail may be brought again
            assert (await bring(sidecar, returned(server))).json() == {"success": True, "taken": 1}
        (message,) = await ended(sidecar, 1)
        (event,) = await told(sidecar)
        assert event["event"] == "Email Bounced"
        assert event["properties"] == {"impel_id": message["id"], "destination": "mail"}
        assert [mark.why for mark in sidecar.service.addresses.marks[ANN].values()] == ["bounced"]
        await ask(sidecar)
        assert [each["gate"] for each in await ended(sidecar, 2)] == ["", "suppression"]


@pytest.mark.parametrize("name", ["exim", "postfix_expired", "blocked"])
async def test_an_address_that_may_be_good_stays_so(tmp_path: Path, server: MailServer, name: str) -> None:
    async with shop(configure(tmp_path, server)) as sidecar:
        await bring(sidecar, returned(server, name))
        assert [each["properties"]["soft"] for each in await told(sidecar)] == [True]
        await ask(sidecar)
        assert [each["state"] for each in await ended(sidecar, 2)] == ["accepted", "accepted"]


async def test_who_complains_gets_no_more(tmp_path: Path, server: MailServer) -> None:
    async with shop(configure(tmp_path, server)) as sidecar:
        await bring(sidecar, returned(server, "complaint"))
        assert [each["event"] for each in await told(sidecar)] == ["Email Marked as Spam"]
        assert [mark.why for mark in sidecar.service.addresses.marks[ANN].values()] == ["complained"]
        await ask(sidecar)
        assert [each["gate"] for each in await ended(sidecar, 2)] == ["", "suppression"]


@pytest.mark.parametrize("name", ["postfix_delayed", "vacation", "receipt", "delivered", "not_spam"])
async def test_what_is_no_bounce_says_nothing(tmp_path: Path, server: MailServer, name: str) -> None:
    async with shop(configure(tmp_path, server)) as sidecar:
        assert (await bring(sidecar, returned(server, name))).json() == {"success": True, "taken": 0}
        assert await told(sidecar) == []


async def test_a_report_is_believed_of_nobody_but_whose_mail_it_was(tmp_path: Path, server: MailServer) -> None:
    async with shop(configure(tmp_path, server)) as sidecar:
        await bring(sidecar, returned(server).replace(ANN.encode(), b"boss@shop.example"))
        assert sidecar.service.addresses.marks == {}, "it was not sent there"
        assert [each["event"] for each in await told(sidecar)] == ["Email Bounced"]
        (message,) = await ended(sidecar, 1)
        forged = Trail("another key").token(message["id"])
        genuine = server.senders[0].removeprefix("bounces+").removesuffix("@shop.example")
        answer = await bring(sidecar, returned(server, "complaint").replace(genuine.encode(), str(forged).encode()))
        assert answer.json() == {"success": True, "taken": 0}
        assert len(await told(sidecar)) == 1


async def test_who_hands_over_must_be_known_and_say_to_whom(tmp_path: Path, server: MailServer) -> None:
    async with shop(configure(tmp_path, server)) as sidecar:
        assert (await sidecar.stranger.post("/v1/bounces/mail", content=returned(server))).status_code == 401
        answer = await bring(sidecar, returned(server), "other")
        assert (answer.status_code, answer.json()["error"]) == (404, "there is no destination `other` with `bounces`")


async def test_the_command_hands_a_mail_over_and_says_when_it_is_to_be_brought_again(
    tmp_path: Path, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configure(tmp_path, server)

    def run(destination: str, url: str) -> int:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(returned(server))))
        return bounces(destination, config=config, url=url)

    async with shop(config) as sidecar:
        monkeypatch.setenv("IMPEL_ADMIN_TOKEN", sidecar.keys.admin_token)
        assert await trio.to_thread.run_sync(run, "mail", sidecar.url) == 0
        assert [each["event"] for each in await told(sidecar)] == ["Email Bounced"]
        assert await trio.to_thread.run_sync(run, "other", sidecar.url) == 1
    assert await trio.to_thread.run_sync(run, "mail", sidecar.url) == 75


async def test_without_a_place_for_the_token_the_mails_own_id_leads_back(tmp_path: Path, server: MailServer) -> None:
    config = configure(tmp_path, server)
    settings = (config / "impel.yaml").read_text()
    (config / "impel.yaml").write_text(settings.replace("bounces+{{ token }}@", "bounces@"))
    async with shop(config) as sidecar:
        assert server.senders == ["bounces@shop.example"]
        token = server.mails[0].partition(b"Message-ID: <")[2].partition(b"@")[0]
        mail = (MAILS / "exchange.eml").read_bytes().replace(b"bounces+TOKEN", b"bounces").replace(b"TOKEN", token)
        assert (await bring(sidecar, mail)).json()["taken"] == 1


@needs_dovecot
async def test_a_mailbox_is_read_and_what_it_says_is_kept(
    tmp_path: Path, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAP_PASSWORD", PASSWORD)
    with dovecot() as imap:
        more = f"host: 127.0.0.1, port: {imap.port}, username: bounces, password: {{env: IMAP_PASSWORD}}"
        config = configure(tmp_path, server, f"imap: {{{more}, ca_file: {imap.ca_file}}}")
        async with shop(config):
            imap.deliver("bounces", returned(server, "vacation"))
            imap.deliver("bounces", returned(server))
        async with running(tmp_path, config=config) as sidecar:
            with trio.fail_after(10):
                while imap.seen("bounces") < 2:
                    await trio.lowlevel.checkpoint()
            assert [each["event"] for each in await told(sidecar)] == ["Email Bounced"]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("bounces+{{ token }}@", "not an e-mail address"),
        ("Larch <bounces+{{ token }}@shop.example>", "without a name or brackets"),
        ("a-mailbox-for-what-comes-back+{{ token }}@shop.example", "22 characters before the @ are the most"),
    ],
)
def test_an_address_must_have_room_for_the_token(tmp_path: Path, server: MailServer, address: str, said: str) -> None:
    config = configure(tmp_path, server)
    settings = (config / "impel.yaml").read_text().replace("bounces+{{ token }}@shop.example", address)
    (config / "impel.yaml").write_text(settings)
    with pytest.raises(SettingsError, match=said):
        read_settings(config, {})
