"""What all benchmarks share: a database cluster of their own, sides that run in turn, and the line they print.

A figure is a ratio of two sides measured in one run. Absolute times of two runs are never compared.
"""

import argparse
import base64
import contextlib
import json
import multiprocessing
import os
import secrets
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

ROUNDS = 3
QUICK = "--quick measures small sizes, which say nothing of the ratio"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line: what was measured, beside its anchor. `ratio` is how many times better than the anchor.

    `goal` is the least ratio wanted, None for a figure that is only told. `why` says what kept it from
    being measured or judged.
    """

    name: str
    value: float | None
    anchor: float | None
    ratio: float | None
    unit: str
    goal: float | None
    why: str = ""

    @classmethod
    def rate(cls, name: str, value: float, anchor: float, unit: str, goal: float | None) -> "Figure":
        """More is better."""
        return cls(name, value, anchor, value / anchor, unit, goal)

    @classmethod
    def cost(cls, name: str, value: float, anchor: float, unit: str, goal: float | None) -> "Figure":
        """Less is better."""
        return cls(name, value, anchor, anchor / value, unit, goal)

    @classmethod
    def unmeasured(cls, name: str, unit: str, goal: float | None, why: str) -> "Figure":
        """Neither met nor missed."""
        return cls(name, None, None, None, unit, goal, why)

    def line(self, *, judged: bool) -> str:
        """The JSON line of `docs/performance.md`; `met` is null where nothing was measured or wanted."""
        met = None if not judged or self.ratio is None or self.goal is None else self.ratio >= self.goal
        shown: dict[str, object] = {
            "name": self.name,
            "value": _rounded(self.value),
            "anchor": _rounded(self.anchor),
            "ratio": _rounded(self.ratio),
            "unit": self.unit,
            "goal": self.goal,
            "met": met,
        }
        why = self.why or ("" if judged else QUICK)
        return json.dumps(shown | ({"why": why} if why else {}), ensure_ascii=False)


def _rounded(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.4g}")


def main(
    figures: Callable[[argparse.Namespace], Iterator[Figure]],
    arguments: argparse.ArgumentParser | None = None,
) -> None:
    """Run one file's benchmark: a line per figure on standard output, everything else on standard error."""
    parser = arguments or argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    for figure in figures(options):
        print(figure.line(judged=not options.quick), flush=True)


def tell(text: str) -> None:
    """Say something for whoever watches; standard output belongs to the figures."""
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def throwaway() -> Iterator[Path]:
    """Set up Django on a new durable database cluster with an empty installation; all of it is gone afterwards.

    Yields the state folder. `fsync` and `synchronous_commit` are on, as in production.
    """
    from config.devstack.postgres import Cluster

    folder = Path(tempfile.mkdtemp(prefix="proofline-benchmark-"))
    cluster = Cluster(folder / "postgres", secrets.token_urlsafe(16))
    try:
        os.environ |= {
            "PROOFLINE_VAR": str(folder),
            "PROOFLINE_SECRET_KEY": secrets.token_urlsafe(50),
            "PROOFLINE_MASTER_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "DJANGO_SETTINGS_MODULE": "config.settings.embedded",
            "DATABASE_URL": cluster.use(),
        }
        import django
        from django.core.management import call_command
        from django.db import connections

        django.setup()
        call_command("migrate", interactive=False, verbosity=0)
        yield folder
        with connections["default"].cursor() as cursor:
            # Nobody needs what is thrown away to be on the disk first.
            cursor.execute("alter system set fsync = off")
            cursor.execute("select pg_reload_conf()")
        connections.close_all()
    finally:
        cluster.destroy()
        shutil.rmtree(folder, ignore_errors=True)


class Workers:
    """Processes that live as long as a worker does, forked when this process holds no connection and no thread.

    Each does one task at a time and gets the next when it is done.
    """

    def __init__(self, count: int) -> None:
        context = multiprocessing.get_context("fork")
        self._pipes: list[Any] = []
        self._processes = []
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs,), daemon=True)
            process.start()
            theirs.close()
            self._processes.append(process)
            self._pipes.append(ours)

    def do(self, tasks: Iterable[tuple[Callable[..., Any], tuple[Any, ...]]], *, count: int) -> list[Any]:
        """Do all tasks on the first `count` processes; returns what they returned, in any order."""
        waiting = iter(tasks)
        busy: list[Any] = []
        done: list[Any] = []
        free = self._pipes[:count]
        while True:
            while free and (task := next(waiting, None)) is not None:
                pipe = free.pop()
                pipe.send(task)
                busy.append(pipe)
            if not busy:
                return done
            ready: list[Any] = wait(busy, timeout=300) or _stuck()
            for pipe in ready:
                failed, answer = pipe.recv()
                if failed:
                    raise RuntimeError(answer)
                done.append(answer)
                busy.remove(pipe)
                free.append(pipe)

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.terminate()
            process.join()


def _stuck() -> Any:
    raise RuntimeError("a worker has not answered for five minutes")


def _work(pipe: Any) -> None:
    while (task := pipe.recv()) is not None:
        function, arguments = task
        try:
            answer = (False, function(*arguments))
        except BaseException:
            answer = (True, traceback.format_exc())
        pipe.send(answer)


@dataclass(frozen=True, slots=True)
class Side:
    """One way of doing the work. `prepare` is not timed; what it returns is handed to `run`."""

    name: str
    prepare: Callable[[], object]
    run: Callable[[Any], object]
    check: Callable[[Any], object]


@dataclass(frozen=True, slots=True)
class Taken:
    """The best wall time of a side, and the processor time of this process and its children then."""

    seconds: float
    processor: float


def in_turn(sides: Sequence[Side], *, rounds: int = ROUNDS, until: float | None = None) -> dict[str, Taken]:
    """Run the sides in turn after a first round that is not counted; the best of each.

    After every run `check` tells what was done (rows stored, hits); it must be equal in all rounds and on
    all sides, else AssertionError. `until` (monotonic) ends the rounds early, never before the third.
    """
    best: dict[str, Taken] = {}
    done: object = None
    turn = 0
    while turn <= rounds or (until is not None and time.monotonic() < until):
        if turn > ROUNDS and until is not None and time.monotonic() >= until:
            break
        for side in sides:
            ready = side.prepare()
            wall, processor = time.perf_counter(), _processor()
            side.run(ready)
            wall, processor = time.perf_counter() - wall, _processor() - processor
            found = side.check(ready)
            done = found if done is None else done
            assert found == done, f"{side.name} did {found}, the first side {done}"
            if turn and (side.name not in best or wall < best[side.name].seconds):
                best[side.name] = Taken(wall, processor)
        turn += 1
    for name, taken in best.items():
        tell(f"  {name}: best {taken.seconds:.2f} s of {turn - 1} (this process {taken.processor:.2f} s)")
    return best


def _processor() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
