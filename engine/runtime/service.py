"""The service: all parts in one nursery, from recovery to an orderly end, or to a sudden one that loses nothing."""

import random
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import structlog
import trio

from engine.core.decisions import Firing
from engine.core.events import Millis
from engine.core.identity import anonymous, known
from engine.core.sending.policy import Policy
from engine.core.sending.suppression import Suppressed
from engine.core.user import User
from engine.runtime.addresses import Addresses
from engine.runtime.alarm import STRETCH
from engine.runtime.arrivals import Alias, Arrival
from engine.runtime.census import Seen
from engine.runtime.clock import Clock
from engine.runtime.context import context
from engine.runtime.desk import RouterDesk
from engine.runtime.feed import Feed
from engine.runtime.journal import Journal, Receipt
from engine.runtime.keeper import Keeper, Limits
from engine.runtime.loader import Loader
from engine.runtime.office import Context
from engine.runtime.outbox import Outbox
from engine.runtime.ports import Destination, Store, StoreError, Telemetry
from engine.runtime.records import Batch, Dispatch
from engine.runtime.recovery import Recovery
from engine.runtime.router import Refused, Router
from engine.runtime.uptake import Uptake
from engine.runtime.versions import Compile, Configuration, Succeed, Versions, alone

_FAREWELL = 1.0
"""Seconds for which a process that cannot write any more still says so."""

Status = Literal["recovering", "ready", "ending", "failed"]

_log = structlog.get_logger()


