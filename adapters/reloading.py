"""Reloading: the files are read again, and put in force if they check."""

from pathlib import Path

import structlog
import trio

from adapters.configuration import ConfigurationErrors, Files, read_files
from adapters.settings import Settings
from engine.runtime.records import Version
from engine.runtime.router import Refused
from engine.runtime.service import Service

_log = structlog.get_logger()


class Reloader:
    """Reads a folder again whenever it is asked to. `files` are those in force."""

    def __init__(self, folder: Path, settings: Settings, service: Service, files: Files) -> None:
        self.files = files
        self._folder = folder
        self._settings = settings
        self._service = service
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
            files = await trio.to_thread.run_sync(self._read)
            with trio.CancelScope(shield=True):  # what is in force and `files` must agree, whoever still waits
                changed = await self._service.reload(files.configuration)
                changed |= files.plan.text != self.files.plan.text
                self.files = files
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

    def _read(self) -> Files:
        try:
            return read_files(self._folder, self._settings)
        except ConfigurationErrors as errors:
            said = [str(each) for each in errors.errors]
            _log.error("the files do not check, the former stay in force", errors=said)
            raise
