"""The writer: same bytes wherever it runs, and what it refuses to write."""

import io
import json
import os
import subprocess
import sys
import tracemalloc
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from reports.packages.archive import (
    BundleError,
    Spool,
    central_header,
    checked_path,
    end_records,
    local_header,
)
from reports.packages.bundle import Bundle, Draw, Figure, Former, LedgerPart, Tables
from reports.packages.coverage import DayCounts
from reports.packages.outcomes import Tested, control_word, word
from reports.packages.proof import FileEvidence, safe_name
from reports.packages.rows import CoverageRow, TestRow
from reports.populations.canonical import Member, PopulationError, Result
from tests.reports.packages import synthetic, tamper

ROOT = Path(__file__).resolve().parents[3]


def test_two_processes_with_other_surroundings_write_the_same_bytes(tmp_path, draft):
    digests = set()
    for seed, zone, folder in (
        ("0", "UTC", "one"),
        ("12345", "Pacific/Auckland", "two"),
        ("7", "America/Lima", "three"),
    ):
        cwd = tmp_path / folder
        cwd.mkdir()
        environment = {
            **os.environ,
            "PYTHONHASHSEED": seed,
            "TZ": zone,
            "LC_ALL": "C" if seed == "7" else "C.UTF-8",
        }
        out = cwd / "bundle.zip"
        done = subprocess.run(
            [sys.executable, str(ROOT / "tests/reports/packages/synthetic.py"), str(out)],
            cwd=cwd, env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert sha256(out.read_bytes()).hexdigest() == done.stdout.strip()
        digests.add(done.stdout.strip())
    assert digests == {sha256(draft.read_bytes()).hexdigest()}


def test_the_folder_has_the_zips_files(made, draft_files, tmp_path):
    with synthetic.package(made) as bundle:
        folder = bundle.write_folder(tmp_path)
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    assert found == draft_files
    assert folder.name == "synthetic-type2-2026-01-01_2026-03-31-v1"


def test_names_of_bundles(made):
    assert synthetic.terms(made, kind=1).bundle == "synthetic-type1-2026-01-01-v1"
    former = Former("x", 1, "0" * 64)
    assert (
        synthetic.terms(made, version=2, former=former).bundle == "synthetic-type2-2026-01-01_2026-03-31-v2"
    )


def test_the_manifest_has_its_keys(draft_files, made):
    manifest = json.loads(draft_files["manifest.json"])
    assert sorted(manifest) == [
        "as_of" if manifest["type"] == 1 else "builder", "bundle", "categories", "client", "criteria", "engagement",
        "figures", "files", "issued_at", "issued_by", "ledger", "period", "status", "supersedes", "type", "v",
        "version", "zone",
    ]  # fmt: skip
    assert manifest["period"] == {"from": "2026-01-01", "to": "2026-03-31"}
    assert manifest["issued_at"] == "2026-04-08T06:00:00.000000Z"
    assert manifest["ledger"]["root"] == made.head.root.hex()
    assert [entry["path"].encode() for entry in manifest["files"]] == sorted(
        path.encode() for path in draft_files if path not in ("manifest.json", "ledger/manifest.sig")
    )


def test_sampled_events_are_called_by_their_member(draft_files):
    (row,) = [
        line.split(",")
        for line in draft_files["samples/CHG-01.insp.m1.csv"].decode().split("\n")
        if line.startswith("m1,1,")
    ]
    member = row[3]
    (path,) = [
        path
        for path in draft_files
        if path.startswith("evidence/") and path.endswith(member.replace(":", "_") + ".json")
    ]
    assert path.startswith("evidence/CHG-01/2026-")
    assert json.loads(draft_files[path])["member_id"] == member


def test_both_rates_and_words_follow_from_the_counts(draft_files):
    header, *rows = [tamper._cells(line) for line in draft_files["tests.csv"].decode().split("\n")[:-1]]
    tests = {
        f"{row['control']}.{row['procedure']}": row
        for row in (dict(zip(header, each, strict=True)) for each in rows)
    }
    signed = tests["AC-08.R01"]
    members = int(signed["members"])
    assert signed["pass_rate"] == f"{int(signed['pass']) * 1000 // members / 10}"
    assert signed["text"].startswith(
        f'"Deviations noted: 3 of {members - 2}: EX-2026-0001, EX-2026-0002. 2 were fixed in time'
    )
    assert "Not tested on 2 of 90 days: cloud, 2026-02-10 to 2026-02-11." in signed["text"]
    assert "2 members could not be judged (1 fact, 1 membership)" in signed["text"]
    assert tests["AC-10.R10"]["text"].startswith('"Deviations noted: 1 of 3 items, on 4 of')
    assert (tests["MON-03.R20"]["result"], tests["MON-03.R20"]["pass_rate"]) == (
        "did_not_occur",
        "no occasion",
    )
    assert (
        "mail was heard on all 90 days; the empty list is populations/MON-03.R20.members.csv"
        in tests["MON-03.R20"]["text"]
    )
    assert (tests["PHY-02.obl"]["result"], tests["PHY-02.obl"]["text"]) == (
        "not_tested",
        "Not tested: procedure not run.",
    )
    assert tests["CHG-01.insp"]["result"] == "no_deviations"


def test_a_day_of_input_removed_adds_a_line(made):
    whole = synthetic.client(gap=False)
    with synthetic.package(whole) as bundle:
        assert bundle.unproven.of("gap") == []
        assert bundle.unproven.gap_days == 0
    with synthetic.package(made) as bundle:
        (line,) = bundle.unproven.of("gap")
        assert line.sentence == (
            "cloud was not heard on 2 days, 2026-02-10 to 2026-02-11 (the trail was off); controls: AC-08, AC-10."
        )


def begun(client, **how):
    bundle = Bundle(synthetic.terms(client, **how))
    bundle.add_coverage(synthetic.coverage(client))
    return bundle


def test_tallies_that_do_not_recount_are_refused(made):
    with begun(made) as bundle:
        bundle.add_population(synthetic.sheet(made, "AC-08", "R01", ("cloud",)), made.sign_ins)
        wrong = TestRow(
            "AC-08", "1", "R01", "AC-08.R01", "census", "rule", len(made.sign_ins), None, len(made.sign_ins)
        )
        tables = synthetic.tables(made)
        with pytest.raises(BundleError, match=r"AC-08\.R01: pass is .* by the tallies"):
            bundle.add_tables(replace(tables, tests=[wrong]))


def test_a_population_that_is_not_the_frozen_one_is_refused(made, frozen):
    with begun(made) as bundle:
        sheet = synthetic.sheet(frozen, "AC-08", "R01", ("cloud",))
        with pytest.raises(BundleError, match="not the population that was frozen"):
            bundle.add_population(sheet, made.sign_ins[:-1])


def test_a_result_of_another_member_is_refused(made):
    rows = [(made.sign_ins[0][0], made.sign_ins[1][1])]
    with begun(made) as bundle, pytest.raises(BundleError, match="is that of"):
        bundle.add_population(synthetic.sheet(made, "AC-08", "R01", ("cloud",)), rows)


def test_members_out_of_order_or_window_are_refused(made):
    with begun(made) as bundle, pytest.raises(PopulationError, match="out of order"):
        bundle.add_population(synthetic.sheet(made, "AC-08", "R01", ("cloud",)), made.sign_ins[::-1])
    january = (date(2026, 1, 1), date(2026, 1, 31))
    sheet = synthetic.sheet(made, "AC-08", "R01", ("cloud",), window=january)
    with begun(made) as bundle, pytest.raises(PopulationError, match="outside"):
        bundle.add_population(sheet, made.sign_ins)


def test_management_draws_nothing_from_a_census(made):
    with begun(made) as bundle:
        bundle.add_population(synthetic.sheet(made, "AC-08", "R01", ("cloud",)), made.sign_ins)
        with pytest.raises(BundleError, match="management draws no sample"):
            bundle.add_draw(Draw("m1", "AC-08.R01", 25, "Ben", synthetic.BUILT_AT))
        rows = bundle.add_draw(
            Draw("a1", "AC-08.R01", 25, "Ada", synthetic.BUILT_AT, "auditor", seed_kind="client")
        )
        assert len(rows) == 25


@pytest.mark.parametrize(
    "draw",
    [
        Draw("m1", "AC-08.R99", 5, "Ben", synthetic.BUILT_AT),
        Draw("m1", "AC-08.R01", 5, "Ben", synthetic.BUILT_AT, "auditor", "stratified"),
        Draw("m1", "AC-08.R01", 5, "Ben", synthetic.BUILT_AT, "auditor", "ranked", "month"),
        Draw("m1", "AC-08.R01", 5, "Ben", synthetic.BUILT_AT, "auditor", seed_kind="lot"),
        Draw(
            "m1", "AC-08.R01", 5, "Ben", synthetic.BUILT_AT, "auditor", seed_kind="client", seed_text="mine"
        ),
    ],
)
def test_a_draw_of_no_known_kind_is_refused(made, draw):
    with begun(made) as bundle:
        bundle.add_population(synthetic.sheet(made, "AC-08", "R01", ("cloud",)), made.sign_ins)
        with pytest.raises(BundleError):
            bundle.add_draw(draw)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda rows: rows[:-1],
        lambda rows: [*rows, rows[0]],
        lambda rows: [*rows, CoverageRow("cloud", date(2026, 4, 1), "covered", 1)],
    ],
)
def test_coverage_with_a_hole_or_a_double_is_refused(made, spoil):
    with Bundle(synthetic.terms(made)) as bundle, pytest.raises(BundleError):
        bundle.add_coverage(spoil(list(synthetic.coverage(made))))


