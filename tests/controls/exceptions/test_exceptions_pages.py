"""Exceptions on their pages: the list by what is due, one with its life, and what each person can do about it."""

import datetime
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from controls.catalogue.models import Control
from controls.exceptions.models import ControlException, ExceptionAct
from controls.exceptions.services import act
from tenants.clients.switch import client as at_client
from tests import make

NOON = make.NOON
HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)


def text_of(answer) -> str:
    return " ".join(answer.content.decode().split())


@pytest.fixture
def failing(harbor):
    """One exception: root signed in without a factor, long ago."""
    make.take_in(make.log_file([make.sign_in("root", mfa=False)]), name="trail.json.gz")
    return harbor


@pytest.fixture
def exception(failing) -> ControlException:
    return ControlException.objects.get()


def address(of: ControlException, what: str = "") -> str:
    return f"/c/harbor/exceptions/{of.number}/{what}"


def fields(of: ControlException, **more) -> dict:
    last = of.acts.order_by("-pk").first()
    return {"version": of.version, "seen": last.pk if last else 0, **more}


TRIAGE = {"severity": "critical", "cause": "person", "harm": "none seen", "words": "A new phone."}


def fixed(of: ControlException, by) -> ControlException:
    """The exception as it is once `by` has triaged and fixed it."""
    at = timezone.now()
    of = act(of, "triage", by=by.pk, at=at, given={**TRIAGE, "owner": by.pk}, version=of.version)
    return act(of, "fix", by=by.pk, at=at, given={"fix": "Key given.", "fixed_at": at}, version=of.version)


# The list ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_list_shows_what_is_open_and_says_how_late_it_is(exception, failing):
    said = text_of(make.signed_in(make.member("AN", failing)).get("/c/harbor/exceptions/"))
    assert exception.number in said
    assert re.search(r"triage \d+ d late", said)
    assert "open, not triaged" in said
    assert "1 open" in said


def test_the_list_filters(exception, failing):
    browser = make.signed_in(make.member("AN", failing))
    for query, found in (
        ("show=late", True),
        ("show=ended", False),
        ("show=grave", True),
        ("control=AC-01", True),
        ("control=AC-02", False),
        ("severity=critical", True),
        ("severity=low", False),
        (f"q={exception.number}", True),
        ("q=root", False),
        ("q=ConsoleLogin", True),
        ("from=2026-03-01&to=2026-03-05", True),
        ("from=2020-01-01&to=2020-01-31", False),
        ("from=nonsense&to=2020-01-31", True),
        ("sort=-severity", True),
        ("sort=nonsense&page=99", True),
    ):
        answer = browser.get(f"/c/harbor/exceptions/?{query}")
        assert answer.status_code == 200
        assert (f"/exceptions/{exception.number}/" in answer.content.decode()) is found, query


def test_no_exception_is_not_sold_as_no_deviation(harbor):
    said = text_of(make.signed_in(make.member("CA", harbor)).get("/c/harbor/exceptions/"))
    assert "No exceptions yet" in said
    assert "no exception does not mean no deviation" in said


def test_the_list_goes_out_as_csv(exception, failing):
    answer = make.signed_in(make.member("CA", failing)).get("/c/harbor/exceptions.csv?show=all")
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert len(lines) == 2
    assert lines[1].startswith(f"{exception.number},AC-01,CC6.1")


def test_two_hundred_exceptions_cost_no_more_queries_than_one(exception, failing):
    browser = make.signed_in(make.member("AN", failing))

    def cost() -> int:
        browser.get("/c/harbor/exceptions/")
        with CaptureQueriesContext(connection) as captured:
            assert browser.get("/c/harbor/exceptions/").status_code == 200
        return len(captured)

    before = cost()
    with at_client(failing):
        rows = []
        for n in range(200):
            values = {
                f.attname: getattr(exception, f.attname)
                for f in exception._meta.concrete_fields
                if not f.primary_key
            }
            rows.append(ControlException(**values | {"number": f"EX-2026-{n + 1000}", "bucket": f"b{n}"}))
        ControlException.objects.bulk_create(rows)
    assert cost() == before


