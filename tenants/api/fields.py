"""Fields of answers and bodies: instants in UTC, bytes in hex, and what a client may send."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from django.db import models
from django.utils.dateparse import parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


class Instant(serializers.DateTimeField):
    """An instant, written as RFC 3339 in UTC; one that is sent says its zone."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(default_timezone=UTC, **kwargs)

    def to_internal_value(self, value: Any) -> datetime:
        """Read an instant; a time without a zone, a date, or a year that no calendar has is refused."""
        try:
            found = parse_datetime(value) if isinstance(value, str) else None
            if found is not None and found.tzinfo is not None:
                return found.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        raise serializers.ValidationError("Write an instant with its zone, such as 2026-11-24T09:30:00Z.")


@extend_schema_field(OpenApiTypes.STR)
class Hex(serializers.Field[Any, Any, Any, Any]):
    """Bytes, written in hexadecimal digits."""

    def to_representation(self, value: Any) -> str:
        """Write them."""
        return bytes(value).hex()


class Told(serializers.ModelSerializer[Any]):
    """What an answer says of a row: instants in UTC, whatever the client's zone."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: Instant,
        models.BinaryField: Hex,
    }

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Every field is only ever read."""
        fields = super().get_fields()
        for each in fields.values():
            each.read_only = True
        return fields


class Given(serializers.Serializer[Any]):
    """What a body says: a name that is not known is refused, for it would have no effect."""

    # Shown in the description of the API.
    example: ClassVar[dict[str, Any] | None] = None

    def to_internal_value(self, data: Any) -> Any:
        """Read a body."""
        if isinstance(data, dict):
            unknown = sorted(set(data) - set(self.fields))
            if unknown:
                known = ", ".join(self.fields) or "none"
                raise serializers.ValidationError(
                    {str(name): [f"There is no such field. Known are: {known}."] for name in unknown}
                )
        return super().to_internal_value(data)
