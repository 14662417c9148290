"""What opens an exception, which one a member joins, and what late evidence does to it."""

import datetime

import pytest

from controls.exceptions.models import ControlException, ExceptionAct
from controls.exceptions.services import act
from controls.results.models import Occurrence, Tally
from evidence.ledger.leaf import parse_leaf
from evidence.ledger.models import LedgerEntry
from tests import make

NOON = make.NOON
HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)
SIX = NOON - 6 * HOUR
ANA, OWN, SEC = (make.uuid.uuid5(make.uuid.NAMESPACE_OID, name) for name in ("ana", "own", "sec"))


def root(at=NOON, n: int = 0) -> dict:
    return make.sign_in("root", at=at, n=n)


def only() -> ControlException:
    return ControlException.objects.get()


def done(exception: ControlException, *actions: str, at: datetime.datetime, **given) -> ControlException:
    """Lead an exception through actions, each by somebody who may."""
    words = {
        "triage": {"severity": exception.severity, "cause": "process", "harm": "none seen"},
        "fix": {"fix": "Key given.", "fixed_at": at},
    }
    for action in actions:
        exception = ControlException.objects.get(pk=exception.pk)
        by = OWN if action in ("triage", "fix") else SEC
        exception = act(
            exception,
            action,
            by=by,
            at=at,
            given={"words": "Looked at.", "code": "rule wrong", **words.get(action, {}), **given},
            version=exception.version,
        )
    return exception


def test_one_exception_per_group_and_bucket(harbor):
    found = make.take_in(make.lines([root(), root(n=1), root(NOON + HOUR, n=2), root(NOON - DAY, n=3)]))
    assert found.exceptions == 2
    first, second = ControlException.objects.order_by("bucket")
    assert [e.members.count() for e in (first, second)] == [1, 3]
    assert second.recurs == first
    assert (first.origin, first.rule, first.control) == ("failed_member", "R01", "AC-01")
    assert "CC6.1" in first.criteria
    assert first.number == "EX-2026-0001"


def test_the_bucket_is_a_day_of_the_clients_zone(db):
    from tenants.clients.switch import client

    with client(make.client("tokyo", zone="Asia/Tokyo")):
        make.take_in(make.lines([root(NOON), root(NOON + 4 * HOUR, n=1)]), at=NOON + 5 * HOUR)
        assert sorted(e.bucket[:10] for e in ControlException.objects.all()) == ["2026-03-02", "2026-03-03"]


def test_a_member_that_joins_is_told_in_the_sentence(harbor):
    make.take_in(make.lines([root(NOON + HOUR)]), at=NOON + 2 * HOUR)
    make.take_in(make.lines([root(NOON, n=1)]), at=NOON + 2 * HOUR)
    exception = only()
    assert "02 Mar 2026 12:00 and 1 more" in exception.facts
    assert (exception.occurred_first, exception.occurred_last) == (NOON, NOON + HOUR)


def test_the_sentence_names_who_by_the_name_of_the_listing(harbor):
    make.take_in(make.listing(SIX, {"alice": True}))
    make.take_in(make.lines([make.sign_in("alice")]))
    assert ": alice, ConsoleLogin, 02 Mar 2026 12:00." in only().facts


def test_an_opening_is_a_leaf(harbor):
    make.take_in(make.lines([root()]))
    opening = only().acts.get()
    leaf = parse_leaf(bytes(LedgerEntry.objects.get(seq=opening.ledger_seq).leaf))
    assert (leaf.kind, leaf.ref) == ("decision", "EX-2026-0001/1")
    assert leaf.meta["action"] == "open"


def test_late_data_that_leaves_no_failing_member_corrects_it(harbor):
    make.take_in(make.listing(SIX, {"alice": True}))
    make.take_in(make.lines([make.sign_in("alice")]))
    assert only().state == "open"
    make.take_in(make.listing(NOON - HOUR, {"alice": False}))
    exception = only()
    assert (exception.state, exception.closed_at) == ("closed", NOON + HOUR)
    assert [a.action for a in exception.acts.all()] == ["open", "correct"]
    assert exception.acts.last().ledger_seq is not None


def test_a_corrected_one_whose_member_fails_again_is_opened_again(harbor):
    make.take_in(make.listing(SIX, {"alice": True}))
    make.take_in(make.lines([make.sign_in("alice")]))
    make.take_in(make.listing(NOON - 2 * HOUR, {"alice": False}))
    assert only().state == "closed"
    make.take_in(make.listing(NOON - HOUR, {"alice": True}))
    assert Occurrence.objects.get(rule="R01").result == "fail"
    assert (only().state, [a.action for a in only().acts.all()]) == ("triaged", ["open", "correct", "reopen"])


def test_one_that_still_has_a_failing_member_goes_on_and_says_so(harbor):
    make.take_in(make.listing(SIX, {"alice": True}))
    make.take_in(make.lines([make.sign_in("alice"), make.sign_in("alice", at=NOON - 5 * HOUR, n=1)]))
    make.take_in(make.listing(NOON - HOUR, {"alice": False}))
    rows = Occurrence.objects.filter(rule="R01").order_by("time")
    assert [r.result for r in rows] == ["unknown", "none"]
    assert only().state == "closed"


def test_after_the_end_the_same_bucket_opens_again_and_the_next_recurs(harbor):
    make.take_in(make.lines([root()]))
    ended = done(only(), "triage", "fix", "good_retest", "close", at=NOON + 2 * HOUR)
    assert ended.state == "closed"
    make.take_in(make.lines([root(NOON + 3 * HOUR, n=1)]), at=NOON + 4 * HOUR)
    again = only()
    assert (again.state, again.closed_at) == ("triaged", None)
    assert again.fix_due > ended.fix_due - DAY
    assert again.triage_due > NOON + 4 * HOUR
    make.take_in(make.lines([root(NOON + DAY, n=2)]), at=NOON + DAY + HOUR)
    assert ControlException.objects.get(recurs=again).number == "EX-2026-0002"


