"""Finding sources by the names of their vendor and of themselves."""

from collections.abc import Iterator

from django.urls import reverse

from evidence.intake.models import Source
from evidence.intake.selectors import kind_of
from tenants.access.gate import Gate
from tenants.find.registry import Finder, Found


def _sources(gate: Gate, words: list[str], limit: int) -> Iterator[Found]:
    for each in gate.only(Source.objects.order_by("slug"), "source.read"):
        kind = kind_of(each.slug)
        told = f"{each.slug} {kind.title} {kind.vendor}".casefold()
        if all(word.casefold() in told for word in words):
            yield Found(
                kind.title, f"Source · {each.get_state_display()}", reverse("source", args=[each.slug])
            )


SOURCES = Finder("sources", "Sources", "source.read", _sources)
