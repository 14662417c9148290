"""The list of controls and the page of one: what they say, to whom, and at what cost."""

import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from controls.catalogue.models import Control, ControlProcedure
from controls.catalogue.services import put_in_place
from controls.results.models import Tally
from tenants.clients.switch import client as at_client
from tests import make

DAYS = {"from": "2026-03-01", "to": "2026-03-05"}
NOON = make.NOON
SIX = NOON - datetime.timedelta(hours=6)


def page(user, path, **query):
    return make.signed_in(user).get(f"/c/harbor/{path}", query)


def text_of(answer) -> str:
    return " ".join(answer.content.decode().split())


@pytest.fixture
def judged(harbor):
    """Alice, an administrator, signed in with and without a factor, and once without saying; bob is nobody."""
    put_in_place(["AC-01"], since=datetime.date(2026, 1, 1))
    source = make.source(connected=SIX)
    source.in_scope_from = datetime.date(2026, 1, 1)
    source.save()
    make.take_in(make.listing(SIX, {"alice": True, "bob": False}), name="iam.json")
    signs = [
        make.sign_in("alice", mfa=True, n=1),
        make.sign_in("alice", mfa=True, n=2),
        make.sign_in("alice", mfa=False, n=3),
        make.sign_in("alice", mfa=None, n=4),
        make.sign_in("bob", mfa=False, n=5),
    ]
    make.take_in(make.log_file(signs), name="trail.json.gz")
    return harbor


def test_a_control_shows_population_and_both_rates_as_they_are_printed(judged):
    answer = page(make.member("AN", judged), "controls/AC-01/", **DAYS)
    said = text_of(answer)
    assert answer.status_code == 200
    assert "Deviations noted" in said
    assert "2 of 4" in said  # pass rate: cut down, and below twenty no percentage
    assert "1 of 3" in said  # deviation rate: of those that were judged
    assert "A field is absent" in said


def test_rates_round_against_us(judged):
    with at_client(judged):
        Tally.objects.filter(rule="R01").update(population=1204, passed=1194, failed=3, unknown=7)
    said = text_of(page(make.member("AN", judged), "controls/AC-01/", **DAYS))
    assert "99.1 %" in said
    assert "0.3 %" in said
    assert "1,204" in said


def test_every_figure_opens_its_rows(judged):
    user = make.member("AN", judged)
    said = page(user, "controls/AC-01/", **DAYS).content.decode()
    for result in ("pass", "fail", "unknown"):
        address = (
            f"/c/harbor/controls/AC-01/R01/members/?from=2026-03-01&amp;to=2026-03-05&amp;result={result}"
        )
        assert address in said
        assert make.signed_in(user).get(address.replace("&amp;", "&")).status_code == 200


def test_a_day_without_anything_received_is_hatched_and_not_health(judged):
    said = page(make.member("AN", judged), "controls/AC-01/", **DAYS).content.decode()
    assert said.count('class="gap" fill="url(#hatching)"') >= 4
    assert "nothing received" in said
    assert "1 of 5 days heard" in said


def test_the_rule_is_read_aloud(judged):
    said = text_of(page(make.member("AN", judged), "controls/AC-01/", **DAYS))
    assert "Took every event for which" in said
    assert "rule R18 does not exist yet" in text_of(
        page(make.member("AN", judged), "controls/AC-10/", **DAYS)
    )


def test_an_absent_control_is_not_found(judged):
    assert page(make.member("AN", judged), "controls/AC-99/").status_code == 404


def test_the_list_says_what_each_control_came_to_and_why_not(judged):
    said = text_of(page(make.member("CA", judged), "controls/", **DAYS))
    assert "Administrators use MFA" in said
    assert "Deviations noted" in said
    assert "rule R49 does not exist yet" not in said  # processing integrity is not in scope
    assert "rule R11 does not exist yet" in said
    assert "CC6 · Logical and physical access" in said
    assert "Logical access to protected assets is limited" in said


def test_the_list_filters_by_result_and_words(judged):
    user = make.member("CA", judged)
    only = text_of(page(user, "controls/", show="deviations", **DAYS))
    assert "AC-01" in only
    assert "AC-02" not in only
    assert "AC-07" in text_of(page(user, "controls/", q="reviewed each quarter", **DAYS))
    assert "No control under these filters" in text_of(page(user, "controls/", show="did_not_occur", **DAYS))


