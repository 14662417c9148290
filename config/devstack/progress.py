"""Progress of a start on the terminal: one line for each step, with the seconds since the command began."""

import os
import sys
import threading
import time
from typing import TextIO

_PAUSE = 2.0  # seconds between lines about one step where lines cannot be overwritten


class Progress:
    """Prints steps as they end, and what the running one is at.

    The clock begins with the command, before the environment was made: `manage.py` hands the moment over
    in `PROOFLINE_BEGAN` when it starts itself again inside.
    """

    def __init__(self, out: TextIO | None = None) -> None:
        self.out = out or sys.stdout
        self.began = began()
        self._title = ""
        self._last = 0.0
        self._lock = threading.Lock()
        self._live = self.out.isatty()

    @property
    def seconds(self) -> float:
        """Seconds since the command began."""
        return time.time() - self.began

    def begin(self, title: str) -> None:
        """A step begins."""
        self._title = title
        self._last = time.monotonic()
        if self._live:
            self._write("…", end="")

    def at(self, text: str) -> None:
        """What the running step is at, such as a month; shown at once on a terminal, now and then elsewhere."""
        now = time.monotonic()
        if self._live:
            self._write(f"{text} …", end="")
        elif now - self._last >= _PAUSE:
            self._last = now
            self._write(f"{text} …")

    def done(self, note: str) -> None:
        """The step ended, with what came of it."""
        self._write(note)

    def _write(self, text: str, end: str = "\n") -> None:
        with self._lock:
            start = "\r\x1b[K" if self._live else ""
            self.out.write(f"{start}{self.seconds:7.1f} s  {self._title:<12}  {text}{end}")
            self.out.flush()


def began() -> float:
    """When the command began, in seconds since the epoch; remembered for a process it becomes."""
    return float(os.environ.setdefault("PROOFLINE_BEGAN", repr(time.time())))