def test_a_pdf_of_another_build_is_refused(made):
    with begun(made) as bundle, pytest.raises(BundleError, match="does not hold"):
        bundle.add_pdf([b"%PDF-1.7\n"])
    with begun(made) as bundle:
        mark = bundle.pdf_mark.encode()
        bundle.add_pdf([b"%PDF-1.7\n" + mark[:20], mark[20:]])


def test_a_ledger_of_another_head_is_refused(made):
    part = synthetic.ledger(made)
    with begun(made) as bundle, pytest.raises(BundleError, match="last checkpoint"):
        bundle.add_ledger(replace(part, checkpoints=part.checkpoints[:-1]))
    with begun(made) as bundle, pytest.raises(BundleError, match="no proof"):
        bundle.add_ledger(LedgerPart(part.leaves, part.checkpoints, [], part.keys))


def test_terms_of_neither_type_are_refused(made):
    good = synthetic.terms(made)
    for changed in (
        {"kind": 3},
        {"kind": 1},
        {"first": date(2027, 1, 1)},
        {"status": "final"},
        {"version": 2},
    ):
        with pytest.raises(BundleError):
            replace(good, **changed)


def test_a_figure_is_there_once(made):
    with begun(made) as bundle:
        bundle.add_figures({"extra/one": Figure(1, 1, None)})
        with pytest.raises(BundleError):
            bundle.add_figures({"extra/one": Figure(2, 2, None)})


