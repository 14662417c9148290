"""The folders of this package are the sources. A folder that is incomplete is refused at start-up."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from evidence.sources.contract import ALWAYS, NEVER, SOMETIMES, SourceContract

if TYPE_CHECKING:
    from evidence.sources.contract import Adapter

FOLDER: Final = Path(__file__).parent

_REQUIRED: Final = ("family", "vendor", "title", "version", "ways_in", "rhythm", "fields", "documentation")
_KNOWN: Final = frozenset(_REQUIRED) | {"aliases", "sigma", "channels"}


class IncompleteSource(Exception):
    """A source's folder lacks something; the message says what, of which source."""


class UnknownSource(LookupError):
    """No source has this name; the message lists those that exist."""


def check_folder(folder: Path) -> list[str]:
    """What a source's folder lacks, as sentences; empty if it is whole."""
    slug = folder.name
    lacks = []
    if not (folder / "adapter.py").is_file():
        lacks.append(f'Source "{slug}" has no adapter.py.')
    examples = folder / "examples"
    if not examples.is_dir() or not any(path.is_file() for path in examples.iterdir()):
        lacks.append(f'Source "{slug}" has no example file in examples/.')
    description = folder / "source.yml"
    if not description.is_file():
        return [*lacks, f'Source "{slug}" has no source.yml.']
    try:
        read = yaml.safe_load(description.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        return [*lacks, f'Source "{slug}": source.yml cannot be read: {error}.']
    if not isinstance(read, dict):
        return [*lacks, f'Source "{slug}": source.yml is no map of keys.']
    lacks += [f'Source "{slug}": source.yml has no "{key}".' for key in _REQUIRED if not read.get(key)]
    lacks += [f'Source "{slug}": source.yml has an unknown key "{key}".' for key in read if key not in _KNOWN]
    fields = read.get("fields")
    if isinstance(fields, dict):
        lacks += [
            f'Source "{slug}": field "{path}" is "{said}", not always, sometimes or never.'
            for path, said in fields.items()
            if said not in (ALWAYS, SOMETIMES, NEVER)
        ]
    return lacks


@cache
def _folders() -> dict[str, Path]:
    found = {
        path.name: path
        for path in sorted(FOLDER.iterdir())
        if path.is_dir() and not path.name.startswith((".", "_"))
    }
    lacks = [sentence for path in found.values() for sentence in check_folder(path)]
    if lacks:
        raise IncompleteSource(" ".join(lacks))
    return found


@cache
def adapters() -> dict[str, Adapter]:
    """Every adapter by slug, in the order of the slugs.

    Raises:
        IncompleteSource: a folder lacks something, an adapter its name, or two sources share an alias.
    """
    made: dict[str, Adapter] = {}
    for slug in _folders():
        module = importlib.import_module(f"evidence.sources.{slug}.adapter")
        found: Adapter | None = getattr(module, "ADAPTER", None)
        if found is None:
            raise IncompleteSource(f'Source "{slug}": adapter.py has no ADAPTER.')
        if found.slug != slug:
            raise IncompleteSource(f'Source "{slug}": its adapter calls itself "{found.slug}".')
        if str(found.version) != contract(slug).version:
            raise IncompleteSource(
                f'Source "{slug}": the adapter is version {found.version}, source.yml says {contract(slug).version}.'
            )
        made[slug] = found
    _names()
    return made


@cache
def _names() -> dict[str, str]:
    names: dict[str, str] = {}
    for slug in _folders():
        for name in (slug, *contract(slug).aliases):
            if name in names:
                raise IncompleteSource(f'Sources "{names[name]}" and "{slug}" both answer to "{name}".')
            names[name] = slug
    return names


def slug_of(name: str) -> str:
    """The slug of a source named by its slug or by one of its aliases.

    Raises:
        UnknownSource: no source has that name.
    """
    try:
        return _names()[name]
    except KeyError:
        known = ", ".join(_folders())
        raise UnknownSource(f'There is no source "{name}". Sources: {known}.') from None


def adapter(name: str) -> Adapter:
    """The adapter of a source named by slug or alias.

    Raises:
        UnknownSource: no source has that name.
    """
    return adapters()[slug_of(name)]


@cache
def contract(slug: str) -> SourceContract:
    """The parsed `source.yml` of a source named by its slug.

    Raises:
        UnknownSource: no source has that slug.
    """
    folder = _folders().get(slug)
    if folder is None:
        raise UnknownSource(f'There is no source "{slug}". Sources: {", ".join(_folders())}.')
    read: dict[str, Any] = yaml.safe_load((folder / "source.yml").read_text("utf-8"))
    examples = sorted(
        str(path.relative_to(folder / "examples"))
        for path in (folder / "examples").rglob("*")
        if path.is_file()
    )
    return SourceContract(
        slug=slug,
        aliases=tuple(read.get("aliases") or ()),
        family=read["family"],
        vendor=read["vendor"],
        title=read["title"],
        version=str(read["version"]),
        ways_in=tuple(read["ways_in"]),
        rhythm=str(read["rhythm"]),
        fields=dict(read["fields"]),
        sigma={log_source: dict(names) for log_source, names in (read.get("sigma") or {}).items()},
        documentation=tuple(read["documentation"]),
        channels=tuple(read.get("channels") or ()),
        examples=tuple(examples),
    )


def recognize(head: bytes, name: str = "") -> tuple[str | None, float, str]:
    """Which source a file is, by its content: `(slug, confidence, what it looks like)`.

    `head` is the start of the file, packed or not; 64 KiB are plenty. The slug is `None` below a
    confidence of 0.5; the sentence says in both cases what the file looks like.
    """
    from evidence.sources.recognition import looks_like, unpacked_head

    head, packing = unpacked_head(head)
    best: str | None = None
    confidence = 0.0
    for slug, candidate in adapters().items():
        sure = candidate.recognize(head, name)
        if sure > confidence:
            best, confidence = slug, sure
    if best is not None and confidence >= 0.5:
        return best, confidence, packing + contract(best).title
    return None, confidence, packing + looks_like(head)
