"""From raw bytes of AWS to a package that the verifier confirms in an empty folder; and back to every bit of it."""

import csv
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from config.devstack import testing
from reports.packages.build import Asked, CannotBuild, built
from tenants.clients.models import Client
from tenants.clients.switch import client as at_client
from tests import make
from tests.reports.packages import small_client

pytestmark = pytest.mark.slow
PAGES = Path(settings.BASE_DIR)
VERIFIER = PAGES / "reports" / "packages" / "verify.py"


@dataclass(frozen=True)
class Package:
    """A zip on disk, and its tables."""

    path: Path
    controls: dict[str, dict[str, Any]]

    def read(self, name: str) -> bytes:
        with zipfile.ZipFile(self.path) as bundle:
            return bundle.read(f"{self.path.stem}/{name}")

    def names(self) -> list[str]:
        with zipfile.ZipFile(self.path) as bundle:
            return [name.partition("/")[2] for name in bundle.namelist()]

    def rows(self, name: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.read(name).decode())))

    def figures(self) -> dict[str, Any]:
        return json.loads(self.read("package.json"))

    def unproven(self, kind: str) -> list[str]:
        found = self.figures().items()
        return [each["text"] for key, each in found if key.startswith(f"does_not_prove/{kind}/")]


def build(found: Client, asked: Asked, folder: Path) -> Package:
    folder.mkdir(parents=True, exist_ok=True)
    with at_client(found), built(asked, at=small_client.NOW) as made:
        path = folder / f"{made.bundle.name}.zip"
        with path.open("wb") as out:
            made.bundle.write_zip(out)
        return Package(path, made.controls)


def type_2(found: Client) -> Asked:
    return Asked.type_2(small_client.period(found))


@pytest.fixture(scope="module")
def harbor(module_database: str) -> Client:
    found = make.client("harbor", zone="Europe/Zurich")
    small_client.fill(found)
    return found


