"""Upload: kept before it is answered, read by a worker, and told to the last record."""

import gzip
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from controls.exceptions.models import ControlException
from evidence.batches.tasks import intake
from evidence.intake.models import Delivery, Receipt
from tenants.clients.models import Client
from tenants.clients.switch import public
from tests import make

UPLOAD = "/c/harbor/sources/aws/upload/"
NOW = timezone.now()
RECENT = (NOW - timedelta(days=3)).replace(hour=12, minute=0, second=0, microsecond=0)


@pytest.fixture(autouse=True)
def _source(harbor: Client) -> None:
    make.source(connected=NOW - timedelta(days=10))


def records(count: int, **more: Any) -> bytes:
    return make.lines(make.record(at=RECENT, n=n, **more) for n in range(count))


def send(user: Any, *files: tuple[str, bytes], **more: Any) -> Any:
    given = [SimpleUploadedFile(name, content) for name, content in files]
    return make.signed_in(user).post(UPLOAD, {"files": given, **more})


def shown(user: Any, address: str, **headers: str) -> str:
    answer = make.signed_in(user).get(address, headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def wrong(answer: Any) -> list[str]:
    assert answer.status_code == 400
    found = re.findall(r'<p class="wrong">.*?<span>(.*?)</span>', answer.content.decode(), re.DOTALL)
    return [each.replace("&#x27;", "'") for each in found]


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_a_file_is_kept_before_the_answer_and_waits_for_a_worker(harbor):
    analyst = make.member("AN", harbor)
    answer = send(analyst, ("trail.ndjson", records(3)))
    delivery = Delivery.objects.get()
    assert answer["Location"] == f"/c/harbor/deliveries/{delivery.pk}/"
    assert (delivery.state, delivery.by, delivery.way) == ("received", analyst.pk, "upload")
    assert Receipt.objects.count() == 1
    html = shown(analyst, answer["Location"])
    assert "Waiting for a worker" in html
    assert 'hx-trigger="every 1s"' in html
    assert re.search(r'<progress [^>]*value="0" max="1"', html), "how much there is to do is known"
    assert "Look again" in html, "without script a link does"


def test_after_the_worker_every_record_is_accounted_for(harbor):
    admin = make.member("CA", harbor)
    content = records(3) + records(1) + b'{"eventName": "X"}\n' + b"17\n"
    address = send(admin, ("trail.ndjson", content))["Location"]
    intake.apply(kwargs={"client": harbor.pk})
    html = shown(admin, address)
    assert "every 1s" not in html, "nothing is waited for any more"
    figures = re.findall(r'class="value">([\d,]+)</span><span class="label">([^<]+)', html)
    assert figures == [
        ("6", "records"),
        ("3", "new events"),
        ("1", "duplicates: known before"),
        ("2", "rejected"),
        ("0", "new exceptions"),
    ]
    assert "has no eventTime" in html
    assert "is a number" in html
    assert "/c/harbor/batches/" in html


def test_the_poll_answers_a_part_alone(harbor):
    admin = make.member("CA", harbor)
    address = send(admin, ("trail.ndjson", records(1)))["Location"]
    part = shown(admin, address, **{"HX-Request": "true"})
    assert part.startswith('<div class="stack" id="delivery"')
    assert "<html" not in part


def test_no_worker_for_long_is_said(harbor):
    admin = make.member("CA", harbor)
    address = send(admin, ("trail.ndjson", records(1)))["Location"]
    Delivery.objects.update(started_at=timezone.now() - timedelta(minutes=5, seconds=10))
    assert "No worker has taken it for 5 min" in shown(admin, address)


def test_new_exceptions_are_named_with_links(harbor):
    admin = make.member("CA", harbor)
    address = send(admin, ("trail.ndjson", make.lines([make.sign_in("root", at=RECENT)])))["Location"]
    intake.apply(kwargs={"client": harbor.pk})
    exception = ControlException.objects.get()
    html = shown(admin, address)
    assert f'href="/c/harbor/exceptions/{exception.number}/"' in html
    assert "opened by this file" in html


def test_the_same_file_twice_adds_nothing_and_says_so(harbor):
    admin = make.member("CA", harbor)
    for _ in range(2):
        address = send(admin, ("trail.ndjson", records(3)))["Location"]
        intake.apply(kwargs={"client": harbor.pk})
    html = shown(admin, address)
    assert "had been received before" in html
    assert ("3", "duplicates: known before") in re.findall(
        r'class="value">([\d,]+)</span><span class="label">([^<]+)', html
    )


def test_several_files_are_one_upload(harbor):
    admin = make.member("CA", harbor)
    files = (
        ("a.ndjson", records(2)),
        ("b.json.gz", make.log_file([make.record("Two", at=RECENT)])),
        ("c.json", make.listing(RECENT)),
    )
    address = send(admin, *files)["Location"]
    assert Delivery.objects.count() == 3
    assert "0 of" not in text(shown(admin, address))
    intake.apply(kwargs={"client": harbor.pk})
    html = shown(admin, address)
    assert re.findall(r'class="row-link" href="[^"]+">([^<]+)', html) == ["a.ndjson", "b.json.gz", "c.json"]


def test_an_empty_file_is_refused_by_name(harbor):
    admin = make.member("CA", harbor)
    assert wrong(send(admin, ("empty.json", b""))) == [
        "“empty.json” is empty. Choose a file with at least one record."
    ]
    assert wrong(make.signed_in(admin).post(UPLOAD)) == ["Choose at least one file."]
    assert Delivery.objects.count() == 0


@pytest.mark.parametrize(
    ("name", "content", "looks"),
    [
        (
            "x.json",
            b'[{"published":"2026-01-01T00:00:00Z","eventType":"user.session.start","actor":{}}]',
            "Okta",
        ),
        ("trail.json", b"%PDF-1.7 ...", "a PDF document"),
        ("x.txt", b"hello world\n", "text of a kind that no source reads"),
    ],
)
def test_a_file_of_another_kind_says_what_it_looks_like_and_can_be_taken_all_the_same(
    harbor, name, content, looks
):
    admin = make.member("CA", harbor)
    (sentence,) = wrong(send(admin, (name, content)))
    assert looks in sentence
    assert Delivery.objects.count() == 0
    assert send(admin, (name, content), anyway="on").status_code == 302


def test_a_file_is_known_by_its_content_whatever_its_name_says(harbor):
    admin = make.member("CA", harbor)
    assert send(admin, ("holiday.jpg", make.log_file([make.record(at=RECENT)]))).status_code == 302


def test_a_bomb_is_refused_and_leaves_nothing(harbor):
    admin = make.member("CA", harbor)
    bomb = gzip.compress(records(1) + b"0" * 40_000_000)
    (sentence,) = wrong(send(admin, ("bomb.json.gz", bomb)))
    assert "unpacks to more than 400 times" in sentence
    assert Receipt.objects.count() == 0
    assert Delivery.objects.get().state == "refused"
    page = shown(admin, f"/c/harbor/deliveries/{Delivery.objects.get().pk}/")
    assert "The file was not taken" in page


def test_of_several_files_the_good_ones_are_kept_and_the_others_named(harbor):
    admin = make.member("CA", harbor)
    bomb = gzip.compress(records(1) + b"0" * 40_000_000)
    files = [SimpleUploadedFile("good.ndjson", records(2)), SimpleUploadedFile("bomb.json.gz", bomb)]
    answer = make.signed_in(admin).post(UPLOAD, {"files": files}, follow=True)
    page = answer.content.decode()
    assert "“bomb.json.gz” was not taken" in page
    assert re.findall(r'class="row-link" href="[^"]+">([^<]+)', page) == ["bomb.json.gz", "good.ndjson"]
    assert "refused" in page


def test_too_many_files_at_once_is_said(harbor):
    admin = make.member("CA", harbor)
    answer = send(admin, *((f"{n}.json", b"{}") for n in range(101)))
    assert answer.status_code == 400
    assert Delivery.objects.count() == 0


def test_a_name_never_leaves_its_place(harbor):
    admin = make.member("CA", harbor)
    address = send(admin, ("../../<b>etc</b>/passwd<i>.json", records(1)))["Location"]
    assert Delivery.objects.get().name == "passwd<i>.json"
    assert "<i>" not in shown(admin, address)


def test_who_may_upload(harbor):
    for role, status in (("MA", 302), ("AN", 302), ("CA", 302), ("CO", 404), ("EM", 403)):
        user = make.member(role, harbor)
        assert send(user, (f"{role}.ndjson", records(1))).status_code == status, role
    auditor = make.auditor(harbor)
    assert send(auditor, ("a.ndjson", records(1))).status_code == 403
    assert make.signed_in(auditor).get(UPLOAD).status_code == 403


def test_a_delivery_of_another_client_is_absent(harbor):
    admin = make.member("CA", harbor)
    address = send(admin, ("trail.ndjson", records(1)))["Location"]
    with public():
        stranger = make.member("CA", make.bare_client("larkfield"))
    assert make.signed_in(stranger).get(address).status_code == 404
    early = make.auditor(harbor)
    assert make.signed_in(early).get(address).status_code == 404, "given after the period"


def test_a_form_without_the_csrf_token_is_refused(harbor):
    from django.test import Client as Browser

    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(make.member("CA", harbor), backend="django.contrib.auth.backends.ModelBackend")
    answer = browser.post(UPLOAD, {"files": SimpleUploadedFile("a.json", b"{}")})
    assert answer.status_code == 403
