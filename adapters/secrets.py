"""Secrets in settings: named, never written down. `{env: NAME}` or `{file: PATH}`."""

import os
from pathlib import Path

import msgspec


class SecretError(Exception):
    """A secret that is not where the settings say; the text names the place, never the value."""


class Secret(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a secret is kept: in an environment variable or in a file of its own."""

    env: str = ""
    file: str = ""

    def __post_init__(self) -> None:
        if bool(self.env) == bool(self.file):
            raise ValueError("a secret is given as {env: NAME} or as {file: PATH}")

    def read(self) -> str:
        """The secret itself, without surrounding whitespace: files end in a newline.

        Raises:
            SecretError: it is missing, empty, or more than one line.

        """
        value = (self._from_environment() if self.env else self._from_file()).strip()
        if not value:
            raise SecretError(f"the secret in {self._place} is empty")
        if not value.isprintable():
            raise SecretError(f"the secret in {self._place} is not one line of printable text")
        return value

    @property
    def _place(self) -> str:
        return f"the environment variable {self.env}" if self.env else f"the file {self.file}"

    def _from_environment(self) -> str:
        try:
            return os.environ[self.env]
        except KeyError:
            raise SecretError(f"{self._place} is not set") from None

    def _from_file(self) -> str:
        try:
            return Path(self.file).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SecretError(f"{self._place} cannot be read: {_reason(error)}") from None


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or "unknown reason") if isinstance(error, OSError) else "it is not UTF-8 text"
