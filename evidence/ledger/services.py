"""Appending leaves within the transaction of the thing recorded, and signing heads."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection, transaction

from evidence.ledger.keys import ListedKey, vouch
from evidence.ledger.leaf import Leaf, parse_leaf, parse_rfc3339
from evidence.ledger.models import Checkpoint, LedgerEntry
from evidence.ledger.note import Head, key_hint, key_name
from evidence.ledger.tree import Frontier, leaf_hash
from tenants.secrets.signing import current_key, installation_host, private_keys, public_half

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
    client's log is held until it ends, so append last. The log's first leaf announces the signing key; after a
    rotation the next one announces the new key, vouched for by the one before.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("a ledger leaf is appended inside the transaction of the thing it records")
    first = hold()
    # Times of leaves never fall, whatever the clock does.
    last = LedgerEntry.objects.filter(seq=first - 1).values_list("time", flat=True).first()
    at = max(at, last) if last else at
    announced = _unannounced(at)
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


def _unannounced(at: datetime) -> list[Recorded]:
    """The leaves of the installation's keys that the present client's log does not know yet, oldest first."""
    last = LedgerEntry.objects.filter(kind="key").order_by("-seq").first()
    if last is None:
        return [_announced(current_key(), at)]
    known = listed_key(last).public_key
    if public_half(current_key()) == known:
        return []
    chain = private_keys()
    since = next((number for number, key in enumerate(chain) if public_half(key) == known), None)
    if since is None:
        # A log that another installation began: nothing here can vouch for the new key, and a verifier says so.
        return [_announced(current_key(), at)]
    return [_announced(new, at, by=old) for old, new in pairwise(chain[since:])]


def _announced(key: Ed25519PrivateKey, at: datetime, *, by: Ed25519PrivateKey | None = None) -> Recorded:
    name, public = origin(), public_half(key)
    listed = ListedKey(
        name=name,
        public_key=public,
        begins=at,
        ends=None,
        leaf=0,
        signed_by=key_hint(name, public_half(by)).hex() if by else None,
        signature=vouch(by, name=name, public_key=public, begins=at) if by else None,
    )
    return Recorded(kind="key", ref=listed.hint, sha256=listed.sha256, meta=listed.leaf_meta())


def checkpoint(*, at: datetime) -> Checkpoint | None:
    """Sign the present head and return it; with no new leaf the last head, with no leaf at all None."""
    with transaction.atomic():
        size = hold()
        last = Checkpoint.objects.order_by("-size").first()
        if size and _unannounced(at):
            # What a new key signs can be checked only once the log says that it is the key.
            append([], at=at)
            size = hold()
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
    found = [listed_key(entry) for entry in LedgerEntry.objects.filter(kind="key").order_by("seq")]
    ends = [key.begins for key in found[1:]] + [None]
    return [replace(key, ends=end) for key, end in zip(found, ends, strict=True)]


def listed_key(entry: LedgerEntry) -> ListedKey:
    """The key that a leaf of kind `key` announces, without its end."""
    leaf = parse_leaf(bytes(entry.leaf))
    meta = leaf.meta
    return ListedKey(
        name=meta["name"],
        public_key=base64.b64decode(meta["public_key"]),
        begins=parse_rfc3339(meta["from"]),
        ends=None,
        leaf=leaf.seq,
        signed_by=meta["signed_by"],
        signature=base64.b64decode(meta["signature"]) if meta["signature"] else None,
    )
