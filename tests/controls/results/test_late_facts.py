"""R01 asks whether who signed in was privileged: whatever arrives when, the answer is that of the whole set."""

import datetime
import itertools

import pytest

from controls.exceptions.models import ControlException
from controls.results.models import Occurrence, Tally
from tests import make

NOON = make.NOON
HOUR = datetime.timedelta(hours=1)
MINUTE = datetime.timedelta(minutes=1)
SIX = NOON - 6 * HOUR


def verdicts(rule: str = "R01") -> dict[str, tuple[str, str]]:
    """`{actor: (result, reason)}` of what counts or may count."""
    rows = Occurrence.objects.filter(rule=rule).order_by("time")
    return {row.actor_key: (row.result, row.reason) for row in rows}


def verdict(rule: str = "R01") -> tuple[str, str]:
    (row,) = Occurrence.objects.filter(rule=rule)
    return row.result, row.reason


def tallies(rule: str = "R01") -> list[tuple]:
    rows = Tally.objects.filter(rule=rule, population__gt=0).order_by("local_date")
    return [(t.local_date, t.population, t.passed, t.failed, t.unknown, t.reasons) for t in rows]


ALICE, BOB = make.user_id("alice"), make.user_id("bob")
SIGN_INS = [make.sign_in("alice", mfa=False), make.sign_in("bob", mfa=True, n=1)]


def test_without_any_listing_every_member_but_root_is_unknown_by_membership(harbor):
    make.take_in(make.lines([*SIGN_INS, make.sign_in("root", mfa=True, n=2)]))
    assert verdicts() == {
        ALICE: ("unknown", "membership"),
        BOB: ("unknown", "membership"),
        make.AWS_ACCOUNT: ("pass", ""),
    }
    assert tallies() == [(NOON.date(), 3, 1, 0, 2, {"membership": 2})]
    assert not ControlException.objects.exists()


def test_root_without_a_factor_fails_critically_by_itself(harbor):
    make.take_in(make.lines([make.sign_in("root", mfa=False)]))
    assert verdict() == ("fail", "")
    assert ControlException.objects.get().severity == "critical"


def test_a_listing_that_arrives_after_the_sign_ins_judges_them_again(harbor):
    make.take_in(make.lines([*SIGN_INS, make.sign_in("carol", n=3)]))
    found = make.take_in(make.listing(SIX, {"alice": True, "bob": True, "carol": False}))
    assert verdicts() == {
        ALICE: ("fail", ""),
        BOB: ("pass", ""),
        make.user_id("carol"): ("none", ""),
    }
    assert tallies() == [(NOON.date(), 2, 1, 1, 0, {})]
    assert found.exceptions == 1


def test_a_listing_before_the_sign_ins_judges_them_at_once(harbor):
    make.take_in(make.listing(SIX, {"alice": True, "bob": False}))
    assert make.take_in(make.lines(SIGN_INS)).exceptions == 1
    assert verdicts() == {ALICE: ("fail", ""), BOB: ("none", "")}


def test_a_listing_in_the_same_file_counts(harbor):
    content = make.listing(SIX, {"alice": True, "bob": False}) + b"\n" + make.lines(SIGN_INS)
    make.take_in(content)
    assert verdicts() == {ALICE: ("fail", ""), BOB: ("none", "")}


def test_rights_granted_an_hour_later_make_no_member(harbor):
    make.take_in(make.listing(SIX, {"alice": False}))
    make.take_in(make.lines([SIGN_INS[0], make.attach_policy("alice", at=NOON + HOUR)]), at=NOON + 2 * HOUR)
    make.take_in(make.listing(SIX + 24 * HOUR, {"alice": True}), at=NOON + 30 * HOUR)
    assert verdict() == ("none", "")


def test_a_change_event_gives_the_instant_between_two_listings_that_differ(harbor):
    make.take_in(make.listing(SIX, {"alice": False}))
    before, after = make.sign_in("alice", at=NOON - HOUR), make.sign_in("alice", at=NOON + HOUR)
    make.take_in(make.lines([before, make.attach_policy("alice", at=NOON), after]), at=NOON + 2 * HOUR)
    make.take_in(make.listing(SIX + 24 * HOUR, {"alice": True}), at=NOON + 30 * HOUR)
    rows = Occurrence.objects.filter(rule="R01").order_by("time")
    assert [row.result for row in rows] == ["none", "fail"]


