"""A client's controls come from the catalogue: every criterion, each control once, its own from then on."""

import datetime
import uuid

import pytest

from controls.catalogue import loader
from controls.catalogue.loader import CatalogueError, catalogue, category_of
from controls.catalogue.models import Control, ControlProcedure, CriterionScope
from controls.catalogue.services import instantiate, put_in_place
from controls.rules.registry import rule_by_id

DAY = datetime.date(2026, 1, 1)


def test_the_catalogue_holds_all_criteria_and_each_has_a_key_control():
    made = catalogue()
    assert len(made.criteria) == 61
    assert {c.category for c in made.criteria.values()} == set(loader.CATEGORIES)
    keyed = {c for t in made.templates.values() if t.key for c in t.criteria}
    assert keyed == set(made.criteria)
    assert all(c.title and len(c.title) <= 120 for c in made.criteria.values())


@pytest.mark.parametrize(
    ("criterion", "category"), [("CC6.1", "CC"), ("PI1.2", "PI"), ("P4.1", "P"), ("A1.3", "A")]
)
def test_a_criterion_names_its_category(criterion, category):
    assert category_of(criterion) == category


def test_a_catalogue_that_contradicts_itself_names_everything_that_is_wrong(tmp_path, monkeypatch):
    for name in ("criteria.yml", "templates.yml"):
        text = (loader.FOLDER / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("CC6.1", "CC6.91", 1) if name == "criteria.yml" else text)
    monkeypatch.setattr(loader, "FOLDER", tmp_path)
    with pytest.raises(CatalogueError, match=r"names CC6\.1, which is no criterion"):
        catalogue.__wrapped__()


def test_a_new_client_has_security_in_scope_and_the_rest_out_with_a_reason(harbor):
    scope = {s.criterion: s for s in CriterionScope.objects.all()}
    assert len(scope) == 61
    assert {c for c, s in scope.items() if s.in_scope} == {c for c in scope if category_of(c) == "CC"}
    assert all(s.reason for s in scope.values() if not s.in_scope)
    assert all("CC" in map(category_of, c.criteria) for c in Control.objects.all())


def test_a_rule_of_kind_state_is_a_state_test_and_a_rule_without_file_is_a_rule(harbor):
    kinds = dict(ControlProcedure.objects.filter(ref__startswith="R").values_list("ref", "kind"))
    assert kinds["R10"] == "state"
    assert kinds["R01"] == "rule"
    missing = [ref for ref in kinds if rule_by_id(ref) is None]
    assert missing
    assert {kinds[ref] for ref in missing} == {"rule"}


def test_a_control_that_an_existing_rule_judges_is_in_place_and_others_wait(harbor):
    statuses = dict(Control.objects.values_list("id", "status"))
    assert statuses["AC-01"] == "in_place"
    assert "planned" in statuses.values()


def test_making_them_again_changes_nothing_and_a_category_more_adds(harbor):
    Control.objects.filter(pk="AC-01").update(statement="Our own words.")
    before = (Control.objects.count(), ControlProcedure.objects.count())
    instantiate(on=DAY)
    assert (Control.objects.count(), ControlProcedure.objects.count()) == before
    assert Control.objects.get(pk="AC-01").statement == "Our own words."
    instantiate(on=DAY, categories=["P"])
    assert Control.objects.count() > before[0]
    assert CriterionScope.objects.get(pk="P1.1").in_scope


def test_what_a_person_took_out_of_scope_stays_out(harbor):
    CriterionScope.objects.filter(pk="CC6.4").update(
        in_scope=False, reason="No premises.", approver=uuid.uuid4()
    )
    instantiate(on=DAY)
    scope = CriterionScope.objects.get(pk="CC6.4")
    assert (scope.in_scope, scope.reason) == (False, "No premises.")


def test_putting_in_place_says_since_when(harbor):
    put_in_place(["AC-01"], since=DAY)
    control = Control.objects.get(pk="AC-01")
    assert (control.status, control.in_operation_from) == ("in_place", DAY)
    assert set(control.procedures.values_list("active_from", flat=True)) == {DAY}