def test_a_member_from_before_the_fix_joins_as_already_fixed(harbor):
    make.take_in(make.lines([root()]))
    done(only(), "triage", "fix", "good_retest", "close", at=NOON + 2 * HOUR)
    make.take_in(make.lines([root(NOON + HOUR, n=1)]), at=NOON + 4 * HOUR)
    assert (only().state, only().members.count()) == ("closed", 2)


@pytest.mark.parametrize("upto", ["fix", "good_retest"])
def test_a_later_member_is_the_bad_retest_of_a_fixed_one_and_opens_no_other(harbor, upto):
    make.take_in(make.lines([root()]))
    due = only().fix_due
    done(
        only(),
        *["triage", "fix", "good_retest"][: ["fix", "good_retest"].index(upto) + 2],
        at=NOON + 2 * HOUR,
    )
    make.take_in(make.lines([root(NOON + 2 * DAY, n=1)]), at=NOON + 3 * DAY)
    exception = only()
    assert (exception.state, exception.members.count()) == ("triaged", 2)
    assert exception.acts.last().action == "bad_retest"
    assert exception.fix_due == due


def test_a_false_positive_is_opened_again_by_a_new_member(harbor):
    make.take_in(make.lines([root()]))
    assert done(only(), "call_false", at=NOON + 2 * HOUR).state == "false_positive"
    make.take_in(make.lines([root(NOON + 3 * HOUR, n=1)]), at=NOON + 4 * HOUR)
    assert only().state == "triaged"


def test_severity_is_that_of_its_gravest_member_and_brings_the_due_forward(harbor):
    make.take_in(make.listing(SIX, {"alice": True}))
    make.take_in(make.lines([make.sign_in("alice")]))
    assert only().severity == "high"


def test_numbers_go_on_beyond_ten_thousand(harbor):
    make.take_in(make.lines([root()]))
    for number in ("EX-2026-9999", "EX-2026-10000"):
        ControlException.objects.create(
            **{
                **{
                    f.name: getattr(only_first(), f.name)
                    for f in ControlException._meta.fields
                    if f.name != "id"
                },
                "number": number,
                "bucket": number,
            }
        )
    make.take_in(make.lines([root(NOON - DAY, n=1)]))
    assert ControlException.objects.filter(number="EX-2026-10001").exists()


def only_first() -> ControlException:
    return ControlException.objects.order_by("pk").first()


# R10: accounts, per day, from listings.


def day_of_listings(day: int, *, mfa: bool, privileged: bool = True) -> None:
    at = SIX + day * DAY
    make.take_in(make.listing(at, {"alice": privileged}), at=at + HOUR)
    make.take_in(make.credential_report({"alice": mfa}), name=make.report_name(at + HOUR / 2), at=at + HOUR)


def r10() -> list[tuple[str, str]]:
    rows = Occurrence.objects.filter(rule="R10").exclude(result="none").order_by("local_date")
    return [(f"{row.local_date:%d}", row.result) for row in rows]


def test_an_account_is_judged_once_a_day_from_its_listings(harbor):
    for day in range(3):
        day_of_listings(day, mfa=day == 1)
    assert r10() == [("02", "fail"), ("03", "pass"), ("04", "fail")]
    assert [(t.population, t.failed) for t in Tally.objects.filter(rule="R10").order_by("local_date")] == [
        (1, 1),
        (1, 0),
        (1, 1),
    ]


def test_a_state_that_goes_on_failing_is_one_exception_while_that_lives(harbor):
    for day in range(4):
        day_of_listings(day, mfa=False)
    exception = ControlException.objects.get(rule="R10")
    assert exception.members.count() == 4
    assert exception.occurred_last.date() == (SIX + 3 * DAY).date()


def test_days_that_arrive_backwards_are_one_exception_too(harbor):
    for day in (3, 1, 2, 0):
        day_of_listings(day, mfa=False)
    exception = ControlException.objects.get(rule="R10")
    assert exception.members.count() == 4
    assert exception.occurred_first.date() == SIX.date()


def test_a_state_that_fails_after_its_fix_is_a_bad_retest_and_after_its_end_recurs(harbor):
    day_of_listings(0, mfa=False)
    done(ControlException.objects.get(), "triage", "fix", at=SIX + 2 * HOUR)
    day_of_listings(1, mfa=False)
    exception = ControlException.objects.get()
    assert (exception.state, exception.acts.last().action) == ("triaged", "bad_retest")
    done(exception, "fix", "good_retest", "close", at=SIX + DAY + 2 * HOUR)
    day_of_listings(2, mfa=True)
    day_of_listings(3, mfa=False)
    assert ControlException.objects.get(recurs=exception).members.count() == 1


def test_a_corrected_listing_takes_a_days_failure_back(harbor):
    day_of_listings(0, mfa=False)
    at = SIX + 3 * HOUR
    make.take_in(make.credential_report({"alice": True}), name=make.report_name(at), at=at + HOUR)
    assert r10() == [("02", "pass")]
    assert ControlException.objects.get().state == "closed"
    assert [(t.passed, t.failed) for t in Tally.objects.filter(rule="R10")] == [(1, 0)]


def test_acts_are_as_many_as_versions(harbor):
    make.take_in(make.lines([root()]))
    exception = done(only(), "triage", "fix", "good_retest", "close", at=NOON + 2 * HOUR)
    assert exception.version == ExceptionAct.objects.count() == 5
