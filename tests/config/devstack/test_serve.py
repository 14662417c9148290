"""The real stack: started from anywhere, killed, started again at once, and stopped."""

import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from config.devstack.processes import lives
from config.devstack.supervisor import answers, running_stack

Eventually = Callable[[Callable[[], bool]], None]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _below(pid: int) -> list[int]:
    """All processes that descend from one."""
    children = [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]
    return [pid for child in children for pid in (child, *_below(child))]


def _started(tree: Any, port: int) -> "subprocess.Popen[str]":
    process: subprocess.Popen[str] = tree.start("serve", "--port", str(port))
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Proofline answers at"):
            return process
    raise AssertionError("".join(lines) + process.communicate()[1])


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")
def test_a_killed_stack_is_started_again_at_once_and_leaves_nothing(
    tree: Any, eventually: Eventually
) -> None:
    port = _free_port()
    first = _started(tree, port)
    # The whole family: leashes, web and its worker, Celery and its pool, beat, the database.
    eventually(lambda: len(_below(first.pid)) >= 14)
    before = _below(first.pid)
    first.send_signal(signal.SIGKILL)
    first.wait()

    second = _started(tree, port)
    assert not [pid for pid in before if lives(pid)]
    assert answers(port)
    assert (running_stack(tree.var) or {})["supervisor"] == second.pid

    eventually(lambda: len(_below(second.pid)) >= 14)
    family = _below(second.pid)
    second.send_signal(signal.SIGINT)
    out, err = second.communicate(timeout=60)
    assert second.returncode == 0, out + err
    assert not [pid for pid in family if lives(pid)]
    assert running_stack(tree.var) is None
    assert not answers(port)


def test_a_command_works_from_any_folder_with_a_relative_state_folder(tree: Any, tmp_path: Path) -> None:
    ask = "from django.conf import settings; print(settings.VAR_DIR)"
    done = subprocess.run(
        [sys.executable, str(tree.root / "manage.py"), "shell", "-c", ask],
        cwd=tmp_path,
        env={"PROOFLINE_VAR": "state", "DATABASE_URL": "postgres://h/d", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(tmp_path / "state")
