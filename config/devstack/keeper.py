"""Runs one PostgreSQL server for as long as somebody uses it. Its own small process; standard library only.

A user of the server holds a shared lock on the users file; the kernel lets go of it however the user ends.
The keeper waits for the exclusive lock, so it wakes when the last user is gone, and stops the server. Should
the keeper itself be killed, the server stops by the parent-death signal (Linux).

Run as `python -I -S keeper.py`, with its order as one JSON object on standard input; answers with one line on
standard output, `{"ready": true}` or `{"failed": "…"}`, and closes it.
"""

import ctypes
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Start the server that the order describes, answer, and stay until it ends."""
    order = json.load(sys.stdin)
    folder = Path(order["folder"])
    alive = (folder / "keeper.lock").open("w")
    fcntl.flock(alive, fcntl.LOCK_EX)
    users = (folder / "users.lock").open("r")

    server = start(order)
    signal.signal(signal.SIGTERM, lambda *_: server.send_signal(signal.SIGINT))
    state = {"port": order["port"], "keeper": os.getpid(), "server": server.pid}
    if not wait_until_ready(server, Path(order["data"])):
        answer({"failed": f"PostgreSQL ended with exit {server.returncode} while starting"})
        return 1
    write(folder / "server.json", state)
    answer({"ready": True})

    def stop_when_unused() -> None:
        fcntl.flock(users, fcntl.LOCK_EX)
        server.send_signal(signal.SIGINT)  # the fast stop: sessions are ended, nothing is lost

    threading.Thread(target=stop_when_unused, daemon=True).start()
    code = server.wait()
    write(folder / "server.json", state | {"keeper": None, "server": None})
    # In this order: who gets the users lock next must find that no keeper is left.
    alive.close()
    return code


def start(order: dict[str, Any]) -> "subprocess.Popen[bytes]":
    """Start `postgres` as the account of the order, dying with this process."""
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    parent = os.getpid()

    def die_with_parent() -> None:
        # After the change of account, which would clear it. The parent may already be gone by now.
        if libc is not None:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
            if os.getppid() != parent:
                os._exit(1)

    account: dict[str, Any] = {}
    if order["account"] is not None:
        uid, gid = order["account"]
        account = {"user": uid, "group": gid, "extra_groups": []}
    return subprocess.Popen(
        order["command"],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        stderr=sys.stderr,
        cwd="/",
        env=order["env"],
        umask=0o077,
        start_new_session=True,
        preexec_fn=die_with_parent,
        **account,
    )


def wait_until_ready(server: "subprocess.Popen[bytes]", data: Path) -> bool:
    """Wait until the server says in its own pid file that it takes connections; False if it ended."""
    while server.poll() is None:
        try:
            lines = (data / "postmaster.pid").read_text().splitlines()
        except OSError:
            lines = []
        if len(lines) >= 8 and lines[0].strip() == str(server.pid) and lines[7].strip() == "ready":
            return True
        time.sleep(0.01)
    return False


def write(file: Path, value: dict[str, Any]) -> None:
    """Replace a small JSON file in one step."""
    aside = file.with_suffix(".new")
    aside.write_text(json.dumps(value))
    aside.replace(file)


def answer(value: dict[str, Any]) -> None:
    """Say the one line that whoever started the keeper waits for."""
    print(json.dumps(value), flush=True)
    # The other end waits for the end of the stream too; what the keeper says later goes to its log.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
