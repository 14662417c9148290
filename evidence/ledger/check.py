"""Checking a client's live ledger against itself and against the bytes that it names."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection
from zstandard import ZstdError

from evidence.batches.models import Batch
from evidence.batches.objects import CHUNK, opened
from evidence.ledger.leaf import NotCanonical, parse_leaf
from evidence.ledger.models import Checkpoint, LedgerEntry
from evidence.ledger.note import NoteError, open_note, parse_head
from evidence.ledger.services import listed_keys, origin
from evidence.ledger.tree import Frontier, leaf_hash


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not hold: where, what was expected, what was found."""

    where: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class Check:
    """One check of the live ledger and what it found; no finding says that it holds."""

    name: str
    title: str
    findings: tuple[Finding, ...]


def check_ledger() -> list[Check]:
    """Re-compute the present client's log: leaves, sequence, heads, signatures, and the stored raw bytes."""
    heads = {head.size: head for head in Checkpoint.objects.order_by("size")}
    leaf_findings: list[Finding] = []
    head_findings: list[Finding] = []
    frontier = Frontier()
    for entry in LedgerEntry.objects.order_by("seq").iterator(chunk_size=2000):
        leaf_findings += _leaf(entry, frontier.size)
        frontier.append(leaf_hash(bytes(entry.leaf)))
        head = heads.pop(frontier.size, None)
        if head is not None:
            head_findings += _head(head, frontier.root())
    head_findings += [
        Finding(f"head of size {size}", f"at least {size} leaves", f"{frontier.size} leaves")
        for size in heads
    ]
    return [
        Check(
            "leaves",
            "every leaf is canonical, in its place, and hashes to its leaf hash",
            tuple(leaf_findings),
        ),
        Check(
            "heads",
            "every signed head is the root of the leaves before it, signed by a listed key",
            tuple(head_findings),
        ),
        Check("raw", "every batch's bytes hash to what its leaf says", tuple(_raw())),
    ]


def _leaf(entry: LedgerEntry, place: int) -> Iterator[Finding]:
    where = f"leaf {entry.seq}"
    content = bytes(entry.leaf)
    if entry.seq != place:
        yield Finding(where, f"seq {place}", f"seq {entry.seq}")
    if leaf_hash(content) != bytes(entry.leaf_hash):
        yield Finding(where, bytes(entry.leaf_hash).hex(), leaf_hash(content).hex())
    try:
        leaf = parse_leaf(content)
    except (NotCanonical, ValueError) as error:
        yield Finding(where, "a canonical leaf", str(error))
        return
    if leaf.seq != entry.seq or leaf.client != connection.tenant.id:
        yield Finding(
            where, f"seq {entry.seq} of client {connection.tenant.id}", f"seq {leaf.seq} of {leaf.client}"
        )
    if (leaf.kind, leaf.ref) != (entry.kind, entry.ref):
        yield Finding(where, f"{leaf.kind} {leaf.ref}", f"{entry.kind} {entry.ref}")


def _head(head: Checkpoint, root: bytes) -> Iterator[Finding]:
    where = f"head of size {head.size}"
    try:
        text, _ = open_note(head.note, {origin(): [key.public_key for key in listed_keys()]})
        signed = parse_head(text)
    except NoteError as error:
        yield Finding(where, "a signature of a listed key", str(error))
        return
    if (signed.size, signed.root) != (head.size, root):
        yield Finding(
            where, f"size {head.size}, root {root.hex()}", f"size {signed.size}, root {signed.root.hex()}"
        )
    elif (bytes(head.root), head.time) != (root, signed.time):
        yield Finding(
            where, "the root and time that its note has", f"root {bytes(head.root).hex()}, time {head.time}"
        )


def _raw() -> Iterator[Finding]:
    leaves = LedgerEntry.objects.filter(kind="batch").order_by("seq").values_list("ref", "leaf")
    named = {ref: parse_leaf(bytes(leaf)).sha256 for ref, leaf in leaves}
    for batch in Batch.objects.order_by("pk").iterator(chunk_size=500):
        where = f"batch {batch.pk}"
        said = named.pop(str(batch.pk), None)
        if said != batch.sha256:
            yield Finding(where, f"a batch leaf with {batch.sha256}", said or "no leaf")
        digest = hashlib.sha256()
        try:
            with opened(batch.object_name) as stream:
                while chunk := stream.read(CHUNK):
                    digest.update(chunk)
        except (OSError, ZstdError) as error:
            yield Finding(where, f"bytes with SHA-256 {batch.sha256}", str(error))
            continue
        if digest.hexdigest() != batch.sha256:
            yield Finding(where, batch.sha256, digest.hexdigest())
    for ref, sha256 in named.items():
        yield Finding(f"batch {ref}", f"a batch with SHA-256 {sha256}", "no such batch")
