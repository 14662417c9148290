"""`manage.py benchmark`: the product's figures beside their anchors, each file in a process of its own.

Standard output has one JSON line per figure (docs/performance.md says what its fields mean).
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from config.devstack.environment import ROOT
from config.devstack.progress import began

# The files in tests/benchmarks/ and the figures that each prints.
FIGURES = {
    "ingest": ("ingest_vs_copy", "ingest_vs_copy_1_to_1", "ingest_vs_copy_2_to_2", "ingest_vs_bulk_create"),
    "storage": ("stored_vs_jsonb",),
    "replay": ("replay_vs_first",),
    "package": ("package_vs_canvas", "package_memory"),
    "clients": ("client_create", "client_create_spare", "client_create_vs_clone"),
    "migrate": ("clients_migrate", "clients_migrate_noop"),
    "connections": ("backend_memory",),
    "pages": ("cockpit_p95", "cockpit_500_vs_50", "list_p50", "create_p50"),
}
# What a run must not take from the installation that starts it: a benchmark has a cluster and a folder of its own.
_OWN = (
    "DATABASE_URL",
    "DJANGO_SETTINGS_MODULE",
    "PROOFLINE_VAR",
    "PROOFLINE_SECRET_KEY",
    "PROOFLINE_MASTER_KEY",
)


def benchmark(arguments: list[str]) -> int:
    """Measure figures: all, or those named; exit 1 if one misses its goal."""
    options = _parser().parse_args(arguments)
    chosen = [file for file in FIGURES if not options.names or {file, *FIGURES[file]} & set(options.names)]
    lines: list[dict[str, Any]] = []
    broken = False
    for file in chosen:
        _say(options, f"{file}: {', '.join(FIGURES[file])}")
        with subprocess.Popen(
            _command(file, options), cwd=ROOT, env=_environment(), stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                found = json.loads(line)
                if found["name"] in options.names or file in options.names or not options.names:
                    print(line, end="", flush=True)
                    lines.append(found)
        if process.returncode:
            broken = True
            print(f"The benchmark {file} ended with exit {process.returncode}.", file=sys.stderr)
    missed = [line["name"] for line in lines if line["met"] is False]
    _say(
        options,
        f"{len(lines)} figures in {time.time() - began():.0f} s"
        + (f"; missed: {', '.join(missed)}" if missed else ""),
    )
    return 1 if missed or broken else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="manage.py benchmark", description=benchmark.__doc__)
    known = [*FIGURES, *(name for names in FIGURES.values() for name in names)]
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *known], help="a file or a figure")
    parser.add_argument("--json", action="store_true", help="only JSON lines, no summary")
    parser.add_argument(
        "--quick", action="store_true", help="small sizes, to see that each works; judges nothing"
    )
    parser.add_argument(
        "--logs", type=Path, help="storage: measure the CloudTrail files in this folder instead"
    )
    return parser


def _command(file: str, options: argparse.Namespace) -> list[str]:
    command = [sys.executable, "-m", f"tests.benchmarks.{file}"]
    command += ["--quick"] if options.quick else []
    return command + (["--logs", str(options.logs.absolute())] if options.logs and file == "storage" else [])


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _OWN}


def _say(options: argparse.Namespace, text: str) -> None:
    if not options.json:
        print(text, file=sys.stderr, flush=True)
