"""The leaf of an act that `tenants` announces: roles, engagements, tokens, break-glass."""

import hashlib
import uuid
from collections.abc import Mapping
from datetime import datetime

from evidence.ledger.leaf import canonical
from evidence.ledger.services import Recorded, append


def on_act(
    *, kind: str, ref: str, actor: uuid.UUID | None, facts: Mapping[str, object], at: datetime, **_: object
) -> None:
    """Append the leaf: its hash is that of the facts in canonical JSON, which stand in its `meta` as well."""
    digest = hashlib.sha256(canonical(dict(facts))).hexdigest()
    append(
        [Recorded(kind=kind, ref=ref, sha256=digest, actor=str(actor or "system"), meta=dict(facts))], at=at
    )
