import re
from pathlib import Path

import pytest

from adapters.destinations.smtp import SmtpSettings
from adapters.settings import Settings, SettingsError, read_settings


def written(folder: Path, text: str, **environment: str) -> Settings:
    (folder / "impel.yaml").write_text(text)
    return read_settings(folder, environment)


def test_without_a_file_the_settings_are_the_defaults(tmp_path: Path) -> None:
    settings = read_settings(tmp_path, {})
    assert (settings.host, settings.port, settings.data) == ("127.0.0.1", 8808, "data")
    assert settings.retention_ms == 90 * 86_400_000
    assert list(settings.destinations) == ["console"]


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    text = "port: 1\ndestinations: {mail: {kind: smtp, host: a, sender: shop@shop.example}}\n"
    settings = written(tmp_path, text, IMPEL_PORT="9000", IMPEL_DESTINATIONS__MAIL__HOST="mx.shop.example")
    mail = settings.destinations["mail"]
    assert isinstance(mail, SmtpSettings)
    assert (settings.port, mail.host) == (9000, "mx.shop.example")


def test_variables_of_others_are_left_alone(tmp_path: Path) -> None:
    assert read_settings(tmp_path, {"IMPEL_SERVICE_HOST": "10.0.0.1", "PORT": "1"}).port == 8808


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("host: a\nprot: 1", "impel.yaml:2: Object contains unknown field `prot`; did you mean `port`?"),
        ("port: many", "impel.yaml:1: Expected `int`, got `str` - at `port`"),
        ("port: 70000", "impel.yaml:1: Expected `int` <= 65535 - at `port`"),
        ("\nretention: soon", "impel.yaml:2: retention: "),
        ("idle_after: soon", "impel.yaml:1: idle_after: "),
        ("awake_users: 0", "impel.yaml:1: Expected `int` >= 1"),
        ("store: tape", "impel.yaml:1: Invalid enum value 'tape'"),
        ("log_level: loud", "impel.yaml:1: log_level: 'loud' is none of"),
        ("port: [", "impel.yaml:"),
        ("- port", "the settings are a mapping"),
        ("write_key: hunter2", "secrets are not written down here: give {env: NAME} or {file: PATH}"),
        ("destinations: {mail: {kind: pigeon}}", "impel.yaml:1: Invalid value 'pigeon'"),
        ("write_keys: {page: {kind: browser}}", "impel.yaml:1: a browser key needs `origins:`"),
        ("write_keys: {erp: {origins: [https://shop.example]}}", "a server key has no `origins:`"),
        (
            "write_keys: {page: {kind: browser, origins: [https://Shop.example:443/cart]}}",
            "'https://Shop.example:443/cart' is not an origin as browsers write it; https://shop.example is",
        ),
        ("write_keys: {page: {kind: browser, origins: [shop.example]}}", "'shop.example' is not an origin"),
        ("write_keys: {page: {kind: browser, origins: ['https://x:y']}}", "'https://x:y' is not an origin"),
        ("write_keys: {erp: {rate: -1}}", "impel.yaml:1: Expected `float` >= 0.0"),
        ("write_keys: {erp: {kind: owner}}", "Invalid enum value 'owner'"),
        ("write_keys: {../erp: {}}", "'../erp' is no name for a key"),
        ("write_keys: {erp: {key: hunter2}}", "secrets are not written down here: give {env: NAME} or {file: PATH}"),
        ("webhooks: {shop: {event: e}}", "a webhook needs `user:` or `anonymous:`"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_to_write(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as error:
        written(tmp_path, text)
    assert said in str(error.value)


def test_the_write_keys_that_are_documented_can_be_read(tmp_path: Path) -> None:
    document = (Path(__file__).parents[2] / "docs" / "sources.md").read_text("utf-8")
    [shown] = re.findall(r"^```yaml\n(write_keys:.*?)^```$", document, re.MULTILINE | re.DOTALL)
    keys = written(tmp_path, shown).write_keys
    assert [(key.kind, key.rate) for key in keys.values()] == [("browser", 200), ("server", 0)]


@pytest.mark.parametrize(
    "origin", ["https://shop.example", "http://localhost:3000", "http://[::1]:8080", "https://xn--bcher-kva.example"]
)
def test_an_origin_is_written_as_browsers_do(tmp_path: Path, origin: str) -> None:
    settings = written(tmp_path, f"write_keys: {{page: {{kind: browser, origins: ['{origin}']}}}}")
    assert settings.write_keys["page"].origins == [origin]


@pytest.mark.parametrize(
    ("name", "value"),
    [("IMPEL_PORT", "tcp://10.0.0.1:8808"), ("IMPEL_DESTINATIONS__MAIL__KIND", "pigeon"), ("IMPEL_PORT__X", "1")],
)
def test_a_mistake_in_the_environment_names_the_variable(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        written(tmp_path, "port: 1", **{name: value})


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as error:
        written(tmp_path, "prot: 1\nhost: 5\nlog_level: loud\nretention: 5d\n")
    assert [line.split(" ")[0].rsplit(":", 2)[1] for line in str(error.value).splitlines()] == ["1", "2", "3"]


def test_an_option_goes_before_the_environment_and_is_named_as_one(tmp_path: Path) -> None:
    assert read_settings(tmp_path, {"IMPEL_PORT": "many"}, {"port": 5}).port == 5
    with pytest.raises(SettingsError, match=r"^--port: "):
        read_settings(tmp_path, {}, {"port": 70_000})