def test_between_two_listings_that_differ_without_an_event_it_is_unknown(harbor):
    make.take_in(make.listing(SIX, {"alice": False}))
    make.take_in(make.lines([SIGN_INS[0]]))
    assert verdict() == ("none", "")
    make.take_in(make.listing(SIX + 24 * HOUR, {"alice": True}), at=NOON + 24 * HOUR)
    assert verdict() == ("unknown", "membership")


@pytest.mark.parametrize(("hours", "result"), [(26, "fail"), (26.01, "unknown")])
def test_after_26_hours_a_listing_says_nothing_any_more(harbor, hours, result):
    at = NOON - datetime.timedelta(hours=hours)
    at = at.replace(second=0, microsecond=0) if hours == 26 else at
    make.take_in(make.listing(at, {"alice": True}))
    make.take_in(make.lines([SIGN_INS[0]]))
    assert verdict()[0] == result


def test_a_listing_long_after_that_differs_leaves_it_unknown_whatever_is_in_the_same_batch(harbor):
    """The next listing bears on what is before it, also when it is days away."""
    make.take_in(make.listing(SIX, {"alice": True}))
    make.take_in(make.listing(SIX + 72 * HOUR, {"alice": False}), at=NOON + 80 * HOUR)
    make.take_in(make.lines([SIGN_INS[0]]), at=NOON + 80 * HOUR)
    alone = verdict()
    far = make.sign_in("bob", at=NOON + 60 * HOUR)
    Occurrence.objects.all().delete()
    Tally.objects.all().delete()
    make.take_in(make.lines([make.sign_in("alice", n=9), far]), at=NOON + 80 * HOUR)
    assert verdicts()[ALICE] == alone == ("unknown", "membership")


ARRIVALS = {
    "early": make.listing(SIX - 24 * HOUR, {"alice": True, "bob": False}),
    "listing": make.listing(SIX, {"alice": True, "bob": False}),
    "later": make.listing(SIX + 24 * HOUR, {"alice": True, "bob": True}),
    "events": make.lines([*SIGN_INS, make.sign_in("alice", at=NOON + 15 * HOUR, n=4)]),
    "change": make.lines([make.attach_policy("bob", at=NOON - 2 * HOUR)]),
}


@pytest.mark.parametrize("order", list(itertools.permutations(ARRIVALS))[::7], ids="-".join)
def test_in_whatever_order_they_arrive_the_verdicts_are_the_same(harbor, order):
    for name in order:
        make.take_in(ARRIVALS[name], at=NOON + 40 * HOUR)
    rows = Occurrence.objects.filter(rule="R01").order_by("time", "actor_key")
    at_noon = sorted([(ALICE, "fail", ""), (BOB, "pass", "")])
    assert [(r.actor_key, r.result, r.reason) for r in rows] == [*at_noon, (ALICE, "fail", "")]
    assert [t[1:5] for t in tallies()] == [(2, 1, 1, 0), (1, 0, 1, 0)]
    live = ControlException.objects.exclude(state="closed")
    assert sorted(e.bucket for e in live) == sorted({e.bucket for e in live})
    assert live.count() == 2


def test_a_user_with_no_grants_listed_but_in_a_report_is_unknown(harbor):
    make.take_in(make.credential_report({"alice": True}), name=make.report_name(SIX))
    make.take_in(make.lines([SIGN_INS[0]]))
    assert verdict() == ("unknown", "membership")


def test_the_same_listing_on_a_quiet_day_keeps_its_facts_fresh(harbor):
    """Nothing changed, so the bytes are those of the day before; the instant is in the name."""
    same = make.credential_report({"alice": True})
    for day in range(3):
        make.take_in(same, name=make.report_name(SIX + day * 24 * HOUR), at=SIX + day * 24 * HOUR + MINUTE)
    from evidence.inventory.models import Snapshot

    assert Snapshot.objects.count() == 3
