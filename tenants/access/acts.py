"""Acts about people and access at a client, announced so that the ledger on the right can keep them."""

import uuid
from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.dispatch import Signal

from tenants.clients.models import Client
from tenants.clients.switch import client as at_client

# Sent inside the act's transaction and inside `with client(...)`: kind, ref, actor, facts, at. A receiver that fails
# undoes the act.
act_recorded = Signal()


def record_act(
    client: Client, kind: str, ref: str, *, actor: uuid.UUID | None, at: datetime, facts: Mapping[str, object]
) -> None:
    """Announce an act at a client: a leaf of its ledger (`evidence.ledger.acts`) in the same transaction.

    `kind` is a leaf's kind: `settings` (who may what: roles, engagements, sign-in, tokens) or `decision`
    (break-glass). `ref` names the object (`membership:…`), `facts` are plain JSON values and hold no secret.

    Raises:
        RuntimeError: outside a transaction, where act and leaf could part.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("An act is recorded inside the transaction that does it.")
    with at_client(client):
        act_recorded.send(sender=Client, kind=kind, ref=ref, actor=actor, facts=dict(facts), at=at)