def test_an_employee_sees_their_own_and_nothing_else(exception, failing):
    mine = make.member("EM", failing)
    browser = make.signed_in(mine)
    assert exception.number not in text_of(browser.get("/c/harbor/exceptions/"))
    assert browser.get(address(exception)).status_code == 404
    ControlException.objects.filter(pk=exception.pk).update(owner=mine.pk)
    assert exception.number in text_of(browser.get("/c/harbor/exceptions/"))
    assert browser.get(address(exception)).status_code == 200


def test_an_auditor_sees_those_of_the_engagement_and_can_do_nothing(exception, failing):
    inside = make.signed_in(
        make.auditor(failing, period=(datetime.date(2026, 1, 1), datetime.date(2026, 6, 30)))
    )
    assert exception.number in text_of(inside.get("/c/harbor/exceptions/?show=all"))
    said = text_of(inside.get(address(exception)))
    assert "not for you" in said
    assert '<form method="post"' not in re.sub(
        r'<form method="post" action="[^"]*/(theme|accounts)[^>]*>', "", said
    )
    assert inside.post(address(exception, "triage/"), fields(exception, **TRIAGE)).status_code == 403
    outside = make.signed_in(
        make.auditor(failing, period=(datetime.date(2025, 1, 1), datetime.date(2025, 6, 30)))
    )
    assert exception.number not in text_of(outside.get("/c/harbor/exceptions/?show=all"))
    assert outside.get(address(exception)).status_code == 404


# Its life ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_member_opens_its_record_and_the_page_says_where_it_prints(exception, failing):
    make.engagement_of(failing, period=(datetime.date(2026, 1, 1), datetime.date(2026, 12, 31)))
    said = text_of(make.signed_in(make.member("AN", failing)).get(address(exception)))
    row = exception.members.get()
    assert f"/events/{row.batch_id}/{row.seq}/" in said
    assert "Section IV, with the tests of AC-01" in said
    assert "Section V" in said
    assert "Type II, 1 Jan – 31 Dec" in said


def test_an_exception_is_led_to_its_end_by_two_people(exception, failing):
    analyst, administrator = make.member("AN", failing), make.member("CA", failing)
    owner = make.member("CO", failing)
    Control.objects.filter(pk="AC-01").update(owner=owner.pk)

    def post(user, what, **given):
        now = ControlException.objects.get()
        answer = make.signed_in(user).post(address(now, what), fields(now, **given))
        assert answer.status_code == 302, text_of(answer)[-3000:]
        return ControlException.objects.get()

    assert post(analyst, "triage/", **TRIAGE, owner=str(owner.pk)).state == "triaged"
    local = timezone.localtime(timezone.now(), failing.tzinfo)
    assert post(owner, "fix/", fix="Key given.", fixed_at=f"{local:%Y-%m-%dT%H:%M}").state == "fixed"
    assert post(analyst, "retest/", verdict="good_retest", words="Two later sign-ins.").state == "retested"
    assert post(administrator, "close/", words="Mended.").state == "closed"
    assert post(analyst, "comment/", words="Thank you.").state == "closed"
    assert post(analyst, "reopen/", words="Seen again.").state == "triaged"
    said = text_of(make.signed_in(analyst).get(address(exception)))
    for words in (
        "Triaged",
        "Said to be fixed",
        "Retested: good",
        "Closed",
        "Comment",
        "Opened again",
        "A new phone.",
    ):
        assert words in said
    ledgered = ExceptionAct.objects.filter(ledger_seq__isnull=False).values_list("action", flat=True)
    assert set(ledgered) == {"open", "fix", "good_retest", "close", "reopen"}


def test_what_is_missing_is_told_beside_its_field_and_nothing_typed_is_lost(exception, failing):
    browser = make.signed_in(make.member("AN", failing))
    answer = browser.post(
        address(exception, "triage/"), fields(exception, severity="high", words="Half a thought.")
    )
    said = text_of(answer)
    assert answer.status_code == 422
    assert said.count("This field is required.") == 2
    assert "Half a thought." in said
    assert ControlException.objects.get().state == "open"


