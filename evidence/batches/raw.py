"""From an event back to its bytes: (batch, seq) names one raw record of a sealed batch."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from evidence.batches.models import Batch
from evidence.batches.objects import opened
from evidence.events.models import Event as EventRow
from evidence.events.rows import places
from evidence.ledger.tree import Tree, leaf_hash
from evidence.ocsf.event import Event
from evidence.sources.contract import Window
from evidence.sources.registry import adapter


def raw_record(batch: Batch, seq: int) -> bytes:
    """Return the exact bytes of one record. Raises LookupError when the batch has no such record."""
    with opened(batch.object_name) as stream:
        for raw in islice(adapter(batch.adapter).raw_records(stream), seq, seq + 1):
            return raw
    raise LookupError(f"Batch {batch.sha256[:12]} has no record {seq}.")


def raw_of_event(time: datetime, uid: bytes) -> bytes | None:
    """Return the bytes of a recorded event, or None when there is none of this key."""
    row = EventRow.objects.filter(time=time, uid=uid).values_list("batch_id", "seq").first()
    return raw_record(Batch.objects.get(pk=row[0]), row[1]) if row else None


def raw_of_events(keys: Iterable[tuple[datetime, bytes]]) -> dict[tuple[datetime, bytes], bytes]:
    """Return the bytes of recorded events by their keys, from one reading of each batch that holds some."""
    wanted: dict[int, dict[int, tuple[datetime, bytes]]] = {}
    for (time, uid), (batch_id, seq) in places(keys).items():
        wanted.setdefault(batch_id, {})[seq] = (time, uid)
    found: dict[tuple[datetime, bytes], bytes] = {}
    for batch in Batch.objects.filter(pk__in=wanted).order_by("pk"):
        of_batch = wanted[batch.pk]
        with opened(batch.object_name) as stream:
            records = adapter(batch.adapter).raw_records(stream)
            for seq, raw in enumerate(islice(records, max(of_batch) + 1)):
                if seq in of_batch:
                    found[of_batch[seq]] = bytes(raw)
    return found


@dataclass(frozen=True, slots=True)
class ProvenRecord:
    """One raw record with the audit path from it to its batch's `records` root, lowest sibling first."""

    raw: bytes
    path: list[bytes]
    records: int


def prove(batch: Batch, seqs: Iterable[int]) -> dict[int, ProvenRecord]:
    """Return some records of one batch with their proofs, from one reading of its bytes."""
    wanted = set(seqs)
    kept: dict[int, bytes] = {}
    hashes = []
    with opened(batch.object_name) as stream:
        for seq, raw in enumerate(adapter(batch.adapter).raw_records(stream)):
            hashes.append(leaf_hash(raw))
            if seq in wanted:
                kept[seq] = bytes(raw)
    tree = Tree(hashes)
    return {seq: ProvenRecord(raw, tree.inclusion(seq), len(hashes)) for seq, raw in kept.items()}


def decode(batch: Batch, seqs: Iterable[int]) -> dict[int, Event]:
    """Return the events of some records of one batch, read in one pass."""
    wanted = set(seqs)
    found: dict[int, Event] = {}
    source = adapter(batch.adapter)
    window = Window.around(batch.received_to)
    with opened(batch.object_name) as stream:
        for seq, raw in enumerate(source.raw_records(stream)):
            if seq in wanted:
                outputs = source.normalize(raw, seq, window=window)
                found.update((seq, output) for output in outputs if isinstance(output, Event))
                if len(found) == len(wanted):
                    break
    return found
