"""Read YAML so that every key and value knows its line and column.

PyYAML's C parser composes the node graph; we resolve the plain scalars ourselves, by fewer rules than
YAML 1.1 has. A time stays text, digits with a leading zero stay text (an account number is not octal), and
the words that YAML 1.1 takes for true and false beyond `true` and `false` themselves are refused: `No` is
what CloudTrail writes, and a rule must not silently compare it with false.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import yaml

from controls.rules.language.errors import RuleError, RuleErrors

Scalar = str | int | float | bool | None

# A rule with all its test cases is far below both. Aliases are counted as often as they are used, so that a
# small file cannot unfold into a large one.
MAX_BYTES: Final = 1_000_000
MAX_NODES: Final = 100_000

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,30})\Z")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,16}\Z")
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,3})?\Z")
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_DOUBTFUL = frozenset(
    word for base in ("yes", "no", "on", "off") for word in (base, base.capitalize(), base.upper())
)


@dataclass(frozen=True, slots=True)
class Node:
    """A value with its place. `value` is a scalar, a list of nodes, or a mapping of key nodes to nodes."""

    value: Scalar | list[Node] | list[tuple[Node, Node]]
    kind: str  # "scalar", "list" or "map"
    line: int
    column: int
    # How YAML marks the text: "" for plain, a quote, or | and > for blocks.
    style: str = ""

    @property
    def entries(self) -> list[tuple[Node, Node]]:
        """The (key, value) pairs of a map in the order written; empty for anything else."""
        return self.value if self.kind == "map" else []  # type: ignore[return-value]

    @property
    def elements(self) -> list[Node]:
        """The nodes of a list in the order written; empty for anything else."""
        return self.value if self.kind == "list" else []  # type: ignore[return-value]

    def get(self, key: str) -> Node | None:
        """Return the value under `key`, or None where the map has no such key."""
        for name, value in self.entries:
            if name.value == key:
                return value
        return None

    def offset_of(self, position: int) -> int:
        """Return how far into the node's line a character of its text stands, as far as that is certain."""
        if not isinstance(self.value, str) or self.style in ("|", ">") or "\n" in self.value:
            return 0
        return position + (1 if self.style else 0)

    def plain(self) -> object:
        """Return the value as plain Python: dict, list, str, int, float, bool or None."""
        if self.kind == "map":
            return {name.value: value.plain() for name, value in self.entries}
        if self.kind == "list":
            return [element.plain() for element in self.elements]
        return self.value


class _Reader:
    """Turns composed YAML nodes into ours, and remembers what is wrong on the way."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.errors: list[RuleError] = []
        self.left = MAX_NODES

    def wrong(self, node: yaml.Node, sentence: str) -> None:
        mark = node.start_mark
        self.errors.append(RuleError(self.file, mark.line + 1, mark.column + 1, sentence))

    def read(self, node: yaml.Node) -> Node:
        self.left -= 1
        if self.left < 0:
            self.wrong(node, f"the file unfolds into more than {MAX_NODES} values; write it without aliases")
            raise RuleErrors(self.errors)
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        if isinstance(node, yaml.SequenceNode):
            return Node([self.read(child) for child in node.value], "list", line, column)
        if isinstance(node, yaml.MappingNode):
            return Node(list(self.read_entries(node)), "map", line, column)
        style: str | None = getattr(node, "style", None)  # the stubs know no style of a scalar
        return Node(self.resolve(node, style), "scalar", line, column, style or "")

    def read_entries(self, node: yaml.MappingNode) -> Iterator[tuple[Node, Node]]:
        seen: dict[object, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.wrong(key, "a key must be text")
                continue
            name = Node(key.value, "scalar", key.start_mark.line + 1, key.start_mark.column + 1)
            if name.value in seen:
                self.wrong(key, f'key "{key.value}" stands twice (first in line {seen[name.value]})')
                continue
            seen[name.value] = name.line
            yield name, self.read(value)

    def resolve(self, node: yaml.Node, style: str | None) -> Scalar:
        text: str = node.value
        if style in ("'", '"', "|", ">") or node.tag == "tag:yaml.org,2002:str":
            if style is None and text in _DOUBTFUL:  # a newer parser may already say text
                self.doubt(node, text)
            return text
        if not node.tag.startswith("tag:yaml.org,2002:"):
            self.wrong(node, f"tag {node.tag} is not understood; write a plain value")
            return text
        if text in _DOUBTFUL:
            self.doubt(node, text)
            return text
        if text in _TRUE:
            return True
        if text in _FALSE:
            return False
        if text in _NULL:
            return None
        if _INTEGER.match(text):
            return int(text)
        if _HEX.match(text):
            return int(text, 16)
        if _DECIMAL.match(text):
            number = float(text)
            if math.isfinite(number):
                return number
        return text

    def doubt(self, node: yaml.Node, text: str) -> None:
        self.wrong(node, f"{text} without quotes is a truth value to some readers and text to others; "
                         f'write "{text}", or true or false')  # fmt: skip


def read_yaml(text: str | bytes, file: str) -> tuple[Node | None, list[RuleError]]:
    """Return the file's one document with positions, and what is wrong with its YAML.

    The node is None when nothing could be read at all. Errors carry lines and columns counted from 1.
    """
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            before = error.object[: error.start]
            line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
            return None, [RuleError(file, line, column, "the file is not UTF-8")]
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        return None, [RuleError(file, 1, 1, f"the file is larger than {MAX_BYTES} bytes")]
    reader = _Reader(file)
    try:
        documents = list(yaml.compose_all(text, Loader=yaml.CSafeLoader))
        if len(documents) > 1:
            place = documents[1].start_mark
            sentence = "one file holds one rule; this is a second document"
            return None, [RuleError(file, place.line + 1, place.column + 1, sentence)]
        if not documents or documents[0] is None:
            return None, [RuleError(file, 1, 1, "the file is empty")]
        return reader.read(documents[0]), reader.errors
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        return None, [RuleError(file, line, column, f"this is not YAML: {error.problem or error.context}")]
    except yaml.YAMLError as error:  # a character that YAML does not allow carries no mark
        position = getattr(error, "position", 0)
        line = text.count("\n", 0, position) + 1
        column = position - (text.rfind("\n", 0, position) + 1) + 1
        return None, [RuleError(file, line, column, f"this is not YAML: {error.__class__.__name__}")]
    except RecursionError:
        return None, [RuleError(file, 1, 1, "the file is nested too deeply, or an alias holds itself")]
    except RuleErrors as error:
        return None, error.errors