def test_a_fix_in_the_future_is_refused(exception, failing):
    tomorrow = timezone.localtime(timezone.now() + DAY, failing.tzinfo)
    answer = make.signed_in(make.member("AN", failing)).post(
        address(exception, "fix/"), fields(exception, fix="Later.", fixed_at=f"{tomorrow:%Y-%m-%dT%H:%M}")
    )
    assert answer.status_code == 422
    assert "in the future" in text_of(answer)


def test_who_fixed_it_neither_retests_nor_closes_it_and_is_told_why(exception, failing):
    owner = make.member("CA", failing)
    exception = fixed(exception, owner)
    browser = make.signed_in(owner)
    assert f"You fixed {exception.number}, so another person does this." in text_of(
        browser.get(address(exception))
    )
    answer = browser.post(
        address(exception, "retest/"), fields(exception, verdict="good_retest", words="I say so.")
    )
    assert answer.status_code == 403
    assert f"You fixed {exception.number}" in text_of(answer)
    assert ControlException.objects.get().state == "fixed"


def test_an_act_that_the_state_does_not_allow_is_refused_in_words(exception, failing):
    answer = make.signed_in(make.member("AN", failing)).post(
        address(exception, "close/"), fields(exception, words="Done.")
    )
    assert answer.status_code == 422
    assert "it allows" in text_of(answer)


def test_the_second_of_two_sees_what_the_first_did_and_keeps_both_texts(exception, failing):
    first, second = make.member("AN", failing), make.member("CA", failing)
    seen = fields(exception)
    make.signed_in(first).post(
        address(exception, "triage/"), {**seen, **TRIAGE, "words": "Theirs: a new phone."}
    )
    answer = make.signed_in(second).post(
        address(exception, "triage/"), {**seen, **TRIAGE, "words": "Mine: the emergency account."}
    )
    said = text_of(answer)
    assert answer.status_code == 409
    assert "Somebody else acted meanwhile" in said
    assert "Theirs: a new phone." in said
    assert "Mine: the emergency account." in said
    assert ControlException.objects.get().cause_words == "Theirs: a new phone."


def test_after_a_conflict_the_same_words_can_be_sent_again(exception, failing):
    first, second = make.member("AN", failing), make.member("CA", failing)
    seen = fields(exception)
    make.signed_in(first).post(address(exception, "triage/"), {**seen, **TRIAGE})
    words = {"code": "test account", "words": "Registered as a test account."}
    answer = make.signed_in(second).post(address(exception, "call-false/"), {**seen, **words})
    assert answer.status_code == 409
    form = next(each.form for each in answer.context["possible"] if each.act.key == "call_false")
    assert form["words"].value() == words["words"]
    assert form["version"].value() == ControlException.objects.get().version
    again = make.signed_in(second).post(
        address(exception, "call-false/"), fields(ControlException.objects.get(), **words)
    )
    assert again.status_code == 302
    assert ControlException.objects.get().state == "false_positive"


def test_a_control_owner_fixes_their_own_but_cannot_triage(exception, failing):
    owner = make.member("CO", failing)
    browser = make.signed_in(owner)
    assert browser.post(address(exception, "fix/"), fields(exception)).status_code == 403
    Control.objects.filter(pk="AC-01").update(owner=owner.pk)
    assert browser.post(address(exception, "fix/"), fields(exception)).status_code == 422
    assert browser.post(address(exception, "triage/"), fields(exception, **TRIAGE)).status_code == 403
    said = text_of(browser.get(address(exception)))
    assert "No function is recorded yet" in said
    row = exception.members.get()
    assert f"/events/{row.batch_id}/{row.seq}/" in said


def test_the_retest_sees_what_happened_since_the_fix(exception, failing):
    fixed(exception, make.member("CA", failing))
    later = timezone.now() + HOUR
    signs = [make.sign_in("root", at=later + datetime.timedelta(minutes=n), mfa=True, n=n) for n in range(3)]
    make.take_in(make.log_file(signs), name="later.json.gz", at=later + 2 * HOUR)
    answer = make.signed_in(make.member("AN", failing)).get(address(exception))
    assert answer.context["since"]["n_pass"] == 3
    assert "what a retest looks at" in text_of(answer)
