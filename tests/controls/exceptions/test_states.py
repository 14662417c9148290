"""Every action from every state, as the table says; who may; what must be said; what is kept."""

import datetime
import itertools
import uuid

import pytest

from controls.exceptions.clocks import business_days_after, fix_due, triage_due
from controls.exceptions.models import ControlException, ExceptionAct
from controls.exceptions.services import Changed, Refused, act, comment
from controls.exceptions.states import LIVE, TRANSITIONS
from evidence.ledger.models import LedgerEntry
from tests import make

NOON = make.NOON
HOUR = datetime.timedelta(hours=1)
AT = NOON + 2 * HOUR
ANA, OWN, FIXER = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
UTC = datetime.UTC

# soc2-work §5.3, as far as the actions exist: from, action, to, kept as a leaf.
TABLE = {
    ("open", "triage"): ("triaged", False),
    **{(state, "fix"): ("fixed", True) for state in ("open", "triaged", "ticketed", "accepted")},
    **{(state, "call_false"): ("false_positive", True) for state in ("open", "triaged", "ticketed")},
    ("fixed", "good_retest"): ("retested", True),
    **{(state, "bad_retest"): ("triaged", True) for state in ("fixed", "retested")},
    ("retested", "close"): ("closed", True),
    **{(state, "reopen"): ("triaged", True) for state in ("closed", "false_positive")},
}
STATES = [state for state, _ in ControlException.State.choices]
ACTIONS = sorted({action for steps in TRANSITIONS.values() for action in steps} - {"correct"})
GIVEN = {
    "words": "Looked at.",
    "severity": "high",
    "cause": "process",
    "harm": "none seen",
    "fix": "Key given.",
    "fixed_at": NOON + HOUR,
    "code": "rule wrong",
}


@pytest.fixture
def exception(harbor) -> ControlException:
    make.take_in(make.lines([make.sign_in("root")]))
    found = ControlException.objects.get()
    found.owner, found.fixed_by, found.cause = OWN, FIXER, "process"
    found.save()
    return found


def put(exception: ControlException, state: str) -> ControlException:
    exception.state = state
    exception.save()
    return exception


def test_every_action_from_every_state_does_what_the_table_says(exception):
    for state, action in itertools.product(STATES, ACTIONS):
        put(exception, state)
        before = (LedgerEntry.objects.count(), ExceptionAct.objects.count(), exception.version)
        expected = TABLE.get((state, action))
        if expected is None:
            with pytest.raises(Refused, match=exception.number):
                act(exception, action, by=ANA, at=AT, given=GIVEN, version=exception.version)
            exception.refresh_from_db()
            assert exception.state == state
            assert (LedgerEntry.objects.count(), ExceptionAct.objects.count(), exception.version) == before
            continue
        to, leaf = expected
        exception = act(exception, action, by=ANA, at=AT, given=GIVEN, version=exception.version)
        assert (exception.state, exception.version) == (to, before[2] + 1), (state, action)
        assert LedgerEntry.objects.count() - before[0] == leaf, (state, action)
        kept = ExceptionAct.objects.order_by("-pk").first()
        assert (kept.state_before, kept.state_after, kept.by, kept.at) == (state, to, ANA, AT)
        assert (kept.ledger_seq is not None) == leaf
        exception.fixed_by, exception.severity = FIXER, "high"
        exception.save()


def test_the_system_alone_corrects(exception):
    for state in LIVE:
        assert TRANSITIONS[state]["correct"].policy == ""


@pytest.mark.parametrize(
    ("state", "action"), [("fixed", "good_retest"), ("fixed", "bad_retest"), ("retested", "close")]
)
@pytest.mark.parametrize("who", [OWN, FIXER])
def test_who_owns_or_fixed_neither_retests_nor_closes(exception, state, action, who):
    put(exception, state)
    with pytest.raises(Refused, match="another person"):
        act(exception, action, by=who, at=AT, given=GIVEN, version=exception.version)


@pytest.mark.parametrize(("state", "action"), list(TABLE))
def test_what_must_be_said_is_asked_for_by_name(exception, state, action):
    put(exception, state)
    for need in TRANSITIONS[state][action].needs:
        for empty in (None, "", "  "):
            with pytest.raises(Refused, match=need):
                act(exception, action, by=ANA, at=AT, given={**GIVEN, need: empty}, version=exception.version)


