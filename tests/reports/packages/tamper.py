"""What somebody does who wants a bundle to say something else: change files, and sign the manifest again."""

import json
import zipfile
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evidence.ledger.leaf import canonical
from evidence.ledger.note import signature_line
from reports.packages.archive import Spool
from tests.reports.packages import synthetic

Files = dict[str, bytes]


def read_zip(path: Path) -> Files:
    """The files of a bundle's zip by their paths below the top folder, read by the standard library."""
    with zipfile.ZipFile(path) as archive:
        return {name.split("/", 1)[1]: archive.read(name) for name in archive.namelist()}


def seal(files: Files, key: Ed25519PrivateKey = synthetic.KEY, **manifest: Any) -> None:
    """List the files again in the manifest, change keys of it, and sign it."""
    value = json.loads(files["manifest.json"])
    value.update(manifest)
    value["files"] = [
        _entry(path, content)
        for path, content in sorted(files.items(), key=lambda each: each[0].encode())
        if path not in ("manifest.json", "ledger/manifest.sig")
    ]
    files["manifest.json"] = canonical(value) + b"\n"
    files["ledger/manifest.sig"] = signature_line(files["manifest.json"], synthetic.ORIGIN, key).encode()


def _entry(path: str, content: bytes) -> dict[str, Any]:
    entry: dict[str, Any] = {"path": path, "bytes": len(content), "sha256": sha256(content).hexdigest()}
    lines = content.count(b"\n")
    if path.endswith((".csv", ".jsonl")):
        entry["rows"] = lines - path.endswith(".csv")
    return entry


def write_zip(files: Files, target: Path, top: str) -> Path:
    """Write files as a canonical zip."""
    with Spool() as spool, target.open("wb") as out:
        for path, content in files.items():
            spool.add(path, [content])
        spool.write_zip(out, top)
    return target


def write_folder(files: Files, parent: Path, top: str) -> Path:
    """Write files as a folder."""
    with Spool() as spool:
        for path, content in files.items():
            spool.add(path, [content])
        return spool.write_folder(parent, top)


def top_of(files: Files) -> str:
    """The bundle's name."""
    name: str = json.loads(files["manifest.json"])["bundle"]
    return name


def row(path: str, number: int, column: str, value: str | Callable[[str], str]) -> Callable[[Files], None]:
    """Change one cell of a CSV (rows from 1)."""

    def change(files: Files) -> None:
        lines = files[path].decode().split("\n")
        at = lines[0].split(",").index(column)
        cells = _cells(lines[number])
        cells[at] = value if isinstance(value, str) else value(cells[at])
        lines[number] = ",".join(cells)
        files[path] = "\n".join(lines).encode()

    return change


def _cells(line: str) -> list[str]:
    """Cells with their quotes, so that the others stay as they are."""
    cells, rest = [], line
    while rest.startswith('"') or "," in rest:
        if rest.startswith('"'):
            end = 1
            while rest[end] != '"' or rest[end + 1 : end + 2] == '"':
                end += 2 if rest[end] == '"' else 1
            cells.append(rest[: end + 1])
            rest = rest[end + 1 :]
            if not rest:
                return cells
            rest = rest[1:]
        else:
            cell, rest = rest.split(",", 1)
            cells.append(cell)
    return [*cells, rest]


def lines(path: str, change: Callable[[list[str]], Iterable[str]]) -> Callable[[Files], None]:
    """Change the data lines of a file (the header of a CSV stays)."""

    def changed(files: Files) -> None:
        text = files[path].decode()
        assert text.endswith("\n")
        body = text[:-1].split("\n")
        first = body[:1] if path.endswith(".csv") else []
        files[path] = ("\n".join([*first, *change(body[len(first) :])]) + "\n").encode()

    return changed


def value(path: str, change: Callable[[dict[str, Any]], object]) -> Callable[[Files], None]:
    """Change a JSON file, and write it canonically again."""

    def changed(files: Files) -> None:
        content = json.loads(files[path])
        change(content)
        files[path] = canonical(content) + b"\n"

    return changed


def swap(body: list[str], one: int = 0, other: int = 1) -> list[str]:
    """Two lines change places."""
    body[one], body[other] = body[other], body[one]
    return body
