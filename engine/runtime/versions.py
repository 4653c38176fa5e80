"""Versions: which trigger files are in force, and how each user comes to go by them.

A change of the files is an input like any other, with a number and an instant. A user takes it up, as of that instant,
before the first turn with a higher number; one who is asleep may have several to take up, each in its turn. What was in
force long ago is compiled again from the journal only if somebody has slept since.
"""

from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from engine.core.decisions import Firing
from engine.core.events import Millis
from engine.core.program import Program
from engine.core.sending.policy import Policy
from engine.core.user import User
from engine.runtime.ports import Renderer
from engine.runtime.records import Version

Compile = Callable[[bytes], Program]
"""Makes a program of a version's content."""


Succeed = Callable[[bytes, bytes, Collection[str]], bytes]
"""Makes the content of a set that comes into force after another: of that it carries on what messages on their way ask
of triggers of these versions."""


def alone(content: bytes, _former: bytes, _in_use: Collection[str]) -> bytes:
    """Carry on nothing."""
    return content


class Configuration(NamedTuple):
    """A set of trigger, segment and message files that checks."""

    content: bytes
    """The whole of it, as it is journaled and as `Compile` reads it."""
    digest: str
    """Of the content, hexadecimal."""
    program: Program
    renderer: Renderer
    policy: Policy = Policy()
    """The rules of sending; messages are released by those of now, whatever was in force when they were decided."""


class Versions:
    """All versions that anybody may still go by, oldest first."""

    def __init__(self, compile_content: Compile, succeed: Succeed) -> None:
        self._compile = compile_content
        self._succeed = succeed
        self._versions: list[Version] = []
        self._programs: dict[int, Program] = {}
        self._numbers: dict[Program, int] = {}
        self._latest: Program | None = None
        """What is in force."""

    @property
    def program(self) -> Program:
        """What is in force."""
        return self._programs[self.current.number]

    @property
    def current(self) -> Version:
        """The version in force."""
        return self._versions[-1]

    def restore(self, versions: Iterable[Version]) -> None:
        """Take in what was kept."""
        self._versions.extend(versions)

    def resume(self, configuration: Configuration) -> bool:
        """Go on under the version that was in force, if the configuration is that one; whether it is."""
        if not self._versions or self.current.digest != configuration.digest:
            return False
        self._put_in_force(configuration)
        return True

    def follow(self, configuration: Configuration, number: int, at: Millis, in_use: Collection[str]) -> Version:
        """Put a configuration in force from an instant on, after a turn of that number.

        Args:
            configuration: what is to be in force.
            number: of the version.
            at: its instant, ms.
            in_use: versions of triggers of which messages are on their way.

        """
        content = configuration.content
        if self._versions:
            content = self._succeed(content, self.current.content, in_use)
        version = Version(number, at, configuration.digest, content)
        self._versions.append(version)
        self._put_in_force(configuration)
        return version

    def number_of(self, user: User) -> int:
        """The version by which a user goes."""
        return self._numbers[user.program]

    def program_of(self, number: int) -> Program:
        """The program of a version that is known."""
        program = self._programs.get(number)
        if program is None:
            version = next(each for each in self._versions if each.number == number)
            program = self._programs[number] = self._compile(version.content)
            self._numbers[program] = number
        return program

    def program_before(self, number: int) -> Program:
        """What was in force when the turn of that number came in; at first, what came into force first."""
        older = (version.number for version in reversed(self._versions) if version.number < number)
        return self.program_of(next(older, self._versions[0].number))

    def unchanged_since(self) -> int:
        """The oldest version from which on nothing that concerns a user has changed."""
        since = self.current.number
        for version in reversed(self._versions):
            if not self.program_of(version.number).means_the_same(self.program_of(since)):
                break
            since = version.number
        return since

    def unchanged_until(self, number: int) -> int:
        """The latest version up to which nothing that concerns a user has changed since the one of that number."""
        for version in self._versions:
            if version.number > number:
                if not self.program_of(version.number).means_the_same(self.program_of(number)):
                    break
                number = version.number
        return number

    def newest_first(self) -> list[Version]:
        """All of them; the first is in force."""
        return self._versions[::-1]

    def take_up(self, user: User, before: int) -> list[Firing]:
        """Let a user take up the versions with numbers below `before`, each as of its instant; returns what fires."""
        fired: list[Firing] = []
        if user.program is not self._latest:
            number = self._numbers[user.program]
            for version in self._versions:
                if number < version.number < before:
                    fired += user.adopt(self.program_of(version.number), version.at)
        return fired

    def _put_in_force(self, configuration: Configuration) -> None:
        content = self.current.content
        program = configuration.program if content == configuration.content else self._compile(content)
        self._programs[self.current.number] = self._latest = program
        self._numbers[program] = self.current.number
