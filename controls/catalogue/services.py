"""Making a client's controls from the catalogue."""

from collections.abc import Iterable
from datetime import date

from django.db import transaction

from controls.catalogue.loader import PROCEDURE_WORDS, Template, catalogue
from controls.catalogue.models import Control, ControlProcedure, CriterionScope
from controls.rules.registry import rule_by_id
from tenants.clients.models import Client


@transaction.atomic
def instantiate(*, on: date, categories: Iterable[str] = ("CC",)) -> None:
    """Give the present client every criterion and the controls of the categories in scope.

    Security (`CC`) is always in scope. Repeating it adds what is new and takes further categories in; it
    changes no control that is there: the client's copy of a template is its own.
    """
    chosen = {"CC", *categories}
    made = catalogue()
    CriterionScope.objects.bulk_create(
        [
            CriterionScope(
                criterion=c.id,
                in_scope=c.category in chosen,
                reason="" if c.category in chosen else f"{made.categories[c.category]} was not chosen",
            )
            for c in made.criteria.values()
        ],
        ignore_conflicts=True,
    )
    inside = [c.id for c in made.criteria.values() if c.category in chosen]
    # What a person took out of scope, with a reason and an approver, stays out.
    waiting = CriterionScope.objects.filter(criterion__in=inside, in_scope=False, approver=None)
    waiting.update(in_scope=True, reason="")
    present = set(Control.objects.values_list("pk", flat=True))
    templates = [t for t in made.templates.values() if t.id not in present and _serves(t, chosen)]
    Control.objects.bulk_create([_control(t, on) for t in templates])
    ControlProcedure.objects.bulk_create([p for t in templates for p in _procedures(t)])


def put_in_place(controls: Iterable[str], *, since: date) -> None:
    """Say that these controls are in operation since a day."""
    Control.objects.filter(pk__in=list(controls)).update(
        status=Control.Status.IN_PLACE, in_operation_from=since, version_from=since
    )
    ControlProcedure.objects.filter(control__in=list(controls)).update(active_from=since)


def _serves(template: Template, chosen: set[str]) -> bool:
    criteria = catalogue().criteria
    return any(criteria[c].category in chosen for c in template.criteria)


def _control(template: Template, on: date) -> Control:
    return Control(
        id=template.id,
        statement=template.statement,
        criteria=list(template.criteria),
        frequency=template.frequency,
        nature=template.nature,
        key=template.key,
        owner_function=template.owner,
        version_from=on,
        status=Control.Status.IN_PLACE if _judged_by_rule(template) else Control.Status.PLANNED,
    )


def _judged_by_rule(template: Template) -> bool:
    """Whether a rule that exists judges what the control governs: then it is tested from the first event on.

    A control that only people can show stays planned until somebody puts it in place.
    """
    found = (rule_by_id(test) for test in template.tests)
    return any(rule is not None and rule.judged for rule in found)


def _procedures(template: Template) -> list[ControlProcedure]:
    procedures = [
        ControlProcedure(control_id=template.id, kind=_kind(test), ref=test) for test in template.tests
    ]
    procedures.append(ControlProcedure(control_id=template.id, kind="design", ref="design"))
    return procedures


def _kind(test: str) -> str:
    """How a template's test is carried out; a rule of kind `state` is a state test."""
    rule = rule_by_id(test)
    return "state" if rule is not None and rule.kind == "state" else PROCEDURE_WORDS.get(test, "rule")


def on_client_created(sender: object, *, client: Client, **_: object) -> None:
    """Give a new client its criteria and Security's controls; those that a rule judges are in place at once."""
    instantiate(on=client.created_at.astimezone(client.tzinfo).date())
