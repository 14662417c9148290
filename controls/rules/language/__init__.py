"""The rule language: read, check, compile and judge. Pure Python; Django stands outside.

rules = load_rules(folder)
judged = compile_rules(rules, settings={"R01": {}}, lists={}, zone="Europe/Berlin")
for judgment in judged.judge(event, facts): …
"""

from controls.rules.language.buckets import bucket_of, exception_key, group_key
from controls.rules.language.errors import RuleError, RuleErrors
from controls.rules.language.judging import CompileError, Judgment, RuleSet, compile_rules, highest
from controls.rules.language.rule import Rule
from controls.rules.language.schema import load_rules, read_rule
from controls.rules.language.settings import effective_settings, validate_settings

__all__ = [
    "CompileError",
    "Judgment",
    "Rule",
    "RuleError",
    "RuleErrors",
    "RuleSet",
    "bucket_of",
    "compile_rules",
    "effective_settings",
    "exception_key",
    "group_key",
    "highest",
    "load_rules",
    "read_rule",
    "validate_settings",
]
