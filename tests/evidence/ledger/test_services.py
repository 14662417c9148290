"""The client's log in PostgreSQL: no holes, no changes, heads that an independent check confirms, tampering named."""

import base64
import datetime
import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection, transaction

from evidence.batches.models import Batch
from evidence.ledger.check import check_ledger
from evidence.ledger.keys import rotation_message
from evidence.ledger.leaf import parse_leaf
from evidence.ledger.models import Checkpoint, LedgerEntry
from evidence.ledger.services import Recorded, append, checkpoint, listed_keys
from tenants.clients.switch import client
from tenants.secrets.models import SigningKey
from tenants.secrets.signing import rotate_key
from tests import make

NOON = make.NOON
SECOND = datetime.timedelta(seconds=1)


def thing(n: int = 0) -> Recorded:
    return Recorded(kind="artifact", ref=f"a{n}", sha256=hashlib.sha256(bytes([n])).hexdigest())


def leaves() -> list:
    return [parse_leaf(bytes(entry.leaf)) for entry in LedgerEntry.objects.order_by("seq")]


def findings() -> dict[str, list[str]]:
    return {check.name: [f.where for f in check.findings] for check in check_ledger() if check.findings}


def root_of(entries: list[bytes]) -> bytes:
    """RFC 6962, written again from its text: MTH of a list of leaf data."""
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    split = 1
    while split * 2 < len(entries):
        split *= 2
    return hashlib.sha256(b"\x01" + root_of(entries[:split]) + root_of(entries[split:])).digest()


def test_the_first_leaf_announces_the_key_and_the_sequence_has_no_holes(harbor):
    assert append([thing(1), thing(2)], at=NOON) == [1, 2]
    assert append([thing(3)], at=NOON) == [3]
    assert [leaf.kind for leaf in leaves()] == ["key", "artifact", "artifact", "artifact"]
    assert [leaf.seq for leaf in leaves()] == [0, 1, 2, 3]
    assert {leaf.client for leaf in leaves()} == {harbor.id}
    (key,) = listed_keys()
    assert key.sha256 == leaves()[0].sha256


def test_appending_outside_of_a_transaction_is_refused(own_database):
    with client(make.client()):
        with pytest.raises(RuntimeError, match="transaction"):
            append([thing()], at=NOON)
        assert not LedgerEntry.objects.exists()


@pytest.mark.parametrize(("seq", "previous"), [(5, 4), (5, 2), (4, 1), (3, 2), (4, None), (0, None)])
def test_the_database_refuses_a_hole_and_a_second_leaf_of_a_number(harbor, seq, previous):
    append([thing(1), thing(2)], at=NOON)
    entry = LedgerEntry.objects.get(seq=2)
    with pytest.raises(DatabaseError), transaction.atomic():
        _insert(entry, seq if seq != 3 else 2, previous if seq != 3 else 1)


