"""Tables as CSV: one file each, UTF-8, LF, streamed, and safe to open in a spreadsheet.

A text that a spreadsheet would take for a formula gets a leading apostrophe. Numbers are plain digits and are
never touched. An instant stands twice: RFC 3339 in UTC, and the client's wall clock beside it.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import BinaryIO, Final

from reports.blocks.model import Document, Section, Table
from reports.blocks.values import Row, Value, local_text, plain

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
CHUNK_ROWS: Final = 500
QUOTE: Final = '"'
NEEDS_QUOTES: Final = re.compile(r'[,"\r\n]|^ | $')


def safe(text: str) -> str:
    """The text so that no spreadsheet computes it. An apostrophe is what OWASP's page on CSV injection advises."""
    return f"'{text}" if text.startswith(FORMULA) else text


def cell(value: Value) -> str:
    """One value. Only text can be a formula; digits of ours with a minus cannot."""
    shown = plain(value)
    if shown is None:
        return ""
    if isinstance(shown, bool):
        return "yes" if shown else "no"
    if isinstance(shown, int) or isinstance(value, Decimal):
        return str(shown)
    return safe(shown)


def head(table: Table) -> list[str]:
    """The column keys; a column of instants is two."""
    keys: list[str] = []
    for column in table.columns:
        keys.append(safe(column.key))
        if column.kind == "time":
            keys.append(safe(f"{column.key}_local"))
    return keys


def line(table: Table, row: Row, zone: tzinfo) -> list[str]:
    """A row's cells. ValueError when it has not one value per column."""
    cells: list[str] = []
    for column, value in zip(table.columns, row, strict=True):
        cells.append(cell(value))
        if column.kind == "time":
            cells.append(local_text(value, zone) if isinstance(value, datetime) else "")
    return cells


def chunks(table: Table, zone: tzinfo) -> Iterator[bytes]:
    """The file in pieces of some hundred rows, for a streamed answer."""
    lines = [joined(head(table))]
    for row in table.rows():
        lines.append(joined(line(table, row, zone)))
        if len(lines) == CHUNK_ROWS:
            yield encoded(lines)
            lines = []
    yield encoded(lines)


def joined(cells: list[str]) -> str:
    """One line. Python's own writer leaves a lone CR unquoted, and readers then see two lines."""
    return (
        ",".join([f'"{one.replace(QUOTE, QUOTE * 2)}"' if NEEDS_QUOTES.search(one) else one for one in cells])
        + "\n"
    )


def encoded(lines: list[str]) -> bytes:
    """The lines as bytes. A lone surrogate, which UTF-8 cannot hold, is written as its escape."""
    return "".join(lines).encode("utf-8", "backslashreplace")


def write_csv(table: Table, out: BinaryIO, *, zone: tzinfo) -> None:
    """Write one table."""
    out.writelines(chunks(table, zone))


def file_name(prefix: str, section: Section, table: Table) -> str:
    """`{prefix}-{section}-{table}.csv`; whatever could lead out of a folder becomes a hyphen."""
    return "-".join(cleaned(part) for part in (prefix, section.key, table.id)) + ".csv"


def cleaned(part: str) -> str:
    """Letters, digits, dots, underscores and hyphens only."""
    kept = "".join(char if char.isascii() and (char.isalnum() or char in "._-") else "-" for char in part)
    return kept.strip(".-") or "x"


def write_csv_zip(document: Document, out: BinaryIO, *, prefix: str) -> list[str]:
    """All tables of a document, one file each, in a zip with the document's date. Returns the names in order."""
    names: list[str] = []
    moment = document.date.timetuple()[:6]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for section, table in document.tables():
            entry = zipfile.ZipInfo(file_name(prefix, section, table), date_time=moment)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            with archive.open(entry, "w", force_zip64=True) as member:
                for piece in chunks(table, document.zone):
                    member.write(piece)
            names.append(entry.filename)
    return names
