"""The supervisor: order, restarts, and that nothing of it is left behind, however it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from config.devstack.environment import ROOT
from config.devstack.postgres import Cluster
from config.devstack.processes import lives

Eventually = Callable[[Callable[[], bool]], None]

# A service that has a worker of its own, as web and Celery do; both write down who they are. It stops politely
# unless told to be stubborn, and ends by itself when a file says so.
SERVICE = """
import os, pathlib, signal, subprocess, sys, time
folder, name, *kind = sys.argv[1:]
folder = pathlib.Path(folder)
if "stubborn" in kind:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
elif "worker" not in kind:
    def stop(*_):
        with (folder / "stopped").open("a") as file:
            file.write(name + chr(10))
        sys.exit(0)
    signal.signal(signal.SIGTERM, stop)
with (folder / "pids").open("a") as file:
    file.write(f"{name} {os.getpid()}" + chr(10))
if "worker" not in kind:
    subprocess.Popen([sys.executable, __file__, str(folder), name + "-worker", "worker", *kind])
print("hello from", name, flush=True)
while not (folder / ("end-" + name)).exists():
    time.sleep(0.02)
(folder / ("end-" + name)).unlink()
sys.exit(3)
"""

SUPERVISOR = """
import sys
from pathlib import Path
from config.devstack.commands import Refusal
from config.devstack.postgres import Cluster
from config.devstack.supervisor import Service, Supervisor
folder, *names = sys.argv[1:]
folder = Path(folder)
cluster = Cluster(folder / "postgres", "p", durable=False) if "database" in names else None
def service(name):
    name, _, kind = name.partition(":")
    program = (sys.executable, str(folder / "service.py"), str(folder), name, *([kind] if kind else []))
    return Service(name, program, ready=lambda: name in (folder / "pids").read_text())
try:
    with Supervisor(folder, cluster=cluster) as supervisor:
        if cluster is not None:
            cluster.use()
        supervisor.start([service(name) for name in names if name != "database"])
        supervisor.wait_until_ready()
        print("all ready", flush=True)
        supervisor.run()
except Refusal as refusal:
    print(refusal, flush=True)
    sys.exit(2)
except KeyboardInterrupt:
    sys.exit(0)
"""


class Stand:
    """A folder with services, and supervisors started on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "service.py").write_text(SERVICE)
        (folder / "pids").touch()
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *names: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISOR, str(self.folder), *names],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def ready(self, *names: str) -> tuple["subprocess.Popen[str]", list[str]]:
        """Start a supervisor and read its lines until all services are ready."""
        process = self.start(*names)
        lines = []
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip())
            if line.startswith("all ready"):
                return process, lines
        raise AssertionError("\n".join(lines))

    def pids(self, name: str = "") -> list[int]:
        """The process ids that services wrote down, of all or of one."""
        rows = [line.split() for line in (self.folder / "pids").read_text().splitlines()]
        return [int(pid) for who, pid in rows if not name or who == name]

    def stopped(self) -> list[str]:
        file = self.folder / "stopped"
        return file.read_text().split() if file.exists() else []


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    stand = Stand(tmp_path)
    yield stand
    for process in stand.started:
        process.kill()
        process.communicate()
    for pid in stand.pids():
        while lives(pid):
            time.sleep(0.05)
    if (tmp_path / "postgres" / "cluster.json").exists():
        Cluster(tmp_path / "postgres", "p").destroy()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_stops_in_reverse_order(stand: Stand, number: int, eventually: Eventually) -> None:
    process, lines = stand.ready("web", "worker", "beat")
    assert any(line.split() == ["web", "|", "hello", "from", "web"] for line in lines)
    eventually(lambda: len(stand.pids()) == 6)
    process.send_signal(number)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert [line.split()[-1] for line in out.splitlines() if "stopping" in line] == ["beat", "worker", "web"]
    assert stand.stopped() == ["beat", "worker", "web"]
    assert not [pid for pid in stand.pids() if lives(pid)]
    assert not (stand.folder / "stack.json").exists()


def test_one_that_does_not_stop_is_ended(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    process, _ = stand.ready("web:stubborn")
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)  # a second Ctrl-C: at once
    process.communicate(timeout=30)
    assert not [pid for pid in stand.pids() if lives(pid)]


def test_a_service_that_ends_is_started_again_after_longer_and_longer_pauses(stand: Stand) -> None:
    process, _ = stand.ready("web", "beat")
    assert process.stdout is not None
    pauses = []
    for _ in range(3):
        (stand.folder / "end-web").touch()
        line = next(line for line in process.stdout if "ended" in line)
        assert "web ended (exit 3); starting it again in" in line
        pauses.append(int(line.split()[-2]))
        next(line for line in process.stdout if "hello from web" in line and "worker" not in line)
    assert pauses == [1, 2, 4]
    assert len(stand.pids("web")) == 4
    assert len(stand.pids("beat")) == 1
    assert not [pid for pid in stand.pids("web-worker")[:-1] if lives(pid)], "its worker stayed behind"


def test_a_killed_supervisor_leaves_nothing_and_is_started_again_at_once(
    stand: Stand, eventually: Eventually
) -> None:
    first, _ = stand.ready("database", "web", "worker:stubborn")
    eventually(lambda: len(stand.pids()) == 4)
    running = Cluster(stand.folder / "postgres", "p").running()
    assert running is not None
    before = [*stand.pids(), running["keeper"], running["server"]]
    before += json.loads((stand.folder / "stack.json").read_text())["children"].values()
    assert all(lives(pid) for pid in before)

    first.send_signal(signal.SIGKILL)
    first.wait()
    again, _ = stand.ready("database", "web", "worker:stubborn")  # at once
    assert not [pid for pid in before if lives(pid)]
    assert again.poll() is None


@pytest.mark.parametrize("victim", ["keeper", "server"])
def test_a_database_that_ends_is_started_again(stand: Stand, victim: str, eventually: Eventually) -> None:
    process, _ = stand.ready("database", "web")
    cluster = Cluster(stand.folder / "postgres", "p")
    before: Any = cluster.running()
    os.kill(before[victim], signal.SIGKILL)
    assert process.stdout is not None
    assert any("database ended; starting it again" in line for line in process.stdout)
    eventually(lambda: (now := cluster.running()) is not None and now["server"] != before["server"])
    after: Any = cluster.running()
    assert after["port"] == before["port"]
    assert len(stand.pids("web")) == 1, "the services keep running on the same address"


def test_a_leash_that_is_killed_takes_its_service_along(stand: Stand, eventually: Eventually) -> None:
    stand.ready("web")
    leash = json.loads((stand.folder / "stack.json").read_text())["children"]["web"]
    eventually(lambda: len(stand.pids()) == 2)
    before = stand.pids()  # the service and its worker
    os.kill(leash, signal.SIGKILL)
    eventually(lambda: not any(lives(pid) for pid in before))
    eventually(lambda: len(stand.pids("web")) == 2)


def test_a_second_supervisor_is_refused(stand: Stand) -> None:
    first, _ = stand.ready("web")
    second = stand.start("web")
    out, _ = second.communicate(timeout=30)
    assert second.returncode == 2
    assert f"Proofline is already running on {stand.folder} (process {first.pid}" in out
    assert len(stand.pids("web")) == 1


def test_a_service_that_ends_while_starting_stops_the_start_with_its_words(stand: Stand) -> None:
    (stand.folder / "service.py").write_text("print('no such setting'); raise SystemExit(1)")
    process = stand.start("web")
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "web ended while starting. Its last lines were:\n  no such setting" in out
