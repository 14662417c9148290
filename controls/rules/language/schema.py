"""From a YAML file to a `Rule`: every key of soc2-rules §3.2, with all that is wrong said at its place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from controls.rules.language import kinds
from controls.rules.language.case_schema import read_cases
from controls.rules.language.durations import is_duration
from controls.rules.language.errors import RuleError, RuleErrors, did_you_mean
from controls.rules.language.expressions import Block, required_fields
from controls.rules.language.positions import Node, read_yaml
from controls.rules.language.rule import (
    CONSEQUENCES,
    FAMILIES,
    KINDS,
    SEVERITIES,
    STATUSES,
    Filter,
    Remediation,
    Rule,
    SeverityWhen,
    Soc2,
)
from controls.rules.language.selections import SelectionReader, class_named
from controls.rules.language.settings import BOUNDED, TYPES, Setting, complaint
from controls.rules.language.vocabulary import Vocabulary, shipped_vocabulary

KEYS: Final = (
    "id", "title", "description", "version", "status", "kind", "consequence", "severity", "level", "soc2",
    "sources", "logsource", "settings", "population", "detection", "unknown_when", "filters", "false_positives",
    "group_by", "dedup", "correlation", "absence", "state", "baseline", "reconciliation", "deadline",
    "severity_when", "semantics", "remediation", "tests", "references", "author", "date", "modified", "tags",
)  # fmt: skip
REQUIRED: Final = (
    "id", "title", "description", "version", "kind", "consequence", "severity", "soc2", "sources", "population",
    "remediation", "tests",
)  # fmt: skip
BUCKETS: Final = ("1h", "1d", "7d", "month")

_RULE_ID = re.compile(r"R[0-9]{2,3}\Z")
_VERSION = re.compile(r"(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)\Z")
_SLUG = re.compile(r"[a-z0-9_]{10,70}\Z")
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_DATE = re.compile(r"\d{4}[-/]\d{2}[-/]\d{2}\Z")


class RuleReader:
    """Reads one file; `errors` holds everything that is wrong with it."""

    def __init__(self, file: str, vocabulary: Vocabulary) -> None:
        self.file = file
        self.vocabulary = vocabulary
        self.errors: list[RuleError] = []
        self.selections = SelectionReader(file, vocabulary, errors=self.errors)

    def wrong(self, node: Node, sentence: str) -> None:
        """Note a sentence at a node's place."""
        self.errors.append(RuleError(self.file, node.line, node.column, sentence))

    # Small readers, each of one value

    def text(self, node: Node | None, what: str, longest: int = 10_000) -> str:
        """Read a text that is not empty; empty text where it is none."""
        if node is None:
            return ""
        if not isinstance(node.value, str):
            self.wrong(
                node,
                f"{what} must be text; put it in quotes" if node.kind == "scalar" else f"{what} must be text",
            )
            return ""
        if not node.value.strip():
            self.wrong(node, f"{what} is empty")
        elif len(node.value) > longest:
            self.wrong(node, f"{what} has {len(node.value)} characters, more than {longest}")
        return node.value.strip()

    def choice(self, node: Node | None, what: str, choices: tuple[str, ...]) -> str:
        """Read one of some words; empty text where it is none of them."""
        if node is None:
            return ""
        if node.value in choices:
            return str(node.value)
        written = node.value if node.kind == "scalar" else "this"
        near = did_you_mean(str(written), choices)
        self.wrong(
            node, f'{what} "{written}" is not one of {", ".join(choices)}' + (f".{near}" if near else "")
        )
        return ""

    def texts(self, node: Node | None, what: str, *, empty: bool = True) -> list[Node]:
        """Read a list of texts, as nodes with their places."""
        if node is None:
            return []
        if node.kind != "list" or not all(isinstance(entry.value, str) for entry in node.elements):
            self.wrong(node, f"{what} must be a list of texts")
            return []
        if not node.elements and not empty:
            self.wrong(node, f"{what} is empty")
        return node.elements

    def map_of(
        self, node: Node | None, what: str, keys: tuple[str, ...], required: tuple[str, ...] = ()
    ) -> Node | None:
        """Return the node if it is a map; unknown and missing keys are noted."""
        if node is None:
            return None
        if node.kind != "map":
            self.wrong(node, f"{what} must be a map")
            return None
        for key, _ in node.entries:
            if key.value not in keys:
                near = did_you_mean(str(key.value), keys)
                self.wrong(key, f'unknown key "{key.value}"' + (f".{near}" if near else f" in {what}"))
        for name in required:
            if node.get(name) is None:
                self.wrong(node, f'{what} has no "{name}"')
        return node

    # The parts of a rule

    def rule(self, top: Node, path: Path | None) -> Rule | None:
        """Read the whole document; None when anything is wrong."""
        if top.kind != "map":
            self.wrong(top, "a rule file holds one map of keys")
            return None
        self._keys(top)
        family, slug = self._place(top, path)
        imported = self._identity(top)
        settings = self._settings(top.get("settings"))
        self.selections.settings = settings
        logsource = self._logsource(top.get("logsource"), imported=imported)
        kind = self.choice(top.get("kind"), "kind", KINDS)
        consequence = self.choice(top.get("consequence"), "consequence", CONSEQUENCES)
        population = self._population(top.get("population"))
        detection = self._detection(top, kind)
        filters = self._filters(top.get("filters") or top.get("false_positives"))
        unknown_when = self._optional_block(top.get("unknown_when"), "unknown_when")
        severity_when = self._severity_when(top.get("severity_when"))
        sources = self._sources(top.get("sources"), population)
        semantics = self._semantics(top, consequence, imported=imported)
        specific = kinds.read(self, top, kind, consequence)
        severity = self.choice(top.get("severity") or top.get("level"), "severity", SEVERITIES)
        remediation = self._remediation(top.get("remediation"))
        cases = read_cases(self, top.get("tests"), kind, consequence, sources)
        soc2 = self._soc2(top.get("soc2"))
        plain = self._plain_keys(top)
        if self.errors or population is None or soc2 is None or remediation is None:
            return None
        return Rule(
            population=population,
            soc2=soc2,
            remediation=remediation,
            kind=kind,
            consequence=consequence,
            severity=severity,
            sources=sources,
            tests=cases,
            detection=detection,
            unknown_when=unknown_when,
            filters=filters,
            severity_when=severity_when,
            settings=settings,
            semantics=semantics,
            logsource=logsource,
            file=self.file,
            line=top.line,
            column=top.column,
            family=family,
            slug=slug,
            **specific,
            **plain,
        )

    def _keys(self, top: Node) -> None:
        for key, _ in top.entries:
            if key.value not in KEYS:
                near = did_you_mean(str(key.value), KEYS)
                self.wrong(key, f'unknown key "{key.value}"' + (f".{near}" if near else ""))
        for name in REQUIRED:
            if top.get(name) is None and not (name == "severity" and top.get("level") is not None):
                self.wrong(top, f'required key "{name}" is missing')
        for one, other in (("severity", "level"), ("filters", "false_positives")):
            second = top.get(other)
            if top.get(one) is not None and second is not None:
                self.wrong(second, f'"{other}" is another word for "{one}"; write one of them')

    def _place(self, top: Node, path: Path | None) -> tuple[str, str]:
        if path is None:
            return "", ""
        family, slug = path.parent.name, path.stem
        if family not in FAMILIES:
            near = did_you_mean(family, FAMILIES)
            self.wrong(
                top,
                f'folder "{family}" is no family of rules.' + (near or f" Families: {', '.join(FAMILIES)}"),
            )
        if not _SLUG.match(slug):
            self.wrong(top, f'file name "{slug}" must have 10 to 70 characters of a-z, 0-9 and _')
        return family, slug

    def _identity(self, top: Node) -> bool:
        """Check the id; say whether it is that of an imported rule."""
        node = top.get("id")
        if node is None or not isinstance(node.value, str):
            if node is not None:
                self.wrong(node, "id must be text such as R01")
            return False
        if _RULE_ID.match(node.value):
            return False
        try:
            return bool(UUID(node.value))
        except ValueError:
            self.wrong(node, f'id "{node.value}" must be R and two digits, or a UUID for an imported rule')
            return False

    def _plain_keys(self, top: Node) -> dict[str, Any]:
        version = top.get("version")
        if version is not None and not isinstance(version.value, str):
            self.wrong(version, 'version must be text in quotes, such as "1.0"')
        elif version is not None and not _VERSION.match(str(version.value)):
            self.wrong(version, f'version "{version.value}" must be MAJOR.MINOR, such as "1.0"')
        status = top.get("status")
        date = top.get("date")
        for node in (date, top.get("modified")):
            if node is not None and not (isinstance(node.value, str) and _DATE.match(node.value)):
                self.wrong(node, "a date must be written as 2026-03-01")
        identifier = top.get("id")
        return {
            "id": str(identifier.value) if identifier else "",
            "title": self.text(top.get("title"), "title", 100),
            "description": self.text(top.get("description"), "description", 600),
            "version": str(version.value) if version else "",
            "status": self.choice(status, "status", STATUSES) if status else "stable",
            "group_by": self._group_by(top.get("group_by")),
            "dedup": self._dedup(top.get("dedup")),
            "references": tuple(str(n.value) for n in self.texts(top.get("references"), "references")),
            "author": self.text(top.get("author"), "author"),
            "date": str(date.value) if date else "",
            "tags": tuple(str(n.value) for n in self.texts(top.get("tags"), "tags")),
        }

    def _group_by(self, node: Node | None) -> tuple[str, ...]:
        if node is None:
            return ("actor_key",)
        names = self.texts(node, "group_by", empty=False)
        for name in names:
            sentence = self.vocabulary.field_error(
                str(name.value), self.selections.class_uid, frozenset(self.selections.settings)
            )
            if sentence:
                self.wrong(name, sentence)
        return tuple(str(name.value) for name in names)

    def _dedup(self, node: Node | None) -> str:
        if node is None:
            return "1d"
        written = "month" if node.value in ("month", "1mo") else node.value
        if written not in BUCKETS:
            self.wrong(node, f"dedup must be one of {', '.join(BUCKETS)}")
            return "1d"
        return str(written)

    def _soc2(self, node: Node | None) -> Soc2 | None:
        self.map_of(node, "soc2", ("criteria", "also", "controls"), ("criteria",))
        if node is None or node.kind != "map":
            return None
        criteria = self.texts(node.get("criteria"), "criteria", empty=False)
        also = self.texts(node.get("also"), "also")
        for name in [*criteria, *also]:
            if name.value not in self.vocabulary.criteria:
                self.wrong(name, f"criterion {name.value} does not exist")
        controls = self.texts(node.get("controls"), "controls")
        for name in controls:
            if self.vocabulary.controls and name.value not in self.vocabulary.controls:
                near = did_you_mean(str(name.value), self.vocabulary.controls)
                self.wrong(name, f"control {name.value} does not exist" + (f".{near}" if near else ""))
        return Soc2(*(tuple(str(n.value) for n in nodes) for nodes in (criteria, also, controls)))

    def _sources(self, node: Node | None, population: Block | None) -> tuple[str, ...]:
        names = self.texts(node, "sources", empty=False)
        required = required_fields(population.expression) if population else {}
        seen: set[str] = set()
        for name in names:
            slug = str(name.value)
            sentence = self.vocabulary.source_error(slug)
            if sentence:
                self.wrong(name, sentence)
            if slug in seen:
                self.wrong(name, f'source "{slug}" stands twice')
            seen.add(slug)
            if slug in self.vocabulary.sources:
                for path in required:
                    if (
                        not path.startswith(("fact.", "setting."))
                        and self.vocabulary.sends(slug, path) == "never"
                    ):
                        self.wrong(
                            name,
                            f'source "{slug}" never sends "{path}", which population requires; '
                            "remove it from sources",
                        )
        if "any" in seen and len(seen) > 1 and node is not None:
            self.wrong(node, '"any" stands for every source; name no other beside it')
        return tuple(str(name.value) for name in names)

    def _logsource(self, node: Node | None, *, imported: bool) -> dict[str, str] | None:
        if node is None:
            return None
        self.map_of(node, "logsource", ("product", "service", "category", "definition"))
        if node.kind != "map":
            return None
        if not imported:
            self.wrong(node, "logsource belongs to imported rules, whose id is a UUID; name sources instead")
        parts = {
            str(key.value): str(value.value) for key, value in node.entries if isinstance(value.value, str)
        }
        product = parts.get("product", "")
        name = f"{product}/{parts.get('service') or parts.get('category') or ''}"
        if name not in self.vocabulary.mappings:
            near = did_you_mean(name, self.vocabulary.mappings)
            self.wrong(node, f"log source {name} has no field mapping" + (f".{near}" if near else ""))
        self.selections.logsource = name
        return parts

    def _settings(self, node: Node | None) -> dict[str, Setting]:
        if node is None:
            return {}
        if node.kind != "map":
            self.wrong(node, "settings must be a map of names")
            return {}
        read: dict[str, Setting] = {}
        for key, body in node.entries:
            setting = self._setting(key, body)
            if setting is not None:
                read[setting.name] = setting
        return read

    def _setting(self, key: Node, body: Node) -> Setting | None:
        name = str(key.value)
        what = f'setting "{name}"'
        if not _NAME.match(name):
            self.wrong(key, f"{what} must be named with a-z, 0-9 and _")
        self.map_of(body, what, ("type", "default", "min", "max", "enum", "unit", "help"), ("type", "help"))
        if body.kind != "map":
            return None
        default = body.get("default")
        if default is None:
            self.wrong(body, f'{what} has no "default"')
        kind = self.choice(body.get("type"), f"{what} type", TYPES)
        bounds = {bound: body.get(bound) for bound in ("min", "max")}
        if not kind:
            return Setting(name, "text", "", "")
        for bound, where in bounds.items():
            if kind in BOUNDED and where is None:
                self.wrong(body, f'{what} has no "{bound}"')
            elif kind not in BOUNDED and where is not None:
                self.wrong(where, f"{what} of type {kind} takes no {bound}")
        enum = body.get("enum")
        if enum is not None and (enum.kind != "list" or not enum.elements):
            self.wrong(enum, f"{what} enum must be a list of values")
        setting = Setting(
            name,
            kind,
            default.plain() if default else None,
            self.text(body.get("help"), f"{what} help"),
            min=bounds["min"].plain() if bounds["min"] else None,
            max=bounds["max"].plain() if bounds["max"] else None,
            enum=tuple(entry.plain() for entry in enum.elements) if enum else (),
            unit=str(unit.value) if (unit := body.get("unit")) else "",
        )
        return self._bounded(setting, body)

    def _bounded(self, setting: Setting, body: Node) -> Setting:
        bare = Setting(setting.name, setting.type, None, "")
        for bound in ("min", "max"):
            node = body.get(bound)
            sentence = complaint(bare, node.plain(), bound) if node and setting.type in BOUNDED else None
            if node and sentence:
                self.wrong(node, sentence)
                return bare
        default = body.get("default")
        sentence = complaint(setting, setting.default, "default") if default else None
        if default and sentence:
            self.wrong(default, sentence)
        return setting

    def _population(self, node: Node | None) -> Block | None:
        if node is None:
            return None
        # The class is known only once the population is read, and its fields are checked against it.
        before = len(self.errors)
        block = self.selections.block(node, "population")
        if block is not None and (class_uid := class_named(block)) is not None:
            del self.errors[before:]
            self.selections.class_uid = class_uid
            block = self.selections.block(node, "population")
        return block

    def _detection(self, top: Node, kind: str) -> Block | None:
        node = top.get("detection")
        if node is None:
            closed_in_time = kind == "member" and top.get("deadline") is not None
            if kind in ("member", "state", "correlation", "baseline") and not closed_in_time:
                self.wrong(top, 'required key "detection" is missing')
            return None
        if kind == "absence":
            self.wrong(
                node, 'kind "absence" has no detection; it fails when nothing matches "absence: match"'
            )
            return None
        return self.selections.block(node, "detection")

    def _optional_block(self, node: Node | None, what: str) -> Block | None:
        return None if node is None else self.selections.block(node, what)

    def _filters(self, node: Node | None) -> tuple[Filter, ...]:
        read: list[Filter] = []
        for entry in self.listed(node, "filters"):
            self.map_of(entry, "filter", ("id", "help", "effect", "where"), ("id", "help", "effect", "where"))
            where = entry.get("where")
            if entry.kind != "map" or where is None:
                continue
            block = self.selections.block(where, "where")
            name = entry.get("id")
            identifier = self.text(name, "filter id", 60)
            if name is not None and any(identifier == other.id for other in read):
                self.wrong(name, f'filter "{identifier}" stands twice')
            effect = self.choice(entry.get("effect"), "effect", ("pass", "exclude"))
            help_text = self.text(entry.get("help"), "filter help")
            if block is not None:
                read.append(Filter(identifier, help_text, effect, block))
        return tuple(read)

    def _severity_when(self, node: Node | None) -> tuple[SeverityWhen, ...]:
        read: list[SeverityWhen] = []
        for entry in self.listed(node, "severity_when"):
            self.map_of(entry, "severity_when", ("severity", "where"), ("severity", "where"))
            where = entry.get("where")
            if entry.kind != "map" or where is None:
                continue
            block = self.selections.block(where, "where")
            severity = self.choice(entry.get("severity"), "severity", SEVERITIES)
            if block is not None:
                read.append(SeverityWhen(severity, block))
        return tuple(read)

    def listed(self, node: Node | None, what: str) -> list[Node]:
        """Read a list of anything."""
        if node is None:
            return []
        if node.kind != "list":
            self.wrong(node, f"{what} must be a list")
            return []
        return node.elements

    def _semantics(self, top: Node, consequence: str, *, imported: bool) -> str:
        node = top.get("semantics")
        if node is None:
            return "kleene"
        chosen = self.choice(node, "semantics", ("kleene", "sigma"))
        if chosen == "sigma" and not imported:
            self.wrong(node, 'semantics "sigma" is allowed only for imported rules, whose id is a UUID')
        elif chosen == "sigma" and consequence != "alert":
            self.wrong(node, 'semantics "sigma" is allowed only with consequence "alert"')
        return chosen or "kleene"

    def _remediation(self, node: Node | None) -> Remediation | None:
        self.map_of(node, "remediation", ("summary", "steps", "sla"), ("summary",))
        if node is None or node.kind != "map":
            return None
        sla = node.get("sla")
        if sla is not None and sla.value != "std" and not is_duration(sla.value):
            self.wrong(sla, f'sla "{sla.value}" must be std or a duration such as 24h')
        return Remediation(
            self.text(node.get("summary"), "summary"),
            tuple(str(step.value) for step in self.texts(node.get("steps"), "steps")),
            str(sla.value) if sla else "std",
        )


