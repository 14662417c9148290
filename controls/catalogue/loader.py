"""The catalogue as values: 61 criteria and the control templates (pure; read once per process)."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

FOLDER = Path(__file__).parent
CATEGORIES = ("CC", "A", "PI", "C", "P")
# Words of a template's `tests` that are not rules, and how the procedure is carried out.
PROCEDURE_WORDS = {"state": "state", "obl": "obl", "rec": "rec", "insp": "insp"}


class CatalogueError(Exception):
    """The catalogue's files contradict themselves; the message lists every contradiction."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One of the 61 criteria: its id, our own title, its category's letters (`CC`, `A`, `PI`, `C`, `P`)."""

    id: str
    title: str
    category: str


@dataclass(frozen=True, slots=True)
class Template:
    """A control template; `tests` are rule ids or words of `PROCEDURE_WORDS`."""

    id: str
    statement: str
    criteria: tuple[str, ...]
    frequency: str
    nature: str
    key: bool
    owner: str
    evidence: str
    tests: tuple[str, ...]
    population: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that a client's controls are made from."""

    categories: dict[str, str]
    criteria: dict[str, Criterion]
    templates: dict[str, Template]


def category_of(criterion: str) -> str:
    """Return the category letters of a criterion id: `CC6.1` → `CC`, `PI1.2` → `PI`."""
    return criterion.rstrip("0123456789.")


@cache
def catalogue() -> Catalogue:
    """Read, check and return the catalogue; raises `CatalogueError` naming everything that is wrong."""
    written = yaml.safe_load((FOLDER / "criteria.yml").read_text(encoding="utf-8"))
    criteria = {key: Criterion(key, title, category_of(key)) for key, title in written["criteria"].items()}
    rows = yaml.safe_load((FOLDER / "templates.yml").read_text(encoding="utf-8"))["templates"]
    templates = {
        row["id"]: Template(**{**row, "criteria": tuple(row["criteria"]), "tests": tuple(row["tests"])})
        for row in rows
    }
    made = Catalogue(written["categories"], criteria, templates)
    wrong = _contradictions(made, len(rows))
    if wrong:
        raise CatalogueError("; ".join(wrong))
    return made


def _contradictions(made: Catalogue, rows: int) -> list[str]:
    wrong = []
    if len(made.criteria) != 61:
        wrong.append(f"{len(made.criteria)} criteria instead of 61")
    if len(made.templates) != rows:
        wrong.append("two templates share an id")
    wrong += [
        f"{c.id} belongs to no category" for c in made.criteria.values() if c.category not in made.categories
    ]
    keyed: set[str] = set()
    for template in made.templates.values():
        wrong += [
            f"{template.id} names {c}, which is no criterion"
            for c in template.criteria
            if c not in made.criteria
        ]
        if template.key:
            keyed.update(template.criteria)
    wrong += [f"no key control serves {c}" for c in made.criteria if c not in keyed]
    return wrong
