"""`manage.py sources` and `sources check`: no client, no database."""

import io
import json
import shutil
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command

from evidence.sources.check import MissingPath, check, refused
from evidence.sources.registry import FOLDER

AT = datetime(2026, 3, 2, tzinfo=UTC)
EXAMPLES = FOLDER / "aws" / "examples"


def run(*arguments):
    """Standard output and exit code of the command."""
    out = io.StringIO()
    try:
        call_command("sources", *arguments, stdout=out)
    except SystemExit as done:
        return out.getvalue(), done.code
    return out.getvalue(), 0


@pytest.fixture
def folder(tmp_path):
    shutil.copy(EXAMPLES / "log_file.json", tmp_path / "picture.png")
    below = tmp_path / "below"
    below.mkdir()
    (below / "bad.json").write_bytes(
        (EXAMPLES / "records.ndjson").read_bytes() + b'42\n{"eventName":"x","eventVersion":"1"}\n'
    )
    (below / "okta.json").write_bytes(b'{"published":"x","eventType":"y","actor":{}}')
    (below / "empty.json").write_bytes(b"")
    return tmp_path


def test_a_folder_is_walked_and_every_file_told(folder):
    found = check([str(folder)], at=AT)
    by_name = {one["path"].rpartition("/")[2]: one for one in found["files"]}
    assert list(by_name) == ["bad.json", "empty.json", "okta.json", "picture.png"]
    assert {key: by_name["picture.png"][key] for key in ("source", "records", "events", "rejected")} == {
        "source": "aws",
        "records": 8,
        "events": 8,
        "rejected": 0,
    }
    bad = by_name["bad.json"]
    assert (bad["records"], bad["events"], bad["rejected"]) == (10, 8, 2)
    assert {reason["reason"]: reason["count"] for reason in bad["reasons"]} == {
        "The record is a number, not an object with fields.": 1,
        "The record has no eventTime, so it cannot be placed in a period.": 1,
    }
    assert bad["reasons"][0]["example"].startswith("record 9: 42")
    assert by_name["okta.json"]["source"] is None
    assert by_name["okta.json"]["reasons"][0]["reason"] == "It looks like an Okta System Log export."
    assert by_name["empty.json"]["reasons"][0]["reason"] == "It looks like an empty file."
    assert found["totals"] == {"files": 4, "unrecognized": 2, "records": 18, "events": 16, "rejected": 2}
    assert refused(found)


def test_a_path_given_twice_counts_once(folder):
    path = str(folder / "picture.png")
    assert check([path, path, str(folder)], at=AT)["totals"]["files"] == 4


def test_nothing_is_refused_where_all_is_well():
    assert not refused(check([str(EXAMPLES)], at=AT))


def test_a_missing_path_is_named():
    with pytest.raises(MissingPath, match="There is no file or folder /nowhere/at/all"):
        check(["/nowhere/at/all"], at=AT)


def test_the_command_prints_one_json_object(folder):
    text, code = run("check", str(folder), "--json")
    found = json.loads(text)
    assert set(found) == {"files", "totals"}
    assert set(found["files"][0]) == {
        "path",
        "source",
        "confidence",
        "records",
        "events",
        "rejected",
        "reasons",
    }
    assert set(found["files"][0]["reasons"][0]) == {"reason", "count", "example"}
    assert code == 1
    text, code = run("check", str(EXAMPLES / "log_file.json"), "--json")
    assert (json.loads(text)["totals"]["events"], code) == (8, 0)


def test_the_command_prints_for_people(folder):
    text, code = run("check", str(folder))
    assert "picture.png: aws (0.99): 8 records, 8 events, 0 rejected" in text
    assert "It looks like an Okta System Log export." in text
    assert code == 1


def test_a_missing_path_or_source_is_a_usage_error():
    for arguments in (("check", "/nowhere/at/all"), ("check", str(EXAMPLES), "--source", "nobody")):
        with pytest.raises(CommandError) as refusal:
            run(*arguments)
        assert refusal.value.returncode == 2


def test_the_sources_are_listed():
    text, code = run("--json")
    (aws,) = [one for one in json.loads(text)["sources"] if one["slug"] == "aws"]
    assert {"family", "vendor", "ways_in", "examples", "title"} <= set(aws)
    assert code == 0
    assert "cloudtrail" in run()[0]
