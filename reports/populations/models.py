"""A frozen population: its hash, and the leaf that says when it was frozen."""

from django.db import models


class Population(models.Model):
    """`pid` is `{control}.{procedure}`; a second freeze is version 2, version 1 stays (soc2-packages §10.4)."""

    pid = models.CharField(max_length=60)
    version = models.PositiveIntegerField(default=1)
    window_start = models.DateField()
    window_end = models.DateField()
    rows = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    object_name = models.CharField(max_length=240)
    frozen_at = models.DateTimeField()
    frozen_by = models.UUIDField(null=True)
    ledger_seq = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint("pid", "window_start", "window_end", "version", name="population_once")
        ]

    def __str__(self) -> str:
        return f"{self.pid} {self.window_start}..{self.window_end} v{self.version}"