def _insert(like: LedgerEntry, seq: int, previous: int | None) -> None:
    leaf = {"time": NOON, "kind": "artifact", "ref": "x", "leaf": like.leaf, "leaf_hash": like.leaf_hash}
    LedgerEntry.objects.bulk_create([LedgerEntry(seq=seq, previous_id=previous, **leaf)])
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE evidence_ledgerentry SET ref = 'other' WHERE seq = 1",
        "DELETE FROM evidence_ledgerentry WHERE seq = 2",
        "TRUNCATE evidence_ledgerentry CASCADE",
    ],
)
def test_the_database_refuses_to_change_or_delete_a_leaf(harbor, statement):
    append([thing(1), thing(2)], at=NOON)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with (
        pytest.raises(DatabaseError, match="only ever added"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert LedgerEntry.objects.count() == 3


def test_what_rolls_back_leaves_no_leaf_and_its_number_is_given_again(own_database):
    with client(make.client()):
        with transaction.atomic():
            append([thing(1)], at=NOON)
        with transaction.atomic():
            append([thing(2)], at=NOON)
            transaction.set_rollback(True)
        with transaction.atomic():
            assert append([thing(3)], at=NOON) == [2]


def test_a_checkpoint_is_a_signed_note_that_an_independent_check_confirms(harbor):
    append([thing(n) for n in range(6)], at=NOON)
    head = checkpoint(at=NOON)
    text, _, signature = head.note.rpartition("\n\n")
    origin, size, root, *_ = text.split("\n")
    assert origin.endswith(f"/proofline/{harbor.id}")
    assert int(size) == 7 == head.size
    assert base64.b64decode(root) == root_of([bytes(e.leaf) for e in LedgerEntry.objects.order_by("seq")])
    dash, name, encoded = signature.strip().split(" ")
    assert (dash, name) == ("—", origin)
    blob = base64.b64decode(encoded)
    key = base64.b64decode(leaves()[0].meta["public_key"])
    assert blob[:4] == hashlib.sha256(name.encode() + b"\n\x01" + key).digest()[:4]
    Ed25519PublicKey.from_public_bytes(key).verify(blob[4:], (text + "\n").encode())


def test_heads_go_on_from_each_other_and_their_times_never_fall(harbor):
    assert checkpoint(at=NOON) is None
    append([thing(1)], at=NOON)
    first = checkpoint(at=NOON)
    assert checkpoint(at=NOON + SECOND) == first
    append([thing(n) for n in range(2, 9)], at=NOON)
    second = checkpoint(at=NOON - SECOND)
    assert second.time == first.time
    assert bytes(second.root) == root_of([bytes(e.leaf) for e in LedgerEntry.objects.order_by("seq")])
    assert findings() == {}


def test_times_of_leaves_never_fall_whatever_the_clock_does(harbor):
    append([thing(1)], at=NOON)
    append([thing(2)], at=NOON - SECOND)
    times = [leaf.time for leaf in leaves()]
    assert times == sorted(times)


@pytest.fixture
def whole(harbor):
    make.take_in(make.log_file([make.record(n=n) for n in range(3)]))
    append([thing(1)], at=NOON)
    checkpoint(at=NOON + SECOND)
    assert findings() == {}


def tamper(statement: str, *arguments: object) -> None:
    """Change what only somebody with all rights on the database can."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE evidence_ledgerentry DISABLE TRIGGER USER")
        cursor.execute(statement, arguments)


def test_a_changed_leaf_is_named(whole):
    tamper("UPDATE evidence_ledgerentry SET leaf = overlay(leaf placing 'X' from 40) WHERE seq = 2")
    assert "leaf 2" in findings()["leaves"]


def test_a_leaf_changed_together_with_its_hash_is_named_by_the_head(whole):
    entry = LedgerEntry.objects.get(kind="artifact")
    forged = bytes(entry.leaf).replace(b'"a1"', b'"a9"')
    digest = hashlib.sha256(b"\x00" + forged).digest()
    tamper(
        "UPDATE evidence_ledgerentry SET leaf = %s, leaf_hash = %s, ref = 'a9' WHERE seq = %s",
        forged,
        digest,
        entry.seq,
    )
    assert findings() == {"heads": [f"head of size {entry.seq + 1}"]}


def test_leaves_taken_off_the_end_are_named_by_the_head(whole):
    tamper("DELETE FROM evidence_ledgerentry WHERE kind = 'artifact'")
    assert list(findings()) == ["heads"]


@pytest.mark.parametrize("column", ["note", "root"])
def test_a_changed_head_is_named(whole, column):
    head = Checkpoint.objects.get()
    forged = {"note": head.note.replace("\n4\n", "\n5\n"), "root": b"\0" * 32}[column]
    Checkpoint.objects.filter(pk=head.pk).update(**{column: forged})
    assert findings() == {"heads": ["head of size 4"]}


def test_a_changed_raw_object_and_an_absent_one_are_named(whole):
    batch = Batch.objects.get()
    path = Path(default_storage.path(batch.object_name))
    with path.open("rb+") as stored:
        stored.seek(20)
        byte = stored.read(1)
        stored.seek(20)
        stored.write(bytes([byte[0] ^ 1]))
    assert findings() == {"raw": [f"batch {batch.pk}"]}
    default_storage.delete(batch.object_name)
    assert findings() == {"raw": [f"batch {batch.pk}"]}


def test_a_batch_without_its_leaf_and_a_leaf_without_its_batch_are_named(whole):
    batch = Batch.objects.get()
    Batch.objects.filter(pk=batch.pk).update(sha256="0" * 64)
    assert findings()["raw"] == [f"batch {batch.pk}"] * 2


def test_a_new_signing_key_is_announced_by_the_next_leaf_and_vouched_for_by_the_old_one(harbor):
    append([thing(1)], at=NOON)
    checkpoint(at=NOON)
    rotate_key(at=NOON + SECOND)
    append([thing(2)], at=NOON + 2 * SECOND)
    old, new = listed_keys()
    assert [leaf.kind for leaf in leaves()] == ["key", "artifact", "key", "artifact"]
    assert (old.ends, new.begins, new.ends) == (NOON + 2 * SECOND, NOON + 2 * SECOND, None)
    assert new.signed_by == old.hint
    assert new.signature is not None
    Ed25519PublicKey.from_public_bytes(old.public_key).verify(
        new.signature, rotation_message(new.name, new.public_key, new.begins)
    )
    checkpoint(at=NOON + 3 * SECOND)
    assert findings() == {}


def test_a_head_after_a_rotation_announces_the_key_first_even_where_nothing_else_is_new(harbor):
    append([thing(1)], at=NOON)
    checkpoint(at=NOON)
    rotate_key(at=NOON + SECOND)
    rotate_key(at=NOON + 2 * SECOND)
    head = checkpoint(at=NOON + 3 * SECOND)
    assert [leaf.kind for leaf in leaves()] == ["key", "artifact", "key", "key"]
    assert head.size == 4
    assert checkpoint(at=NOON + 4 * SECOND) == head
    assert [key.signed_by for key in listed_keys()] == [None, *(key.hint for key in listed_keys()[:-1])]
    assert findings() == {}


def test_a_log_that_another_installation_began_goes_on_without_a_voucher(harbor):
    append([thing(1)], at=NOON)
    SigningKey.objects.all().delete()
    append([thing(2)], at=NOON + SECOND)
    _, new = listed_keys()
    assert (new.signed_by, new.signature) == (None, None)
