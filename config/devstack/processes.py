"""Asking after processes by their number."""

import os
from pathlib import Path


def lives(pid: int) -> bool:
    """Whether a process exists and has not ended; one that nobody has reaped yet has ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        # "pid (name) state …", where the name may hold anything.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        # No /proc on this system, or the process ended this instant.
        return not Path("/proc/self/stat").exists()
