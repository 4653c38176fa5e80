"""Reloading: the files are read again, and put in force if they check; of the settings, the keys."""

import os
from pathlib import Path

import msgspec
import structlog
import trio

from adapters.configuration import ConfigurationErrors, Files, read_files
from adapters.keys import Keys, read_keys
from adapters.secrets import SecretError
from adapters.settings import Settings, SettingsError, read_settings
from engine.runtime.records import Version
from engine.runtime.router import Refused
from engine.runtime.service import Service

_log = structlog.get_logger()


class Reloader:
    """Reads a folder again whenever it is asked to. `files` are those in force, in the sandbox as well, and `keys`."""

    def __init__(
        self, folder: Path, settings: Settings, service: Service, sandbox: Service, *, files: Files, keys: Keys
    ) -> None:
        self.files = files
        self.keys = keys
        self._folder = folder
        self._settings = settings
        self._service = service
        self._sandbox = sandbox
        self._one_at_a_time = trio.Lock()

    @property
    def version(self) -> Version:
        """What is in force."""
        return self._service.versions.current

    async def reload(self) -> bool:
        """Put what stands in the folder now in force; whether that is a change.

        Raises:
            ConfigurationErrors: it does not check; what was in force stays so.
            Refused: the service is not ready.

        """
        async with self._one_at_a_time:
            files, keys = await trio.to_thread.run_sync(self._read)
            with trio.CancelScope(shield=True):  # what is in force and `files` must agree, whoever still waits
                changed = await self._service.reload(files.configuration)
                await self._sandbox.reload(files.configuration)
                changed |= files.plan.text != self.files.plan.text
                self.files = files
                self.keys.renew(keys)
        _log.info("files read again", changed=changed, digest=self.version.digest, triggers=len(files.loaded.triggers))
        return changed

    async def reload_or_tell(self) -> None:
        """The same for a signal, which takes no answer: what is wrong is in the log."""
        try:
            await self.reload()
        except ConfigurationErrors:
            pass
        except Refused as refused:
            _log.warning("the files were not read again", reason=refused.reason)

    def _read(self) -> tuple[Files, Keys]:
        try:
            return read_files(self._folder, self._settings), self._read_keys()
        except ConfigurationErrors as errors:
            said = [str(each) for each in errors.errors]
            _log.error("the files do not check, the former stay in force", errors=said)
            raise

    def _read_keys(self) -> Keys:
        """The keys as the settings name them now; all else that is set stays as it was at the start."""
        try:
            now = read_settings(self._folder, os.environ)
            named = {name: getattr(now, name) for name in ("write_key", "write_keys", "sandbox_key", "admin_token")}
            return read_keys(msgspec.structs.replace(self._settings, **named), os.environ)
        except (SettingsError, SecretError, OSError) as error:
            raise ConfigurationErrors([str(error)]) from error