def test_the_same_file_for_two_controls_is_stored_once(made):
    def file(control, chunks):
        at = datetime(2026, 4, 3, tzinfo=UTC)
        return FileEvidence(
            control,
            ("CC8.1",),
            "artifact",
            "a.txt",
            "A",
            chunks,
            date(2026, 2, 3),
            date(2026, 2, 3),
            at,
            "Ben",
            3,
        )

    with begun(made) as bundle:
        first = bundle.add_file(file("CHG-01", [b"same"]))
        assert bundle.add_file(file("AC-08", [b"same"])) == first
        assert bundle.add_file(file("AC-10", iter([b"sa", b"me"]))) == first
        assert bundle._evidence[sha256(b"same").hexdigest()].controls == ["CHG-01", "AC-08", "AC-10"]
        assert [stored.path for stored in bundle.spool.files() if stored.path.startswith("evidence/")] == [
            first
        ]


def test_it_is_sealed_before_it_is_written(made, tmp_path):
    with begun(made) as bundle, pytest.raises(BundleError, match="after it is sealed"):
        bundle.write_zip(io.BytesIO())
    with synthetic.package(made) as bundle, pytest.raises(BundleError, match="sealed already"):
        bundle.seal(synthetic.KEY)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("report.pdf", "report.pdf"),
        ("Bericht \u2116 7 (final).pdf", "Bericht___7__final_.pdf"),
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("x" * 80 + ".json", "x" * 55 + ".json"),
        ("y" * 80, "y" * 60),
        ("", "_"),
    ],
)
def test_file_names(name, safe):
    assert safe_name(name) == safe
    assert len(safe) <= 60