@pytest.mark.parametrize(
    ("action", "wrong"),
    [
        ("triage", {"severity": "dire"}),
        ("triage", {"cause": "weather"}),
        ("triage", {"harm": "some"}),
        ("call_false", {"code": "boring"}),
        ("fix", {"fixed_at": AT + HOUR}),
        ("fix", {"fixed_at": "yesterday"}),
        ("fix", {"fixed_at": datetime.datetime(2026, 3, 2, 12)}),  # noqa: DTZ001
    ],
)
def test_a_word_outside_of_its_list_and_a_fix_in_the_future_are_refused(exception, action, wrong):
    with pytest.raises(Refused):
        act(exception, action, by=ANA, at=AT, given={**GIVEN, **wrong}, version=exception.version)


def test_closing_needs_a_known_cause(exception):
    put(exception, "retested")
    exception.cause = "not known yet"
    exception.save()
    with pytest.raises(Refused, match="cause"):
        act(exception, "close", by=ANA, at=AT, given={"words": "Done."}, version=exception.version)
    closed = act(
        exception, "close", by=ANA, at=AT, given={"words": "x", "cause": "vendor"}, version=exception.version
    )
    assert (closed.state, closed.cause) == ("closed", "vendor")


def test_two_who_saw_the_same_version_do_not_both_act(exception):
    seen = exception.version
    act(exception, "fix", by=ANA, at=AT, given=GIVEN, version=seen)
    with pytest.raises(Changed, match="somebody else"):
        act(exception, "call_false", by=OWN, at=AT, given=GIVEN, version=seen)


def test_a_comment_changes_nothing_and_needs_words(exception):
    before = (exception.version, LedgerEntry.objects.count())
    assert comment(exception, by=ANA, at=AT, words=" Seen. ").words == "Seen."
    exception.refresh_from_db()
    assert (exception.version, LedgerEntry.objects.count()) == before
    with pytest.raises(Refused):
        comment(exception, by=ANA, at=AT, words="  ")


def test_a_graver_severity_brings_the_dues_forward_and_a_milder_one_counts_from_the_start(exception):
    exception.severity = "high"
    exception.fix_due = fix_due(exception.detected, "high", None, harbor_zone())
    exception.triage_due = triage_due(exception.detected, "high", exception.fix_due, harbor_zone())
    exception.save()
    high = exception.fix_due
    graver = act(
        exception, "triage", by=ANA, at=AT, given={**GIVEN, "severity": "critical"}, version=exception.version
    )
    assert graver.fix_due == fix_due(exception.detected, "critical", None, harbor_zone()) < high
    put(graver, "open")
    milder = act(
        graver, "triage", by=ANA, at=AT, given={**GIVEN, "severity": "medium"}, version=graver.version
    )
    assert milder.fix_due == fix_due(exception.detected, "medium", None, harbor_zone()) > high


def harbor_zone():
    from zoneinfo import ZoneInfo

    return ZoneInfo("UTC")


def test_a_reopened_one_has_a_new_clock(exception):
    closed = put(exception, "closed")
    later = AT + 30 * 24 * HOUR
    again = act(closed, "reopen", by=ANA, at=later, given=GIVEN, version=closed.version)
    assert again.triage_due > later
    assert again.fix_due > later


# 2026-03-06 is a Friday.
FRIDAY_16 = datetime.datetime(2026, 3, 6, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        (FRIDAY_16, 1, datetime.datetime(2026, 3, 9, 16, tzinfo=UTC)),
        (FRIDAY_16 + 2 * HOUR, 1, datetime.datetime(2026, 3, 10, 9, tzinfo=UTC)),
        (FRIDAY_16 + 24 * HOUR, 1, datetime.datetime(2026, 3, 10, 9, tzinfo=UTC)),
        (FRIDAY_16 - 10 * HOUR, 3, datetime.datetime(2026, 3, 11, 9, tzinfo=UTC)),
    ],
)
def test_business_days_skip_weekends_and_nights(start, days, due):
    assert business_days_after(start, days, harbor_zone()) == due


def test_whole_days_end_with_the_clients_day_and_triage_is_within_half_of_it():
    from zoneinfo import ZoneInfo

    tokyo = ZoneInfo("Asia/Tokyo")
    due = fix_due(NOON, "high", None, tokyo)
    assert due.astimezone(tokyo).strftime("%Y-%m-%d %H:%M:%S") == "2026-03-09 23:59:59"
    assert fix_due(NOON, "high", 5 * HOUR, tokyo) == NOON + 5 * HOUR
    assert triage_due(NOON, "high", NOON + 4 * HOUR, tokyo) == NOON + 2 * HOUR
    assert triage_due(NOON, "critical", NOON + 48 * HOUR, tokyo) == NOON + 4 * HOUR
