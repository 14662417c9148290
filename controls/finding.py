"""Finding controls and exceptions; and what rules and controls are called, for pages over many clients."""

from collections.abc import Iterable, Iterator

from django.urls import reverse

from controls.catalogue.loader import catalogue
from controls.catalogue.models import Control
from controls.catalogue.selectors import in_scope
from controls.exceptions.listing import by_urgency, rows_of, visible
from controls.results.words import title_of
from controls.rules.registry import rules
from tenants.access.gate import Gate
from tenants.find.asking import all_words
from tenants.find.registry import Finder, Found


def _controls(gate: Gate, words: list[str], limit: int) -> Iterator[Found]:
    found = (
        Control.objects.exclude(status=Control.Status.RETIRED)
        .filter(all_words(words, "pk", "statement"), criteria__overlap=list(in_scope()))
        .order_by("pk")
    )
    for each in gate.only(found[: 4 * limit], "control.read")[:limit]:
        yield Found(f"{each.pk} {title_of(each.statement)}", "Control", reverse("control", args=[each.pk]))


def _exceptions(gate: Gate, words: list[str], limit: int) -> Iterator[Found]:
    found = visible(gate).filter(all_words(words, "number", "facts", "group_key", "rule", "control"))
    for each in rows_of(gate, by_urgency(found, at=gate.at)[:limit], at=gate.at):
        number = each.exception.number
        line = f"{each.severity.text} · {each.state.text}"
        yield Found(f"{number} {each.said}", line, reverse("exception", args=[number]))


def titles(ids: Iterable[str]) -> dict[str, str]:
    """Return the titles of rules and of the catalogue's controls, by id."""
    wanted = set(ids)
    named = {rule.id: rule.title for rule in rules() if rule.id in wanted}
    templates = catalogue().templates
    return named | {key: title_of(templates[key].statement, 60) for key in wanted & templates.keys()}


FINDERS = (
    Finder("controls", "Controls", "control.read", _controls),
    Finder("exceptions", "Exceptions", "exception.read", _exceptions),
)