@pytest.mark.parametrize("path", ["", "/x", "a//b", "../x", "a/./b", "a\\b", "a\nb", "con:", "a?", "x" * 201])
def test_paths_that_some_reader_could_not_write_are_refused(path):
    with pytest.raises(BundleError):
        checked_path(path)
    with Spool() as spool:
        spool.add("a", [b""])
        with pytest.raises(BundleError):
            spool.add("a", [b""])


def test_headers_beyond_four_gigabytes_are_zip64_and_read_by_others(verify, tmp_path):
    """A sparse file of 5 GiB of zeros, with a second entry beyond it."""
    size, crc = 5 * 2**30, 0
    path = tmp_path / "large.zip"
    with path.open("wb") as out:
        first = local_header(b"top/a", crc, size)
        out.write(first)
        out.seek(size, os.SEEK_CUR)
        offset = out.tell()
        out.write(local_header(b"top/b", 0, 0))
        start = out.tell()
        directory = central_header(b"top/a", crc, size, 0) + central_header(b"top/b", 0, 0, offset)
        out.write(directory + end_records(2, len(directory), start))
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        assert [(each.filename, each.file_size, each.header_offset) for each in entries] == [
            ("top/a", size, 0),
            ("top/b", 0, offset),
        ]
        assert entries[0].extract_version == entries[1].extract_version == 45
    box = verify.Zip(str(path))
    assert {name: member[2] for name, member in box.members.items()} == {"a": size, "b": 0}
    assert list(box.differences({})) == []
    path.unlink()


@pytest.mark.parametrize(
    ("size", "offset"), [(0, 0), (7, 99), (2**32 - 2, 1), (2**32 - 1, 5), (9, 2**32 - 1), (2**33, 2**34)]
)
def test_writer_and_verifier_make_the_same_headers(verify, size, offset):
    for name in (b"top/a", "top/\u00e9".encode()):
        assert local_header(name, 7, size) == verify.zip_local(name, 7, size)
        assert central_header(name, 7, size, offset) == verify.zip_central(name, 7, size, offset)
    for count in (1, 65535, 70000):
        assert end_records(count, size, offset) == verify.zip_end(count, size, offset)


def test_names_that_are_not_ascii_are_marked(tmp_path):
    with Spool() as spool, (tmp_path / "x.zip").open("wb") as out:
        spool.add("b\u00e9.txt", [b"x"])
        spool.write_zip(out, "top")
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        (entry,) = archive.infolist()
        assert entry.filename == "top/b\u00e9.txt"
        assert entry.flag_bits == 0x800


def test_a_long_population_takes_little_memory(made):
    count = 20_000

    def rows():
        start = datetime(2026, 1, 1, tzinfo=UTC)
        for number in range(count):
            at = start + timedelta(minutes=number)
            member = Member(
                at, "e:" + sha256(str(number).encode()).hexdigest()[:32], at.date(), "sign-in", "console", "user " * 20,
                "role " * 20, "cloud", "ab" * 32, number,
            )  # fmt: skip
            yield member, Result(member.member_id, "pass")

    with begun(made) as bundle:
        tracemalloc.start()
        listed = bundle.add_population(synthetic.sheet(made, "AC-08", "R01", ("cloud",)), rows())
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert listed.digest.rows == count
        assert listed.digest.size > 6_000_000
        assert peak < 6_000_000


def test_a_type_one_has_no_rates_and_its_own_words(type_one):
    files = tamper.read_zip(type_one)
    header, *rows = [tamper._cells(line) for line in files["tests.csv"].decode().split("\n")[:-1]]
    tests = [dict(zip(header, each, strict=True)) for each in rows]
    assert {row["result"] for row in tests} == {"in_place", "not_tested"}
    assert {(row["pass_rate"], row["deviation_rate"]) for row in tests} == {("", "")}
    assert json.loads(files["manifest.json"])["as_of"] == "2026-01-01"
    state = next(row for row in tests if row["procedure"] == "R10")
    assert state["text"] == "In place on 2026-01-01."