def _read(
    text: str | bytes, file: str, vocabulary: Vocabulary, path: Path | None
) -> tuple[Rule | None, Node | None, list[RuleError]]:
    """Return the rule, the node of its id, and all that is wrong; the rule is None when anything is."""
    top, errors = read_yaml(text, file)
    if top is None:
        return None, None, errors
    reader = RuleReader(file, vocabulary)
    reader.errors.extend(errors)
    rule = reader.rule(top, path)
    return (None if reader.errors else rule), top.get("id"), reader.errors


def read_rule(
    text: str | bytes, file: str, *, vocabulary: Vocabulary | None = None, path: Path | None = None
) -> Rule:
    """Return the rule that a file's text holds.

    `file` is how errors name it; `path`, where given, must end in `<family>/<slug>.yml`. Raises RuleErrors
    with everything that is wrong.
    """
    rule, _, errors = _read(text, file, vocabulary or shipped_vocabulary(), path)
    if rule is None:
        raise RuleErrors(errors)
    return rule


def load_rules(folder: Path | str, *, vocabulary: Vocabulary | None = None) -> list[Rule]:
    """Return every rule below a folder, ordered by id.

    Files are `<family>/<slug>.yml`. Raises RuleErrors with all that is wrong in all files, ids that stand
    in two files included; lines and columns count from 1 and files are named from the folder on.
    """
    folder = Path(folder)
    vocabulary = vocabulary or shipped_vocabulary()
    rules: list[Rule] = []
    errors: list[RuleError] = []
    first: dict[str, RuleError] = {}
    for path in sorted([*folder.rglob("*.yml"), *folder.rglob("*.yaml")]):
        name = path.relative_to(folder).as_posix()
        rule, identifier, wrong = _read(path.read_bytes(), name, vocabulary, path.resolve())
        errors.extend(wrong)
        if rule is not None:
            rules.append(rule)
        if identifier is None or not isinstance(identifier.value, str):
            continue
        known = first.get(identifier.value)
        if known is None:
            first[identifier.value] = RuleError(name, identifier.line, identifier.column, "")
        else:
            sentence = f"rule {identifier.value} is also defined in {known.file}:{known.line}"
            errors.append(RuleError(name, identifier.line, identifier.column, sentence))
    if errors:
        raise RuleErrors(errors)
    return sorted(rules, key=lambda rule: rule.id)
