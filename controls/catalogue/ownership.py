"""Whose a source is: its evidence belongs to the owners of the controls whose rules read it."""

import uuid

from controls.catalogue.models import ControlProcedure
from controls.rules.registry import rules
from evidence.intake.models import Source
from tenants.access.policy import owners_of


@owners_of.register
def _(obj: Source) -> frozenset[uuid.UUID]:
    """The people who own a control with a procedure that reads the source."""
    reading = [rule.id for rule in rules() if obj.slug in rule.sources or "any" in rule.sources]
    found = ControlProcedure.objects.filter(ref__in=reading, control__owner__isnull=False)
    owners = found.order_by().values_list("control__owner", flat=True).distinct()
    return frozenset(owner for owner in owners if owner is not None)
