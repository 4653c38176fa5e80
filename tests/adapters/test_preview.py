"""`impel preview`, against a sidecar that runs."""

from functools import partial
from pathlib import Path

import pytest
import trio

from adapters.commands.preview import preview
from tests.adapters.running import SETTINGS, running, write_config
from tests.adapters.test_sending import ask

TRIGGERS = "triggers:\n  now: {when: ask, send: hello}\n"
MESSAGES = {
    "hello": 'destination: kept\nsubject: "Dear {{ profile.name }}"\nhtml: "<p>For {{ trigger }}</p>"\n',
    "plain": "destination: kept\ndata: {event: '{{ event._name }}', user: '{{ user }}'}\n",
    "broken": "destination: kept\ndata: {x: '{{ profile.nothing }}'}\n",
}


async def test_a_message_is_shown_as_somebody_would_get_it_and_nothing_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config(tmp_path, SETTINGS, TRIGGERS, MESSAGES)
    async with running(tmp_path, config=config) as sidecar:
        monkeypatch.setenv("IMPEL_ADMIN_TOKEN", sidecar.keys.admin_token)
        traits = {"email": "ann@shop.example", "name": "Ann"}
        await sidecar.client.post("/v1/identify", json={"userId": "u", "traits": traits})
        await ask(sidecar)
        await sidecar.service.outbox.rested()
        sent = len(sidecar.service.outbox.paused()), await sidecar.service.store.dispatches()

        async def run(message: str, user: str = "u", out: Path | None = None) -> int:
            work = partial(preview, message, user=user, out=out, config=config, url=sidecar.url)
            return await trio.to_thread.run_sync(work)

        file = tmp_path / "hello.html"
        assert await run("hello", out=file) == 0
        assert file.read_text() == "<p>For now</p>"
        assert await run("plain") == 0
        for message, user in (("helo", "u"), ("hello", "nobody"), ("broken", "u")):
            assert await run(message, user) == 1
        assert (len(sidecar.service.outbox.paused()), await sidecar.service.store.dispatches()) == sent
    out, err = capsys.readouterr()
    assert "Dear Ann" in out
    assert str(file) in out
    assert '"event": "ask"' in out
    assert "did you mean `hello`?" in err
    assert "nobody is known by that id" in err
    assert "profile.nothing" in err
