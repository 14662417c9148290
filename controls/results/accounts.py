"""What accounts are called: their keys are the vendor's and say nothing to a person."""

import re
from collections.abc import Iterable
from typing import Final

from evidence.inventory.models import Account

_TOKEN: Final = re.compile(r"[^\s,;()]+")


def account_names(keys: Iterable[str]) -> dict[str, str]:
    """Return the names of accounts by key, in one query; an account without a name is not among them."""
    wanted = {key for key in keys if key}
    if not wanted:
        return {}
    rows = Account.objects.filter(key__in=wanted).exclude(name="").order_by("source_id", "key")
    return {key: name for key, name in rows.values_list("key", "name") if name != key}


def keys_in(text: str) -> set[str]:
    """Return the words of a sentence that could be an account's key."""
    return {token.rstrip(".:") for token in _TOKEN.findall(text) if len(token) > 3}


def named(text: str, names: dict[str, str]) -> str:
    """Return a sentence with each account's key replaced by its name."""
    return _TOKEN.sub(lambda found: _spoken(found[0], names), text)


def _spoken(token: str, names: dict[str, str]) -> str:
    bare = token.rstrip(".:")
    return names[bare] + token[len(bare) :] if bare in names else token