@pytest.fixture(scope="module")
def second(harbor: Client, tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The Type II."""
    return build(harbor, type_2(harbor), tmp_path_factory.mktemp("two"))


@pytest.fixture(scope="module")
def first(harbor: Client, tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The Type I as of the day on which alice had no second factor enrolled."""
    return build(harbor, Asked.type_1(small_client.FAILS_ON), tmp_path_factory.mktemp("one"))


def verified(path: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the verifier as a stranger does: isolated, in an empty folder, with nothing of ours in reach."""
    folder.mkdir(exist_ok=True)
    assert not list(folder.iterdir())
    command = [sys.executable, "-I", str(VERIFIER), str(path), "--json"]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env={"PATH": "/usr/bin"}, timeout=120
    )


def test_a_type_2_from_raw_bytes_holds_in_an_empty_folder(second: Package, tmp_path: Path) -> None:
    ran = verified(second.path, tmp_path / "nothing")
    answer = json.loads(ran.stdout)
    assert [check for check in answer["checks"] if not check["ok"]] == []
    assert (ran.returncode, answer["ok"]) == (0, True)
    assert {check["name"] for check in answer["checks"]} == {f"V{n:02d}" for n in range(1, 26)}


def test_a_type_1_from_raw_bytes_holds_in_an_empty_folder(first: Package, tmp_path: Path) -> None:
    ran = verified(first.path, tmp_path / "nothing")
    assert ran.returncode == 0, ran.stdout


def test_the_verifier_in_the_bundle_is_the_projects(second: Package) -> None:
    assert second.read("verify.py") == VERIFIER.read_bytes()


def test_a_sign_in_without_a_factor_is_a_failed_member_an_exception_and_a_row(second: Package) -> None:
    results = second.rows("populations/AC-01.R01.results.csv")
    failed = [row for row in results if row["result"] == "fail"]
    assert len(results) == 10
    assert len(failed) == 1
    exceptions = {row["id"]: row for row in second.rows("exceptions.csv")}
    assert failed[0]["member_id"] in exceptions[failed[0]["exception"]]["members"]
    members = {row["member_id"]: row for row in second.rows("populations/AC-01.R01.members.csv")}
    assert members[failed[0]["member_id"]]["local_date"] == small_client.FAILS_ON.isoformat()
    (test,) = [row for row in second.rows("tests.csv") if row["pid"] == "AC-01.R01"]
    assert (test["members"], test["pass"], test["fail"], test["unknown"]) == ("10", "8", "1", "1")
    assert test["result"] == "deviations"


def test_the_failed_members_raw_record_is_in_the_bundle(second: Package) -> None:
    import base64

    kept = [json.loads(second.read(name)) for name in second.names() if name.startswith("evidence/AC-01/")]
    raws = [json.loads(base64.b64decode(each["raw"])) for each in kept if "raw" in each]
    wanted = small_client.sign_ins(small_client.FAILS_ON)[0]
    assert wanted in raws


def test_a_census_is_whole_and_management_draws_nothing_from_it(second: Package) -> None:
    (test,) = [row for row in second.rows("tests.csv") if row["pid"] == "AC-01.R01"]
    assert (test["lane"], test["sample"]) == ("census", "")
    assert second.rows("samples/index.csv") == []


def test_a_type_1_tests_state_and_design_only(first: Package) -> None:
    tested = [row for row in first.rows("tests.csv") if row["control"] == "AC-01"]
    by = {row["procedure"]: row for row in tested}
    assert by["R01"]["result"] == "not_tested"
    assert "state and design only" in by["R01"]["text"]
    assert by["R10"]["fail"] == "1"
    assert by["R10"]["result"] == "not_in_place"
    assert not [name for name in first.names() if "R01" in name]


def test_a_flipped_bit_anywhere_is_named(second: Package, tmp_path: Path) -> None:
    content = second.path.read_bytes()
    for number, share in enumerate((0.02, 0.25, 0.5, 0.75, 0.999)):
        place = int(len(content) * share)
        damaged = tmp_path / str(number) / second.path.name
        damaged.parent.mkdir()
        damaged.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        ran = verified(damaged, tmp_path / f"empty{number}")
        assert ran.returncode in (1, 2), f"a bit of byte {place} was flipped and nobody said so"
        assert ran.stdout or ran.stderr


def test_one_day_of_input_removed_adds_a_line_to_what_it_does_not_prove(
    second: Package, tmp_path: Path
) -> None:
    larkfield = make.client("larkfield", zone="Europe/Zurich")
    small_client.fill(larkfield, without=small_client.DAYS[1])
    lacking = build(larkfield, type_2(larkfield), tmp_path)
    assert verified(lacking.path, tmp_path / "nothing").returncode == 0
    assert second.unproven("gap") == []
    (line,) = lacking.unproven("gap")
    assert small_client.DAYS[1].isoformat() in line
    assert "AC-01" in line
    (test,) = [row for row in lacking.rows("tests.csv") if row["pid"] == "AC-01.R01"]
    assert test["gap"] == "1"
    assert f"Not tested on 1 of {len(small_client.DAYS)} days" in test["text"]


_BUILD = """
import sys, pathlib, datetime, django
django.setup()
from config.devstack import testing
testing.connect_django(sys.argv[1])
from tenants.clients.switch import client
from tests.reports.packages import small_client
from reports.packages.build import Asked, built
with client("harbor") as found, built(Asked.type_2(small_client.period(found)), at=small_client.NOW) as made:
    with open(sys.argv[2], "wb") as out:
        made.bundle.write_zip(out)
"""


def test_two_builds_in_two_processes_give_equal_bytes(
    harbor: Client, second: Package, module_database: str, tmp_path: Path
) -> None:
    outputs = []
    for seed, zone, folder in (
        ("1", "Asia/Kathmandu", tmp_path / "a"),
        ("97", "America/St_Johns", tmp_path / "b"),
    ):
        folder.mkdir()
        environment = os.environ | {
            "PYTHONHASHSEED": seed,
            "TZ": zone,
            "PYTHONPATH": str(PAGES),
            "DJANGO_SETTINGS_MODULE": "tests.reports.packages.same_installation",
            "DATABASE_URL": testing.database_url(module_database),
            "PROOFLINE_MASTER_KEY": os.environ["PROOFLINE_MASTER_KEY"],
            "PROOFLINE_TEST_VAR": str(settings.VAR_DIR),
        }
        out = folder / "package.zip"
        command = [sys.executable, "-c", _BUILD, module_database, str(out)]
        subprocess.run(command, cwd=folder, env=environment, check=True, timeout=300)
        outputs.append(out.read_bytes())
    assert outputs[0] == outputs[1]
    assert outputs[0] == second.path.read_bytes()


def test_without_a_leaf_there_is_nothing_to_package(module_database: str, tmp_path: Path) -> None:
    asked = Asked.type_1(small_client.FIRST)
    with (
        at_client(make.client("nobody")),
        pytest.raises(CannotBuild, match="Nothing was received"),
        built(asked, at=small_client.NOW),
    ):
        pass


@pytest.fixture(autouse=True)
def _unblocked(django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield
