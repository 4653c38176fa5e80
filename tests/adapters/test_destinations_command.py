"""`impel destinations`: a message that is clearly a test, sent by the destination itself."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import trio

from adapters.commands.destinations import show_list, try_one
from tests.adapters.running import write_config
from tests.simulators.base import Simulator, served
from tests.simulators.klaviyo import Klaviyo
from tests.simulators.mandrill import Mandrill
from tests.simulators.sendgrid import Sendgrid

SETTINGS = """
destinations:
  news: {kind: klaviyo, key: {env: KEY}, url: URL}
  mails: {kind: sendgrid, key: {env: KEY}, sender: shop@shop.example, url: URL}
  receipts: {kind: mailchimp_transactional, key: {env: KEY}, url: URL}
"""


@pytest.mark.parametrize(
    ("name", "simulator", "key"),
    [("news", Klaviyo, "pk_1"), ("mails", Sendgrid, "SG.1"), ("receipts", Mandrill, "md-1")],
)
async def test_a_test_message_arrives_and_says_that_it_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, simulator: Callable[[], Simulator], key: str
) -> None:
    monkeypatch.setenv("KEY", key)
    data, there = ("template=cart-reminder",) if name == "receipts" else (), simulator()
    async with served(there) as url:
        config = write_config(tmp_path, SETTINGS.replace("URL", url))
        work = partial(try_one, name, to="me@shop.example", data=data, config=config)
        assert await trio.to_thread.run_sync(work) == 0
    (effect,) = there.effects
    assert "me@shop.example" in str(effect)
    assert name == "receipts" or "Impel test" in str(effect)
    assert name != "mails" or effect["mail_settings"]["sandbox_mode"]["enable"]


@pytest.mark.parametrize("deliver", [True, False])
async def test_a_mail_is_delivered_past_the_sandbox_only_if_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, deliver: bool
) -> None:
    monkeypatch.setenv("KEY", "SG.1")
    there = Sendgrid()
    async with served(there) as url:
        config = write_config(tmp_path, SETTINGS.replace("URL", url))
        work = partial(try_one, "mails", to="me@shop.example", deliver=deliver, config=config)
        assert await trio.to_thread.run_sync(work) == 0
    (effect,) = there.effects
    assert ("mail_settings" not in effect) is deliver
    assert ("nothing is delivered without --deliver" in capsys.readouterr().out) is not deliver


def test_what_is_wrong_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KEY", "k")
    config = write_config(tmp_path, SETTINGS.replace("URL", "http://127.0.0.1:9"))
    assert try_one("mail", to="me@shop.example", config=config) == 1
    assert try_one("receipts", to="me@shop.example", config=config) == 1
    assert try_one("news", to="me@shop.example", config=config) == 1
    err = capsys.readouterr().err
    for told in ("did you mean `mails`?", "`template` is missing", "cannot be reached"):
        assert told in err
    assert show_list(config=config) == 0
    assert capsys.readouterr().out.split() == [
        *("news", "klaviyo"),
        *("mails", "sendgrid"),
        *("receipts", "mailchimp_transactional"),
    ]
