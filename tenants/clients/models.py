"""A client company: its own schema, its own paths and hosts, its own clock."""

import uuid
import zoneinfo

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django_tenants.models import DomainMixin, TenantMixin

from tenants.history.tracking import tracked

SLUG_PATTERN = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"


def validate_zone(value: str) -> None:
    """Refuse what is not an IANA time zone name."""
    if value not in zoneinfo.available_timezones():
        raise ValidationError(f'"{value}" is no IANA time zone. Use a name such as "Europe/Zurich".')


@tracked("client", name="name", client="id", exclude=("release",))
class Client(TenantMixin):
    """One client of the MSSP.

    `schema_name` is derived from the slug once and never changes; `release` is the version of the
    schema's DDL that was last applied (`tenants.database`), so that "nothing to migrate" is one query.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.CharField(
        max_length=40,
        unique=True,
        validators=[
            RegexValidator(SLUG_PATTERN, "Small letters, digits and single hyphens, a letter first.")
        ],
    )
    name = models.CharField(max_length=120)
    zone = models.CharField(max_length=64, default="UTC", validators=[validate_zone])
    paper = models.CharField(max_length=6, choices=[("A4", "A4"), ("Letter", "Letter")], default="A4")
    created_at = models.DateTimeField(auto_now_add=True)
    # A suspended client's pages answer its people and the MSSP in words; intake goes on, so that nothing is lost.
    suspended_at = models.DateTimeField(null=True, blank=True)
    release = models.CharField(max_length=64, default="", blank=True)

    auto_create_schema = False
    auto_drop_schema = False

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name

    @property
    def tzinfo(self) -> zoneinfo.ZoneInfo:
        """The client's zone: every date rule uses it, every stored time is UTC."""
        return zoneinfo.ZoneInfo(self.zone)


@tracked("host", name="domain", client="tenant")
class Host(DomainMixin):
    """A host name of the client's own (white label), where it answers at the root."""

    def __str__(self) -> str:
        return self.domain
