"""Starts the services of one installation, keeps them running, and stops them in reverse order.

Each service runs on a leash (`config.devstack.leash`) with its output forwarded line by line. One that ends by
itself is started again after a pause that doubles while it keeps failing. The database is shared with other
commands (`config.devstack.postgres`) and watched here. A supervisor that is killed leaves nothing: its leashes
stop their programs, and the next supervisor waits for them.
"""

import fcntl
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TextIO

from config.devstack import leash
from config.devstack.environment import ROOT
from config.devstack.postgres import Cluster
from config.devstack.refusal import Refusal

_COLORS = (36, 35, 33, 32, 34)  # cyan, magenta, yellow, green, blue
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
_HEALTHY_AFTER = 60.0  # seconds of life after which a service's failures are forgotten
_STOP_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Service:
    """A program to keep running.

    Attributes:
        name: short; shown before each line of its output.
        command: program and arguments.
        ready: asked every tenth of a second after the start until it says yes; None: ready at once.
    """

    name: str
    command: tuple[str, ...]
    ready: Callable[[], bool] | None = None


@dataclass(slots=True)
class Child:
    """A started service."""

    service: Service
    color: int
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    failures: int = 0
    due: float = 0.0
    was_ready: bool = False
    last_lines: list[str] = field(default_factory=list)
    group: int | None = None  # of the program's processes
    leash_end: int | None = None  # our end of the leash's pipe; closing it stops the whole group