class Service:
    """The engine, running: `take` inputs, `reload` its files."""

    def __init__(
        self,
        configuration: Configuration,
        *,
        compile_content: Compile,
        succeed: Succeed = alone,
        store: Store,
        destinations: Mapping[str, Destination],
        clock: Clock,
        telemetry: Telemetry,
        limits: Limits = Limits(),  # noqa: B008 - immutable
        dice: Callable[[], float] = random.random,
        tell: Context = context,
    ) -> None:
        self.status: Status = "recovering"
        self.reason = "recovering"
        """Why it is not ready, for people."""
        self.store = store
        self._clock = clock
        self._telemetry = telemetry
        self._now: Millis = 0
        self._limits = limits
        self._configuration = configuration
        self._failure: StoreError | None = None
        self._failing = trio.Event()
        self._reloading = trio.Lock()
        self.versions = Versions(compile_content, succeed)
        self.feed = Feed(store)
        self.addresses = Addresses()
        self.journal = Journal(store, self.now, telemetry, self._committed)
        loader = Loader(store, self.versions)
        self.router = Router(
            journal=self.journal,
            loader=loader,
            versions=self.versions,
            now=self.now,
            telemetry=telemetry,
            make=self._due,
            arm_of=self._arm_of,
            ask_again=self._ask_again,
            awake_limit=limits.awake,
        )
        desk = RouterDesk(self.router, self.journal, self.now)
        self.outbox = Outbox(
            destinations,
            configuration.renderer,
            self._rules(configuration),
            context=tell,
            desk=desk,
            find=store.dispatch,
            telemetry=telemetry,
            dice=dice,
        )
        self.keeper = Keeper(store, self.journal, self.router, self.versions, limits)
        self._uptake = Uptake(
            store=store,
            journal=self.journal,
            loader=loader,
            router=self.router,
            versions=self.versions,
            keeper=self.keeper,
        )
        self._recovery = Recovery(
            store=store,
            journal=self.journal,
            loader=loader,
            router=self.router,
            versions=self.versions,
            outbox=self.outbox,
            addresses=self.addresses,
            tell=self._tell_progress,
        )

    def now(self) -> Millis:
        """The present instant; never earlier than the one before, nor than any before a restart."""
        self._now = max(self._now, self._clock())
        return self._now

    # Its life ----------------------------------------------------------------------------------------------------

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Recover, say so, and run until cancelled.

        Raises:
            StoreError: the store could not be read or written.

        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._part, self._recover, nursery, task_status)
            await self._failing.wait()
            await trio.sleep(_FAREWELL)
            nursery.cancel_scope.cancel()
        if self._failure is not None:
            raise self._failure

    async def drain(self, seconds: float) -> int:
        """Take nothing any more, finish what has arrived, give the outbox so long; then save everybody, in half of it.

        Returns:
            How many messages are left unsent.

        """
        self.status = self.reason = "ending"
        with trio.move_on_after(seconds):
            await self.router.finish()
            await self.outbox.rested()
        with trio.move_on_after(seconds / 2):
            await self.keeper.save_all()
        self.feed.end()
        return self.outbox.waiting

    # What comes in -----------------------------------------------------------------------------------------------

    async def take(self, arrivals: Sequence[Arrival]) -> None:
        """Take inputs; when this returns, all of them are durable, with all that was decided upon them.

        Raises:
            Refused: none or not all of them are taken; none is to be acknowledged.

        """
        await self.durable(await self.receive(arrivals))

    async def receive(self, arrivals: Sequence[Arrival]) -> Receipt:
        """Take inputs, which are to be acknowledged only when their receipt is `durable`.

        A client that hangs up may cancel the waiting; what was taken until then stays taken.

        Raises:
            Refused: none or not all of them are taken; none is to be acknowledged.

        """
        self._admit()
        receipt, began, now, taken = Receipt(), time.perf_counter(), self.now(), 0
        for arrival in arrivals:
            if self.router.crowded:
                await self._room_for(arrival)
                now = self.now()
            self.router.take(arrival, receipt, now)
            taken += 1
            if (spent := time.perf_counter() - began) > STRETCH:
                self._telemetry.turns(spent, taken)
                await trio.lowlevel.cancel_shielded_checkpoint()
                began, now, taken = time.perf_counter(), self.now(), 0
        if taken:
            self._telemetry.turns(time.perf_counter() - began, taken)
        return receipt

    async def durable(self, receipt: Receipt) -> None:
        """Wait until what was received is durable.

        Raises:
            Refused: it cannot be any more.

        """
        try:
            await self.journal.wait(receipt)
        except StoreError as error:
            raise Refused("failed", str(error)) from error

    @property
    def busy(self) -> bool:
        """Whether so much waits to be written that nothing more is taken."""
        return self.journal.uncommitted >= self._limits.uncommitted

    async def room(self) -> None:
        """Wait until more inputs may come.

        Raises:
            Refused: none will be taken.

        """
        while self.status == "ready" and self.busy:
            await self._flushed()

    async def reload(self, configuration: Configuration) -> bool:
        """Put other trigger, segment and message files in force; durable on return. False: they are already.

        Raises:
            Refused: the service is not ready.

        """
        async with self._reloading:
            if self.status != "ready":
                raise Refused(self.status, self.reason)
            if configuration.digest == self.versions.current.digest:
                return False
            self._put_in_force(configuration)
            await self._flushed()
            return True

    async def suppress(self, marks: Sequence[tuple[str, Suppressed]], *, lifted: bool = False) -> None:
        """Suppress addresses, or suppress them no more; durable on return, as is what was said so far.

        What is held is asked about at once.

        What is so already is not written again.

        Raises:
            Refused: the service is not ready, or it cannot be made durable.

        """
        self._admit()
        changed = False
        for address, mark in marks:
            place = self.addresses.lift(address, *mark.key) if lifted else self.addresses.suppress(address, mark)
            if place is not None:
                self.journal.suppress(place, None if lifted else mark)
                changed = True
        await self._flushed()
        if changed:
            self.outbox.ask_about_all()

    async def _flushed(self) -> None:
        try:
            await self.journal.flushed()
        except StoreError as error:
            raise Refused("failed", str(error)) from error

    def _rules(self, configuration: Configuration) -> Policy:
        return replace(configuration.policy, suppressed=self.addresses.marks)

    def _admit(self) -> None:
        if self.status != "ready":
            raise Refused(self.status, self.reason)
        if self.busy:
            raise Refused("busy", "too many events wait to be written; send them again")

    async def _room_for(self, arrival: Arrival) -> None:
        """Wait in the middle of a frame: each of its events may wake another user, and only so many may be awake."""
        await self.router.room(_id_of(arrival))
        if self.status != "ready":
            raise Refused(self.status, self.reason)

    # What is told ------------------------------------------------------------------------------------------------

    async def person(self, user_id: str) -> User | None:
        """The user of an id as callers write it, looked for among the users' ids first, then among the visitors'."""
        return await self.router.look(known(user_id)) or await self.router.look(anonymous(user_id))

    async def message(self, message_id: str) -> Dispatch | None:
        """A message as it was last written down, waiting for one that was only just decided; None: too long ago.

        Raises:
            Refused: nothing can be written any more.

        """
        found = await self.store.dispatch(message_id)
        if found is None:
            await self._flushed()
            found = await self.store.dispatch(message_id)
        return found

    async def events(self) -> list[Seen]:
        """What events there are, with all that has come in so far.

        Raises:
            Refused: nothing can be written any more.

        """
        await self._flushed()
        return await self.store.events()

    # Its parts ---------------------------------------------------------------------------------------------------

    async def _recover(self, nursery: trio.Nursery, task_status: trio.TaskStatus[None]) -> None:
        self._now = await self._recovery.read()
        self.feed.begin((await self.store.mark()).commits)
        for part in (self.keeper.run, self.router.run):
            nursery.start_soon(self._part, part)
        if not self.versions.resume(self._configuration):
            self._put_in_force(self._configuration)
        self._uptake.begin()
        await self._recovery.settle()
        for part in (self.outbox.run, self._uptake.run):
            nursery.start_soon(self._part, part)
        if self.status == "recovering":
            self.status, self.reason = "ready", ""
        task_status.started()

    async def _part(self, run: Callable[..., Awaitable[None]], *args: object) -> None:
        """Run a part of the service. When the store fails one of them, the process is to end."""
        try:
            await run(*args)
        except* StoreError as group:
            self._fail(_first(group))

    def _fail(self, error: StoreError) -> None:
        if self._failure is None:
            self._failure = error
            self.status, self.reason = "failed", str(error)
            _log.critical("nothing more is taken, the process ends", reason=str(error))
            self.journal.fail(error)
            self.feed.end()
            self._failing.set()

    def _committed(self, commit: int, batch: Batch, fresh: Sequence[Dispatch]) -> None:
        self.feed.publish(commit, batch.decisions, batch.dispatches.values())
        self.outbox.admit(fresh)

    def _ask_again(self, ids: Iterable[str]) -> None:
        self.outbox.ask_again(ids)

    def _arm_of(self, user: User, trigger: str, variant: str) -> str:
        return self.outbox.arm(user, trigger, variant)

    def _due(self, name: str, firing: Firing, now: Millis, arm: str) -> list[Dispatch]:
        return self.outbox.make(name, firing, now, arm)

    def _tell_progress(self, what: str, number: int) -> None:
        self.reason = f"recovering: {number:,} {what}"

    # What is in force --------------------------------------------------------------------------------------------

    def _put_in_force(self, configuration: Configuration) -> None:
        number, now = self.journal.next_number(), self.now()
        self.journal.put_in_force(self.versions.follow(configuration, number, now, self.outbox.in_use()))
        self.outbox.use(configuration.renderer, self._rules(configuration))
        self._uptake.begin()


def _id_of(arrival: Arrival) -> str:
    """The id of the user whose step it is, as `engine.core.identity` makes ids."""
    if arrival.user_id is not None:
        return known(arrival.user_id)
    return "" if isinstance(arrival, Alias) else anonymous(arrival.anonymous_id or "")


def _first(group: BaseExceptionGroup[StoreError]) -> StoreError:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
