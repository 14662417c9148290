"""Whose an exception is: what the policy's `own` and `ns` ask about it."""

import uuid
from collections.abc import Iterable

from controls.catalogue.models import Control
from controls.exceptions.models import ControlException
from tenants.access.policy import owners_of, parties_of


def owned_controls(keys: Iterable[str]) -> dict[str, uuid.UUID | None]:
    """Return the owners of controls by id, in one query: set as `control_owner` on many exceptions at once."""
    return dict(Control.objects.filter(pk__in=set(keys)).values_list("pk", "owner"))


def control_owner(exception: ControlException) -> uuid.UUID | None:
    """Return the owner of an exception's control; read once."""
    if not hasattr(exception, "control_owner"):
        exception.control_owner = owned_controls([exception.control]).get(exception.control)
    return exception.control_owner


@owners_of.register
def _(obj: ControlException) -> frozenset[uuid.UUID]:
    """Its owner, and its control's."""
    return frozenset(each for each in (obj.owner, control_owner(obj)) if each is not None)


@parties_of.register
def _(obj: ControlException) -> frozenset[uuid.UUID]:
    """Its owner and who mended it: neither retests nor closes it."""
    return frozenset(each for each in (obj.owner, obj.fixed_by) if each is not None)