class Supervisor:
    """Runs the services of the installation in `var`; one at a time for each `var`.

    Use as `with Supervisor(...) as supervisor:`; leaving the block stops what was started.
    """

    def __init__(self, var: Path, *, cluster: Cluster | None, out: TextIO | None = None) -> None:
        self.var = var
        self.cluster = cluster
        self.out = out or sys.stdout
        self.children: list[Child] = []
        self._stop = threading.Event()
        self._print = threading.Lock()
        self._colors = itertools.cycle(_COLORS)
        self._locks: list[IO[str]] = []
        self._urgent = False
        self._waiting = False  # in `run`, which looks at `_stop` by itself

    # Life

    def __enter__(self) -> "Supervisor":
        self._take_turn()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._asked_to_stop)
        if self.cluster is not None:
            self._follow_log(self.cluster)
        return self

    def __exit__(self, *_: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._in_a_hurry)
        self._stop.set()
        for child in reversed(self.children):
            self._end(child)
        if self.cluster is not None:
            self.say("stack", "stopping database")
            self.cluster.release()
            self.cluster.wait_until_stopped(_STOP_PATIENCE)
        (self.var / "stack.json").unlink(missing_ok=True)
        for lock in self._locks:
            lock.close()

    def start(self, services: Sequence[Service]) -> None:
        """Start services in their order, without waiting until they are ready."""
        for service in services:
            child = Child(service, next(self._colors))
            self.children.append(child)
            self._launch(child)

    def wait_until_ready(self, seconds: float = 60) -> None:
        """Wait until every started service is ready.

        Raises:
            Refusal: one ended before, or was not ready in time; with its last lines.
        """
        until = time.monotonic() + seconds
        while True:
            waiting = [child for child in self.children if not self._is_ready(child)]
            if not waiting:
                return
            for child in waiting:
                if child.process is not None and child.process.poll() is not None:
                    raise Refusal(f"{child.service.name} ended while starting. {_last(child)}")
                if time.monotonic() > until:
                    raise Refusal(f"{child.service.name} was not ready after {seconds:.0f} s. {_last(child)}")
            self._stop.wait(0.05)

    def run(self) -> None:
        """Keep everything running until somebody asks it to stop."""
        self._waiting = True
        while not self._stop.wait(0.2):
            self._watch_database()
            for child in self.children:
                self._watch(child)

    def say(self, name: str, text: str, color: int = 37) -> None:
        """Print one line in the name of a service."""
        with self._print:
            try:
                if self.out.isatty() and "NO_COLOR" not in os.environ:
                    self.out.write(f"\x1b[{color}m{name:>8} │\x1b[0m {text}\n")
                else:
                    self.out.write(f"{name:>8} | {text}\n")
                self.out.flush()
            except (OSError, ValueError):
                return  # the terminal is gone; the services are not

    # One service

    def _launch(self, child: Child) -> None:
        read, write = os.pipe()
        heard, told = os.pipe()
        lock = self._locks[-1].fileno()
        child.process = subprocess.Popen(
            [sys.executable, "-I", "-S", leash.__file__, str(told), *child.service.command],
            cwd=ROOT,
            stdin=read,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # The leash keeps the children's lock as long as its program lives.
            pass_fds=(lock, told),
        )
        os.close(read)
        os.close(told)
        with os.fdopen(heard) as stream:
            said = stream.readline()
        child.group = int(said) if said else None
        child.leash_end = write
        child.started = time.monotonic()
        child.was_ready = False
        threading.Thread(target=self._forward, args=(child, child.process), daemon=True).start()
        self._write_state()

    def _forward(self, child: Child, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout is not None
        for raw in process.stdout:
            line = raw.decode(errors="replace").rstrip()
            if line:
                child.last_lines = [*child.last_lines[-7:], line]
                self.say(child.service.name, line, child.color)

    def _is_ready(self, child: Child) -> bool:
        if not child.was_ready and child.process is not None and child.process.poll() is None:
            child.was_ready = child.service.ready is None or child.service.ready()
        return child.was_ready

    def _watch(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.due:
                self._launch(child)
            return
        code = child.process.poll()
        if code is None:
            return
        self._clear(child)
        child.failures = 1 if now - child.started > _HEALTHY_AFTER else child.failures + 1
        pause = min(_FIRST_PAUSE * 2 ** (child.failures - 1), _LONGEST_PAUSE)
        child.process, child.due = None, now + pause
        why = f"killed by signal {code - 128}" if code > 128 else f"exit {code}"
        self.say("stack", f"{child.service.name} ended ({why}); starting it again in {pause:.0f} s")

    def _end(self, child: Child) -> None:
        process = child.process
        if process is None or process.poll() is not None:
            self._clear(child)
            return
        self.say("stack", f"stopping {child.service.name}")
        process.send_signal(signal.SIGTERM)
        until = time.monotonic() + _STOP_PATIENCE
        while process.poll() is None and time.monotonic() < until and not self._urgent:
            time.sleep(0.02)
        self._let_go(child)
        process.wait()  # the leash ends its program within its grace
        self._clear(child)

    def _let_go(self, child: Child) -> None:
        if child.leash_end is not None:
            os.close(child.leash_end)
            child.leash_end = None

    def _clear(self, child: Child) -> None:
        """After a leash ended: let go of it, and end what a killed one left."""
        self._let_go(child)
        if child.group is not None:
            leash.signal_group(child.group, signal.SIGKILL)
            child.group = None

    # The database

    def _watch_database(self) -> None:
        if self.cluster is None or self.cluster.running() is not None:
            return
        before = self.cluster.port
        self.say("stack", "database ended; starting it again")
        try:
            url = self.cluster.use()
        except Refusal as refusal:
            self.say("stack", f"{refusal} Trying again in {_LONGEST_PAUSE:.0f} s.")
            self._stop.wait(_LONGEST_PAUSE)
            return
        if self.cluster.port != before:
            # Somebody took its port meanwhile: every service has to learn the new one.
            os.environ["DATABASE_URL"] = url
            for child in reversed(self.children):
                self._end(child)
        self._write_state()

    def _follow_log(self, cluster: Cluster) -> None:
        color = next(self._colors)

        def follow() -> None:
            # Statements that fail are reported by whoever sent them; the log file has them all.
            for line in _lines_added_to(cluster.log, self._stop):
                if re.search(r" (WARNING|FATAL|PANIC):  ", line):
                    self.say("database", line, color)

        threading.Thread(target=follow, daemon=True).start()

    # One at a time

    def _take_turn(self) -> None:
        self.var.mkdir(parents=True, exist_ok=True)
        alone = (self.var / "supervisor.lock").open("a")
        try:
            fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            state = running_stack(self.var) or {}
            alone.close()
            raise Refusal(
                f"Proofline is already running on {self.var} (process {state.get('supervisor', 'unknown')}"
                f"{', at ' + state['url'] if state.get('url') else ''}). Stop it with Ctrl-C there, or set "
                "PROOFLINE_VAR to another folder for a second one."
            ) from None
        children = (self.var / "children.lock").open("a")
        until = time.monotonic() + leash.GRACE + 10
        while True:
            try:
                fcntl.flock(children, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    alone.close()
                    children.close()
                    raise Refusal(
                        f"Services of an earlier start on {self.var} are still running and do not stop. Its "
                        f"process ids are in {self.var / 'stack.json'}; end them and try again."
                    ) from None
                time.sleep(0.05)
        self._locks = [alone, children]

    def _asked_to_stop(self, *_: object) -> None:
        self._stop.set()
        if not self._waiting:
            raise KeyboardInterrupt

    def _in_a_hurry(self, *_: object) -> None:
        self._urgent = True

    def _write_state(self) -> None:
        state: dict[str, Any] = {
            "supervisor": os.getpid(),
            "url": os.environ.get("PROOFLINE_BASE_URL", ""),
            "children": {
                child.service.name: child.process.pid for child in self.children if child.process is not None
            },
        }
        aside = self.var / "stack.json.new"
        aside.write_text(json.dumps(state))
        aside.replace(self.var / "stack.json")


def running_stack(var: Path) -> dict[str, Any] | None:
    """What is written about the stack that runs on `var` (`supervisor`, `url`, `children`), or None."""
    try:
        with (var / "supervisor.lock").open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None
    except FileNotFoundError:
        return None
    except BlockingIOError:
        pass
    try:
        state = json.loads((var / "stack.json").read_text())
    except (OSError, ValueError):
        state = {}
    return state if isinstance(state, dict) else {}


def refuse_taken_port(port: int, *, option: str = "--port") -> None:
    """Refuse when something already listens on the port of loopback, or this account may not use it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            raise Refusal(
                f"This account may not listen on port {port}. Choose one above 1023 with {option}."
            ) from None
        except OSError:
            raise Refusal(
                f"Port {port} on 127.0.0.1 is taken by another program. Choose another one with {option}, for "
                f"example {option} {port + 1}."
            ) from None


def answers(port: int, path: str = "/") -> bool:
    """Whether an HTTP server on loopback answers a request, and with something else than a failure of its own."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(
                f"HEAD {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
            )
            return re.fullmatch(rb"HTTP/1\.1 [234]\d\d", connection.recv(12)) is not None
    except OSError:
        return False


def _last(child: Child) -> str:
    lines = "\n".join(f"  {line}" for line in child.last_lines)
    return f"Its last lines were:\n{lines}" if lines else "It said nothing."


def _lines_added_to(file: Path, stop: threading.Event) -> Iterator[str]:
    """Lines appended to a file from now on; follows it when it is replaced or not there yet."""
    position = file.stat().st_size if file.exists() else 0
    rest = ""
    while not stop.wait(0.3):
        try:
            size = file.stat().st_size
            if size < position:
                position = 0
            if size == position:
                continue
            with file.open(errors="replace") as stream:
                stream.seek(position)
                text = rest + stream.read()
                position = stream.tell()
        except FileNotFoundError:
            continue
        *lines, rest = text.split("\n")
        yield from (line for line in lines if line)
