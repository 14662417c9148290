"""What apps to the right add to pages of this one: a template and its values, asked for by a signal."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.dispatch import Signal


@dataclass(frozen=True, slots=True)
class Part:
    """A card of a page: the template draws it with these values as `part`."""

    template: str
    values: Mapping[str, Any]


# Asked once per event page. Arguments: batch (Batch), seq (int), gate (`request.access`). An answer is a Part or None.
event_page = Signal()

# Asked once per delivery page. Arguments: batches (list[Batch]: what the delivery holds), gate. Part or None.
delivery_page = Signal()


def parts_of(signal: Signal, **arguments: Any) -> list[Part]:
    """Ask a signal and return the parts that were answered, in the order in which receivers were connected."""
    answers: list[tuple[Any, Any]] = signal.send(sender=Part, **arguments)
    return [part for _, part in answers if isinstance(part, Part)]
