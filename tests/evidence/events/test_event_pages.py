"""Batches, events and one record: to the bytes whose hash anybody computes again."""

import base64
import csv
import hashlib
import io
import json
import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from evidence.batches.models import Batch
from evidence.events.models import Event
from evidence.ledger.leaf import parse_leaf
from evidence.ledger.services import checkpoint
from evidence.ledger.tree import leaf_hash, root_from_inclusion
from tests import make

C = "/c/harbor/"
NOW = timezone.now()
NOON = (NOW - timedelta(days=5)).replace(hour=12, minute=0, second=0, microsecond=0)


def get(user: Any, path: str, status: int = 200) -> Any:
    answer = make.signed_in(user).get(path)
    assert answer.status_code == status, (path, answer.status_code)
    return answer


def html(user: Any, path: str) -> str:
    return get(user, path).content.decode()


def text(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def take(*records: dict[str, Any], extra: bytes = b"") -> Batch:
    make.take_in(make.lines(records) + extra, at=NOW)
    return Batch.objects.order_by("-pk")[0]


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


# One record


def test_an_event_is_shown_beside_its_exact_bytes(harbor):
    record = make.sign_in("alice", at=NOON)
    batch = take(record)
    page = html(make.member("CA", harbor), f"{C}events/{batch.pk}/0/")
    raw = json.dumps(record, separators=(",", ":")).encode()
    assert hashlib.sha256(raw).hexdigest() in page
    assert "<h1>ConsoleLogin</h1>" in page
    assert f"{len(raw):,} bytes, indented" in page
    assert "Authentication: Logon" in page
    assert "computed now, agrees" in page


def test_the_download_is_the_exact_bytes_and_no_browser_interprets_them(harbor):
    record = make.record(at=NOON, by="<script>alert(1)</script>")
    batch = take(make.record(n=5, at=NOON), record)
    answer = get(make.member("CA", harbor), f"{C}events/{batch.pk}/1/raw/")
    assert answer.content == json.dumps(record, separators=(",", ":")).encode()
    assert answer["Content-Disposition"].startswith("attachment; ")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Type"] == "application/octet-stream"
    assert "<script>alert" not in html(make.member("CA", harbor), f"{C}events/{batch.pk}/1/")


def test_the_proof_leads_from_the_bytes_to_the_signed_head(harbor):
    batch = take(*(make.record(at=NOON, n=n) for n in range(7)))
    head = checkpoint(at=NOW)
    admin = make.member("CA", harbor)
    raw = get(admin, f"{C}events/{batch.pk}/4/raw/").content
    told = json.loads(get(admin, f"{C}events/{batch.pk}/4/proof/").content)
    path = [base64.b64decode(each) for each in told["record"]["path"]]
    root = root_from_inclusion(told["record"]["index"], told["record"]["records"], leaf_hash(raw), path)
    leaf = base64.b64decode(told["leaf"]["bytes"])
    assert parse_leaf(leaf).sha256 == root.hex()
    above = [base64.b64decode(each) for each in told["leaf"]["path"]]
    assert root_from_inclusion(told["leaf"]["seq"], head.size, leaf_hash(leaf), above) == bytes(head.root)
    assert told["head"] == head.note


def test_what_the_rules_said_stands_beside_the_event(harbor):
    batch = take(make.sign_in("root", at=NOON), make.record(at=NOON))
    admin = make.member("CA", harbor)
    page = html(admin, f"{C}events/{batch.pk}/0/")
    assert "Privileged Access Without MFA" in page
    assert re.search(r'href="/c/harbor/exceptions/EX-\d{4}-\d{4}/"', page)
    assert "No rule looked at this record" in html(admin, f"{C}events/{batch.pk}/1/")


def test_the_account_is_shown_as_it_was_known_then(harbor):
    admin = make.member("CA", harbor)
    make.take_in(make.listing(NOON - timedelta(hours=2), {"alice": True}), at=NOW)
    make.take_in(make.listing(NOON + timedelta(days=2), {"alice": False}), at=NOW)
    batch = take(make.sign_in("alice", at=NOON - timedelta(hours=1)), make.sign_in("bob", at=NOON))
    known = html(admin, f"{C}events/{batch.pk}/0/")
    assert "The account at that time" in known
    assert "alice" in text(known[known.index("The account at that time") :])
    unknown = html(admin, f"{C}events/{batch.pk}/1/")
    assert "Nothing was known of this account" in unknown


def test_a_duplicate_leads_to_the_record_that_counts(harbor):
    first = take(make.record(at=NOON))
    second = take(make.record(at=NOON, n=1), make.record(at=NOON))
    page = html(make.member("CA", harbor), f"{C}events/{second.pk}/1/")
    assert "Duplicate" in page
    assert f'href="/c/harbor/events/{first.pk}/0/"' in page


def test_a_rejected_record_says_why_and_shows_hidden_characters(harbor):
    batch = take(make.record(at=NOON), extra='{"eventName": "a\u202eb"}\n'.encode())
    page = html(make.member("CA", harbor), f"{C}events/{batch.pk}/1/")
    assert "has no eventTime" in page
    assert "a\\u202eb" in page
    assert "\u202e" not in page


def test_a_listing_says_what_it_lists(harbor):
    make.take_in(make.listing(NOON, {"alice": True, "bob": False}), at=NOW)
    page = text(html(make.member("CA", harbor), f"{C}events/{Batch.objects.get().pk}/0/"))
    assert "A listing of what was there at an instant" in page


@pytest.mark.parametrize(
    "path", ["events/99999/0/", "events/{}/7/", "events/{}/7/raw/", "batches/99999/", "batches/99999/raw/"]
)
def test_what_does_not_exist_is_absent(harbor, path):
    batch = take(make.record(at=NOON))
    get(make.member("CA", harbor), C + path.format(batch.pk), 404)


def test_missing_bytes_are_said_and_are_no_error_of_the_page(harbor):
    batch = take(make.record(at=NOON))
    default_storage.delete(batch.object_name)
    admin = make.member("CA", harbor)
    for path in (f"events/{batch.pk}/0/", f"events/{batch.pk}/0/raw/", f"batches/{batch.pk}/raw/"):
        assert "does not hold what the ledger names" in get(admin, C + path, 410).content.decode()


# Batches


def test_a_batch_tells_what_it_holds_and_gives_its_bytes(harbor):
    batch = take(make.record(at=NOON), make.record(at=NOON, n=1), extra=b"17\n")
    admin = make.member("CA", harbor)
    page = html(admin, f"{C}batches/{batch.pk}/")
    assert batch.sha256 in page
    assert re.findall(r'class="value">([\d,]+)</span><span class="label">(\w+)', page)[:2] == [
        ("3", "records"),
        ("2", "new"),
    ]
    assert "is a number" in page
    answer = get(admin, f"{C}batches/{batch.pk}/raw/")
    content = body(answer)
    assert hashlib.sha256(content).hexdigest() == batch.sha256
    assert len(content) == int(answer["Content-Length"])
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Disposition"].startswith("attachment; ")


def test_batches_are_paged_without_counting(harbor):
    for n in range(53):
        take(make.record(at=NOON, n=n))
    admin = make.member("CA", harbor)
    first = html(admin, f"{C}sources/aws/batches/")
    assert first.count('scope="row"') == 50
    (older,) = re.findall(r'href="(\?before=\d+)"', first)
    rest = html(admin, f"{C}sources/aws/batches/{older}")
    assert rest.count('scope="row"') == 3
    assert html(admin, f"{C}sources/aws/batches/?before=junk").count('scope="row"') == 50


# The list


def rows(page: str) -> list[str]:
    return re.findall(r'href="(/c/harbor/events/\d+/\d+/)"', page)


def test_the_list_goes_on_by_key_and_shows_each_event_once(harbor):
    same = [make.record(at=NOON, n=n) for n in range(70)]
    take(*same, *(make.record(at=NOON - timedelta(seconds=n), n=n) for n in range(1, 41)))
    admin = make.member("CA", harbor)
    address, seen, pages = f"{C}events/", [], 0
    while address:
        page = html(admin, address)
        seen += rows(page)
        pages += 1
        older = re.findall(r'href="(\?[^"]*after=[^"]*)"', page)
        address = f"{C}events/{older[0].replace('&amp;', '&')}" if older else ""
    assert (pages, len(seen), len(set(seen))) == (3, 110, 110)


def test_the_list_is_filtered_by_action_actor_and_days(harbor):
    take(
        make.record("CreateUser", at=NOON, by="root"),
        make.record("DeleteUser", at=NOON - timedelta(days=2)),
        make.record(at=NOON),
    )
    admin = make.member("CA", harbor)
    day = NOON.date()
    assert len(rows(html(admin, f"{C}events/"))) == 3
    assert len(rows(html(admin, f"{C}events/?action=user"))) == 2
    assert len(rows(html(admin, f"{C}events/?actor={make.user_id('alice')}"))) == 2
    assert len(rows(html(admin, f"{C}events/?from={day}&to={day}"))) == 2
    assert len(rows(html(admin, f"{C}events/?from={day}&to={day}&action=CreateUser"))) == 1
    assert "No event matches" in html(admin, f"{C}events/?action=nothing-of-the-kind")
    wide = html(admin, f"{C}events/?from=1990-01-01&to={day}")
    assert "At most 366 days" in wide
    assert "is no day" in html(admin, f"{C}events/?from=yesterday-ish")
    assert len(rows(html(admin, f"{C}events/?after=junk&source=nothing&batch=x"))) == 3


def test_the_csv_is_the_same_list_and_safe_in_a_spreadsheet(harbor):
    take(make.record("=cmd|' /C calc'!A0", at=NOON), make.record(at=NOON))
    answer = get(make.member("CA", harbor), f"{C}events.csv")
    lines = list(csv.DictReader(io.StringIO(body(answer).decode())))
    assert len(lines) == 2
    assert {line["action"][:2] for line in lines} == {"'=", "De"}
    assert lines[0]["time"] == NOON.isoformat(timespec="microseconds").replace("+00:00", "Z")


def test_without_events_the_page_says_why(harbor):
    admin = make.member("CA", harbor)
    assert "No source is connected" in html(admin, f"{C}events/")
    make.source(connected=NOW)
    assert "No event on these days" in html(admin, f"{C}events/")


# An auditor


@pytest.fixture
def bounded(harbor: Any) -> tuple[Any, Batch, Batch, Batch]:
    """An auditor of three days, and a batch before them, one within, one across the end."""
    day: date = NOON.date()
    auditor = make.auditor(harbor, period=(day - timedelta(days=2), day))
    before = take(make.record(at=NOON - timedelta(days=9)))
    within = take(make.record(at=NOON - timedelta(days=1)))
    across = take(make.record(at=NOON), make.record(at=NOON + timedelta(days=2)), extra=b"17\n")
    return auditor, before, within, across


def test_an_auditor_opens_what_the_period_covers_and_nothing_else(bounded):
    auditor, before, within, across = bounded
    get(auditor, f"{C}events/{within.pk}/0/")
    get(auditor, f"{C}events/{within.pk}/0/raw/")
    get(auditor, f"{C}events/{within.pk}/0/proof/")
    get(auditor, f"{C}batches/{within.pk}/raw/")
    for path in ("", "raw/"):
        get(auditor, f"{C}batches/{before.pk}/{path}", 404)
        get(auditor, f"{C}events/{before.pk}/0/{path}", 404)
    get(auditor, f"{C}events/{across.pk}/0/")
    get(auditor, f"{C}events/{across.pk}/1/", 404)
    get(auditor, f"{C}events/{across.pk}/1/raw/", 404)
    get(auditor, f"{C}events/{across.pk}/1/proof/", 404)


def test_a_batch_that_reaches_out_of_the_period_keeps_its_bytes_from_an_auditor(bounded):
    auditor, _, _, across = bounded
    page = html(auditor, f"{C}batches/{across.pk}/")
    assert "reaches beyond the engagement" in page
    assert "not shown: it may lie outside" in page
    get(auditor, f"{C}batches/{across.pk}/raw/", 404)
    get(auditor, f"{C}events/{across.pk}/2/", 404)


def test_an_auditors_lists_end_with_the_period(bounded):
    auditor, before, within, across = bounded
    assert sorted(rows(html(auditor, f"{C}events/"))) == [
        f"{C}events/{within.pk}/0/",
        f"{C}events/{across.pk}/0/",
    ]
    wider = html(auditor, f"{C}events/?from=2020-01-01&to=2030-01-01")
    assert len(rows(wider)) == 2
    outside = html(auditor, f"{C}events/?from=2020-01-01&to=2020-02-01")
    assert "outside the engagement" in outside
    assert len(rows(html(auditor, f"{C}events/?batch={before.pk}"))) == 2, (
        "a batch that is absent filters nothing"
    )
    assert body(get(auditor, f"{C}events.csv?from=2020-01-01&to=2030-01-01")).count(b"\n") == 3
    assert f"/batches/{before.pk}/" not in html(auditor, f"{C}sources/aws/batches/")


def test_a_control_owner_without_a_control_on_the_source_sees_no_event(harbor):
    batch = take(make.record(at=NOON))
    owner = make.member("CO", harbor)
    assert rows(html(owner, f"{C}events/")) == []
    for path in (
        f"events/{batch.pk}/0/",
        f"batches/{batch.pk}/",
        f"batches/{batch.pk}/raw/",
        "sources/aws/batches/",
    ):
        get(owner, C + path, 404)


def test_pages_ask_as_much_for_a_thousand_rows_as_for_ten(harbor):
    admin = make.member("CA", harbor)
    browser = make.signed_in(admin)
    asked = []
    for count in (10, 1000):
        batch = take(
            *(make.record(at=NOON + timedelta(seconds=n), n=count) for n in range(count)),
            extra=b"17\n" * count,
        )
        counts = []
        for path in (
            "events/",
            "events/?action=Describe",
            f"events/{batch.pk}/0/",
            f"batches/{batch.pk}/",
            "events.csv",
        ):
            with CaptureQueriesContext(connection) as queries:
                body(browser.get(C + path))
            counts.append(len(queries))
        asked.append(counts)
    assert asked[0] == asked[1]
    assert max(asked[1]) < 40
    assert Event.objects.count() >= 1000
