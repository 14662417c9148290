"""The client's Merkle log, as rows (format: docs/formats/bundle.md)."""

from django.db import models


class LedgerEntry(models.Model):
    """One leaf: its canonical bytes and their leaf hash. Rows are only ever added (a trigger refuses else).

    `previous` is `seq - 1` and refers to an existing row, so the sequence cannot have a hole.
    """

    seq = models.BigIntegerField(primary_key=True)
    previous = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="+")
    time = models.DateTimeField()
    kind = models.CharField(max_length=10)
    ref = models.CharField(max_length=120)
    leaf = models.BinaryField()
    leaf_hash = models.BinaryField(max_length=32)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(seq=0, previous__isnull=True)
                # An empty `previous` would make the comparison null, which a check lets pass.
                | models.Q(previous__isnull=False, previous=models.F("seq") - 1),
                name="ledger_without_holes",
            )
        ]
        indexes = [models.Index(fields=["kind", "ref"], name="ledger_by_ref")]

    def __str__(self) -> str:
        return f"{self.seq} {self.kind} {self.ref}"


class Checkpoint(models.Model):
    """A signed head (C2SP tlog-checkpoint); `frontier` are the subtree hashes to go on from, largest first."""

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField(max_length=32)
    time = models.DateTimeField()
    note = models.TextField()
    frontier = models.BinaryField()

    def __str__(self) -> str:
        return f"head of {self.size}"
