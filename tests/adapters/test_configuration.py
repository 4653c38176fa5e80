import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from adapters.configuration import ConfigurationErrors, Files, compile_content, read_files, succeed
from adapters.settings import read_settings
from engine.language.errors import TriggerError
from engine.runtime.ports import StoreError
from tests.adapters.running import write_config


def files_in(config: Path) -> Files:
    return read_files(config, read_settings(config, {}))


def errors_in(config: Path) -> list[str]:
    with pytest.raises(ConfigurationErrors) as caught:
        files_in(config)
    return [each.message if isinstance(each, TriggerError) else each for each in caught.value.errors]


def digest_of(config: Path) -> str:
    return files_in(config).configuration.digest


def test_the_same_files_are_the_same_version_wherever_they_are(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    other = shutil.copytree(config, tmp_path / "elsewhere" / "other")
    assert files_in(config).configuration.content == files_in(other).configuration.content
    assert str(tmp_path).encode() not in files_in(config).configuration.content


@pytest.mark.parametrize("file", ["triggers/all.yaml", "messages/nudge.yaml"])
def test_another_text_is_another_version(tmp_path: Path, file: str) -> None:
    config = write_config(tmp_path)
    before = digest_of(config)
    (config / file).write_text((config / file).read_text() + "# more\n")
    assert digest_of(config) != before


def test_another_retention_is_another_version_and_another_port_is_not(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    settings = read_settings(config, {})
    before = read_files(config, settings).configuration.digest
    assert read_files(config, replace(settings, retention="30d")).configuration.digest != before
    assert read_files(config, replace(settings, port=1)).configuration.digest == before


def test_a_version_is_compiled_again_from_its_content(tmp_path: Path) -> None:
    configuration = files_in(write_config(tmp_path)).configuration
    again = compile_content(configuration.content)
    assert again.means_the_same(configuration.program)
    assert [trigger.arms for trigger in again.triggers] == [trigger.arms for trigger in configuration.program.triggers]


def test_a_version_that_does_not_check_any_more_is_told_with_what_to_do(tmp_path: Path) -> None:
    content = files_in(write_config(tmp_path)).configuration.content
    with pytest.raises(StoreError, match=r"start the Impel that ran before this one\. triggers/all\.yaml:4:"):
        compile_content(content.replace(b"when: count", b"when: tally"))


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    config = write_config(tmp_path, triggers="triggers: {a: {whne: view}, b: {when: view, cooldown: 1d, send: lost}}")
    (config / "messages" / "nudge.yaml").write_text("destination: nowhere")
    wrong = errors_in(config)
    assert [text for text in ("nowhere", "whne", "`lost`") if not any(text in each for each in wrong)] == []


def test_a_file_that_cannot_be_read_is_named_and_hides_no_mistake_in_others(tmp_path: Path) -> None:
    config = write_config(tmp_path, triggers="triggers: {a: {whne: view, send: nudge}}")
    (config / "messages" / "cart.yaml").write_bytes(b"a\xff")
    unreadable, misspelt = errors_in(config)
    assert unreadable == f"{config / 'messages' / 'cart.yaml'} is not UTF-8 text: byte 1 cannot be read"
    assert "whne" in misspelt


def test_a_set_carries_on_what_the_one_before_began(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    triggers = config / "triggers" / "all.yaml"
    plain = triggers.read_text()
    triggers.write_text(plain + "  gone: {when: cart, send: nudge, after: 1h, until: order}\n")
    first = files_in(config).configuration
    triggers.write_text(plain)
    second = files_in(config).configuration
    (version,) = [each.version for each in first.program.triggers if each.name == "gone"]
    content = succeed(second.content, first.content, ())
    program = compile_content(content)
    assert list(program.endings.values()) == ["order"], "for whoever has not taken up the second yet"
    assert program.means_the_same(compile_content(succeed(second.content, content, {version})))
    third = succeed(second.content, content, ())
    assert third == second.content, "and no longer than anything is on its way by it"
    assert succeed(first.content, content, {version}) == first.content, "what is in force again is carried on by itself"
