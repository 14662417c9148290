from __future__ import annotations

import csv
import io
import zipfile
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from reports.blocks import Column, Rate, State, Table, fixed
from reports.render.csv import chunks, file_name, write_csv_zip
from tests.reports.render.gallery import gallery, members


def lines(*rows: tuple[object, ...], columns: tuple[Column, ...]) -> str:
    table = Table("t", "T", columns, fixed(rows))  # type: ignore[arg-type]
    return b"".join(chunks(table, ZoneInfo("Europe/Zurich"))).decode()


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_a_text_that_a_spreadsheet_would_compute_is_quoted(start: str) -> None:
    text = lines((start,), columns=(Column("a", "A"),))
    assert next(csv.reader(io.StringIO(text.split("\n", 1)[1], newline=""))) == [f"'{start}"]


def test_numbers_of_ours_are_plain_digits() -> None:
    columns = (
        Column("a", "A", kind="number"),
        Column("b", "B", kind="rate"),
        Column("c", "C"),
        Column("d", "D"),
    )
    text = lines((-12345, Rate(1194, 1204), None, State("met", "met")), columns=columns)
    assert text == "a,b,c,d\n-12345,99.1,,met\n"


def test_an_instant_stands_in_utc_and_on_the_clients_clock() -> None:
    text = lines((datetime(2026, 10, 12, 4, 11, tzinfo=UTC),), columns=(Column("at", "At", kind="time"),))
    assert text == "at,at_local\n2026-10-12T04:11:00Z,2026-10-12 06:11:00 +02:00\n"


def test_all_rows_are_there_however_many() -> None:
    pieces = list(chunks(members(1500), UTC))
    assert len(pieces) > 2
    assert b"".join(pieces).count(b"\n") == 1501
    assert b"\r" not in b"".join(pieces)


def test_a_lone_surrogate_does_not_stop_the_file() -> None:
    assert lines(("a\ud800b",), columns=(Column("a", "A"),)) == "a\na\\ud800b\n"


def test_the_zip_holds_a_file_per_table_with_fixed_times() -> None:
    out = io.BytesIO()
    names = write_csv_zip(gallery(), out, prefix="hartwell-tsc-2026-11-v1")
    archive = zipfile.ZipFile(out)
    assert archive.namelist() == names
    assert "hartwell-tsc-2026-11-v1-IV-tests.csv" in names
    assert {entry.date_time for entry in archive.infolist()} == {(2027, 1, 12, 9, 0, 0)}


def test_no_name_leads_out_of_the_folder() -> None:
    document = gallery()
    section, table = next(document.tables())
    assert file_name("../../etc/x y", section, table) == "etc-x-y-IV-tests.csv"