def test_the_list_goes_out_as_csv_with_the_same_filter(judged):
    answer = page(make.member("CA", judged), "controls.csv", show="deviations", **DAYS)
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("AC-01,Administrators use MFA,CC6.1,yes,many times a day")
    assert lines[1].endswith(",2026-03-01,2026-03-05,deviations,,4,1,1,1,1")


def test_a_client_without_evidence_is_told_that_nothing_was_tested(harbor):
    user = make.member("CA", harbor)
    assert "no source of it is connected" in text_of(page(user, "controls/", **DAYS))
    said = text_of(page(user, "controls/AC-01/", **DAYS))
    assert "Nothing was tested in this period" in said
    assert "None in this period: nothing was tested, so nothing could be found" in said


def test_an_employee_has_no_business_here(judged):
    assert page(make.member("EM", judged), "controls/").status_code == 403


def test_a_control_owner_sees_all_controls_but_opens_rows_of_their_own_only(judged):
    owner = make.member("CO", judged)
    assert "/R01/members/" not in page(owner, "controls/AC-01/", **DAYS).content.decode()
    assert page(owner, "controls/AC-01/R01/members/", **DAYS).status_code == 404
    with at_client(judged):
        Control.objects.filter(pk="AC-01").update(owner=owner.pk)
    assert "/R01/members/" in page(owner, "controls/AC-01/", **DAYS).content.decode()
    rows = page(owner, "controls/AC-01/R01/members/", **DAYS)
    assert rows.status_code == 200
    assert rows.content.decode().count('class="row-link"') == 4


def test_an_auditor_sees_the_engagements_days_and_no_others(judged):
    inside = make.auditor(judged, period=(datetime.date(2026, 3, 1), datetime.date(2026, 3, 4)))
    said = text_of(page(inside, "controls/AC-01/"))
    assert "1 Mar – 4 Mar" in said
    assert "2 of 4" in said
    asked_for_more = text_of(page(inside, "controls/AC-01/", **{"from": "2025-01-01", "to": "2026-12-31"}))
    assert "1 Mar – 4 Mar" in asked_for_more
    before = make.auditor(judged, period=(datetime.date(2026, 1, 5), datetime.date(2026, 1, 9)))
    outside = text_of(page(before, "controls/AC-01/", **DAYS))
    assert "5 Jan – 9 Jan" in outside
    assert "EX-2026" not in outside


def test_the_period_is_the_last_ninety_days_unless_said_otherwise(judged):
    today = timezone.localdate()
    said = page(make.member("AN", judged), "controls/").content.decode()
    assert f'value="{today - datetime.timedelta(days=89):%Y-%m-%d}"' in said
    assert f'value="{today:%Y-%m-%d}"' in said


def test_a_period_that_is_none_is_told_and_not_guessed(judged):
    user = make.member("AN", judged)
    for query, words in (
        ({"from": "yesterday", "to": "2026-03-05"}, "is no date"),
        ({"from": "2026-03-05", "to": "2026-03-01"}, "ends before it begins"),
        ({"from": "1990-01-01", "to": "2026-03-01"}, "three years at most"),
    ):
        answer = page(user, "controls/", **query)
        assert answer.status_code == 200
        assert words in text_of(answer)


def _queries(user, path) -> int:
    browser = make.signed_in(user)
    browser.get(path)
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(path).status_code == 200
    return len(captured)


def test_a_hundred_more_controls_cost_no_more_queries(judged):
    user = make.member("AN", judged)
    path = "/c/harbor/controls/?from=2026-03-01&to=2026-03-05"
    before = _queries(user, path)
    with at_client(judged):
        like = Control.objects.get(pk="AC-01")
        made = [
            Control(
                id=f"X-{n:03d}", statement=f"Thing {n} is done", criteria=["CC6.1"], frequency="D", nature="P-A",
                key=False, owner_function="IT", status=like.status, version_from=like.version_from,
            )
            for n in range(100)
        ]  # fmt: skip
        Control.objects.bulk_create(made)
        refs = ("R01", "R10", "R11")
        ControlProcedure.objects.bulk_create(
            ControlProcedure(control=each, kind="rule", ref=ref) for each in made for ref in refs
        )
    assert _queries(user, path) == before


def test_the_same_pages_answer_at_a_host_of_the_clients_own(db):
    found = make.client("larkfield", host="soc.larkfield.example")
    browser = make.signed_in(make.member("CA", found), host="soc.larkfield.example")
    for path in ("/controls/", "/controls/AC-01/", "/exceptions/", "/packages/", "/packages/new/"):
        answer = browser.get(path)
        assert answer.status_code == 200, path
        assert "/c/larkfield/" not in answer.content.decode()
