"""Appending leaves within the transaction of the thing recorded, and signing heads."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection, transaction

from evidence.ledger.keys import ListedKey
from evidence.ledger.leaf import Leaf, parse_leaf, parse_rfc3339
from evidence.ledger.models import Checkpoint, LedgerEntry
from evidence.ledger.note import Head, key_name
from evidence.ledger.tree import Frontier, leaf_hash
from tenants.secrets.signing import current_key, installation_host

# First half of the advisory lock's key; the second is the schema, so that clients never wait for each other.
LOCK = 0x70726F66


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a leaf records: kind and reference of the thing, its SHA-256, who, and facts about it.

    docs/formats/bundle.md lists each kind's `meta`.
    """

    kind: str
    ref: str
    sha256: str
    actor: str = "system"
    meta: dict[str, object] = field(default_factory=dict)


def append(things: Sequence[Recorded], *, at: datetime) -> list[int]:
    """Append one leaf for each thing, in order, and return their sequence numbers.

    Must run inside the transaction that writes the things, so that neither exists without the other; the
    client's log is held until it ends, so append last. The log's first leaf announces the signing key.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("a ledger leaf is appended inside the transaction of the thing it records")
    first = hold()
    # Times of leaves never fall, whatever the clock does.
    last = LedgerEntry.objects.filter(seq=first - 1).values_list("time", flat=True).first()
    at = max(at, last) if last else at
    announced = [] if first else [_announced(current_key(), at)]
    entries = [_entry(seq, thing, at) for seq, thing in enumerate([*announced, *things], first)]
    LedgerEntry.objects.bulk_create(entries)
    return [entry.seq for entry in entries[len(announced) :]]


def hold() -> int:
    """Hold the client's log until the transaction ends and return the next sequence number.

    Who will append and locks rows before that calls it first, so that two never wait for each other.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))", [LOCK])
        cursor.execute("SELECT coalesce(max(seq) + 1, 0) FROM evidence_ledgerentry")
        return int(cursor.fetchone()[0])


def _entry(seq: int, thing: Recorded, at: datetime) -> LedgerEntry:
    encoded = Leaf(
        client=connection.tenant.id,
        seq=seq,
        time=at,
        kind=thing.kind,
        ref=thing.ref,
        sha256=thing.sha256,
        actor=thing.actor,
        meta=thing.meta,
    ).to_bytes()
    return LedgerEntry(
        seq=seq,
        previous_id=seq - 1 if seq else None,
        time=at,
        kind=thing.kind,
        ref=thing.ref,
        leaf=encoded,
        leaf_hash=leaf_hash(encoded),
    )


def origin() -> str:
    """Return the origin line, which is also the key name, of the present client's log."""
    return key_name(installation_host(), connection.tenant.id)


def _announced(key: Ed25519PrivateKey, at: datetime) -> Recorded:
    listed = ListedKey(
        name=origin(),
        public_key=key.public_key().public_bytes_raw(),
        begins=at,
        ends=None,
        leaf=0,
    )
    return Recorded(kind="key", ref=listed.hint, sha256=listed.sha256, meta=listed.leaf_meta())


def checkpoint(*, at: datetime) -> Checkpoint | None:
    """Sign the present head and return it; with no new leaf the last head, with no leaf at all None."""
    with transaction.atomic():
        size = hold()
        last = Checkpoint.objects.order_by("-size").first()
        if size == 0 or (last and last.size == size):
            return last
        frontier = Frontier.from_bytes(last.size, bytes(last.frontier)) if last else Frontier()
        frontier.extend(leaf_hashes(frontier.size))
        # Times of heads never fall, whatever the clock does.
        head = Head(origin(), size, frontier.root(), max(at, last.time) if last else at)
        return Checkpoint.objects.create(
            size=size,
            root=head.root,
            time=head.time,
            note=head.sign(current_key()),
            frontier=frontier.to_bytes(),
        )


def leaf_hashes(start: int = 0, stop: int | None = None) -> Iterator[bytes]:
    """Yield the leaf hashes of the present client's log in order, from a server-side cursor."""
    rows = LedgerEntry.objects.filter(seq__gte=start).order_by("seq")
    if stop is not None:
        rows = rows.filter(seq__lt=stop)
    for digest in rows.values_list("leaf_hash", flat=True).iterator(chunk_size=5000):
        yield bytes(digest)


def listed_keys() -> list[ListedKey]:
    """Return the keys that the present client's log announces, oldest first."""
    leaves = [parse_leaf(bytes(e.leaf)) for e in LedgerEntry.objects.filter(kind="key").order_by("seq")]
    ends = [leaf.time for leaf in leaves[1:]] + [None]
    return [_listed(leaf, end) for leaf, end in zip(leaves, ends, strict=True)]


def _listed(leaf: Leaf, ends: datetime | None) -> ListedKey:
    meta = leaf.meta
    return ListedKey(
        name=meta["name"],
        public_key=base64.b64decode(meta["public_key"]),
        begins=parse_rfc3339(meta["from"]),
        ends=ends,
        leaf=leaf.seq,
        signed_by=meta["signed_by"],
        signature=base64.b64decode(meta["signature"]) if meta["signature"] else None,
    )
