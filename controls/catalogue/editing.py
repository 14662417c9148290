"""Making and changing a control: what it says, how often it works, who owns it. Each change is a leaf of the ledger."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Length

from controls.catalogue.models import Control, ControlProcedure, CriterionScope
from controls.results.words import FREQUENCIES, NATURES
from tenants.access.acts import record_act
from tenants.clients.models import Client
from tenants.members.models import Membership

# What a change of makes another version of the control; the rest is about it.
_VERSIONED: Final = ("statement", "frequency", "nature")
EDITABLE: Final = (*_VERSIONED, "design_reviewed")


# What begins the id of a control that is of no template, and half of the lock under which one is numbered.
OWN: Final = "OWN-"
NUMBER_LOCK: Final = 0x636E746C


class Refused(ValueError):
    """A change that cannot be; the sentence says why and what to do."""


def edit_control(key: str, *, given: Mapping[str, Any], by: uuid.UUID, at: datetime) -> Control:
    """Change fields of `EDITABLE` and return the control; what makes another version counts from today.

    Raises `Refused` for a field that is not edited by hand, and for words that cannot be.
    """
    unknown = set(given) - set(EDITABLE)
    if unknown:
        raise Refused(f"{', '.join(sorted(unknown))} of a control is not edited by hand.")
    with transaction.atomic():
        control = Control.objects.select_for_update().get(pk=key)
        changed = {name: value for name, value in given.items() if getattr(control, name) != value}
        if not changed:
            return control
        today = at.astimezone(_client().tzinfo).date()
        for name, value in changed.items():
            refuse(name, value, today=today)
        before = {name: getattr(control, name) for name in changed}
        for name, value in changed.items():
            setattr(control, name, value)
        if set(changed) & set(_VERSIONED):
            control.version += 1
            control.version_from = today
        control.save()
        _record(control, before, by=by, at=at)
        return control


@transaction.atomic
def create_control(
    *,
    statement: str,
    criteria: Iterable[str],
    frequency: str,
    nature: str,
    owner_function: str,
    at: datetime,
    by: uuid.UUID,
    key: bool = False,
    owner: uuid.UUID | None = None,
) -> Control:
    """Make a control that no template has: it is planned, and shown by inspection. Raises `Refused`."""
    chosen = list(dict.fromkeys(criteria))
    inside = set(CriterionScope.objects.filter(in_scope=True).values_list("criterion", flat=True))
    outside = [each for each in chosen if each not in inside]
    if outside:
        raise Refused(
            f"{', '.join(outside)} is not in scope. Choose criteria in scope, or take it into scope first."
        )
    if owner is not None and owner not in dict(possible_owners()):
        raise Refused("Who owns a control is an active member of the client.")
    control = Control.objects.create(
        id=_next_id(),
        statement=statement,
        criteria=chosen,
        frequency=frequency,
        nature=nature,
        key=key,
        owner_function=owner_function,
        owner=owner,
        version_from=at.astimezone(_client().tzinfo).date(),
    )
    ControlProcedure.objects.bulk_create(
        ControlProcedure(control=control, kind=kind, ref=kind) for kind in ("insp", "design")
    )
    said = ("statement", "criteria", "frequency", "nature", "key", "owner_function", "owner")
    _record(control, dict.fromkeys(said), by=by, at=at)
    return control


def _next_id() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))", [NUMBER_LOCK])
    # Longest first: after OWN-999 comes OWN-1000.
    last = (
        Control.objects.filter(pk__startswith=OWN)
        .order_by(Length("id").desc(), "-id")
        .values_list("pk", flat=True)
        .first()
    )
    return f"{OWN}{int(last.removeprefix(OWN)) + 1 if last else 1:03d}"


def refuse(name: str, value: Any, *, today: date) -> None:
    """Raise `Refused` for a value that a field of a control cannot have."""
    if name == "statement" and not str(value).strip():
        raise Refused("A control says what is done: its statement cannot be empty.")
    if name == "frequency" and (not value or set(str(value).split("+")) - set(FREQUENCIES)):
        raise Refused(
            f'"{value}" is no frequency. Use {", ".join(FREQUENCIES)}, joined by + where there are two.'
        )
    if name == "nature" and (not value or set(str(value).split("-")) - set(NATURES)):
        raise Refused(f'"{value}" is no nature. Use {", ".join(NATURES)}, joined by -, such as P-A.')
    if name == "design_reviewed" and value is not None and value > today:
        raise Refused("The design was reviewed on a day that is past, or today.")


def assign_owner(key: str, *, owner: uuid.UUID | None, by: uuid.UUID, at: datetime) -> Control:
    """Give a control to a member of the client, or take it from everybody; return it."""
    with transaction.atomic():
        control = Control.objects.select_for_update().get(pk=key)
        if control.owner == owner:
            return control
        if owner is not None and owner not in dict(possible_owners()):
            raise Refused("Who owns a control is an active member of the client.")
        before = {"owner": control.owner}
        control.owner = owner
        control.save(update_fields=["owner"])
        _record(control, before, by=by, at=at)
        return control


def possible_owners() -> list[tuple[uuid.UUID, str]]:
    """Return who may own a control of the present client: its active members, by name."""
    members = Membership.objects.filter(Q(client=_client()), active=True, user__is_active=True)
    return sorted(
        ((each.user_id, str(each.user)) for each in members.select_related("user")), key=lambda e: e[1]
    )


def _record(control: Control, before: Mapping[str, Any], *, by: uuid.UUID, at: datetime) -> None:
    facts = {
        name: {"from": _plain(was), "to": _plain(getattr(control, name))} for name, was in before.items()
    }
    facts["version"] = {"from": None, "to": control.version}
    record_act(_client(), "settings", f"control:{control.pk}", actor=by, at=at, facts=facts)


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | bool | list) else str(value)


def _client() -> Client:
    found: Client = connection.tenant
    return found
