"""Packages on their pages: asked for, built in the background, given up, tried again, read, sent out, verified."""

import datetime
import hashlib
import io
import json
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from reports.packages import services
from reports.packages.models import Package
from reports.packages.tasks import build_waiting
from tenants.clients.models import Client
from tenants.clients.switch import client as at_client
from tenants.members.models import User
from tests import make
from tests.reports.packages import small_client

VERIFIER = Path(settings.BASE_DIR) / "reports" / "packages" / "verify.py"
TYPE_2 = {"kind": "2", "period_start": "2026-03-02", "period_end": "2026-03-06", "do": "build"}
TYPE_1 = {"kind": "1", "as_of": "2026-03-04", "do": "build"}
LIST = "/c/harbor/packages/"


@pytest.fixture(autouse=True)
def _unblocked(django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="module")
def harbor(module_database: str) -> Client:
    found = make.client("harbor", zone="Europe/Zurich")
    small_client.fill(found)
    return found


@pytest.fixture(scope="module")
def analyst(harbor: Client) -> User:
    return make.member("AN", harbor)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was said to the broker, which the tests do not run."""
    from reports.packages.tasks import build_package

    messages: list[dict[str, Any]] = []
    monkeypatch.setattr(build_package, "apply_async", lambda **options: messages.append(options["kwargs"]))
    return messages


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def ask(user: User, data: dict[str, str]) -> Package:
    answer = make.signed_in(user).post(f"{LIST}new/", data)
    assert answer.status_code == 302, text_of(answer)[-2000:]
    key = answer["Location"].rstrip("/").rsplit("/", 1)[1]
    with at_client("harbor"):
        return Package.objects.get(pk=key)


def build(package: Package) -> Package:
    with at_client("harbor"):
        services.build(package.pk)
        package.refresh_from_db()
    return package


@pytest.fixture(scope="module")
def built(harbor: Client, analyst: User, django_db_blocker: Any) -> Package:
    with django_db_blocker.unblock(), at_client(harbor):
        asked = services.Asked.type_2(small_client.period(harbor))
        package = Package.objects.create(
            kind="2",
            period_start=asked.start,
            period_end=asked.end,
            asked_at=timezone.now(),
            asked_by=analyst.pk,
        )
        services.build(package.pk)
        package.refresh_from_db()
        return package


# Asking ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_form_says_first_what_it_will_not_prove(analyst: User) -> None:
    browser = make.signed_in(analyst)
    said = text_of(browser.post(f"{LIST}new/", TYPE_2 | {"do": "look", "period_end": "2026-03-09"}))
    assert "Nothing received" in said
    assert "Amazon Web Services, events: 3 of 8 days, 7 Mar – 9 Mar" in said
    assert "1 of 10 members of AC-01.R01: 1 a field is absent" in said
    assert "procedures, besides inspections of design" in said
    assert "1 exception is not triaged" in said or "exceptions are not triaged" in said
    with at_client("harbor"):
        assert not Package.objects.filter(period_end="2026-03-09").exists()


def test_a_type_and_its_days_must_fit(analyst: User, sent: list[Any]) -> None:
    browser = make.signed_in(analyst)
    tomorrow = timezone.now().date() + datetime.timedelta(days=3)
    for data, words in (
        (TYPE_2 | {"period_end": ""}, "needs its first and its last day"),
        (TYPE_2 | {"period_end": "2026-03-01"}, "ends before it begins"),
        (TYPE_2 | {"period_start": f"{tomorrow}", "period_end": f"{tomorrow}"}, "has not begun yet"),
        (TYPE_2 | {"period_start": "2019-01-01"}, "more than three years"),
        (TYPE_1 | {"as_of": ""}, "needs its date"),
        (TYPE_1 | {"as_of": f"{tomorrow}"}, "yet to come"),
        (TYPE_1 | {"as_of": "soon"}, "Enter a valid date"),
        (TYPE_1 | {"kind": "3"}, "Select a valid choice"),
        (TYPE_1 | {"engagement": "somebody else's"}, "Select a valid choice"),
    ):
        answer = browser.post(f"{LIST}new/", data)
        assert answer.status_code == 422, data
        assert words in text_of(answer)
    assert sent == []


def test_asking_keeps_a_row_and_hints_the_worker(harbor: Client, analyst: User, sent: list[Any]) -> None:
    package = ask(analyst, TYPE_2)
    assert (package.state, package.kind, package.asked_by) == ("waiting", "2", analyst.pk)
    assert sent == [{"client": harbor.pk, "package": str(package.pk)}]
    said = text_of(make.signed_in(analyst).get(f"{LIST}{package.pk}/"))
    assert f'hx-get="/c/harbor/packages/{package.pk}/progress/"' in said
    assert "you can leave this page" in said
    assert "Give it up" in said
    with at_client(harbor):
        services.cancel(package)


def test_a_broker_that_is_down_costs_only_time(
    harbor: Client, analyst: User, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from reports.packages.tasks import build_package

    def down(**_: Any) -> None:
        raise ConnectionError("refused")

    monkeypatch.setattr(build_package, "apply_async", down)
    package = ask(analyst, TYPE_2)
    monkeypatch.setattr(build_package, "apply_async", lambda **options: sent.append(options["kwargs"]))
    assert build_waiting(client=harbor) == 1
    assert sent == [{"client": harbor.pk, "package": str(package.pk)}]
    with at_client(harbor):
        services.cancel(package)


# Building ───────────────────────────────────────────────────────────────────────────────────────────


def test_progress_is_kept_as_it_goes_and_the_page_is_told_when_it_ends(
    harbor: Client, analyst: User, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    package = ask(analyst, TYPE_1)
    browser = make.signed_in(analyst)
    seen: list[str] = []
    tell = services._Watch.tell

    def watched(self: Any, step: str, percent: int) -> None:
        tell(self, step, percent)
        # Another connection sees it at once, though the build reads in one long transaction.
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()

    def look() -> None:
        answer = browser.get(f"{LIST}{package.pk}/progress/")
        seen.append(text_of(answer))
        connections.close_all()

    monkeypatch.setattr(services._Watch, "tell", watched)
    build(package)
    assert package.state == "built", package.reason
    assert 'value="5"' in seen[1]
    assert "Reading coverage" in seen[1]
    assert any("Printing the PDF" in each for each in seen)
    assert browser.get(f"{LIST}{package.pk}/progress/")["HX-Refresh"] == "true"


def test_a_build_is_given_up_at_its_next_step_and_keeps_nothing(
    harbor: Client, analyst: User, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    package = ask(analyst, TYPE_1)
    tell = services._Watch.tell

    def interrupted(self: Any, step: str, percent: int) -> None:
        tell(self, step, percent)
        if "coverage" in step:
            thread = threading.Thread(target=give_up)
            thread.start()
            thread.join()

    def give_up() -> None:
        answer = make.signed_in(analyst).post(f"{LIST}{package.pk}/cancel/")
        assert answer.status_code == 302
        connections.close_all()

    monkeypatch.setattr(services._Watch, "tell", interrupted)
    build(package)
    assert (package.state, package.object_name) == ("canceled", "")
    said = text_of(make.signed_in(analyst).get(f"{LIST}{package.pk}/"))
    assert "The build was given up" in said
    assert "Try again" in said
    monkeypatch.setattr(services._Watch, "tell", tell)
    make.signed_in(analyst).post(f"{LIST}{package.pk}/again/")
    assert len(sent) == 2
    assert build(package).state == "built"


def test_what_has_ended_is_neither_given_up_nor_tried_again(
    built: Package, analyst: User, sent: list[Any]
) -> None:
    browser = make.signed_in(analyst)
    for what, words in (("cancel", "has ended already"), ("again", "can be tried again")):
        answer = browser.post(f"{LIST}{built.pk}/{what}/", follow=True)
        assert words in text_of(answer)
    assert sent == []


def test_a_build_of_nothing_says_why(analyst: User) -> None:
    found = make.client("newcomer")
    user = make.member("CA", found)
    with at_client(found):
        package = Package.objects.create(kind="1", as_of=datetime.date(2026, 3, 4), asked_at=timezone.now())
        services.build(package.pk)
        package.refresh_from_db()
    assert package.state == "failed"
    said = text_of(make.signed_in(user).get(f"/c/newcomer/packages/{package.pk}/"))
    assert "It was not built" in said
    assert "Nothing was received yet" in said


def test_two_workers_build_one_package_once(harbor: Client, analyst: User, sent: list[Any]) -> None:
    package = ask(analyst, TYPE_1)
    with at_client(harbor), services._watched(package.pk) as first:
        assert first is not None
        assert services.is_running(package)
        services.build(package.pk)  # the second worker finds the lock held
        package.refresh_from_db()
        assert package.state == "waiting"
        assert services.unfinished() == []
    with at_client(harbor):
        # The server lets go of the lock when it has noticed that the first one's connection is closed.
        ends = time.monotonic() + 20
        while services.is_running(package) and time.monotonic() < ends:
            time.sleep(0.05)
        assert not services.is_running(package)
        assert [each.pk for each in services.unfinished()] == [package.pk]
        services.cancel(package)


def test_a_build_whose_worker_is_gone_is_told_and_taken_up(
    harbor: Client, analyst: User, sent: list[Any]
) -> None:
    package = ask(analyst, TYPE_1)
    with at_client(harbor):
        Package.objects.filter(pk=package.pk).update(state="building", progress=40, step="Printing the PDF")
    said = text_of(make.signed_in(analyst).get(f"{LIST}{package.pk}/"))
    assert "The worker that built this is gone" in said
    assert build_waiting(client=harbor) == 1
    assert build(package).state == "built"


# The result ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_result_says_first_what_it_does_not_prove(built: Package, analyst: User) -> None:
    said = text_of(make.signed_in(analyst).get(f"{LIST}{built.pk}/"))
    assert said.index("What it does not prove") < said.index("Controls that were tested")
    assert "Members that could not be judged" in said
    assert "1 member of AC-01.R01 could not be judged: a field is absent" in said
    assert built.sha256 in said
    assert "Deviations noted" in said
    assert f"python3 -I verify.py {built.name}.zip" in said
    assert "nobody has issued it" in said


def test_the_zip_is_sent_as_it_is_stored_under_the_clients_own_folder(
    harbor: Client, built: Package, analyst: User
) -> None:
    assert built.object_name.startswith(f"{harbor.pk}/packages/")
    answer = make.signed_in(analyst).get(f"{LIST}{built.pk}/download/")
    content = b"".join(answer.streaming_content)
    assert answer["Content-Disposition"] == f'attachment; filename="{built.name}.zip"'
    assert hashlib.sha256(content).hexdigest() == built.sha256
    assert len(content) == built.size


@pytest.mark.slow
def test_the_three_commands_of_the_page_hold_in_an_empty_folder(
    built: Package, analyst: User, tmp_path: Path
) -> None:
    content = b"".join(make.signed_in(analyst).get(f"{LIST}{built.pk}/download/").streaming_content)
    (tmp_path / f"{built.name}.zip").write_bytes(content)
    with zipfile.ZipFile(io.BytesIO(content)) as bundle:
        (tmp_path / "verify.py").write_bytes(bundle.read(f"{built.name}/verify.py"))
    ran = subprocess.run(
        [sys.executable, "-I", "verify.py", f"{built.name}.zip"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout
    assert ran.stdout.splitlines()[-1].startswith("holds: ")


def test_the_pdf_is_shown_from_the_zip(built: Package, analyst: User) -> None:
    answer = make.signed_in(analyst).get(f"{LIST}{built.pk}/pdf/")
    assert answer["Content-Type"] == "application/pdf"
    assert b"".join(answer.streaming_content).startswith(b"%PDF-")


def test_every_check_is_run_here_and_listed(built: Package, analyst: User) -> None:
    browser = make.signed_in(analyst)
    assert f'hx-get="/c/harbor/packages/{built.pk}/verify/findings/"' in text_of(
        browser.get(f"{LIST}{built.pk}/verify/")
    )
    for address in (f"{LIST}{built.pk}/verify/findings/", f"{LIST}{built.pk}/verify/?run=1"):
        said = text_of(browser.get(address))
        assert "It holds" in said
        assert all(f"V{number:02d}" in said for number in range(1, 26))
        assert "the assertion is not signed" in said


def test_a_bit_that_flips_in_the_store_is_named_here_too(built: Package, analyst: User) -> None:
    path = Path(default_storage.path(built.object_name))
    content = path.read_bytes()
    place = len(content) // 2
    try:
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        said = text_of(make.signed_in(analyst).get(f"{LIST}{built.pk}/verify/findings/"))
        assert "It differs" in said
        assert "wrong-line" in said
        path.write_bytes(b"no zip at all")
        assert "The checks could not run" in text_of(
            make.signed_in(analyst).get(f"{LIST}{built.pk}/verify/findings/")
        )
        assert "The stored file cannot be read" in text_of(make.signed_in(analyst).get(f"{LIST}{built.pk}/"))
    finally:
        path.write_bytes(content)


# Who ────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_auditor_sees_no_draft_and_the_page_says_so(harbor: Client, built: Package) -> None:
    auditor = make.auditor(harbor, period=(datetime.date(2026, 3, 1), datetime.date(2026, 3, 31)))
    browser = make.signed_in(auditor)
    said = text_of(browser.get(LIST))
    assert "Drafts are not shown to auditors" in said
    assert str(built.pk) not in said
    for what in ("", "progress/", "download/", "pdf/", "verify/", "verify/findings/"):
        assert browser.get(f"{LIST}{built.pk}/{what}").status_code == 404
    assert browser.get(f"{LIST}new/").status_code == 403
    assert browser.post(f"{LIST}new/", TYPE_2).status_code == 403


def test_an_issued_package_of_the_period_is_the_auditors_to_read(harbor: Client, built: Package) -> None:
    inside = make.signed_in(
        make.auditor(harbor, period=(datetime.date(2026, 3, 1), datetime.date(2026, 3, 31)))
    )
    outside = make.signed_in(
        make.auditor(harbor, period=(datetime.date(2025, 3, 1), datetime.date(2025, 3, 31)))
    )
    with at_client(harbor):
        Package.objects.filter(pk=built.pk).update(status="issued")
    try:
        assert str(built.pk) in text_of(inside.get(LIST))
        for what in ("", "download/", "verify/findings/"):
            assert inside.get(f"{LIST}{built.pk}/{what}").status_code == 200
            assert outside.get(f"{LIST}{built.pk}/{what}").status_code == 404
    finally:
        with at_client(harbor):
            Package.objects.filter(pk=built.pk).update(status="draft")


def test_owners_and_employees_are_refused(harbor: Client, built: Package) -> None:
    for role in ("CO", "EM"):
        browser = make.signed_in(make.member(role, harbor))
        assert browser.get(LIST).status_code == 403
        assert browser.get(f"{LIST}{built.pk}/download/").status_code == 403


def test_a_hundred_packages_cost_no_more_queries_than_one(
    harbor: Client, built: Package, analyst: User
) -> None:
    browser = make.signed_in(analyst)

    def cost() -> int:
        browser.get(LIST)
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(LIST).status_code == 200
        return len(captured)

    before = cost()
    with at_client(harbor):
        rows = [
            Package(
                kind="1",
                as_of=small_client.LAST,
                state="canceled",
                asked_at=timezone.now(),
                asked_by=analyst.pk,
            )
            for _ in range(100)
        ]
        Package.objects.bulk_create(rows)
    assert cost() == before
    with at_client(harbor):
        Package.objects.filter(pk__in=[row.pk for row in rows]).delete()


# By command ─────────────────────────────────────────────────────────────────────────────────────────


def verify(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    from django.core.management import call_command

    try:
        call_command("verify", *arguments)
        code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    said = capsys.readouterr()
    return code, said.out, said.err


def test_the_command_says_whether_a_bundle_holds(
    built: Package, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = default_storage.path(built.object_name)
    code, out, _ = verify(capsys, path)
    assert (code, out.splitlines()[-1].split(":")[0]) == (0, "holds")
    code, out, _ = verify(capsys, path, "--json")
    answer = json.loads(out)
    assert (code, answer["ok"]) == (0, True)
    assert set(answer["checks"][0]) == {"name", "ok", "expected", "found", "where"}
    damaged = tmp_path / f"{built.name}.zip"
    content = bytearray(Path(path).read_bytes())
    content[len(content) // 3] ^= 8
    damaged.write_bytes(content)
    code, out, _ = verify(capsys, str(damaged), "--json")
    answer = json.loads(out)
    assert (code, answer["ok"]) == (1, False)
    assert any(not check["ok"] for check in answer["checks"])


def test_the_command_says_whether_a_live_ledger_holds(
    harbor: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    from evidence.batches.models import Batch

    code, out, _ = verify(capsys, "--client", "harbor", "--json")
    answer = json.loads(out)
    assert (code, answer["ok"]) == (0, True)
    assert {check["name"] for check in answer["checks"]} == {"leaves", "heads", "raw"}
    with at_client(harbor):
        batch = Batch.objects.order_by("pk").first()
        assert batch is not None
    path = Path(default_storage.path(batch.object_name))
    content = path.read_bytes()
    try:
        path.unlink()
        code, out, _ = verify(capsys, "--client", "harbor", "--json")
        (wrong,) = [check for check in json.loads(out)["checks"] if not check["ok"]]
        assert (code, wrong["name"], wrong["where"]) == (1, "raw", f"batch {batch.pk}")
    finally:
        path.write_bytes(content)


def test_a_wrong_call_ends_with_two_and_a_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for arguments, words in (
        ((), "Name a bundle's path"),
        (("x.zip", "--client", "harbor"), "not both"),
        ((str(tmp_path / "absent.zip"),), "absent.zip"),
        (("--client", "nobody-here"), "There is no client"),
        (("--client", "harbor", "--checkpoint", "x"), "belongs to a bundle"),
    ):
        code, _, err = verify(capsys, *arguments)
        assert code == 2
        assert words in err
