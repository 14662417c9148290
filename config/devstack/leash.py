"""Runs one program so that nothing of it outlives the supervisor. Its own small process; standard library only.

Standard input is a pipe that the supervisor holds open and never writes to. When it ends, in whatever way the
supervisor did, the whole process group of the program is stopped: politely, then, after a short grace, not.
SIGTERM to the leash stops the program alone and politely; the leash ends with the program's exit code.

Run as `python -I -S leash.py FD PROGRAM [ARGUMENT…]`; the program's process id, which is its group's too, is
written to the file descriptor, so that the supervisor can end the group should the leash itself be killed.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1
GRACE = 2.0  # seconds between SIGTERM and SIGKILL once the supervisor is gone


def main(report: int, command: list[str]) -> int:
    """Run the command on the leash; returns its exit code (128 + signal if it was killed)."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    parent = os.getpid()

    def die_with_leash() -> None:
        if libc is not None:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)

    program = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=die_with_leash
    )
    os.write(report, f"{program.pid}\n".encode())
    os.close(report)
    signal.signal(signal.SIGTERM, lambda *_: program.send_signal(signal.SIGTERM))
    # SIGINT of a terminal is the supervisor's business, which stops all in its order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        signal_group(program.pid, signal.SIGTERM)
        time.sleep(GRACE)
        signal_group(program.pid, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
    code = program.wait()
    # What the program left in its group (workers of a master that was killed) goes with it.
    signal_group(program.pid, signal.SIGKILL)
    return code if code >= 0 else 128 - code


def signal_group(group: int, number: int) -> None:
    """Send a signal to all of a process group; nothing if none of it is left."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
