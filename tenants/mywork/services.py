"""Keeping what waits at a client in `public`: written from the right, repeatable, only where something changed."""

from collections.abc import Iterable
from dataclasses import fields
from typing import Any, Final

from django.db import transaction

from tenants.clients.models import Client
from tenants.clients.switch import current_client
from tenants.mywork.models import WorkItem
from tenants.mywork.registry import Work, WorkKind, kinds

# Of one kind at one client no more than this is kept, what is due first: the client's own page lists the rest.
MOST: Final = 500
_NAMES: Final = tuple(field.name for field in fields(Work))
_CHANGING: Final = [name for name in _NAMES if name not in ("kind", "key")]


def rebuild_work() -> int:
    """Write anew what waits at the present client; return how many rows changed. May be repeated at will."""
    return sum(_rebuild(current_client(), kind) for kind in kinds())


def _rebuild(client: Client, kind: WorkKind) -> int:
    wanted = {work.key: _values(work) for work in kind.waiting(MOST)}
    with transaction.atomic():
        there = {
            each["key"]: {**each, "owners": sorted(each["owners"]), "parties": sorted(each["parties"])}
            for each in WorkItem.objects.filter(client=client, kind=kind.key).values(*_NAMES)
        }
        gone = there.keys() - wanted.keys()
        changed = [values for key, values in wanted.items() if there.get(key) != values]
        if gone:
            WorkItem.objects.filter(client=client, kind=kind.key, key__in=gone).delete()
        _write(client, changed)
    return len(gone) + len(changed)


def keep_work(kind: str, key: str, works: Iterable[Work]) -> None:
    """Write anew what waits of one thing at the present client, inside the transaction that changed it."""
    client = current_client()
    found = [_values(work) for work in works]
    if found:
        _write(client, found)
    else:
        WorkItem.objects.filter(client=client, kind=kind, key=key).delete()


def _values(work: Work) -> dict[str, Any]:
    values = {name: getattr(work, name) for name in _NAMES}
    return values | {"owners": sorted(work.owners), "parties": sorted(work.parties)}


def _write(client: Client, rows: list[dict[str, Any]]) -> None:
    WorkItem.objects.bulk_create(
        [WorkItem(client=client, **values) for values in rows],
        update_conflicts=True,
        unique_fields=["client", "kind", "key"],
        update_fields=_CHANGING,
    )
