"""The rules that come with this installation."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from controls.rules.language import Rule, load_rules

FOLDER: Final = Path(__file__).resolve().parent


@cache
def shipped_rules() -> tuple[Rule, ...]:
    """Return every shipped rule, ordered by id. Raises RuleErrors, which keeps the portal from starting."""
    return tuple(load_rules(FOLDER))
