"""The start-up check of the rules: one rule file with an error keeps the portal from starting."""

from __future__ import annotations

from typing import Any

from django.core import checks

from controls.rules.language import RuleErrors
from controls.rules.shipped import shipped_rules


@checks.register("rules")
def check_rules(app_configs: object, **options: Any) -> list[checks.CheckMessage]:
    """Return an error for everything that is wrong with the shipped rule files, at its place."""
    try:
        shipped_rules()
    except RuleErrors as refused:
        return [checks.Error(str(error), id="controls.E001") for error in refused.errors]
    return []
