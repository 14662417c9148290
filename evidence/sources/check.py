"""A dry run over files: which source each is, and what its adapter makes of it. No client, no database."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from evidence.ocsf.event import Event
from evidence.sources.contract import Note, Rejected, Snapshot, Window
from evidence.sources.recognition import HEAD
from evidence.sources.registry import adapter, recognize

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

# A packed file's first bytes must still unpack to a telling head.
_READ: Final = 4 * HEAD
_EXAMPLE: Final = 200


class MissingPath(LookupError):
    """A path that was given is not there."""


def files_below(paths: Iterable[str]) -> Iterator[str]:
    """The files named, and those in the folders named, in order and each once.

    Raises:
        MissingPath: a path does not exist; the message names it.
    """
    told: set[Path] = set()
    for path in map(Path, paths):
        if not path.exists():
            raise MissingPath(f"There is no file or folder {path}.")
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        for one in found:
            if one not in told and one.is_file():
                told.add(one)
                yield str(one)


def check(paths: Iterable[str], *, at: datetime, source: str | None = None) -> dict[str, Any]:
    """What would become of these files, as the `--json` object of `sources check`.

    `at` is the instant against which event times are believed. `source` skips the recognition. A file that
    no source reads has source `None` and one reason that says what it looks like. A file is read as a
    stream: memory does not grow with its size.

    Raises:
        MissingPath: a path does not exist.
    """
    told = [check_file(path, at=at, source=source) for path in files_below(paths)]
    totals = {
        "files": len(told),
        "unrecognized": sum(one["source"] is None for one in told),
        **{name: sum(one[name] for one in told) for name in ("records", "events", "rejected")},
    }
    return {"files": told, "totals": totals}


def check_file(path: str, *, at: datetime, source: str | None = None) -> dict[str, Any]:
    """One file's part of `check`."""
    try:
        with Path(path).open("rb") as stream:
            slug, confidence, looks = source, 1.0, ""
            if slug is None:
                slug, confidence, looks = recognize(stream.read(_READ), Path(path).name)
                stream.seek(0)
            if slug is None:
                return _file(path, None, confidence, reasons=[_reason(f"It looks like {looks}.", 1, "")])
            return _read(path, stream, slug, confidence, at)
    except OSError as error:
        said = error.strerror or type(error).__name__
        return _file(path, None, 0.0, reasons=[_reason(f"The file cannot be read: {said}.", 1, "")])


def _read(path: str, stream: BinaryIO, slug: str, confidence: float, at: datetime) -> dict[str, Any]:
    notes: list[Note] = []
    counted: Counter[str] = Counter()
    examples: dict[str, str] = {}
    events = rejected = records = snapshots = 0
    outputs = adapter(slug).read(stream, window=Window.around(at), name=Path(path).name, notes=notes)
    for output in outputs:
        records = max(records, output.seq + 1)
        if isinstance(output, Event):
            events += 1
        elif isinstance(output, Rejected):
            rejected += 1
            counted[output.reason] += 1
            examples.setdefault(
                output.reason,
                f"record {output.seq + 1}: {output.excerpt[:_EXAMPLE].decode('utf-8', 'replace')}",
            )
        elif isinstance(output, Snapshot):
            snapshots += 1
            said = f"A listing ({output.kind}) of {output.subjects} accounts, taken {output.at:%Y-%m-%d %H:%M} UTC."
            counted[said] += 1
            examples.setdefault(said, "")
    for note in notes:
        counted[note.sentence] += 1
        examples.setdefault(note.sentence, "")
    return _file(
        path,
        slug,
        confidence,
        records=records,
        events=events,
        rejected=rejected,
        reasons=[_reason(reason, count, examples[reason]) for reason, count in counted.most_common()],
    )


def _file(
    path: str,
    source: str | None,
    confidence: float,
    *,
    records: int = 0,
    events: int = 0,
    rejected: int = 0,
    reasons: list[dict[str, Any]],
) -> dict[str, Any]:
    return {
        "path": path,
        "source": source,
        "confidence": round(confidence, 2),
        "records": records,
        "events": events,
        "rejected": rejected,
        "reasons": reasons,
    }


def _reason(reason: str, count: int, example: str) -> dict[str, Any]:
    return {"reason": reason, "count": count, "example": example}


def refused(found: dict[str, Any]) -> bool:
    """Whether anything was refused: a record, or a file that no source reads."""
    totals = found["totals"]
    return bool(totals["rejected"] or totals["unrecognized"])
