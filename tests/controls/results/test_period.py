"""What a control comes to over a period, in the words of the rules: worked figures, gaps, what was never tested."""

import datetime
from zoneinfo import ZoneInfo

import pytest

from controls.catalogue.models import Control, ControlProcedure
from controls.catalogue.services import put_in_place
from controls.results.models import RuleSetting, Tally
from controls.results.period import Outcome, _worst, control_result, control_results
from evidence.coverage.models import SourceDay
from tenants.clients.period import Period
from tests import make

NOON = make.NOON
DAY = datetime.timedelta(days=1)
START = NOON.date()
PERIOD = Period(START, START + 2 * DAY, ZoneInfo("UTC"))
AT = NOON + 30 * DAY


@pytest.fixture
def covered(harbor):
    """Three days heard, with R01's control in operation."""
    put_in_place(["AC-01"], since=START)
    for day in PERIOD.days():
        SourceDay.objects.create(source=make.source(), local_date=day, events=10, snapshots=2)


def tally(rule: str = "R01", day: int = 0, *, passed: int = 0, failed: int = 0, unknown: int = 0) -> None:
    Tally.objects.create(
        rule=rule,
        source=make.source(),
        local_date=START + day * DAY,
        population=passed + failed + unknown,
        passed=passed,
        failed=failed,
        unknown=unknown,
        reasons={"fact": unknown} if unknown else {},
    )


def r01():
    result = control_result(Control.objects.get(pk="AC-01"), PERIOD, at=AT)
    return next(p for p in result.procedures if p.rule_id == "R01")


def test_the_worked_figures_are_deviations(covered):
    tally(passed=1194, failed=3, unknown=7)
    found = r01()
    assert (found.population, found.passed, found.failed, found.unknown) == (1204, 1194, 3, 7)
    assert found.outcome is Outcome.DEVIATIONS
    assert found.reasons == {"fact": 7}


def test_without_the_three_they_are_partly_tested_and_never_without_deviations(covered):
    tally(passed=1194, unknown=7)
    assert r01().outcome is Outcome.PARTLY_TESTED


def test_all_passed_on_covered_days_is_no_deviations(covered):
    tally(passed=5)
    tally(passed=1, day=2)
    assert (r01().outcome, r01().covered_days) == (Outcome.NO_DEVIATIONS, 3)


def test_no_member_on_covered_days_did_not_occur(covered):
    assert r01().outcome is Outcome.DID_NOT_OCCUR


@pytest.mark.parametrize("lost", [{"events": 0}, {"snapshots": 0}])
def test_a_gap_of_events_or_of_listings_is_partly_tested(covered, lost):
    tally(passed=5)
    SourceDay.objects.filter(local_date=START + DAY).update(**lost)
    assert r01().outcome is Outcome.PARTLY_TESTED
    Tally.objects.all().delete()
    assert r01().outcome is Outcome.PARTLY_TESTED


def test_days_outside_of_the_period_do_not_count(covered):
    tally(failed=1, day=-1)
    tally(failed=1, day=3)
    tally(passed=1)
    assert r01().outcome is Outcome.NO_DEVIATIONS


def test_a_rule_that_was_off_on_a_day_is_partly_tested_and_on_all_days_not_tested(covered):
    tally(passed=5)
    RuleSetting.objects.create(rule="R01", enabled=False, valid_from=NOON + DAY)
    assert r01().outcome is Outcome.PARTLY_TESTED
    RuleSetting.objects.create(rule="R01", enabled=False, valid_from=NOON - 2 * DAY)
    assert r01().outcome is Outcome.NOT_TESTED
    RuleSetting.objects.create(rule="R01", enabled=True, valid_from=NOON - DAY)
    RuleSetting.objects.filter(valid_from=NOON + DAY).delete()
    assert r01().outcome is Outcome.NO_DEVIATIONS


def test_a_control_that_is_not_in_place_is_not_tested(covered):
    tally(passed=5)
    Control.objects.filter(pk="AC-01").update(status="planned")
    assert r01().outcome is Outcome.NOT_TESTED
    assert "not in place" in r01().why


def test_a_rule_without_a_file_and_a_client_without_a_source_are_not_tested(harbor):
    put_in_place(list(Control.objects.values_list("pk", flat=True)), since=START)
    results = control_results(Control.objects.prefetch_related("procedures"), PERIOD, at=AT)
    assert {p.outcome for r in results for p in r.procedures} == {Outcome.NOT_TESTED}
    assert all(p.why for r in results for p in r.procedures)


def test_a_control_is_as_its_worst_procedure():
    def procedures(*words: tuple[str, int]):
        kind = ControlProcedure(kind="rule", ref="R01")
        from controls.results.period import ProcedureResult

        return [ProcedureResult(kind, "R01", "1.0", "member", Outcome(w), "", population=n) for w, n in words]

    assert _worst(procedures(("no_deviations", 5), ("deviations", 1))) is Outcome.DEVIATIONS
    assert _worst(procedures(("no_deviations", 5), ("not_tested", 0))) is Outcome.NOT_TESTED
    assert _worst(procedures(("did_not_occur", 0), ("no_deviations", 5))) is Outcome.NO_DEVIATIONS
    assert _worst(procedures(("did_not_occur", 0), ("did_not_occur", 0))) is Outcome.DID_NOT_OCCUR
    assert _worst(procedures(("did_not_occur", 0), ("partly_tested", 0))) is Outcome.PARTLY_TESTED
    assert _worst([]) is Outcome.NOT_TESTED


def test_many_controls_take_as_many_queries_as_one(covered, django_assert_max_num_queries):
    controls = list(Control.objects.prefetch_related("procedures"))
    with django_assert_max_num_queries(9):
        control_results(controls, PERIOD, at=AT)
