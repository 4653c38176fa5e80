import stat
from pathlib import Path

import pytest

from adapters.keys import Keys, read_admin_token, read_keys
from adapters.secrets import Secret, SecretError
from adapters.settings import Settings
from adapters.write_keys import WriteKey, WriteKeySettings


def test_keys_that_are_nowhere_are_made_once_and_only_the_owner_reads_them(tmp_path: Path) -> None:
    settings = Settings(data=str(tmp_path / "data"))
    made = read_keys(settings, {})
    assert made.made
    again = read_keys(settings, {})
    found = made.write_key, made.sandbox_key, made.admin_token
    assert (again.write_key, again.sandbox_key, again.admin_token) == found
    for name in ("write_key", "sandbox_key", "admin_token"):
        assert stat.S_IMODE((tmp_path / "data" / name).stat().st_mode) == 0o600
    assert len(set(found)) == 3


def test_the_environment_counts_before_the_settings_and_these_before_the_data_folder(tmp_path: Path) -> None:
    (tmp_path / "admin").write_text("from file\n")
    settings = Settings(
        data=str(tmp_path), write_key=Secret(env="NOWHERE"), admin_token=Secret(file=str(tmp_path / "admin"))
    )
    keys = read_keys(settings, {"IMPEL_WRITE_KEY": "from environment"})
    assert (keys.write_key, keys.admin_token) == ("from environment", "from file")
    assert len(keys.links_key) > 30, "nobody but the sidecar needs that one, so it is always its own"


def test_a_key_that_is_not_where_the_settings_say_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="NOWHERE_AT_ALL"):
        read_keys(Settings(data=str(tmp_path), write_key=Secret(env="NOWHERE_AT_ALL")), {})


@pytest.mark.parametrize("shown", [None, "", "w", "write ", "ключ"])
def test_only_the_very_key_opens(shown: str | None) -> None:
    keys = Keys("write", "admin", sandbox_key="sand")
    assert [key and key.kind for key in map(keys.writer, ("write", "sand"))] == ["server", "sandbox"]
    assert keys.administers("admin")
    assert keys.writer(shown) is None
    assert not keys.administers(shown)


def test_an_empty_key_is_never_right() -> None:
    for empty in ("", None):
        assert Keys("", "").writer(empty) is None
        assert not Keys("", "").administers(empty)


def test_the_sandbox_cannot_have_the_key_of_the_shop(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="give the sandbox one of its own"):
        read_keys(Settings(data=str(tmp_path)), {"IMPEL_WRITE_KEY": "k", "IMPEL_SANDBOX_KEY": "k"})


@pytest.mark.parametrize("left", ["", "\n"])
def test_a_key_that_a_crash_left_empty_is_made_again(tmp_path: Path, left: str) -> None:
    (tmp_path / "write_key").write_text(left)
    assert len(read_keys(Settings(data=str(tmp_path)), {}).write_key) > 20
    assert sorted(file.name for file in tmp_path.iterdir()) == ["admin_token", "sandbox_key", "write_key"]


def test_a_key_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    file = tmp_path / "write_key"
    file.write_text("mine\n")
    file.chmod(0o644)
    assert read_keys(Settings(data=str(tmp_path)), {}).write_key == "mine"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_empty_variable_or_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="IMPEL_WRITE_KEY"):
        read_keys(Settings(data=str(tmp_path)), {"IMPEL_WRITE_KEY": " "})
    (tmp_path / "admin_token").write_text("\n")
    with pytest.raises(SecretError, match="admin_token"):
        read_admin_token(Settings(data=str(tmp_path)), {})


def test_links_stay_good_where_there_are_any(tmp_path: Path) -> None:
    settings = Settings(data=str(tmp_path), public_url="https://shop.example")
    assert read_keys(settings, {}).links_key == read_keys(settings, {}).links_key
    assert read_keys(Settings(data=str(tmp_path / "other")), {}).links_key
    assert not (tmp_path / "other" / "links_key").exists()


def test_a_named_key_that_is_nowhere_is_made_once_and_kept_by_its_name(tmp_path: Path) -> None:
    page = WriteKeySettings(kind="browser", origins=["https://shop.example"])
    settings = Settings(data=str(tmp_path), write_keys={"page": page})
    for _ in range(2):
        [made] = read_keys(settings, {}).others
        kept = tmp_path / "write_keys" / "page"
        assert made.matches(kept.read_text().strip())
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_two_keys_that_are_the_same_are_an_error_that_names_both(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("same")
    settings = Settings(
        data=str(tmp_path), write_keys={"erp": WriteKeySettings(key=Secret(file=str(tmp_path / "one")))}
    )
    with pytest.raises(SecretError, match="`write_key` and `erp` are the same key"):
        read_keys(settings, {"IMPEL_WRITE_KEY": "same"})


def test_a_key_does_not_show_itself() -> None:
    assert "hunter2" not in repr(WriteKey("erp", "hunter2"))
