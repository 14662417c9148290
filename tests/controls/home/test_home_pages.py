"""The client's start page: what needs somebody first, and nothing that is not known."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from controls.catalogue.models import Control
from controls.exceptions.models import ControlException
from tests import make

HOME = "/c/harbor/"
NOW = timezone.now()
NOON = (NOW - timedelta(days=3)).replace(hour=12, minute=0, second=0, microsecond=0)


def html(user: Any, status: int = 200) -> str:
    answer = make.signed_in(user).get(HOME)
    assert answer.status_code == status
    return answer.content.decode()


def text(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def waiting(page: str) -> list[tuple[str, str]]:
    """The pills and sentences of what needs attention, in order."""
    card = page[page.index("Needs attention") : page.index("</section>", page.index("Needs attention"))]
    found = re.findall(
        r'<li><span class="pill \w+".*?</svg>\s*([^<]+)</span>\s*<span>([^<]+)', card, re.DOTALL
    )
    return [(label.strip(), sentence.strip()) for label, sentence in found]


def take(*records: dict[str, Any], extra: bytes = b"") -> None:
    make.take_in(make.lines(records) + extra, at=NOW)


def test_an_empty_client_is_told_the_next_act(harbor):
    page = html(make.member("CA", harbor))
    assert "Connect the first source" in page
    assert 'href="/c/harbor/sources/connect/"' in page
    assert "not collected" in page, "posture is not measured, and is not invented"


def test_a_connected_source_that_sent_nothing_is_waiting(harbor):
    make.source(connected=NOW)
    assert waiting(html(make.member("CA", harbor))) == [
        ("Silent", "AWS CloudTrail is connected and has sent nothing")
    ]


def test_late_and_grave_exceptions_come_first_then_silence_then_rejected_records(harbor):
    take(make.sign_in("root", at=NOON), extra=b"17\n")
    page = html(make.member("CA", harbor))
    found = waiting(page)
    assert [label for label, _ in found] == ["Critical", "Silent", "Rejected"]
    assert "ConsoleLogin" in found[0][1]
    number = ControlException.objects.get().number
    assert f'href="/c/harbor/exceptions/{number}/"' in page
    assert 'href="/c/harbor/sources/aws/rejected/"' in page


def test_exceptions_are_counted_by_age_and_each_count_is_a_link(harbor):
    take(make.sign_in("root", at=NOON))
    admin = make.member("CA", harbor)
    ControlException.objects.update(triage_due=NOW + timedelta(hours=3), fix_due=NOW + timedelta(hours=20))
    page = html(admin)
    assert re.search(r'<a href="/c/harbor/exceptions/\?severity=critical">1</a>', page)
    ControlException.objects.update(fix_due=NOW - timedelta(hours=1))
    page = html(admin)
    assert re.search(
        r'<a class="red" href="/c/harbor/exceptions/\?severity=critical&amp;show=late">1</a>', page
    )
    assert "1 late" in text(page)


def test_nothing_open_and_everything_heard_is_said(harbor):
    make.take_in(make.lines([make.record(at=NOW - timedelta(hours=2))]), at=NOW)
    assert "Nothing needs anybody" in html(make.member("CA", harbor))


def test_the_next_dates_are_those_of_the_engagements(harbor):
    today = timezone.localdate()
    make.engagement_of(
        harbor,
        period=(today - timedelta(days=100), today + timedelta(days=37)),
        access=(today + timedelta(days=60), today + timedelta(days=90)),
    )
    page = text(html(make.member("CA", harbor)))
    assert "37 days left in the period" in page
    for words in ("The period ends", "Auditors may read", "access ends"):
        assert words in page


def test_an_auditors_home_ends_with_the_period(harbor):
    today = timezone.localdate()
    take(make.sign_in("root", at=NOON), extra=b"17\n")
    auditor = make.auditor(harbor, period=(today - timedelta(days=40), today - timedelta(days=20)))
    page = html(auditor)
    assert "Read only" in page
    assert "ConsoleLogin" not in page
    assert [label for label, _ in waiting(page)] in ([], ["Silent"])
    assert "Connect" not in re.sub(r"connected", "", page)


def test_every_role_by_the_policy(harbor):
    take(make.record(at=NOON))
    for role in ("MA", "AN", "CA", "CO"):
        html(make.member(role, harbor))
    html(make.member("EM", harbor), 403)
    html(make.member("AN", None), 404)


def test_a_control_owner_sees_only_the_sources_of_own_controls(harbor):
    take(make.record(at=NOON))
    owner = make.member("CO", harbor)
    assert "AWS CloudTrail" not in html(owner)
    Control.objects.filter(pk="AC-01").update(owner=owner.pk)
    assert "AWS CloudTrail" in html(owner)


@pytest.mark.slow
def test_the_page_asks_as_much_for_many_exceptions_as_for_few(harbor):
    browser = make.signed_in(make.member("CA", harbor))
    asked = []
    for count in (10, 1000):
        take(
            *(
                make.sign_in(
                    "root",
                    at=NOON - timedelta(seconds=n),
                    n=count,
                    sourceIPAddress=f"198.51.{n % 250}.{n // 250}",
                )
                for n in range(count)
            )
        )
        first = ControlException.objects.get(pk=ControlException.objects.order_by("pk").first().pk)
        have = ControlException.objects.count()
        for n in range(have, count):
            first.pk, first.number, first.group_key = None, f"EX-2026-{9000 + n}", f"group {n}"
            first.save(force_insert=True)
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(HOME).status_code == 200
        asked.append(len(queries))
    assert asked[0] == asked[1]
    assert asked[1] < 40
