"""Canonical JSON (RFC 8785) and the record that one leaf of the ledger is.

A leaf's bytes are the canonical JSON of nine keys, so that anyone who has the values can make the bytes, and
from them the leaf hash (`evidence.ledger.tree`), without our code.
"""

import json
import math
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

KINDS: Final = frozenset(
    {"batch", "records", "artifact", "decision", "tally", "posture", "report", "key", "settings"}
)
# Beyond this a JSON number is not the same number everywhere (RFC 7493 §2.2).
LARGEST_INTEGER: Final = 2**53 - 1

_ESCAPED: Final = re.compile(r'[\x00-\x1f"\\]')
_SHORT: Final = {
    "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\",
}  # fmt: skip
_HEX64: Final = re.compile(r"[0-9a-f]{64}\Z")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\Z")
_KEYS: Final = frozenset({"v", "client", "seq", "time", "kind", "ref", "sha256", "actor", "meta"})


class NotCanonical(ValueError):
    """A value that has no canonical JSON, or bytes that are not it."""


def canonical(value: object) -> bytes:
    """The RFC 8785 bytes of a value made of dict, list, tuple, str, int, float, bool and None.

    Keys are ordered by UTF-16 code units, numbers written as ECMAScript writes them, only what must be
    escaped is. Raises `NotCanonical` for NaN, infinities, integers beyond 2^53-1, lone surrogates, keys that
    are not text, and other types.
    """
    parts: list[str] = []
    _write(value, parts)
    try:
        return "".join(parts).encode("utf-8")
    except UnicodeEncodeError as error:
        raise NotCanonical("A text holds half of a surrogate pair, which UTF-8 cannot carry.") from error


def _write(value: object, parts: list[str]) -> None:
    if value is None:
        parts.append("null")
    elif value is True:
        parts.append("true")
    elif value is False:
        parts.append("false")
    elif isinstance(value, str):
        parts.append(_text(value))
    elif isinstance(value, int):
        if abs(value) > LARGEST_INTEGER:
            raise NotCanonical(f"{value} is beyond 2^53-1; write it as text.")
        parts.append(str(int(value)))
    elif isinstance(value, float):
        parts.append(_number(value))
    elif isinstance(value, Mapping):
        _write_object(value, parts)
    elif isinstance(value, list | tuple):
        parts.append("[")
        for at, each in enumerate(value):
            if at:
                parts.append(",")
            _write(each, parts)
        parts.append("]")
    else:
        raise NotCanonical(f"JSON has no {type(value).__name__}.")


def _write_object(value: Mapping[Any, Any], parts: list[str]) -> None:
    for key in value:
        if not isinstance(key, str):
            raise NotCanonical(f"A key must be text, not {type(key).__name__}.")
    parts.append("{")
    for at, key in enumerate(sorted(value, key=_utf16)):
        if at:
            parts.append(",")
        parts.append(_text(key))
        parts.append(":")
        _write(value[key], parts)
    parts.append("}")


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")


def _text(value: str) -> str:
    return '"' + _ESCAPED.sub(_escape, value) + '"'


def _escape(found: re.Match[str]) -> str:
    character = found.group()
    return _SHORT.get(character) or f"\\u{ord(character):04x}"


def _number(value: float) -> str:
    """ECMAScript's Number::toString (ECMA-262 §6.1.6.1.20), which RFC 8785 §3.2.2.3 prescribes."""
    if not math.isfinite(value):
        raise NotCanonical(f"JSON has no {value}.")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    # repr gives the shortest digits that read back as the same double; only their layout differs.
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    if fraction == "0":
        fraction = ""
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    count = len(digits)
    if count <= point <= 21:
        text = digits + "0" * (point - count)
    elif 0 < point <= 21:
        text = digits[:point] + "." + digits[point:]
    elif -6 < point <= 0:
        text = "0." + "0" * -point + digits
    else:
        power = point - 1
        tail = "." + digits[1:] if count > 1 else ""
        text = f"{digits[0]}{tail}e{'+' if power > 0 else '-'}{abs(power)}"
    return sign + text


