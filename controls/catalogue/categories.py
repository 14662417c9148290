"""Which criteria a thing serves: what bounds an auditor to the categories of their engagement."""

from controls.catalogue.models import Control
from controls.exceptions.models import ControlException
from controls.results.models import Occurrence
from controls.rules.registry import rule_by_id
from tenants.access.policy import criteria_of


@criteria_of.register
def _(obj: Control) -> frozenset[str]:
    return frozenset(obj.criteria)


@criteria_of.register
def _(obj: ControlException) -> frozenset[str]:
    return frozenset(obj.criteria)


@criteria_of.register
def _(obj: Occurrence) -> frozenset[str] | None:
    """Those of the rule that judged it."""
    rule = rule_by_id(obj.rule)
    return frozenset(rule.soc2.criteria) if rule is not None else None
