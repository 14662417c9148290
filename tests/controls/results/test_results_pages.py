"""The rows behind a control's figures: each member with the way to its record, page by page; the days as a table."""

import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import resolve

from controls.catalogue.services import put_in_place
from controls.results.models import Occurrence
from tenants.clients.switch import client as at_client
from tests import make

NOON = make.NOON
SIX = NOON - datetime.timedelta(hours=6)
DAYS = "from=2026-03-01&to=2026-03-05"
MEMBERS = f"/c/harbor/controls/AC-01/R01/members/?{DAYS}"


@pytest.fixture
def many(harbor):
    """A hundred and twenty sign-ins of alice within two hours, one of them without a factor, one that does not tell."""
    put_in_place(["AC-01"], since=datetime.date(2026, 1, 1))
    make.take_in(make.listing(SIX, {"alice": True}), name="iam.json")
    told = {7: False, 8: None}
    signs = [
        make.sign_in("alice", at=NOON + datetime.timedelta(minutes=n // 2), mfa=told.get(n, True), n=n)
        for n in range(120)
    ]
    make.take_in(make.log_file(signs), name="trail.json.gz", at=NOON + datetime.timedelta(hours=4))
    return harbor


def text_of(answer) -> str:
    return " ".join(answer.content.decode().split())


def times_of(answer) -> list[str]:
    import re

    return re.findall(r'class="row-link" href="([^"]+)"', answer.content.decode())


def test_pages_walk_through_every_member_once_and_back_again(many):
    browser = make.signed_in(make.member("AN", many))
    seen, address = [], MEMBERS
    pages = []
    while address:
        answer = browser.get(address)
        assert answer.status_code == 200
        pages.append(times_of(answer))
        seen += pages[-1]
        address = (
            MEMBERS.split("?", maxsplit=1)[0] + answer.context["older"] if answer.context["older"] else ""
        )
    assert [len(each) for each in pages] == [50, 50, 20]
    assert len(set(seen)) == 120
    back = browser.get(MEMBERS.split("?", maxsplit=1)[0] + answer.context["newer"])
    assert times_of(back) == pages[1]


def test_a_member_opens_the_record_it_was_judged_from(many):
    browser = make.signed_in(make.member("AN", many))
    (address,) = times_of(browser.get(f"{MEMBERS}&result=fail"))
    match = resolve(address.removeprefix("/c/harbor"), urlconf="config.urls_client")
    assert match.url_name == "event"
    with at_client(many):
        row = Occurrence.objects.get(rule="R01", result="fail")
    assert match.kwargs == {"batch": row.batch_id, "seq": row.seq}
    assert browser.get(address).status_code == 200


def test_filters_by_result_reason_and_account(many):
    browser = make.signed_in(make.member("AN", many))
    assert len(times_of(browser.get(f"{MEMBERS}&result=unknown"))) == 1
    assert len(times_of(browser.get(f"{MEMBERS}&result=unknown&reason=missing"))) == 1
    assert times_of(browser.get(f"{MEMBERS}&result=unknown&reason=fact")) == []
    assert len(times_of(browser.get(f"{MEMBERS}&account={make.user_id('alice')}"))) == 50
    assert times_of(browser.get(f"{MEMBERS}&account=nobody")) == []
    assert "No member here" in text_of(browser.get(f"{MEMBERS}&account=nobody"))


def test_nonsense_in_the_address_is_no_error(many):
    browser = make.signed_in(make.member("AN", many))
    for more in (
        "&before=x",
        "&after=1_2_3",
        "&result=nothing",
        "&reason=%01",
        "&before=2026-03-02_2026-03-02_1",
    ):
        assert browser.get(MEMBERS + more).status_code == 200


def test_another_rule_or_control_is_not_found(many):
    browser = make.signed_in(make.member("AN", many))
    for path in ("AC-01/R11", "AC-02/R01", "AC-01/R99", "X/R01"):
        assert browser.get(f"/c/harbor/controls/{path}/members/").status_code == 404
        assert browser.get(f"/c/harbor/controls/{path}/days/").status_code == 404


def test_members_go_out_as_csv_all_of_them(many):
    answer = make.signed_in(make.member("AN", many)).get(MEMBERS.replace("members/", "members.csv"))
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert len(lines) == 121
    assert lines[0].split(",")[:3] == ["member_id", "occurred_at", "local_date"]


def test_an_auditor_gets_no_row_of_another_period(many):
    auditor = make.auditor(many, period=(datetime.date(2026, 3, 3), datetime.date(2026, 3, 31)))
    browser = make.signed_in(auditor)
    answer = browser.get(MEMBERS.replace("2026-03-05", "2026-03-31"))
    assert times_of(answer) == []
    csv = browser.get("/c/harbor/controls/AC-01/R01/members.csv?from=2026-03-01&to=2026-03-31")
    assert len(b"".join(csv.streaming_content).decode().splitlines()) == 1


def test_the_days_are_the_strip_as_a_table(many):
    said = text_of(make.signed_in(make.member("CA", many)).get(f"/c/harbor/controls/AC-01/R01/days/?{DAYS}"))
    assert "2 Mar" in said
    assert said.count("not in scope") + said.count("nothing received") >= 3
    csv = make.signed_in(make.member("CA", many)).get(f"/c/harbor/controls/AC-01/R01/days.csv?{DAYS}")
    lines = b"".join(csv.streaming_content).decode().splitlines()
    assert lines[2] == "2026-03-02,covered,120,118,1,1"
    assert len(lines) == 6


def test_a_page_of_members_costs_the_same_at_any_number(many):
    browser = make.signed_in(make.member("AN", many))

    def cost(address: str) -> int:
        browser.get(address)
        with CaptureQueriesContext(connection) as captured:
            browser.get(address)
        return len(captured)

    assert cost(f"{MEMBERS}&result=fail") >= cost(MEMBERS)


# What pages draw and say ─────────────────────────────────────────────────────────────────────────────


def _bars(days: int, **more):
    from controls.results.strip import Bar

    first = datetime.date(2025, 11, 25)
    known = {"passed": 0, "failed": 0, "unknown": 0, "gap": False, "open": False, "text": "a day", **more}
    return [Bar(on=first + datetime.timedelta(days=n), **known) for n in range(days)]


def test_a_quarter_is_one_row_and_a_year_a_row_for_each_quarter():
    from controls.results.strip import narrow_rows, wide_rows

    assert len(wide_rows(_bars(92))) == 1
    assert [row.first for row in wide_rows(_bars(365))] == [
        "25 Nov 2025", "1 Jan 2026", "1 Apr 2026", "1 Jul 2026", "1 Oct 2026",
    ]  # fmt: skip
    assert len(narrow_rows(_bars(365))) == 13
    assert wide_rows([]) == []


@pytest.mark.parametrize(
    ("day", "drawn", "absent"),
    [
        ({"passed": 5}, ["pass"], ["fail", "unknown", "gap"]),
        ({"passed": 5000, "failed": 1}, ["pass", "fail"], ["unknown"]),
        ({"unknown": 2}, ["unknown"], ["pass"]),
        ({"gap": True}, ["gap"], ["pass", "zero"]),
        ({"open": True}, ["open"], ["pass", "zero", "gap"]),
        ({}, ["zero"], ["pass", "gap"]),
        ({"passed": 2, "gap": True}, ["pass"], ["zero"]),
    ],
)
def test_each_state_of_a_day_has_a_form_of_its_own(day, drawn, absent):
    from controls.results.strip import wide_rows

    (row,) = wide_rows(_bars(1, **day))
    assert all(f'class="{kind}"' in row.svg for kind in drawn)
    assert not any(f'class="{kind}"' in row.svg for kind in absent)


def test_words_of_a_day_cannot_break_out_of_the_drawing():
    from controls.results.strip import wide_rows

    (row,) = wide_rows(_bars(1, passed=1, text='"><script>alert(1)</script>', href='/x?"><b>'))
    assert "<script>" not in row.svg
    assert "<b>" not in row.svg


def test_a_statement_is_a_heading_whole_or_by_its_first_clause():
    from controls.results.words import title_of

    assert title_of("Administrators use MFA") == "Administrators use MFA"
    long = "Staff and contractors accept the code of conduct at start and yearly; breaches have consequences and a way"
    assert title_of(long) == "Staff and contractors accept the code of conduct at start and yearly"
    assert title_of("x" * 30 + " " + "y" * 200) == "x" * 30 + "…"
