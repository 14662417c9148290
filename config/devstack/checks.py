"""`manage.py check-code`: linters, types, import contracts, dependencies, known vulnerabilities."""

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from config.devstack.environment import LOCK, ROOT

_BIN = Path(sys.executable).parent

# What pip-audit prints when the service with the vulnerabilities cannot be reached, as opposed to finding some.
_UNREACHABLE = re.compile(
    r"ConnectionError|Max retries exceeded|NameResolution|Temporary failure|timed? ?out|unreachable|ProxyError"
    r"|service unavailable|HTTPError|Forbidden|Connection refused|SSLError",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one check came to: `ok` is None when it could not be made."""

    ok: bool | None
    output: str


@dataclass(frozen=True, slots=True)
class Check:
    """A check by name, and how it is made."""

    name: str
    make: Callable[[], Outcome]


def check_code(arguments: list[str]) -> int:
    """Check the code: linters, types, imports, dependencies, vulnerabilities; all, or those named."""
    parser = argparse.ArgumentParser(prog="manage.py check-code", description=check_code.__doc__)
    parser.add_argument("names", nargs="*", metavar="CHECK", help=", ".join(check.name for check in CHECKS))
    names = parser.parse_args(arguments).names
    unknown = sorted(set(names) - {check.name for check in CHECKS})
    if unknown:
        parser.error(
            f"no check is called {', '.join(unknown)}; there are {', '.join(c.name for c in CHECKS)}"
        )
    chosen = [check for check in CHECKS if not names or check.name in names]
    failed = []
    with ThreadPoolExecutor(max_workers=2) as pool:
        for check, (outcome, seconds) in zip(chosen, pool.map(_timed, chosen), strict=True):
            word = {True: "ok", False: "FAILED", None: "not checked"}[outcome.ok]
            if outcome.ok is not True and outcome.output:
                print(outcome.output)
            print(f"{check.name:<14} {word} ({seconds:.1f} s)", flush=True)
            if outcome.ok is False:
                failed.append(check.name)
    if failed:
        print(f"check-code: {', '.join(failed)} failed.")
        return 1
    print("check-code: all passed.")
    return 0


def _timed(check: Check) -> tuple[Outcome, float]:
    began = time.monotonic()
    return check.make(), time.monotonic() - began


def _run(*command: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"NO_COLOR": "1", "COLUMNS": "160"}
    program = str(_BIN / command[0])
    # Scripts of an environment that was moved name an interpreter that is gone: run them by ours.
    head = [sys.executable, program] if _is_script(program) else [program]
    return subprocess.run(
        [*head, *command[1:]],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def _is_script(program: str) -> bool:
    with open(program, "rb") as file:  # noqa: PTH123 - two bytes
        return file.read(2) == b"#!"


def _tool(*command: str) -> Callable[[], Outcome]:
    def make() -> Outcome:
        done = _run(*command)
        return Outcome(done.returncode == 0, done.stdout.strip())

    return make


def _audit() -> Outcome:
    """Ask for known vulnerabilities of exactly what the lock pins."""
    done = _run(
        *(
            "pip-audit",
            "--requirement",
            str(LOCK),
            "--require-hashes",
            "--disable-pip",
            "--progress-spinner=off",
        ),
        *("--timeout", "10"),
    )
    if done.returncode != 0 and "Found " not in done.stdout and _UNREACHABLE.search(done.stdout):
        last = done.stdout.strip().splitlines()[-1][:200]
        return Outcome(None, f"not checked: pip-audit could not reach its vulnerability data ({last})")
    return Outcome(done.returncode == 0, done.stdout.strip())


CHECKS = (
    Check("ruff", _tool("ruff", "check", "--output-format", "concise", ".")),
    Check("format", _tool("ruff", "format", "--check", "--output-format", "concise", ".")),
    Check("mypy", _tool("mypy", ".")),
    Check("imports", _tool("lint-imports", "--no-cache")),
    Check("dependencies", _tool("deptry", ".", "--no-ansi")),
    Check("audit", _audit),
)
