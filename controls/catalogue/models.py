"""The client's own controls, made from catalogue templates, and what is in scope."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from tenants.history.tracking import tracked


@tracked("criterion in scope", name="criterion")
class CriterionScope(models.Model):
    """Whether a criterion is in scope; out needs a reason and an approver (description criterion 8)."""

    criterion = models.CharField(max_length=6, primary_key=True)
    in_scope = models.BooleanField(default=True)
    reason = models.TextField(default="", blank=True)
    approver = models.UUIDField(null=True)

    def __str__(self) -> str:
        return self.criterion


@tracked("control", name="id", page=("control", "id"))
class Control(models.Model):
    """Something the client does, regularly or at each occurrence, that helps meet criteria."""

    class Status(models.TextChoices):
        """A planned control has no results, only members that happened before it."""

        PLANNED = "planned", "planned"
        IN_PLACE = "in_place", "in place"
        RETIRED = "retired", "retired"

    id = models.CharField(max_length=12, primary_key=True)
    statement = models.TextField()
    criteria = ArrayField(models.CharField(max_length=6))
    frequency = models.CharField(max_length=12)
    nature = models.CharField(max_length=12)
    key = models.BooleanField()
    owner_function = models.CharField(max_length=8)
    owner = models.UUIDField(null=True)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.PLANNED)
    in_operation_from = models.DateField(null=True)
    version = models.PositiveIntegerField(default=1)
    version_from = models.DateField()
    design_reviewed = models.DateField(null=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.id


class ControlProcedure(models.Model):
    """One test of a control: a rule, a state test, an obligation, a reconciliation or an inspection."""

    class Kind(models.TextChoices):
        """How the procedure is carried out (soc2-packages §10.3)."""

        RULE = "rule", "rule"
        STATE = "state", "state test"
        OBLIGATION = "obl", "obligation"
        RECONCILIATION = "rec", "reconciliation"
        INSPECTION = "insp", "inspection"
        DESIGN = "design", "design"

    control = models.ForeignKey(Control, on_delete=models.CASCADE, related_name="procedures")
    kind = models.CharField(max_length=6, choices=Kind.choices)
    # A rule's id for rules and state tests, else the kind's own short name.
    ref = models.CharField(max_length=40)
    active_from = models.DateField(null=True)
    active_until = models.DateField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint("control", "ref", name="procedure_once_per_control")]
        ordering = ["control_id", "ref"]

    def __str__(self) -> str:
        return f"{self.control_id}.{self.ref}"
