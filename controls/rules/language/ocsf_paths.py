"""Which paths an event of an OCSF class can hold, and the nearest one to a path that it cannot.

The names beside this file are those of the OCSF schema 1.8.0 (schema.ocsf.io, Apache License 2.0), for the
classes that sources are normalized to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

from controls.rules.language.errors import did_you_mean

_SCHEMA: Final = Path(__file__).with_name("ocsf-1.8.0.json")

# What adapters write for events of every class, beyond what the schema gives a single class.
_EVERYWHERE: Final = (
    "actor:actor api:api cloud:cloud device:device src_endpoint:network_endpoint dst_endpoint:network_endpoint "
    "http_request:http_request resources:resource_details session:session user:user group:group is_mfa is_remote "
    "status_code status_detail unmapped:object"
)
_OF_OBJECTS: Final = {"user": "directory_uid", "network_endpoint": "vpc_endpoint_uid"}
# Attributes of no fixed form: anything may lie below them.
_FREE: Final = frozenset({"", "object"})
_FREE_NAMES: Final = frozenset({"data", "unmapped"})
_INDEX: Final = re.compile(r"\[\]|\.[0-9]+(?=\.|\Z)")

Attributes = dict[str, str]


def _attributes(text: str) -> Attributes:
    """Read `name name:object …` into names with the object that each holds, empty for plain values."""
    return {name: held for name, _, held in (word.partition(":") for word in text.split())}


@cache
def _schema() -> tuple[dict[int, Attributes], dict[str, Attributes]]:
    """Return the attributes of classes by uid, and of objects by name."""
    read = json.loads(_SCHEMA.read_text("utf-8"))
    everywhere = _attributes(_EVERYWHERE)
    classes = {int(uid): {**everywhere, **_attributes(text)} for uid, text in read["classes"].items()}
    objects = {
        name: _attributes(f"{text} {_OF_OBJECTS.get(name, '')}") for name, text in read["objects"].items()
    }
    return classes, objects


@cache
def _fields_of(class_uid: int | None) -> Attributes:
    """Return what an event of a class holds at its top; of any class where it is not known."""
    classes, _ = _schema()
    if class_uid in classes:
        return classes[class_uid]
    return {name: held for attributes in classes.values() for name, held in attributes.items()}


def is_path(path: str, class_uid: int | None) -> bool:
    """Say whether an event of the class can hold a path; of any class where None.

    `[]` and positions in lists may stand in the path.
    """
    _, objects = _schema()
    known: Attributes | None = _fields_of(class_uid)
    for part in _INDEX.sub("", path).split("."):
        if known is None or part not in known:
            return False
        held = known[part]
        if part in _FREE_NAMES and held in _FREE:
            return True
        known = objects.get(held)
    return True


def nearest_path(path: str, class_uid: int | None, columns: Iterable[str]) -> str:
    """Return ` Did you mean "…"?` for a path, mended part by part, or nothing where no part is near."""
    _, objects = _schema()
    mended: list[str] = []
    known: Attributes | None = _fields_of(class_uid)
    for part in path.split("."):
        bare = part.removesuffix("[]")
        if known is None:
            return ""
        if bare in known:
            mended.append(part)
        else:
            near = did_you_mean(bare, known)
            if not near:
                return did_you_mean(path, columns) if not mended else ""
            mended.append(near.split('"')[1])
        known = objects.get(known[mended[-1].removesuffix("[]")])
    return f' Did you mean "{".".join(mended)}"?'
