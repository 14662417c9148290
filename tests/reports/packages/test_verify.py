"""Bundles that hold do; whatever is changed in one is found and named, signed again or not."""

import base64
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evidence.ledger.leaf import canonical
from evidence.ledger.note import Head
from reports.packages.bundle import VERIFIER, Former
from tests.reports.packages import synthetic, tamper
from tests.reports.packages.tamper import Files, lines, row, swap, value

CODES = [f"V{number:02}" for number in range(1, 26)]
R01 = "populations/AC-08.R01"
INSP = "populations/CHG-01.insp"


def failures(report):
    return [(code, where, message) for code, ok, where, message, _, _ in report.findings if not ok]


def named(report, code, where):
    return any(code == each[0] and where in f"{each[1]} {each[2]}" for each in failures(report))


# Bundles that hold.


@pytest.mark.parametrize("which", ["draft", "issued", "type_one"])
def test_a_clean_bundle_holds_as_zip_and_as_folder(verify, request, which, tmp_path):
    path = request.getfixturevalue(which)
    report = verify.verify(str(path))
    assert report.ok, list(report.lines())
    assert {finding[0] for finding in report.findings} == set(CODES)
    assert report.summary.startswith("holds: ")
    files = tamper.read_zip(path)
    folder = tamper.write_folder(files, tmp_path, tamper.top_of(files))
    again = verify.verify(str(folder))
    assert again.ok, list(again.lines())
    assert again.summary == report.summary


def test_the_summary_counts(verify, draft, made, draft_files):
    listed = json.loads(draft_files["manifest.json"])
    members = len(made.sign_ins) + len(made.account_days) + len(made.changes)
    assert verify.verify(str(draft)).summary == (
        f"holds: {len(listed['files'])} files, {len(made.log.leaves)} leaves, {members} members, 5 samples"
    )


def test_what_a_draft_lacks_is_said(verify, draft, type_one):
    notes = [line for line in verify.verify(str(draft)).lines() if " note: " in line]
    for words in ("AC-08.R01.members.csv: not frozen", "index.html, verify.html, oscal/", "no report leaf"):
        assert any(words in note for note in notes)
    assert any("no checkpoint from elsewhere" in note for note in notes)
    assert any("version 1 has none before it" in note for note in notes)
    notes = [line for line in verify.verify(str(type_one)).lines() if " note: " in line]
    assert any("no sample was drawn" in note for note in notes)
    assert any(note.startswith("V17 note: management drew no sample") for note in notes)


def test_the_zip_is_one_that_others_read(draft, draft_files):
    with zipfile.ZipFile(draft) as archive:
        assert archive.testzip() is None
        for entry in archive.infolist():
            assert entry.compress_type == zipfile.ZIP_STORED
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
            assert (entry.create_system, entry.create_version, entry.extract_version) == (3, 20, 20)
            assert entry.external_attr >> 16 == 0o100644
            assert (entry.extra, entry.comment) == (b"", b"")
            assert entry.flag_bits == 0
        names = [entry.filename.encode() for entry in archive.infolist()]
        assert names == sorted(names)
        assert {name.split(b"/")[0].decode() for name in names} == {tamper.top_of(draft_files)}


def test_json_has_fixed_keys(verify, draft, tmp_path):
    content = verify.verify(str(draft)).to_json()
    assert content["ok"] is True
    assert {tuple(sorted(check)) for check in content["checks"]} == {
        ("expected", "found", "name", "ok", "where")
    }
    files = tamper.read_zip(draft)
    row("tests.csv", 1, "fail", "2")(files)
    tamper.seal(files)
    content = verify.verify(str(tamper.write_zip(files, tmp_path / "x.zip", tamper.top_of(files)))).to_json()
    assert content["ok"] is False
    (check,) = [each for each in content["checks"] if each["name"] == "V12" and not each["ok"]]
    assert check["where"] == "tests.csv:1"
    assert check["expected"] == "3"
    assert check["found"] == "2 (AC-08.R01: fail recounts to 3)"


# One flipped bit anywhere.


def flipped(content: bytes, at: int, bit: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]


def owner_of(archive: zipfile.ZipFile, at: int) -> str | None:
    """Which file's local header or bytes hold a place of the zip; None in the directory."""
    for entry in archive.infolist():
        end = entry.header_offset + 30 + len(entry.filename.encode()) + entry.file_size
        if entry.header_offset <= at < end:
            return entry.filename.split("/", 1)[1]
    return None


def test_a_flipped_bit_anywhere_in_the_zip_is_named(verify, draft, tmp_path):
    content = draft.read_bytes()
    chance = random.Random(19)
    with zipfile.ZipFile(draft) as archive:
        entries = archive.infolist()
        directory = archive.start_dir
        places = [chance.randrange(len(content)) for _ in range(30)]
        picked = chance.sample(entries, 12)
        places += [entry.header_offset + chance.randrange(30 + len(entry.filename)) for entry in picked]
        places += [chance.randrange(directory, len(content)) for _ in range(24)]
        places += list(range(len(content) - 22, len(content)))
        path = tmp_path / draft.name
        for at in places:
            path.write_bytes(flipped(content, at, chance.randrange(8)))
            report = verify.verify(str(path))
            assert not report.ok, at
            owner = owner_of(archive, at) if at < directory else None
            found = failures(report)
            assert all(where for _, where, _ in found if _ == "zip is not canonical")
            if owner is not None:
                assert any(owner in f"{where} {message}" for _, where, message in found), (at, owner, found)
            else:
                assert any(code == "V02" for code, _, _ in found), (at, found)


def test_each_byte_of_a_header_counts(verify, draft, tmp_path):
    """Every byte of one local header, one directory entry and the end record."""
    content = draft.read_bytes()
    with zipfile.ZipFile(draft) as archive:
        entry = archive.getinfo(f"{draft.stem}/criteria.csv")
        directory = archive.start_dir
    name = entry.filename.encode()
    at = content.index(name, directory) - 46
    path = tmp_path / draft.name
    places = [entry.header_offset + each for each in range(0, 30 + len(name), 2)]
    places += [at + each for each in range(0, 46 + len(name), 2)]
    for place in places:
        path.write_bytes(flipped(content, place, place % 8))
        report = verify.verify(str(path))
        assert any("criteria.csv" in f"{where} {message}" for _, where, message in failures(report)), place


def test_a_flipped_bit_in_any_file_of_a_folder_is_named(verify, draft_files, tmp_path):
    chance = random.Random(23)
    folder = tamper.write_folder(draft_files, tmp_path, tamper.top_of(draft_files))
    for name in sorted(draft_files):
        content = draft_files[name]
        target = folder / name
        target.write_bytes(flipped(content, chance.randrange(len(content)), chance.randrange(8)))
        report = verify.verify(str(folder))
        assert any(name in f"{where} {message}" for _, where, message in failures(report)), name
        target.write_bytes(content)
    assert verify.verify(str(folder)).ok


