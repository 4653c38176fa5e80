"""Many runs of the simulation: `python -m tests.simulation --seeds 10000 --jobs 2`."""

import argparse
import gc
import multiprocessing
import sys
import time
import traceback
from collections import Counter
from functools import partial
from typing import get_args

from rich.console import Console
from rich.progress import Progress

from tests.simulation.run import Kind, run

_CHUNK = 50


def _runs(store: Kind, seeds: range) -> tuple[int, Counter[str], list[tuple[int, str]]]:
    """How many seeds were run, what happened in them, and which failed."""
    happened: Counter[str] = Counter()
    failed = []
    for seed in seeds:
        try:
            happened += run(seed, store).world.happened
        except BaseException:  # noqa: BLE001 - whatever it is, it is that seed's
            failed.append((seed, traceback.format_exc()))
    return len(seeds), happened, failed


def main() -> int:
    """Run them; the exit status is 1 if one failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000, help="how many (default: 1000)")
    parser.add_argument("--store", choices=get_args(Kind), default="memory", help="what is beneath (default: memory)")
    parser.add_argument("--first", type=int, default=0, help="the first of them (default: 0)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default: 1)")
    parser.add_argument("--stats", action="store_true", help="say how often each fault really happened")
    arguments = parser.parse_args()
    last = arguments.first + arguments.seeds
    chunks = [range(first, min(first + _CHUNK, last)) for first in range(arguments.first, last, _CHUNK)]
    happened: Counter[str] = Counter()
    failed: list[tuple[int, str]] = []
    console, began = Console(stderr=True), time.perf_counter()
    with Progress(console=console) as progress, multiprocessing.Pool(arguments.jobs, gc.freeze) as pool:
        task = progress.add_task("seeds", total=arguments.seeds)
        for number, more, wrong in pool.imap_unordered(partial(_runs, arguments.store), chunks):
            happened += more
            failed += wrong
            progress.update(task, advance=number)
    seconds = time.perf_counter() - began
    for seed, text in sorted(failed)[:5]:
        console.print(text, markup=False, highlight=False)
        again = f"python -m tests.simulation --store {arguments.store} --first {seed} --seeds 1"
        console.print(f"seed {seed} failed: {again}", soft_wrap=True)
    if arguments.stats:
        for fault, number in sorted(happened.items()):
            sys.stdout.write(f"{number:>12,}  {fault}\n")
    each = seconds * arguments.jobs / arguments.seeds * 1_000
    sys.stdout.write(f"{arguments.seeds:,} seeds, {len(failed)} failed, {seconds:.1f} s, {each:.1f} ms each\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