def portable(value: object) -> object:
    """The nearest value that `canonical` accepts, for content that came from outside.

    Integers beyond 2^53-1, NaN and infinities become text; half surrogate pairs become U+FFFD; other types
    their text. What `canonical` accepts already is left as it is.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")
    if isinstance(value, int):
        return value if abs(value) <= LARGEST_INTEGER else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(portable(str(key))): portable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [portable(each) for each in value]
    if isinstance(value, datetime):
        return rfc3339(value)
    return str(value)


def parse_canonical(content: bytes) -> Any:
    """The value of canonical bytes. Raises `NotCanonical` if another spelling of it would be canonical."""
    try:
        value = json.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise NotCanonical(f"This is not JSON: {error}.") from error
    if canonical(value) != content:
        raise NotCanonical("This is JSON, but not its canonical form (RFC 8785).")
    return value


def rfc3339(moment: datetime) -> str:
    """`YYYY-MM-DDTHH:MM:SS.ffffffZ` of an aware time. Raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("A time without a zone is not a moment.")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rjust(26, "0") + "Z"


def parse_rfc3339(text: str) -> datetime:
    """The moment of text in exactly the form that `rfc3339` writes."""
    if not _TIME.match(text):
        raise ValueError(f"{text!r} is not a time like 2026-01-01T00:00:00.000000Z.")
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One line of a client's ledger. `seq` is its index in the tree, from 0.

    `ref` is the id of what is recorded, `sha256` its 64 hex digits, `actor` an id or `system`, `meta` what
    the kind asks for (docs/formats/bundle.md lists each kind's keys).
    """

    client: uuid.UUID
    seq: int
    time: datetime
    kind: str
    ref: str
    sha256: str
    actor: str = "system"
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a leaf that another reader would refuse."""
        if self.kind not in KINDS:
            raise ValueError(f"The ledger has no kind {self.kind!r}; it has {', '.join(sorted(KINDS))}.")
        if not 0 <= self.seq <= LARGEST_INTEGER:
            raise ValueError(f"A leaf's seq is its index from 0, not {self.seq}.")
        if not _HEX64.match(self.sha256):
            raise ValueError(f"A leaf's sha256 is 64 lower-case hex digits, not {self.sha256!r}.")
        if not self.ref or not self.actor:
            raise ValueError("A leaf names what it records and who did it; ref and actor may not be empty.")

    def to_bytes(self) -> bytes:
        """The leaf's exact bytes: what is hashed, stored and shipped."""
        return canonical(
            {
                "v": 1,
                "client": str(self.client),
                "seq": self.seq,
                "time": rfc3339(self.time),
                "kind": self.kind,
                "ref": self.ref,
                "sha256": self.sha256,
                "actor": self.actor,
                "meta": self.meta,
            }
        )


def parse_leaf(content: bytes) -> Leaf:
    """The leaf of exactly its bytes. Raises `NotCanonical` or ValueError, saying what is wrong with them."""
    value = parse_canonical(content)
    if not isinstance(value, dict) or value.keys() != _KEYS:
        raise NotCanonical(f"A leaf has the keys {', '.join(sorted(_KEYS))} and no others.")
    if value["v"] != 1 or isinstance(value["v"], bool):
        raise NotCanonical(f"This reader knows leaves of version 1, not {value['v']!r}.")
    if (
        not isinstance(value["meta"], dict)
        or isinstance(value["seq"], bool)
        or not isinstance(value["seq"], int)
    ):
        raise NotCanonical("A leaf's seq is an integer and its meta an object.")
    for key in ("client", "time", "kind", "ref", "sha256", "actor"):
        if not isinstance(value[key], str):
            raise NotCanonical(f"A leaf's {key} is text.")
    client = uuid.UUID(value["client"])
    if str(client) != value["client"]:
        raise NotCanonical(f"A leaf's client is a UUID in lower case with hyphens, not {value['client']!r}.")
    return Leaf(
        client=client,
        seq=value["seq"],
        time=parse_rfc3339(value["time"]),
        kind=value["kind"],
        ref=value["ref"],
        sha256=value["sha256"],
        actor=value["actor"],
        meta=value["meta"],
    )
