"""Each planted bug turns a test red: a copy of the project with the bug in it runs the tests that should see it.

A bug is a patch in this folder. Before its diff it says what it does (`Bug:`) and which test must fail of it
(`Red:`, once per test). A patch that no longer applies fails here too: mend it with the code.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from config.devstack import testing
from config.devstack.environment import ROOT

FOLDER = Path(__file__).parent
_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv*", "var", "build", "__pycache__", ".*_cache", ".hypothesis", "planted"
)
_MOST_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Planted:
    """One patch: what it breaks, and the tests that must see it."""

    patch: Path
    bug: str
    red: tuple[str, ...]


def planted(patch: Path) -> Planted:
    head = patch.read_text(encoding="utf-8").split("\ndiff --git ", 1)[0]
    found = dict.fromkeys(re.findall(r"^Red: (\S+)$", head, re.MULTILINE))
    (bug,) = re.findall(r"^Bug: (.+)$", head, re.MULTILINE)
    assert found, f"{patch.name} names no test that must fail of it (Red: tests/…::test_…)"
    return Planted(patch, bug, tuple(found))


BUGS = [planted(patch) for patch in sorted(FOLDER.glob("*.patch"))]


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS, ids=[each.patch.stem for each in BUGS])
def test_a_planted_bug_turns_its_tests_red(bug: Planted, tmp_path: Path) -> None:
    there = tmp_path / "copy"
    shutil.copytree(ROOT, there, ignore=_LEFT_OUT)
    applied = subprocess.run(
        ["git", "apply", "--whitespace=nowarn", str(bug.patch)], cwd=there, capture_output=True, text=True
    )
    assert applied.returncode == 0, f"{bug.patch.name} no longer applies: {applied.stderr}"
    for test in bug.red:
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", test],
            cwd=there,
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
                # The tests' server and its migrated template are the same; the code is not.
                "PROOFLINE_TEST_DATABASE_URL": testing.database_url("postgres"),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            capture_output=True,
            text=True,
            timeout=_MOST_SECONDS,
        )
        # 1: tests failed. Whatever else happened (no such test, an import that broke) is no test that saw the bug.
        assert ran.returncode == 1, (
            f"{test} did not see it: {bug.bug}\n{ran.stdout[-3000:]}{ran.stderr[-1000:]}"
        )
        assert re.search(r"^FAILED ", ran.stdout, re.MULTILINE), ran.stdout[-3000:]


def test_there_is_a_bug_for_each_way_in() -> None:
    assert {each.patch.stem for each in BUGS} >= {
        "leaked_path",
        "view_without_scope",
        "endpoint_without_action",
        "engagement_date_off_by_one",
        "token_without_client",
        "unlogged_read",
        "cache_key_without_client",
        "admin_edit_of_a_derived_figure",
    }
