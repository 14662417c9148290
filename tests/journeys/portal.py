"""The portal as it really runs, for the journeys: web and worker as the stack starts them, and their world."""

import base64
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.devstack import leash, stack
from config.devstack.environment import ROOT
from config.devstack.supervisor import Service

SLOWEST_START = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Portal:
    """A running portal: its address, its database, and what `tests.journeys.world` made in it."""

    url: str
    database: str
    world: dict[str, Any]

    def at(self, slug: str, path: str = "") -> str:
        """An address below a client."""
        return f"{self.url}/c/{slug}/{path}"


@contextmanager
def running(database: str, folder: Path) -> Iterator[Portal]:
    """Make the world in a migrated database, then run web and worker over it; all stop when the block ends."""
    port = _free_port()
    environment = _environment(database, folder / "var", port)
    subprocess.run(
        [sys.executable, "-m", "tests.journeys.world", str(folder)], cwd=ROOT, env=environment, check=True
    )
    web, worker, _beat = stack.services(port)
    with _leashed(web, environment, folder) as started, _leashed(worker, environment, folder):
        assert web.ready is not None
        late = time.monotonic() + SLOWEST_START
        while not web.ready():
            assert started.poll() is None, f"The portal ended: {(folder / 'web.log').read_text()}"
            assert time.monotonic() < late, f"The portal does not answer: {(folder / 'web.log').read_text()}"
            time.sleep(0.05)
        world = json.loads((folder / "world.json").read_text(encoding="utf-8"))
        yield Portal(f"http://127.0.0.1:{port}", database, world)


def _environment(database: str, var: Path, port: int) -> dict[str, str]:
    """The portal's own settings, state and secrets: nothing of the test run's, nothing of an installation's."""
    var.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PROOFLINE", "DJANGO"))}
    return kept | {
        "DJANGO_SETTINGS_MODULE": "config.settings.embedded",
        "DATABASE_URL": database,
        "PROOFLINE_VAR": str(var),
        "PROOFLINE_SECRET_KEY": secrets.token_urlsafe(50),
        "PROOFLINE_MASTER_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "PROOFLINE_BASE_URL": f"http://127.0.0.1:{port}",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _leashed(
    service: Service, environment: dict[str, str], folder: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a service so that it ends with this process, however that ends."""
    # The leash tells its program's process id first, here to the log (its standard output).
    command = [sys.executable, "-I", "-S", str(Path(leash.__file__)), "1", *service.command]
    with (folder / f"{service.name}.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(timeout=30)
