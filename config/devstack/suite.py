"""`manage.py test`: pytest, in parallel, against real PostgreSQL (`config.devstack.testing`)."""

import os
import subprocess
import sys

from config.devstack.environment import ROOT

# With these, workers are in the way: a debugger wants the terminal, a listing runs nothing.
_ALONE = (
    "--pdb",
    "--trace",
    "--collect-only",
    "--co",
    "--fixtures",
    "--markers",
    "--version",
    "--help",
    "-h",
)


def test(arguments: list[str]) -> int:
    """Run all tests, or those that pytest's arguments choose, on one worker for each core."""
    counted = any(argument == "-n" or argument.startswith(("-n", "--numprocesses")) for argument in arguments)
    workers = [] if counted or set(_ALONE) & set(arguments) else ["-n", str(_cores()), "--dist", "loadgroup"]
    command = [sys.executable, "-m", "pytest", *workers, *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
