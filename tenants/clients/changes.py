"""What may be done with a client that is there: change its settings, suspend it, resume it. Each is a leaf."""

import hashlib
import uuid
from datetime import datetime

from django.db import transaction

from tenants.access.acts import record_act
from tenants.clients.models import Client
from tenants.clients.services import ClientRefused, refuse_malformed_settings


class ChangedMeanwhile(ClientRefused):
    """Somebody else changed the client after the form was shown."""


def seen_of(client: Client) -> str:
    """Return what a form carries to tell whether the client is still as it was shown."""
    shown = "\x1f".join((client.name, client.zone, client.paper, str(client.suspended_at)))
    return hashlib.sha256(shown.encode()).hexdigest()[:16]


@transaction.atomic
def change_settings(
    client: Client, *, name: str, zone: str, paper: str, seen: str, by: uuid.UUID, at: datetime
) -> Client:
    """Change name, zone and paper. Days that were judged keep the zone that they were judged in.

    Raises:
        ClientRefused: a value that a client cannot have.
        ChangedMeanwhile: the client is no longer as `seen_of` said.
    """
    found = _locked(client, seen)
    before = {"name": found.name, "zone": found.zone, "paper": found.paper}
    after = {"name": name.strip(), "zone": zone, "paper": paper}
    found.name, found.zone, found.paper = after.values()
    refuse_malformed_settings(found)
    changed = {key: {"from": before[key], "to": after[key]} for key in after if before[key] != after[key]}
    if changed:
        found.save(update_fields=list(after))
        _record(found, "client settings changed", by=by, at=at, changed=changed)
    return found


@transaction.atomic
def suspend(client: Client, *, seen: str, by: uuid.UUID, at: datetime) -> Client:
    """Close the client's pages to its own people; intake, the MSSP and auditors go on."""
    found = _locked(client, seen)
    if found.suspended_at is None:
        found.suspended_at = at
        found.save(update_fields=["suspended_at"])
        _record(found, "client suspended", by=by, at=at)
    return found


@transaction.atomic
def resume(client: Client, *, seen: str, by: uuid.UUID, at: datetime) -> Client:
    """Open the client's pages to its people again."""
    found = _locked(client, seen)
    if found.suspended_at is not None:
        since = found.suspended_at
        found.suspended_at = None
        found.save(update_fields=["suspended_at"])
        _record(found, "client resumed", by=by, at=at, suspended_at=since.isoformat())
    return found


def _locked(client: Client, seen: str) -> Client:
    found = Client.objects.select_for_update().get(pk=client.pk)
    if seen_of(found) != seen:
        raise ChangedMeanwhile(
            "Somebody changed this client after you opened the page. Look at what it is now, then do it again."
        )
    return found


def _record(client: Client, act: str, *, by: uuid.UUID, at: datetime, **facts: object) -> None:
    record_act(client, "settings", f"client:{client.pk}", actor=by, at=at, facts={"act": act, **facts})
