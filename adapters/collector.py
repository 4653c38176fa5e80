"""When Python looks for cycles: hardly ever among what stays.

Users who fall asleep leave no cycles, so that there is next to nothing to be found among them, and to look through
20,000 of them takes a second in which nothing else happens. What is young is looked through often, and so in little
time; what has grown old only where nobody would notice.
"""

import gc
from collections.abc import Callable

import trio

_YOUNG = 2_000, 4, 1_000_000
"""Objects after which the youngest are looked through, how many of these times the next generation is too, and for the
oldest a number that is not reached."""

_SELDOM, _QUIET = 3_600.0, 10.0
"""Seconds between two searches among all, and without an input before one."""


def rest() -> None:
    """Do not look at all: a recovery makes millions of objects that stay."""
    gc.disable()


async def collect(inputs: Callable[[], int]) -> None:
    """Take what is there by now for good, and look for cycles in what comes after, for ever.

    `inputs` tells how many inputs have come so far.
    """
    gc.freeze()
    gc.set_threshold(*_YOUNG)
    gc.enable()
    while True:
        await trio.sleep(_SELDOM)
        before = -1
        while (now := inputs()) != before:
            before = now
            await trio.sleep(_QUIET)
        gc.collect()
