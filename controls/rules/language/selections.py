"""Read selections and blocks of them from YAML nodes, saying everything that is wrong on the way."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from typing import Final

from controls.rules.language.conditions import ConditionError, is_selection_name, parse_condition
from controls.rules.language.errors import RuleError
from controls.rules.language.expressions import (
    Block,
    Either,
    Every,
    Expression,
    FieldTest,
    Value,
    field_tests,
)
from controls.rules.language.modifiers import AGES, COMPARISONS, TIME_PARTS, modifier_errors
from controls.rules.language.operators import build_comparison
from controls.rules.language.patterns import PatternError
from controls.rules.language.placeholders import LIST, SETTING, ZONE, placeholders
from controls.rules.language.positions import Node
from controls.rules.language.settings import Setting
from controls.rules.language.vocabulary import Vocabulary

_LOOKS_LIKE_PLACEHOLDER = re.compile(r"%(?:setting|list|client)\.[A-Za-z0-9_.-]*%")
_FIELD = re.compile(r"[^\s|]+\Z")
_LIST_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")
# Setting types a modifier can take the value of.
_NUMERIC: Final = ("int", "float")


@dataclass(slots=True)
class SelectionReader:
    """Reads the selections of one rule file.

    `settings` are the rule's own; `class_uid` is the one class its population names, if it names one;
    `logsource` maps an imported rule's fields. Everything wrong is appended to `errors`.
    """

    file: str
    vocabulary: Vocabulary
    settings: Mapping[str, Setting] = field(default_factory=dict)
    class_uid: int | None = None
    logsource: str | None = None
    errors: list[RuleError] = field(default_factory=list)

    def wrong(self, node: Node, sentence: str, offset: int = 0) -> None:
        """Note a sentence at a node, `offset` characters into it."""
        self.errors.append(RuleError(self.file, node.line, node.column + offset, sentence))

    def block(self, node: Node, what: str) -> Block | None:
        """Read `{name: selection…, condition: …}`."""
        if node.kind != "map":
            self.wrong(node, f"{what} must be a map of selections and a condition")
            return None
        selections: dict[str, Expression] = {}
        names: dict[str, Node] = {}
        condition: Node | None = None
        for name, body in node.entries:
            if name.value == "condition":
                condition = body
            elif name.value == "timeframe":
                self.wrong(
                    name, '"timeframe" looks at several events; write kind: correlation with "timespan"'
                )
            else:
                names[str(name.value)] = name
                if not is_selection_name(str(name.value)):
                    self.wrong(
                        name,
                        f'selection "{name.value}" cannot be named in a condition; use letters, digits, _ and -',
                    )
                selections[str(name.value)] = self.selection(body, str(name.value))
        if condition is None:
            self.wrong(node, f"{what} has no condition")
            return None
        return self._conditioned(node, condition, selections, names)

    def _conditioned(
        self, node: Node, condition: Node, selections: dict[str, Expression], names: Mapping[str, Node]
    ) -> Block | None:
        lines = condition.elements if condition.kind == "list" else [condition]
        if condition.kind == "list" and not lines:
            self.wrong(condition, "the condition is empty")
            return None
        read: list[Expression] = []
        used: set[str] = set()
        failed = False
        for line in lines:
            if not isinstance(line.value, str):
                self.wrong(line, "a condition must be text")
                failed = True
                continue
            try:
                expression, named = parse_condition(line.value, selections)
            except ConditionError as error:
                self.wrong(line, error.sentence, line.offset_of(error.offset))
                failed = True
                continue
            read.append(expression)
            used |= named
        if failed:
            return None
        for name, where in names.items():
            if name not in used:
                self.wrong(where, f'selection "{name}" is never used')
        expression = read[0] if len(read) == 1 else Either(tuple(read))
        text = " or ".join(f"({line.value})" for line in lines) if len(lines) > 1 else str(lines[0].value)
        return Block(selections, expression, text, node.line, node.column)

    def selection(self, node: Node, name: str) -> Expression:
        """Read one selection: a map (and) or a list of maps (or)."""
        if node.kind == "map":
            return self._all_fields(node)
        if node.kind == "list" and node.elements and all(part.kind == "map" for part in node.elements):
            return Either(tuple(self._all_fields(part) for part in node.elements))
        if node.kind == "list" and not node.elements:
            self.wrong(node, f'selection "{name}" is empty')
        else:
            self.wrong(
                node,
                f'selection "{name}" is a list of keywords, which are looked for in no field and no index; '
                "name the field",
            )
        return Either(())

    def _all_fields(self, node: Node) -> Expression:
        return Every(tuple(self._field_test(key, value) for key, value in node.entries))

    def _field_test(self, key: Node, node: Node) -> FieldTest:
        written, *modifiers = str(key.value).split("|")
        path = self._path(key, written)
        names = tuple(modifiers)
        sentences = modifier_errors(names)
        for sentence in sentences:
            self.wrong(key, sentence)
        values = self._values(node, names)
        test = FieldTest(path, names, tuple(values), key.line, key.column)
        several = "expand" in names and any(placeholders(str(value.value)) for value in values)
        if "all" in names and len(values) < 2 and not several:
            self.wrong(key, '"all" needs at least two values')
        if not sentences:
            self._check_values(key, node, test)
        return test

    def _path(self, key: Node, written: str) -> str:
        if not _FIELD.match(written):
            self.wrong(key, "a field's name is missing" if not written else f'"{written}" is no field name')
            return written
        if self.logsource is not None:
            ours = self.vocabulary.mapped(self.logsource, written)
            if ours is not None:
                return ours
        sentence = self.vocabulary.field_error(written, self.class_uid, frozenset(self.settings))
        if sentence is not None and self.logsource is not None:
            sentence = f'field "{written}" has no mapping for log source {self.logsource}'
        if sentence is not None:
            self.wrong(key, sentence)
        return written

    def _values(self, node: Node, modifiers: tuple[str, ...]) -> list[Value]:
        if node.kind == "map":
            self.wrong(node, "a value must be text, a number, true, false, null or a list of these")
            return []
        values: list[Value] = []
        for element in node.elements if node.kind == "list" else [node]:
            if element.kind != "scalar":
                self.wrong(element, "a list of values holds only text, numbers, true and false")
                continue
            if element.value is None and node.kind == "list":
                self.wrong(element, "null may not stand in a list of values; give it a selection of its own")
                continue
            value = element.value
            if "fieldref" in modifiers and self.logsource is not None and isinstance(value, str):
                value = self.vocabulary.mapped(self.logsource, value) or value
            values.append(Value(value, element.line, element.column))  # type: ignore[arg-type]
        return values

    def _check_values(self, key: Node, node: Node, test: FieldTest) -> None:
        """Say what the modifiers cannot take, as far as it is known before a client's settings are."""
        elements = node.elements if node.kind == "list" else [node]
        if "exists" in test.modifiers:
            if len(test.values) != 1 or not isinstance(test.values[0].value, bool):
                self.wrong(node, 'modifier "exists" needs true or false')
            return
        if "fieldref" in test.modifiers:
            for element in elements:
                self._check_reference(element)
            return
        expands = "expand" in test.modifiers
        found = False
        for element in elements:
            if isinstance(element.value, str) and (expands or _LOOKS_LIKE_PLACEHOLDER.search(element.value)):
                names = placeholders(element.value)
                found = found or bool(names)
                if names and not expands:
                    self.wrong(element, f'placeholder %{names[0]}% needs the modifier "expand"')
                    continue
                for name in names:
                    self._check_placeholder(element, name, test)
                if names:
                    continue
            if element.kind == "scalar":
                self._check_value(element, test)
        if expands and not found and elements:
            self.wrong(key, 'modifier "expand" has no placeholder to expand')

    def _check_value(self, element: Node, test: FieldTest) -> None:
        """Build the comparison once, only to see whether the value can be used."""
        without_all = tuple(name for name in test.modifiers if name != "all")
        try:
            build_comparison([element.value], without_all, UTC)
        except PatternError as error:
            self.wrong(element, str(error))

    def _check_reference(self, element: Node) -> None:
        if not isinstance(element.value, str):
            self.wrong(element, 'modifier "fieldref" needs the name of a field')
            return
        if self.logsource is None or self.vocabulary.mapped(self.logsource, element.value) is None:
            sentence = self.vocabulary.field_error(element.value, self.class_uid, frozenset(self.settings))
            if sentence:
                self.wrong(element, sentence)

    def _check_placeholder(self, element: Node, name: str, test: FieldTest) -> None:
        if name == ZONE:
            return
        if name.startswith(LIST) and _LIST_NAME.match(name.removeprefix(LIST)):
            if any(modifier in (*AGES, *COMPARISONS, *TIME_PARTS) for modifier in test.modifiers):
                self.wrong(element, f"placeholder %{name}% is a list of texts, not a number or duration")
            return
        setting = self.settings.get(name.removeprefix(SETTING)) if name.startswith(SETTING) else None
        if setting is None:
            if name.startswith(SETTING):
                self.wrong(element, f"placeholder %{name}% has no such setting")
            else:
                self.wrong(
                    element, f"placeholder %{name}% is none of %setting.NAME%, %list.NAME%, %client.zone%"
                )
            return
        if any(modifier in AGES for modifier in test.modifiers) and setting.type != "duration":
            self.wrong(element, f"placeholder %{name}% is of type {setting.type}, not a duration")
        elif (
            any(modifier in (*COMPARISONS, *TIME_PARTS) for modifier in test.modifiers)
            and setting.type not in _NUMERIC
        ):
            self.wrong(element, f"placeholder %{name}% is of type {setting.type}, not a number")


def class_named(block: Block) -> int | None:
    """Return the one class that a block's tests of `class_uid` name, or None where it is not one."""
    classes = {
        value.value
        for test in field_tests(block.expression)
        if test.field == "class_uid" and not test.modifiers
        for value in test.values
    }
    only = classes.pop() if len(classes) == 1 else None
    return only if isinstance(only, int) else None