def test_versions_of_a_control_share_a_population(issued):
    files = tamper.read_zip(issued)
    header, *rows = [tamper._cells(line) for line in files["tests.csv"].decode().split("\n")[:-1]]
    signed = [
        row for row in (dict(zip(header, each, strict=True)) for each in rows) if row["procedure"] == "R01"
    ]
    assert [row["version"] for row in signed] == ["1", "2"]
    assert [row["days"] for row in signed] == ["45", "45"]
    assert [row["gap"] for row in signed] == ["2", "0"]
    assert {row["pid"] for row in signed} == {"AC-08.R01"}


def test_tables_of_no_rows_are_their_headers(made):
    with begun(made) as bundle:
        bundle.add_tables(Tables([], [], []))
        assert b"".join(bundle.spool.read("duties.csv")) == (
            b"duty,control,title,due,grace_end,done_at,state,outcome,by,evidence\n"
        )


@pytest.mark.parametrize(
    ("tests", "at_a_date", "word"),
    [
        ([("rule", "no_deviations"), ("state", "deviations")], False, "deviations"),
        ([("rule", "no_deviations"), ("design", "not_tested")], False, "no_deviations"),
        ([("design", "in_place"), ("state", "not_tested")], True, "not_tested"),
        ([("design", "not_tested"), ("state", "in_place")], True, "not_tested"),
        ([("design", "no_deviations")], False, "not_tested"),
        ([("design", "deviations"), ("rule", "no_deviations")], False, "deviations"),
        ([("rule", "did_not_occur"), ("rule", "no_deviations")], False, "no_deviations"),
        ([("rule", "did_not_occur"), ("rule", "not_tested")], False, "not_tested"),
        ([("rule", "did_not_occur")], False, "did_not_occur"),
        ([("rule", "partly_tested"), ("rule", "not_tested")], False, "not_tested"),
        ([], False, "not_tested"),
    ],
)
def test_a_control_takes_the_first_word_in_the_order(tests, at_a_date, word):
    assert control_word(tests, at_a_date=at_a_date) == word


def days(*, covered=0, proven_zero=0, gap=0, unknown=0, out=0):
    total = covered + proven_zero + gap + unknown + out
    return DayCounts(total, covered, proven_zero, gap, unknown, out)


@pytest.mark.parametrize(
    ("tested", "expected"),
    [
        (Tested("rule", True, 1204, 1194, 3, 7, days(covered=365)), "deviations"),
        (Tested("rule", True, 1201, 1194, 0, 7, days(covered=365)), "partly_tested"),
        (Tested("rule", True, 1194, 1194, 0, 0, days(covered=365)), "no_deviations"),
        (Tested("rule", True, 1194, 1194, 0, 0, days(covered=364, gap=1)), "partly_tested"),
        (Tested("rule", True, 1194, 1194, 0, 0, days(covered=364, unknown=1)), "partly_tested"),
        (Tested("rule", True, 1194, 1194, 0, 0, days(covered=364, out=1)), "partly_tested"),
        (Tested("rule", True, 1194, 1194, 0, 0, days(covered=365), off_days=1), "partly_tested"),
        (Tested("rule", True, 0, 0, 0, 0, days(covered=300, proven_zero=65)), "did_not_occur"),
        (Tested("rule", True, 0, 0, 0, 0, days(gap=365)), "partly_tested"),
        (Tested("rule", True, 0, 0, 0, 0, days(out=365)), "not_tested"),
        (Tested("rule", False, 0, 0, 0, 0), "not_tested"),
        (Tested("design", False, 1, 1, 0, 0), "no_deviations"),
        (Tested("design", False, 0, 0, 0, 0), "not_tested"),
        (Tested("obligation", True, 4, 4, 0, 0), "no_deviations"),
    ],
)
def test_a_word_follows_from_counts_and_days(tested, expected):
    assert word(tested) == expected