def test_a_cut_or_longer_zip_is_named(verify, draft, tmp_path):
    content = draft.read_bytes()
    path = tmp_path / draft.name
    for changed in (
        content[:-1],
        content[:-30],
        content[: len(content) // 2],
        content + b"\0",
        b"\0" + content,
    ):
        path.write_bytes(changed)
        report = verify.verify(str(path))
        assert any(code == "V02" for code, _, _ in failures(report)), len(changed)


def test_a_repacked_zip_is_not_canonical_but_read(verify, draft_files, tmp_path):
    path = tmp_path / "repacked.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in draft_files.items():
            archive.writestr(f"{tamper.top_of(draft_files)}/{name}", content)
    assert [code for code, _, _ in failures(verify.verify(str(path)))] == ["V02"]
    draft_files = dict(draft_files, **{"README.txt": draft_files["README.txt"] + b"x"})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in draft_files.items():
            archive.writestr(f"{tamper.top_of(draft_files)}/{name}", content)
    assert [code for code, _, _ in failures(verify.verify(str(path)))] == ["V02", "V04"]


def test_a_zip_with_two_entries_of_one_name_is_named(verify, draft, tmp_path):
    path = tmp_path / draft.name
    shutil.copy(draft, path)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr(f"{draft.stem}/tests.csv", b"control\n")
    report = verify.verify(str(path))
    assert named(report, "V01", "tests.csv")
    assert named(report, "V02", "")


# Changed and signed again.


def key_list(change: Callable[[list[dict[str, object]]], object]) -> Callable[[Files], None]:
    return value("ledger/keys.json", lambda content: change(content["keys"]))


def without(path: str) -> Callable[[Files], None]:
    return lambda files: files.pop(path) and None


def also(path: str, content: bytes = b"more\n") -> Callable[[Files], None]:
    return lambda files: files.__setitem__(path, content)


def both(*changes: Callable[[Files], None]) -> Callable[[Files], None]:
    def change(files: Files) -> None:
        for each in changes:
            each(files)

    return change


def figure(name: str, key: str, changed: object) -> Callable[[Files], None]:
    return value("package.json", lambda content: content[name].__setitem__(key, changed))


def sheet(pid: str, change: Callable[[dict], object]) -> Callable[[Files], None]:
    return value(f"populations/{pid}.ipe.json", change)


def first_event(files: Files, control: str = "AC-08") -> str:
    return next(path for path in sorted(files) if path.startswith(f"evidence/{control}/") and "_e_" in path)


def event(change: Callable[[dict], object]) -> Callable[[Files], None]:
    """Change one event's file, its index row and its name, as a careful liar would."""

    def changed(files: Files) -> None:
        path = first_event(files)
        content = json.loads(files.pop(path))
        change(content)
        written = canonical(content) + b"\n"
        digest = sha256(written).hexdigest()
        day, _, name = path.rsplit("/", 1)[1].split("_", 2)
        fresh = f"evidence/AC-08/{day}_{digest[:8]}_{name}"
        files[fresh] = written
        index = files["evidence/index.csv"].decode().split("\n")
        at = next(n for n, line in enumerate(index) if line.startswith(path + ","))
        cells = tamper._cells(index[at])
        cells[0], cells[1], cells[2] = fresh, digest, str(len(written))
        index[at] = ",".join(cells)
        head, body = index[0], sorted(index[1:-1])
        files["evidence/index.csv"] = ("\n".join([head, *body]) + "\n").encode()

    return changed


def member_line(number: int, change: Callable[[list[str]], object]) -> Callable[[Files], None]:
    def changed(files: Files) -> None:
        body = files[f"{R01}.members.csv"].decode().split("\n")
        cells = tamper._cells(body[number])
        change(cells)
        body[number] = ",".join(cells)
        files[f"{R01}.members.csv"] = "\n".join(body).encode()

    return changed


def leaf(number: int, change: Callable[[dict], object]) -> Callable[[Files], None]:
    def changed(files: Files) -> None:
        body = files["ledger/leaves.jsonl"].decode().split("\n")
        content = json.loads(body[number])
        change(content)
        body[number] = canonical(content).decode()
        files["ledger/leaves.jsonl"] = "\n".join(body).encode()

    return changed


def resigned_head(files: Files, **changed: object) -> None:
    """The last checkpoint, changed, and signed with the client's own key."""
    notes = files["ledger/checkpoints.txt"].decode()
    at = notes.rindex("\n\n", 0, notes.rindex("\n\n"))
    content = json.loads(files["manifest.json"])
    head = Head(
        synthetic.ORIGIN,
        content["ledger"]["size"],
        bytes.fromhex(content["ledger"]["root"]),
        synthetic.BUILT_AT,
    )
    fresh = Head(**{**{name: getattr(head, name) for name in ("origin", "size", "root", "time")}, **changed})
    files["ledger/checkpoints.txt"] = (notes[: at + 2] + fresh.sign(synthetic.KEY)).encode()


def rogue_signature(files: Files) -> None:
    """The head's checkpoint signed by somebody else under the client's name."""
    text, _ = files["ledger/checkpoints.txt"].decode().rsplit("\n\n", 1)
    body = text.rsplit("\n\n", 1)[-1]
    note = Head(synthetic.ORIGIN, 1, b"\0" * 32, synthetic.BUILT_AT).sign(synthetic.ROGUE).split("\n\n")[1]
    assert body
    files["ledger/checkpoints.txt"] = f"{text}\n\n{note}".encode()


def cut_count(files: Files) -> None:
    """Failures become fewer in tests.csv, the rates and the package's figures, everywhere but in the rows."""
    row("tests.csv", 1, "fail", "2")(files)
    row("tests.csv", 1, "pass", lambda old: str(int(old) + 1))(files)


def drop_member(files: Files) -> None:
    """One member is taken out of the population, the rest numbered again, results too."""
    gone = files[f"{R01}.members.csv"].decode().split("\n")[22].split(",")[1]
    for ending in ("members", "results"):
        body = [line for line in files[f"{R01}.{ending}.csv"].decode().split("\n") if gone not in line]
        if ending == "members":
            for at in range(1, len(body) - 1):
                body[at] = f"{at},{body[at].split(',', 1)[1]}"
        files[f"{R01}.{ending}.csv"] = "\n".join(body).encode()


def shift_sample(files: Files) -> None:
    """Somebody would rather have the sixth than the first."""
    path = "samples/CHG-01.insp.m1.csv"
    body = files[path].decode().split("\n")
    population = files[f"{INSP}.members.csv"].decode().split("\n")
    taken = {line.split(",")[3] for line in body[1:-1]}
    other = next(line for line in population[1:-1] if line.split(",")[1] not in taken).split(",")
    cells = body[1].split(",")
    cells[3], cells[4] = other[1], other[0]
    body[1] = ",".join(cells)
    files[path] = "\n".join(body).encode()


# (what, change, the code that must name it, what it must name)
RESIGNED: list[tuple[str, Callable[[Files], None], str, str]] = [
    ("a file is missing", without("duties.csv"), "V01", "duties.csv"),
    ("the index of samples is missing", without("samples/index.csv"), "V01", "samples/index.csv"),
    ("the verifier is missing", without("verify.py"), "V01", "verify.py"),
    ("the PDF is missing", without("package.pdf"), "V01", "package.pdf"),
    ("a results file is missing", without(f"{R01}.results.csv"), "V11", "AC-08.R01.results.csv"),
    ("a member file is missing", without(f"{R01}.members.csv"), "V11", "AC-08.R01.members.csv"),
    ("a sheet is missing", without(f"{R01}.ipe.json"), "V11", "AC-08.R01.ipe.json"),
    ("leaf without its end", leaf(3, lambda each: each["path"].pop()), "V05", "leaf 3 "),
    (
        "leaf with another time",
        leaf(5, lambda each: each["leaf"].update(time="2026-01-01T22:00:00.000001Z")),
        "V05",
        "leaf 5 ",
    ),
    ("leaf with another hash", leaf(7, lambda each: each["leaf"].update(sha256="0" * 64)), "V05", "leaf 7 "),
    ("leaf with another kind", leaf(9, lambda each: each["leaf"].update(kind="artifact")), "V05", "leaf 9 "),
    ("leaf with other meta", leaf(2, lambda each: each["leaf"]["meta"].update(records=1)), "V05", "leaf 2 "),
    ("leaf of another client", leaf(4, lambda each: each["leaf"].update(client="0" * 8)), "V05", "leaf 4 "),
    ("leaf under another seq", leaf(6, lambda each: each["leaf"].update(seq=60)), "V05", "leaf 60 "),
    (
        "leaves change places",
        lines("ledger/leaves.jsonl", lambda body: swap(body, 10, 11)),
        "V05",
        "leaves.jsonl:12",
    ),
    (
        "leaf there twice",
        lines("ledger/leaves.jsonl", lambda body: [*body[:8], body[7], *body[8:]]),
        "V05",
        "leaves.jsonl:9",
    ),
    ("leaf is no JSON", lines("ledger/leaves.jsonl", lambda body: ["{", *body[1:]]), "V05", "leaves.jsonl:1"),
    (
        "leaf spelled otherwise",
        lines("ledger/leaves.jsonl", lambda body: [body[0].replace(":", ": ", 1), *body[1:]]),
        "V05",
        "leaves.jsonl:1",
    ),
    (
        "leaf of evidence is left out",
        lines("ledger/leaves.jsonl", lambda body: [b for b in body if '"artifact"' not in b]),
        "V09",
        "approval",
    ),
    ("head of another size", lambda files: resigned_head(files, size=360), "V06", "checkpoint"),
    ("head of another root", lambda files: resigned_head(files, root=b"\1" * 32), "V06", "checkpoint"),
    (
        "head of another log",
        lambda files: resigned_head(files, origin="other.example/proofline/x"),
        "V06",
        "checkpoint",
    ),
    ("head signed by a rogue", rogue_signature, "V06", "checkpoint"),
    (
        "first checkpoint left out",
        lambda files: files.update(
            {"ledger/checkpoints.txt": files["ledger/checkpoints.txt"].split(b"\n\n", 2)[2]}
        ),
        "V07",
        "consistency.json",
    ),
    (
        "consistency path shorter",
        value("ledger/consistency.json", lambda c: c["proofs"][0]["path"].pop()),
        "V07",
        "log was rewritten",
    ),
    (
        "consistency root changed",
        value("ledger/consistency.json", lambda c: c["proofs"][1].update(root="0" * 64)),
        "V07",
        "log was rewritten",
    ),
    (
        "consistency proof left out",
        value("ledger/consistency.json", lambda c: c["proofs"].pop(0)),
        "V07",
        "consistency.json",
    ),
    ("key without voucher", key_list(lambda keys: keys[1].update(signature=None)), "V08", "has no chain"),
    ("key vouched by nobody", key_list(lambda keys: keys[1].update(signed_by=None)), "V08", "has no chain"),
    ("first key left out", key_list(lambda keys: keys.pop(0)), "V08", "has no chain"),
    (
        "key valid from earlier",
        key_list(lambda keys: keys[1].update({"from": "2025-01-01T00:00:00.000000Z"})),
        "V08",
        "",
    ),
    ("old key ends later", key_list(lambda keys: keys[0].update(until=None)), "V08", "does not begin where"),
    (
        "key of another leaf",
        key_list(lambda keys: keys[0].update(leaf=1)),
        "V08",
        "is not what leaf 1 recorded",
    ),
    ("key under another hint", key_list(lambda keys: keys[0].update(hint="00000000")), "V03", "another hint"),
    (
        "raw record changed",
        event(lambda c: c.update(raw=base64.b64encode(b"{}").decode(), raw_sha256=sha256(b"{}").hexdigest())),
        "V09",
        "_e_",
    ),
    ("raw hash changed", event(lambda c: c.update(raw_sha256="0" * 64)), "V09", "hash of the raw record"),
    ("event of another seq", event(lambda c: c.update(seq=c["seq"] + 1)), "V09", "_e_"),
    ("event of another batch", event(lambda c: c.update(batch_sha256="0" * 64)), "V09", "(batch)"),
    ("event of another leaf", event(lambda c: c.update(leaf=c["leaf"] + 2)), "V09", "(leaf)"),
    ("event of another member", event(lambda c: c.update(member_id="e:" + "0" * 32)), "V09", "(member)"),
    ("event's path shorter", event(lambda c: c["path"].pop()), "V09", "_e_"),
    (
        "response's words changed",
        row("responses.csv", 1, "cause", "An intern did it."),
        "V09",
        "response RS-1",
    ),
    (
        "assertion's text changed",
        value("assertion.json", lambda c: c.update(text=c["text"] + "x")),
        "V09",
        "assertion.json",
    ),
    (
        "assertion's text and hash changed",
        value("assertion.json", lambda c: c.update(text="x", text_sha256=sha256(b"x").hexdigest())),
        "V09",
        "assertion.json",
    ),
    (
        "artifact of another leaf",
        lines(
            "evidence/index.csv",
            lambda body: [b.rsplit(",", 1)[0] + ",5" if ",artifact," in b else b for b in body],
        ),
        "V09",
        "approval",
    ),
    ("member out of order", lines(f"{R01}.members.csv", lambda body: swap(body, 4, 5)), "V10", "row 5"),
    ("member's number changed", member_line(3, lambda c: c.__setitem__(0, "4")), "V10", "row 3"),
    ("member's id is no id", member_line(3, lambda c: c.__setitem__(1, "e:123")), "V10", "row 3"),
    ("member's time without zone", member_line(3, lambda c: c.__setitem__(2, c[2][:-1])), "V10", "row 3"),
    ("member outside the window", member_line(3, lambda c: c.__setitem__(3, "2025-12-31")), "V10", "row 3"),
    (
        "member's date not of its time",
        member_line(3, lambda c: c.__setitem__(3, "2026-01-25")),
        "V10",
        "row 3",
    ),
    ("member quoted needlessly", member_line(3, lambda c: c.__setitem__(4, '"sign-in"')), "V10", "row 3"),
    ("member without escape", member_line(3, lambda c: c.__setitem__(7, "-console")), "V10", "row 3"),
    ("member without batch", member_line(3, lambda c: c.__setitem__(9, "")), "V10", "row 3"),
    ("member's batch is no hash", member_line(3, lambda c: c.__setitem__(9, "AB")), "V10", "row 3"),
    (
        "member there twice",
        lines(f"{R01}.members.csv", lambda body: [*body[:5], "6," + body[4].split(",", 1)[1], *body[5:]]),
        "V10",
        "is there twice",
    ),
    (
        "member file ends early",
        lambda files: files.update({f"{R01}.members.csv": files[f"{R01}.members.csv"][:-1]}),
        "V10",
        "does not end",
    ),
    (
        "member columns renamed",
        lambda files: files.update(
            {f"{R01}.members.csv": files[f"{R01}.members.csv"].replace(b"kind", b"sort", 1)}
        ),
        "V10",
        "other columns",
    ),
    ("member taken out", drop_member, "V11", "AC-08.R01"),
    (
        "member's subject changed",
        member_line(3, lambda c: c.__setitem__(6, "nobody")),
        "V11",
        "population is not the one frozen",
    ),
    (
        "member's seq changed",
        member_line(3, lambda c: c.__setitem__(10, "7")),
        "V11",
        "population is not the one frozen",
    ),
    ("sheet's rows changed", sheet("AC-08.R01", lambda c: c.update(rows=1)), "V11", "AC-08.R01"),
    ("sheet's hash changed", sheet("AC-08.R01", lambda c: c.update(sha256="0" * 64)), "V11", "AC-08.R01"),
    (
        "sheet's first changed",
        sheet("AC-08.R01", lambda c: c.update(first_occurred_at="2026-01-01T00:00:00.000000Z")),
        "V11",
        "AC-08.R01",
    ),
    (
        "sheet without late members",
        sheet("AC-08.R01", lambda c: c.update(late={"count": 0, "file": None})),
        "V11",
        "late",
    ),
    ("late members taken out", without(f"{R01}.late.csv"), "V11", "late"),
    ("sheet without a key", sheet("AC-08.R01", lambda c: c.pop("query")), "V11", "is no IPE sheet"),
    ("failures fewer in tests.csv", cut_count, "V12", "AC-08.R01: fail recounts to 3"),
    ("members fewer in tests.csv", row("tests.csv", 1, "members", "9"), "V12", "AC-08.R01: members recounts"),
    (
        "unknown fewer in tests.csv",
        row("tests.csv", 1, "unknown", "0"),
        "V12",
        "AC-08.R01: unknown recounts to 2",
    ),
    (
        "a failure becomes a pass",
        row(f"{R01}.results.csv", 21, "result", "pass"),
        "V12",
        "AC-08.R01: fail recounts to 2",
    ),
    (
        "an unknown becomes a pass",
        row(f"{R01}.results.csv", 34, "result", "pass"),
        "V12",
        "AC-08.R01: unknown recounts to 1",
    ),
    ("a result is no word", row(f"{R01}.results.csv", 2, "result", "fine"), "V12", "is no result"),
    (
        "results change places",
        lines(f"{R01}.results.csv", lambda body: swap(body, 2, 3)),
        "V12",
        "not in the members' order",
    ),
    (
        "a result is taken out",
        lines(f"{R01}.results.csv", lambda body: body[:-1]),
        "V12",
        "has no result for",
    ),
    (
        "a result too many",
        lines(f"{R01}.results.csv", lambda body: [*body, body[-1]]),
        "V12",
        "has results of no member",
    ),
    (
        "a result of another member",
        row(f"{R01}.results.csv", 5, "member_id", "e:" + "0" * 32),
        "V12",
        "results.csv:5",
    ),
    (
        "sheet's results changed",
        sheet("AC-08.R01", lambda c: c["results"].update(fail=2)),
        "V12",
        "AC-08.R01",
    ),
    (
        "sheet's unknown reasons changed",
        sheet("AC-08.R01", lambda c: c.update(unknown_reasons={})),
        "V12",
        "unknown reasons",
    ),
    (
        "figure of failures changed",
        figure("tests/AC-08.R01/v1/fail", "value", 2),
        "V12",
        "tests/AC-08.R01/v1/fail",
    ),
    (
        "figure of members taken out",
        value("package.json", lambda c: c.pop("tests/AC-08.R01/v1/members")),
        "V12",
        "tests/AC-08.R01/v1/members",
    ),
    ("items fewer", row("tests.csv", 3, "items_failed", "0"), "V12", "AC-10.R10: items recount"),
    ("test of no population", row("tests.csv", 1, "pid", "AC-08.R99"), "V12", "AC-08.R99"),
    ("pass rate raised", row("tests.csv", 1, "pass_rate", "99.9"), "V13", "pass_rate"),
    ("deviation rate cut", row("tests.csv", 1, "deviation_rate", "0.0"), "V13", "deviation_rate"),
    ("figure's rate raised", figure("tests/AC-08.R01/v1/pass_rate", "value", "99.9"), "V13", "pass_rate"),
    ("figure's numerator raised", figure("exceptions/total", "numerator", 1), "V13", "exceptions/total"),
    (
        "figure of the head changed",
        lambda files: tamper.seal(
            files, figures={**json.loads(files["manifest.json"])["figures"], "fail": 0}
        ),
        "V13",
        "figure fail",
    ),
    ("criterion in scope taken out", lambda files: tamper.seal(files, criteria=["CC6.1"]), "V13", "criteria"),
    ("criterion's control taken out", row("criteria.csv", 2, "controls", ""), "V13", "controls of"),
    (
        "exception does not exist",
        row(f"{R01}.results.csv", 21, "exception", "EX-2026-0099"),
        "V14",
        "EX-2026-0099",
    ),
    (
        "failure without exception",
        row(f"{R01}.results.csv", 21, "exception", ""),
        "V14",
        "failed without an exception",
    ),
    ("exception without its member", row("exceptions.csv", 1, "members", ""), "V14", "EX-2026-0001"),
    (
        "exception with a stranger",
        row("exceptions.csv", 1, "members", lambda old: old + " e:" + "0" * 32),
        "V14",
        "EX-2026-0001",
    ),
    ("exception closed without a date", row("exceptions.csv", 1, "closed_at", ""), "V14", "EX-2026-0001"),
    ("exception of no state", row("exceptions.csv", 1, "state", "gone"), "V14", "EX-2026-0001"),
    (
        "exception detected after closing",
        row("exceptions.csv", 1, "detected", "2026-03-01T00:00:00.000000Z"),
        "V14",
        "EX-2026-0001",
    ),
    ("acceptance without an end", row("exceptions.csv", 2, "accepted_until", ""), "V14", "EX-2026-0002"),
    (
        "exception after the head",
        row("exceptions.csv", 3, "fixed_at", "2026-05-01T00:00:00.000000Z"),
        "V14",
        "EX-2026-0003",
    ),
    ("exception taken out", lines("exceptions.csv", lambda body: body[1:]), "V14", "EX-2026-0001"),
    ("exception in time after all", row("exceptions.csv", 3, "in_time", "yes"), "V15", "EX-2026-0003"),
    (
        "member in time after all",
        row("populations/AC-10.R10.results.csv", 176, "in_time", "yes"),
        "V15",
        "judged wrongly",
    ),
    ("due date moved", row("exceptions.csv", 3, "due", "2026-04-01T00:00:00.000000Z"), "V15", "EX-2026-0003"),
    ("duty in time after all", row("duties.csv", 2, "state", "in_time"), "V15", "DU-2"),
    ("duty missed becomes late", row("duties.csv", 3, "state", "late"), "V15", "DU-3"),
    ("duty never done becomes open", row("duties.csv", 4, "state", "open"), "V15", "DU-4"),
    ("duty's due moved", row("duties.csv", 2, "due", "2026-02-11T21:59:59.000000Z"), "V15", "DU-2"),
    ("sampled member exchanged", shift_sample, "V16", "sample m1 row 1 is not rank"),
    (
        "sample's rows change places",
        lines("samples/CHG-01.insp.m1.csv", lambda body: swap(body, 0, 1)),
        "V16",
        "sample m1 row 1",
    ),
    (
        "sample's stratum changed",
        row("samples/CHG-01.insp.a2.csv", 2, "stratum", "2026-02"),
        "V16",
        "sample a2 row 2",
    ),
    (
        "sample's replacement undone",
        lines("samples/CHG-01.insp.m1.csv", lambda body: body[:-1]),
        "V12",
        "not in the members' order",
    ),
    (
        "replacement without a reason",
        row("samples/CHG-01.insp.m1.csv", 41, "reason", "hard to find"),
        "V16",
        "sample m1 row 41",
    ),
    ("seed chosen", row("samples/index.csv", 1, "seed", "0" * 64), "V16", "seed"),
    ("auditor's text changed", row("samples/index.csv", 1, "seed_text", "okafor-2028"), "V16", "seed"),
    (
        "auditor's draw called management's",
        row("samples/index.csv", 1, "ledger", "management"),
        "V16",
        "only the auditor",
    ),
    (
        "sample of another population",
        row("samples/index.csv", 5, "population_sha256", "0" * 64),
        "V16",
        "sample m1",
    ),
    ("sample's file taken out", without("samples/CHG-01.insp.m1.csv"), "V16", "samples/CHG-01.insp.m1.csv"),
    (
        "sample not in the index",
        also("samples/CHG-01.insp.zz.csv", b"draw,order,rank,member_id,n,stratum,replaces,reason\n"),
        "V16",
        "zz.csv",
    ),
    (
        "rows traced are others",
        sheet("AC-08.R01", lambda c: c["accuracy"]["members"].reverse()),
        "V16",
        "first ranks",
    ),
    ("sample smaller", row("samples/index.csv", 5, "size", "25"), "V17", "sample m1 smaller"),
    (
        "rule of sizes changed",
        figure("settings/sampling", "value", {"sizes": {"many": [60, 60, 60]}, "raised": []}),
        "V17",
        "sample m1 smaller",
    ),
    ("frequency changed", sheet("CHG-01.insp", lambda c: c.update(frequency="M")), "V17", "frequency"),
    (
        "gap day covered",
        lines("coverage.csv", lambda body: [b.replace(",gap,0", ",covered,1") for b in body]),
        "V18",
        "coverage of AC-08",
    ),
    (
        "control's day covered",
        lines("control_coverage.csv", lambda body: [b.replace("gap,cloud", "covered,") for b in body]),
        "V18",
        "coverage of AC-08 on 2026-02-10",
    ),
    (
        "control's blocking source hidden",
        lines("control_coverage.csv", lambda body: [b.replace("gap,cloud", "gap,") for b in body]),
        "V18",
        "coverage of AC-08",
    ),
    (
        "control's days taken out",
        lines("control_coverage.csv", lambda body: [b for b in body if not b.startswith("MON-03")]),
        "V18",
        "MON-03",
    ),
    ("test's gap days fewer", row("tests.csv", 1, "gap", "0"), "V18", "coverage of AC-08.R01"),
    (
        "sheet's coverage changed",
        sheet("AC-08.R01", lambda c: c["coverage"].update(gap=0, covered=90)),
        "V18",
        "coverage of AC-08.R01",
    ),
    ("sheet's gap taken out", sheet("AC-08.R01", lambda c: c["coverage"]["gaps"].pop()), "V18", "gaps"),
    (
        "coverage share raised",
        figure("controls/AC-08/coverage", "value", "100.0"),
        "V18",
        "coverage of AC-08",
    ),
    (
        "source left out of a sheet",
        sheet("AC-08.R01", lambda c: c.update(systems_of_record=["mail"])),
        "V18",
        "AC-08",
    ),
    (
        "day of a source taken out",
        lines("coverage.csv", lambda body: body[:10] + body[11:]),
        "V19",
        "cloud 2026-01-11",
    ),
    (
        "day of a source there twice",
        lines("coverage.csv", lambda body: [*body[:11], *body[10:]]),
        "V19",
        "cloud 2026-01-11",
    ),
    ("days change places", lines("coverage.csv", lambda body: swap(body, 5, 6)), "V19", "cloud 2026-01-06"),
    (
        "day outside the period",
        row("coverage.csv", 90, "local_date", "2026-04-01"),
        "V19",
        "cloud 2026-04-01",
    ),
    ("zero proven by nothing", row("coverage.csv", 181, "liveness", ""), "V19", "mail 2026-01-01"),
    ("state that is none", row("coverage.csv", 1, "state", "fine"), "V19", "cloud 2026-01-01"),
    (
        "tie-out's difference changed",
        sheet("CHG-01.insp", lambda c: c["tie_outs"][1].update(difference=0)),
        "V20",
        "CHG-01.insp: tie-out",
    ),
    (
        "tie-out's figure changed",
        sheet("CHG-01.insp", lambda c: c["tie_outs"][0].update(own=1, other=1)),
        "V20",
        "CHG-01.insp",
    ),
    (
        "verdict chosen",
        sheet("AC-08.R01", lambda c: c.update(verdict="complete")),
        "V20",
        "AC-08.R01 is not complete",
    ),
    (
        "explained by the preparer",
        sheet("CHG-01.insp", lambda c: c["tie_outs"][1].update(explained_by="system")),
        "V20",
        "CHG-01.insp",
    ),
    (
        "more rows agree than were traced",
        sheet("AC-08.R01", lambda c: c["accuracy"].update(agreeing=9)),
        "V20",
        "AC-08.R01",
    ),
    (
        "result word chosen",
        row("tests.csv", 1, "result", "no_deviations"),
        "V21",
        "AC-08.R01 should say deviations",
    ),
    (
        "result text chosen",
        row("tests.csv", 1, "text", "No deviations noted in management's tests."),
        "V21",
        "AC-08.R01 should say deviations",
    ),
    (
        "not tested becomes tested",
        row("tests.csv", 6, "result", "no_deviations"),
        "V21",
        "should say not_tested",
    ),
    (
        "control's word chosen",
        figure("controls/AC-08/result", "value", "no_deviations"),
        "V21",
        "AC-08 should say deviations",
    ),
    ("tolerance raised", figure("settings/unknown_tolerance", "value", "much"), "V21", "computed"),
    (
        "gap left out",
        value("package.json", lambda c: c.pop("does_not_prove/gap/cloud/2026-02-10_2026-02-11")),
        "V22",
        "gap cloud/2026-02-10",
    ),
    (
        "acceptance left out",
        value("package.json", lambda c: c.pop("does_not_prove/accepted/EX-2026-0002")),
        "V22",
        "EX-2026-0002",
    ),
    ("waiver left out", value("package.json", lambda c: c.pop("does_not_prove/waived/DU-5")), "V22", "DU-5"),
    (
        "unknown left out",
        value("package.json", lambda c: c.pop("does_not_prove/unknown_members/AC-08.R01/fact")),
        "V22",
        "AC-08.R01/fact",
    ),
    (
        "criterion out left out",
        value("package.json", lambda c: c.pop("does_not_prove/criterion_out/A1.1")),
        "V22",
        "A1.1",
    ),
    (
        "not frozen left out",
        value("package.json", lambda c: c.pop("does_not_prove/not_frozen/AC-08.R01")),
        "V22",
        "AC-08.R01",
    ),
    (
        "rejected left out",
        value("package.json", lambda c: c.pop("does_not_prove/rejected/cloud")),
        "V22",
        "rejected cloud",
    ),
    (
        "gap of another length",
        figure("does_not_prove/gap/cloud/2026-02-10_2026-02-11", "numerator", 1),
        "V22",
        "another count",
    ),
    (
        "kind left out",
        value("package.json", lambda c: c.pop("does_not_prove/suppression")),
        "V22",
        "suppression",
    ),
    (
        "line about nothing",
        value(
            "package.json",
            lambda c: c.__setitem__("does_not_prove/waived/DU-1", c["does_not_prove/waived/DU-5"]),
        ),
        "V22",
        "DU-1",
    ),
    ("evidence not in the index", also("evidence/AC-08/2026-01-01_00000000_more.txt"), "V23", "more.txt"),
    ("evidence taken out", lambda files: files.pop(first_event(files)) and None, "V23", "_e_"),
    (
        "evidence's row taken out",
        lines("evidence/index.csv", lambda body: body[1:]),
        "V23",
        "is not in the index",
    ),
    (
        "evidence of after the period",
        row("evidence/index.csv", 1, "inclusion_to", "2026-04-02"),
        "V23",
        "after the period's end",
    ),
    (
        "evidence of another control",
        row("evidence/index.csv", 1, "control", "AC-99"),
        "V23",
        "is not named by",
    ),
    ("evidence of no kind", row("evidence/index.csv", 1, "kind", "rumor"), "V23", "kind"),
    ("evidence's size changed", row("evidence/index.csv", 1, "bytes", "1"), "V23", "index and file differ"),
    (
        "version 1 supersedes something",
        lambda files: tamper.seal(files, supersedes={"bundle": "x", "version": 0}),
        "V24",
        "supersedes",
    ),
    (
        "PDF of another build",
        lambda files: files.update({"package.pdf": files["package.pdf"].replace(b"-v1 ", b"-v2 ")}),
        "V25",
        "package.pdf",
    ),
    (
        "PDF that is none",
        lambda files: files.update({"package.pdf": b"<html>" + files["package.pdf"][5:]}),
        "V25",
        "package.pdf",
    ),
]


def test_there_are_enough_of_them():
    assert len(RESIGNED) >= 150
    assert {code for _, _, code, _ in RESIGNED} >= set(CODES) - {"V02", "V04"}


@pytest.mark.parametrize(
    ("change", "code", "where"), [each[1:] for each in RESIGNED], ids=[each[0] for each in RESIGNED]
)
def test_a_change_that_was_signed_again_is_named(verify, draft_files, tmp_path, change, code, where):
    files = dict(draft_files)
    before = files["manifest.json"]
    change(files)
    if files["manifest.json"] == before:
        tamper.seal(files)
    path = tamper.write_zip(files, tmp_path / "changed.zip", tamper.top_of(files))
    report = verify.verify(str(path))
    assert named(report, code, where), list(report.lines())
    assert report.summary.startswith("differs: ")
    assert not any(each[0] in ("V02", "V04") for each in failures(report))


def test_a_count_changed_everywhere_but_in_the_rows_is_still_named(verify, draft_files, tmp_path):
    """Counts, rates, texts, sheet and figures all say 2, and the manifest is signed again."""
    files = dict(draft_files)
    cut_count(files)
    cells = dict(
        zip(
            files["tests.csv"].decode().split("\n")[0].split(","),
            tamper._cells(files["tests.csv"].decode().split("\n")[1]),
            strict=True,
        )
    )
    good, bad, unknown = int(cells["pass"]), 2, int(cells["unknown"])
    rates = {
        "pass_rate": f"{good * 1000 // (good + bad + unknown) / 10}",
        "deviation_rate": f"{-(-bad * 1000 // (good + bad)) / 10}",
    }
    for name, text in rates.items():
        row("tests.csv", 1, name, text)(files)
    row("tests.csv", 1, "text", lambda old: old.replace("3 of", "2 of"))(files)
    sheet("AC-08.R01", lambda c: c["results"].update({"pass": good, "fail": bad}))(files)

    def figures(content):
        base = "tests/AC-08.R01/v1/"
        for name, number in (("pass", good), ("fail", bad)):
            content[base + name].update(value=number, numerator=number)
        content[base + "pass_rate"].update(value=rates["pass_rate"], numerator=good)
        content[base + "deviation_rate"].update(value=rates["deviation_rate"], numerator=bad)

    value("package.json", figures)(files)
    manifest = json.loads(files["manifest.json"])
    tamper.seal(files, figures={**manifest["figures"], "fail": manifest["figures"]["fail"] - 1})
    report = verify.verify(str(tamper.write_zip(files, tmp_path / "x.zip", tamper.top_of(files))))
    assert named(report, "V12", "tests.csv:1 AC-08.R01: fail recounts to 3")


def test_a_rogue_key_does_not_sign(verify, draft_files, tmp_path):
    files = dict(draft_files)
    tamper.seal(files, synthetic.ROGUE)
    report = verify.verify(str(tamper.write_zip(files, tmp_path / "x.zip", tamper.top_of(files))))
    assert failures(report)[0][0] == "V03"
    assert named(report, "V03", "manifest signature does not hold")


def test_a_key_that_ended_does_not_sign(verify, draft_files, tmp_path):
    files = dict(draft_files)
    tamper.seal(files, synthetic.OLD_KEY)
    report = verify.verify(str(tamper.write_zip(files, tmp_path / "x.zip", tamper.top_of(files))))
    assert named(report, "V03", "no listed key of that hint was valid")


def test_a_whole_other_ledger_with_a_rogue_key_is_betrayed_by_a_checkpoint_from_elsewhere(
    verify, tmp_path, monkeypatch, made
):
    genuine = tmp_path / "checkpoint.txt"
    genuine.write_text(made.log.checkpoints[1][1])
    monkeypatch.setattr(synthetic, "OLD_KEY", Ed25519PrivateKey.from_private_bytes(b"r" * 32))
    forged = synthetic.client()
    with synthetic.package(forged) as bundle:
        path = tmp_path / "forged.zip"
        with path.open("wb") as out:
            bundle.write_zip(out)
    assert verify.verify(str(path)).ok
    report = verify.verify(str(path), verify.read_checkpoint(str(genuine)))
    assert named(report, "V07", "is signed by no key of this bundle")


# Checkpoints from elsewhere, and the version before.


def test_a_checkpoint_from_elsewhere_holds_or_betrays(verify, draft, made, tmp_path):
    path = tmp_path / "checkpoint.txt"
    for _, note in made.log.checkpoints:
        path.write_text(note)
        report = verify.verify(str(draft), verify.read_checkpoint(str(path)))
        assert report.ok
        assert any("the checkpoint from elsewhere" in line for line in report.lines())
    size = made.log.checkpoints[1][0]
    path.write_text(Head(synthetic.ORIGIN, size, b"\7" * 32, synthetic.BUILT_AT).sign(synthetic.KEY))
    report = verify.verify(str(draft), verify.read_checkpoint(str(path)))
    assert named(report, "V07", f"log was rewritten between {size} and {len(made.log.leaves)}")


def test_any_size_is_tied_when_the_bundle_has_every_leaf(verify, draft, made, tmp_path):
    path = tmp_path / "checkpoint.txt"
    tree = made.log.tree()
    path.write_text(Head(synthetic.ORIGIN, 77, tree.root(77), synthetic.BUILT_AT).sign(synthetic.KEY))
    assert verify.verify(str(draft), verify.read_checkpoint(str(path))).ok


def test_a_younger_or_foreign_checkpoint_cannot_be_tied(verify, draft, tmp_path):
    path = tmp_path / "checkpoint.txt"
    path.write_text(Head(synthetic.ORIGIN, 10**6, b"\7" * 32, synthetic.BUILT_AT).sign(synthetic.KEY))
    assert named(verify.verify(str(draft), verify.read_checkpoint(str(path))), "V07", "younger")
    path.write_text(Head("other.example/proofline/x", 5, b"\7" * 32, synthetic.BUILT_AT).sign(synthetic.KEY))
    assert named(verify.verify(str(draft), verify.read_checkpoint(str(path))), "V07", "another log")


def test_a_later_version_differs_by_what_it_declares(verify, made, draft, draft_files, tmp_path):
    former = Former(draft.stem, 1, sha256(draft_files["manifest.json"]).hexdigest())
    second = tmp_path / "second.zip"
    changed = tmp_path / "first.zip"
    files = dict(draft_files)
    lines("duties.csv", lambda body: [b.replace(",open,", ",missed,") for b in body])(files)
    tamper.seal(files)
    tamper.write_zip(files, changed, tamper.top_of(files))
    former = Former(draft.stem, 1, sha256(files["manifest.json"]).hexdigest())
    with synthetic.package(made, version=2, former=former) as bundle, second.open("wb") as out:
        bundle.write_zip(out)
    report = verify.verify(str(second))
    assert report.ok, list(report.lines())
    assert any("was not given (--previous FILE)" in line for line in report.lines())
    for given in (changed, tmp_path / "manifest.json"):
        (tmp_path / "manifest.json").write_bytes(files["manifest.json"])
        report = verify.verify(str(second), None, verify.read_previous(str(given)))
        assert report.ok, list(report.lines())
    report = verify.verify(str(second), None, verify.read_previous(str(draft)))
    assert named(report, "V24", "not the manifest of the version before")
    assert named(report, "V24", "difference declared that is none")


def test_an_undeclared_difference_is_named(verify, made, draft, draft_files, tmp_path):
    former = Former(draft.stem, 1, sha256(draft_files["manifest.json"]).hexdigest())
    path = tmp_path / "second.zip"
    with synthetic.package(made, version=2, former=former) as bundle, path.open("wb") as out:
        bundle.write_zip(out)
    files = tamper.read_zip(path)
    lines("duties.csv", lambda body: [b.replace("Drill", "Thrill") for b in body])(files)
    row("controls.csv", 1, "owner", "Somebody")(files)
    tamper.seal(files)
    tamper.write_zip(files, path, tamper.top_of(files))
    report = verify.verify(str(path), None, verify.read_previous(str(draft)))
    assert named(report, "V24", "controls.csv difference not declared")
    assert not named(report, "V24", "duties.csv difference not declared")


# Frozen and issued.


def test_a_frozen_population_is_held_against_its_leaf(verify, issued_files, tmp_path):
    files = dict(issued_files)
    member_line(3, lambda c: c.__setitem__(6, "nobody"))(files)
    digest = sha256(files[f"{R01}.members.csv"]).hexdigest()
    sheet("AC-08.R01", lambda c: c.update(sha256=digest))(files)
    tamper.seal(files)
    report = verify.verify(str(tamper.write_zip(files, tmp_path / "x.zip", tamper.top_of(files))))
    assert named(report, "V11", "population is not the one frozen as leaf")


def test_an_issued_bundle_needs_what_a_draft_may_lack(verify, draft_files, tmp_path):
    files = dict(draft_files)
    tamper.seal(files, status="issued")
    report = verify.verify(str(tamper.write_zip(files, tmp_path / "x.zip", tamper.top_of(files))))
    for name in ("index.html", "verify.html", "oscal/"):
        assert named(report, "V01", name)
    assert named(report, "V11", "AC-08.R01 is not frozen")


def test_the_sidecar_ties_the_report_to_the_log(verify, issued, frozen, tmp_path):
    path = tmp_path / issued.name
    shutil.copy(issued, path)
    assert any("is not beside the bundle" in line for line in verify.verify(str(path)).lines())
    digest = sha256(tamper.read_zip(path)["manifest.json"]).hexdigest()
    log = synthetic.Log(list(frozen.log.leaves))
    seq = log.add("report", issued.stem, digest, synthetic.BUILT_AT)
    head = log.head(synthetic.BUILT_AT)
    proof = {
        "leaf": json.loads(log.leaves[seq].to_bytes()),
        "path": [each.hex() for each in log.tree().inclusion(seq)],
        "checkpoint": head.sign(synthetic.KEY),
    }
    sidecar = tmp_path / f"{issued.stem}.proof.json"
    sidecar.write_bytes(canonical(proof) + b"\n")
    assert verify.verify(str(path)).ok
    proof["path"] = proof["path"][1:]
    sidecar.write_bytes(canonical(proof) + b"\n")
    assert named(verify.verify(str(path)), "V09", "proof.json")


# The command.


def run(arguments, cwd, python=sys.executable):
    return subprocess.run(
        [python, "-I", str(VERIFIER), *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def pythons() -> list[Path]:
    """Every Python from 3.9 on that this machine has, by pyenv or on the path."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    names = [f"3.{minor}" for minor in range(9, 15)]
    found = [folder / "bin" / "python" for name in names for folder in sorted(versions.glob(f"{name}.*"))]
    found += [Path(path) for name in names if (path := shutil.which(f"python{name}"))]
    works = [
        path
        for path in found
        if subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0
    ]
    return works or [Path(sys.executable)]


@pytest.mark.parametrize("python", pythons(), ids=lambda path: "-".join(path.parts[-3:]))
def test_every_python_gives_the_same_verdicts(python, draft, draft_files, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    good = run([draft], empty, str(python))
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout == run([draft], empty).stdout
    files = dict(draft_files)
    cut_count(files)
    tamper.seal(files)
    changed = tamper.write_zip(files, tmp_path / "changed.zip", tamper.top_of(files))
    bad = run([changed, "--json"], empty, str(python))
    assert (bad.returncode, bad.stderr) == (1, "")
    assert bad.stdout == run([changed, "--json"], empty).stdout
    assert {check["name"] for check in json.loads(bad.stdout)["checks"] if not check["ok"]} >= {
        "V12",
        "V13",
        "V21",
    }
    assert not list(empty.iterdir())


def test_without_a_path_it_verifies_the_folder_it_is_in(draft_files, tmp_path):
    folder = tamper.write_folder(draft_files, tmp_path, tamper.top_of(draft_files))
    done = subprocess.run(
        [sys.executable, "-I", "verify.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1].startswith("holds: ")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run(
        [sys.executable, "-I", str(folder / "verify.py")],
        cwd=elsewhere,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0
    assert not list(folder.rglob("__pycache__"))


def test_a_line_is_code_place_message_expected_found(draft_files, tmp_path):
    files = dict(draft_files)
    cut_count(files)
    tamper.seal(files)
    folder = tamper.write_folder(files, tmp_path, tamper.top_of(files))
    done = run([folder], tmp_path)
    assert done.returncode == 1
    assert "V12 tests.csv:1 AC-08.R01: fail recounts to 3: expected 3, found 2" in done.stdout.splitlines()
    count = sum(": expected " in line for line in done.stdout.splitlines())
    assert done.stdout.splitlines()[-1] == f"differs: {count}"


@pytest.mark.parametrize(
    "what", ["nothing there", "empty folder", "text file", "no bundle here", "bad checkpoint", "bad usage"]
)
def test_it_says_when_it_cannot_run(what, draft, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    text = tmp_path / "notes.txt"
    text.write_text("hello\n" * 100)
    arguments = {
        "nothing there": [tmp_path / "absent.zip"],
        "empty folder": [empty],
        "text file": [text],
        "no bundle here": [],
        "bad checkpoint": [draft, "--checkpoint", text],
        "bad usage": [draft, "--what"],
    }[what]
    script = tmp_path / "verify.py"
    shutil.copy(VERIFIER, script)
    done = subprocess.run(
        [sys.executable, "-I", str(script), *map(str, arguments)],
        cwd=empty,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_lines_of_a_hostile_bundle_stay_on_their_line(draft_files, tmp_path):
    files = dict(draft_files)
    files["evidence/AC-08/x"] = b""
    tamper.seal(files)
    folder = tamper.write_folder(files, tmp_path, tamper.top_of(files))
    (folder / "a\x1b[2J\nholds: 1 file").write_text("x")
    done = run([folder], tmp_path)
    assert done.returncode == 1
    assert "\x1b" not in done.stdout
    assert not any(line.startswith("holds") for line in done.stdout.splitlines())


def test_a_symbolic_link_is_not_a_file_of_the_bundle(verify, draft_files, tmp_path):
    folder = tamper.write_folder(draft_files, tmp_path, tamper.top_of(draft_files))
    target = tmp_path / "elsewhere.csv"
    target.write_bytes(draft_files["tests.csv"])
    (folder / "tests.csv").unlink()
    (folder / "tests.csv").symlink_to(target)
    assert named(verify.verify(str(folder)), "V01", "tests.csv")


def test_a_huge_count_in_a_zip_header_ends_quickly(verify, draft, tmp_path):
    content = bytearray(draft.read_bytes())
    content[-12:-10] = struct.pack("<H", 0xFFFE)
    path = tmp_path / draft.name
    path.write_bytes(bytes(content))
    assert named(verify.verify(str(path)), "V02", "")
