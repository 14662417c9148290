"""What the rules and controls that summaries name are called: asked of the right, which registers the answer."""

from collections.abc import Callable, Iterable

Names = Callable[[Iterable[str]], dict[str, str]]
_named_by: list[Names] = []


def register(names: Names) -> None:
    """Add a source of titles: given ids, it returns the titles of those that it knows."""
    _named_by.append(names)


def titles_of(ids: Iterable[str]) -> dict[str, str]:
    """Return the titles of rules and controls; one that nobody names is not among them."""
    wanted = list(ids)
    return {key: title for names in _named_by for key, title in names(wanted).items()}
