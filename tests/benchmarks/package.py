"""`package_vs_canvas`, `package_memory`: the PDF of a Type II with 39,000 members, printed by the real builder.

A client takes in 39,000 sign-ins of its root user through the ordinary intake; the package of its year is
built as `manage.py package` does. What is timed is the builder's own step "Printing the PDF": sections,
contents, charts, population sheets, tables, page n of m. The anchor draws the same rows on a bare canvas.
"""

import argparse
import io
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.benchmarks.measuring import ROUNDS, Figure, main, tell, throwaway

ROWS = {False: 39_000, True: 400}
FIRST, LAST = date(2025, 11, 1), date(2026, 10, 31)
AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
MEMORY = 150.0
# Widths and places of the bare table's columns, in points, and its rows on a page of A4.
PLACES = (40, 70, 238, 326, 390, 450, 492)
ROWS_PER_PAGE = 48


def figures(options: argparse.Namespace) -> Iterator[Figure]:
    """Build in turn with drawing; then once more in a process that holds nothing else."""
    if options.build:
        print(_peak_of_a_build(Path(options.build)))
        return
    rows = ROWS[options.quick]
    with throwaway() as folder:
        _receive(rows)
        best: dict[str, float] = {}
        table: list[tuple[str, ...]] = []
        for turn in range(2 if options.quick else ROUNDS + 1):
            seconds, found = _print()
            table = table or found
            assert len(found) == rows, f"the package prints {len(found)} rows of {rows}"
            drawn = _draw(table)
            tell(f"  printed in {seconds:.2f} s, drawn in {drawn:.2f} s")
            if turn:
                best["printed"] = min(seconds, best.get("printed", seconds))
                best["drawn"] = min(drawn, best.get("drawn", drawn))
        yield Figure.rate("package_vs_canvas", rows / best["printed"], rows / best["drawn"], "rows/s", 0.5)
        peak = _measured_apart(folder)
        if peak is None:
            yield Figure.unmeasured(
                "package_memory", "MiB", 1, "the peak resident set is read from Linux's /proc"
            )
        else:
            yield Figure.cost("package_memory", peak, MEMORY, "MiB", 1)


def _receive(rows: int) -> None:
    """Sign-ins of root, evenly over the year; one of 2,000 without a second factor."""
    from controls.catalogue.services import instantiate, put_in_place
    from evidence.intake.ingest import ingest
    from evidence.intake.models import Source
    from evidence.intake.sources import connect
    from tenants.clients.services import create_client
    from tenants.clients.switch import client
    from tests import make

    begin = datetime.combine(FIRST, datetime.min.time(), UTC)
    step = timedelta(days=365) / rows
    create_client("year", name="A Year of Sign-ins")
    with client("year"):
        instantiate(on=FIRST, categories=("CC",))
        put_in_place(("AC-01",), since=FIRST)
        source = connect("aws", at=begin)
        numbered = enumerate(range(rows))
        while batch := list(itertools.islice(numbered, 5_000)):
            records = [make.sign_in("root", at=begin + n * step, mfa=n % 2_000 != 0, n=n) for n, _ in batch]
            _, found = ingest(
                source, io.BytesIO(make.log_file(records)), name="trail.json.gz", way="ingest", at=AT
            )
            assert not found.waiting, found
        Source.objects.filter(pk=source.pk).update(in_scope_from=FIRST)


def _asked() -> Any:
    from zoneinfo import ZoneInfo

    from reports.packages.build import Asked
    from tenants.clients.period import Period

    return Asked.type_2(Period(FIRST, LAST, ZoneInfo("UTC")))


def _print() -> tuple[float, list[tuple[str, ...]]]:
    """Seconds that the builder takes to print its PDF, and the rows that it printed."""
    from reports.packages.build import built
    from reports.populations.canonical import parse_line
    from tenants.clients.switch import client

    steps: dict[str, float] = {}

    def told(step: str, percent: int) -> None:
        steps[step] = time.perf_counter()

    with client("year"), built(_asked(), at=AT, progress=told) as made:
        names = list(steps)
        printing = names.index("Printing the PDF")
        rows: list[tuple[str, ...]] = []
        for sheet in made.bundle.sheets:
            members = made.bundle.spool.lines(f"populations/{sheet['pid']}.members.csv")
            results = made.bundle.spool.lines(f"populations/{sheet['pid']}.results.csv")
            next(members), next(results)
            for line, judged in zip(members, results, strict=True):
                n, member, at, _, kind, _, subject, *_ = parse_line(line)
                result = parse_line(judged)
                rows.append((n, member, at[:19].replace("T", " "), kind, subject, result[1], result[6]))
    return steps[names[printing + 1]] - steps[names[printing]], rows


def _draw(rows: Sequence[tuple[str, ...]]) -> float:
    """Seconds to draw the rows, and nothing else, on a canvas."""
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfgen.canvas import Canvas

    began = time.perf_counter()
    with tempfile.TemporaryFile() as out:
        canvas = Canvas(out, pagesize=A4, pageCompression=1)
        for start in range(0, len(rows), ROWS_PER_PAGE):
            canvas.setFont("Helvetica", 7.5)
            y = 790.0
            for row in rows[start : start + ROWS_PER_PAGE]:
                for x, cell in zip(PLACES, row, strict=True):
                    canvas.drawString(x, y, cell)
                y -= 15.6
            canvas.showPage()
        canvas.save()
    return time.perf_counter() - began


def _measured_apart(folder: Path) -> float | None:
    """MiB of the peak resident set of a new process that builds the package and writes its archive."""
    if sys.platform != "linux":
        return None
    command = [sys.executable, "-m", "tests.benchmarks.package", "--build", str(folder / "package.zip")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    if done.returncode:
        raise RuntimeError(done.stderr)
    return float(done.stdout)


def _peak_of_a_build(target: Path) -> float:
    import django

    django.setup()
    from reports.packages.build import built
    from tenants.clients.switch import client

    with client("year"), built(_asked(), at=AT) as made, target.open("wb") as out:
        made.bundle.write_zip(out)
    assert target.stat().st_size > 0
    # Not getrusage: its peak may be that of the process which started this one.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", help=argparse.SUPPRESS)
    main(figures, parser)
