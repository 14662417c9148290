"""Read a rule aloud: its population, its failing condition and its procedure, made from the YAML itself.

Pages and packages print these sentences, so that what is said of a test cannot differ from what was run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from controls.rules.language.expressions import Block, Either, Every, Expression, FieldTest, Named, Negation
from controls.rules.language.modifiers import AGES, COMPARISONS, TIME_PARTS
from controls.rules.language.placeholders import LIST, SETTING
from controls.rules.language.rule import Rule
from evidence.ocsf.classes import CLASSES

_FIELDS: Final = {
    "action": "the operation",
    "actor_key": "the actor",
    "target_key": "the target",
    "src_ip": "the address it came from",
    "source": "the source",
    "class_uid": "the event class",
    "activity_id": "the activity",
    "status_id": "the status",
    "time": "its time",
    "actor.user.type": "the actor's type",
    "http_request.user_agent": "the user agent",
    "api.service.name": "the service",
    "fact.account.login": "the account's way of signing in",
    "fact.account.created_at": "the account's creation",
    "fact.account.key": "the account",
    "fact.session.factors": "the second factor of the sign-in",
    "fact.actor.idp_factors": "the second factor that the identity provider saw",
}
# Fields that are statements: how they sound when true, false, told at all, and not told.
_STATEMENTS: Final = {
    "is_mfa": (
        "the record says that a second factor was used",
        "the record says that no second factor was used",
        "the record tells of a second factor",
        "the record does not tell of a second factor",
    ),
    "fact.actor.privileged": ("the actor has privileged rights", "the actor has no privileged rights"),
    "fact.target.privileged": ("the target has privileged rights", "the target has no privileged rights"),
    "fact.account.privileged": ("the account has privileged rights", "the account has no privileged rights"),
    "fact.account.enabled": ("the account is enabled", "the account is disabled"),
    "fact.account.mfa_enrolled": ("a second factor is enrolled", "no second factor is enrolled"),
    "fact.actor.idp_mfa": (
        "the identity provider saw a second factor",
        "the identity provider saw no second factor",
    ),
    "fact.session.mfa": (
        "other events of the sign-in show a second factor",
        "other events of the sign-in show no second factor",
    ),
}
_STATUSES: Final = {0: "unknown", 1: "success", 2: "failure", 99: "other"}
_COMPARED: Final = {"lt": "is below", "lte": "is at most", "gt": "is above", "gte": "is at least"}
_AGED: Final = {
    "age_gt": "is more than {} ago",
    "age_gte": "is at least {} ago",
    "age_lt": "is less than {} ago",
    "age_lte": "is at most {} ago",
}
_TEXT: Final = {"contains": "contains", "startswith": "begins with", "endswith": "ends with"}
_DURATION = re.compile(r"(\d+)(s|m|h|d|bd|mo)\Z")
_UNITS: Final = {
    "s": "second", "m": "minute", "h": "hour", "d": "day", "bd": "business day", "mo": "month",
}  # fmt: skip
_KIND_MEMBERS: Final = {"member": "event", "state": "item on each day"}


def duration_in_words(text: str) -> str:
    """Return "24 hours" for `24h`; other text as it is."""
    match = _DURATION.match(text)
    if match is None:
        return text
    unit = _UNITS[match[2]]
    return f"{match[1]} {unit}" if match[1] == "1" else f"{match[1]} {unit}s"


# A condition that reads longer than this is printed by the names of its selections, explained after it.
_LONGEST: Final = 240


class _Reader:
    def __init__(self, settings: Mapping[str, object], *, by_name: bool = False) -> None:
        self.settings = settings
        self.by_name = by_name

    def expression(self, expression: Expression, *, inside: str = "") -> str:
        """Read an expression; `inside` is the word that joins it to its neighbors."""
        if isinstance(expression, Named):
            return (
                _spoken(expression.name) if self.by_name else self.expression(expression.part, inside=inside)
            )
        if isinstance(expression, FieldTest):
            return self.test(expression)
        if isinstance(expression, Negation):
            return self.negation(expression)
        word = "and" if isinstance(expression, Every) else "or"
        if not expression.parts:
            return "always" if isinstance(expression, Every) else "never"
        if len(expression.parts) == 1:
            return self.expression(expression.parts[0], inside=inside)
        joined = f" {word} ".join(self.expression(part, inside=word) for part in self.flat(expression, word))
        return f"({joined})" if inside and inside != word else joined

    def flat(self, expression: Every | Either, word: str) -> list[Expression]:
        """Return the parts with those parts joined in that are joined by the same word themselves."""
        parts: list[Expression] = []
        for part in expression.parts:
            bare = part.part if isinstance(part, Named) and not self.by_name else part
            if (
                isinstance(bare, (Every, Either))
                and len(bare.parts) > 1
                and (isinstance(bare, Every) == (word == "and"))
            ):
                parts.extend(self.flat(bare, word))
            else:
                parts.append(part)
        return parts

    def negation(self, expression: Negation) -> str:
        part: Expression = expression.part
        if isinstance(part, Named) and self.by_name:
            return f"not {_spoken(part.name)}"
        while isinstance(part, Named) or (isinstance(part, (Every, Either)) and len(part.parts) == 1):
            part = part.part if isinstance(part, Named) else part.parts[0]
        if isinstance(part, FieldTest):
            return self.test(part, denied=True)
        return f"not ({self.expression(part)})"

    def test(self, test: FieldTest, *, denied: bool = False) -> str:
        denied = denied != ("neq" in test.modifiers)
        said = _STATEMENTS.get(test.field, ())
        if "exists" in test.modifiers:
            told = (test.values[0].value is True) != denied
            if len(said) == 4:
                return said[2] if told else said[3]
            return f"{_field(test.field)} is {'told' if told else 'not told'}"
        if said and not set(test.modifiers) - {"neq"} and [type(v.value) for v in test.values] == [bool]:
            return said[0] if (test.values[0].value is True) != denied else said[1]
        return f"{_field(test.field)} {self.comparison(test, denied=denied)}"

    def comparison(self, test: FieldTest, *, denied: bool) -> str:
        values = self.values(test)
        age = next((name for name in test.modifiers if name in AGES), None)
        if age:
            words = _AGED[age].format(values)
            return words.replace("is ", "is not ", 1) if denied else words
        part = next((name for name in test.modifiers if name in TIME_PARTS), "")
        lead = f"falls in a {part} that " if part else ""
        compared = next((name for name in test.modifiers if name in COMPARISONS), None)
        if compared:
            words = f"{lead}{_COMPARED[compared]} {values}"
            return words.replace("is ", "is not ", 1) if denied else words
        if "re" in test.modifiers:
            return f"{'does not match' if denied else 'matches'} the regular expression {values}"
        if "cidr" in test.modifiers:
            return f"{'lies outside' if denied else 'lies in'} {values}"
        text = next((name for name in test.modifiers if name in _TEXT), None)
        if text:
            verb = _TEXT[text]
            base = {"contains": "contain", "begins with": "begin with", "ends with": "end with"}[verb]
            return f"does not {base} {values}" if denied else f"{verb} {values}"
        if "fieldref" in test.modifiers:
            others = " or ".join(_field(str(value.value)) for value in test.values)
            return f"{'differs from' if denied else 'equals'} {others}"
        encoded = next((name for name in test.modifiers if name in ("base64", "base64offset")), None)
        suffix = " in Base64" if encoded else ""
        return f"{lead}{'is not' if denied else 'is'} {values}{suffix}"

    def values(self, test: FieldTest) -> str:
        written = [self.value(test, value.value) for value in test.values]
        if not written:
            return "one of nothing"
        return _listed(written, "and" if "all" in test.modifiers else "or")

    def value(self, test: FieldTest, value: object) -> str:
        if value is None:
            return "null"
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, int) and test.field == "class_uid":
            return CLASSES.get(value, str(value))
        if isinstance(value, int) and test.field == "status_id":
            return _STATUSES.get(value, str(value))
        if isinstance(value, str) and "expand" in test.modifiers:
            return self.placeholder(value)
        if isinstance(value, str) and any(name in AGES for name in test.modifiers):
            return duration_in_words(value)
        return str(value) if value != "" else "empty"

    def placeholder(self, text: str) -> str:
        def spoken(match: re.Match[str]) -> str:
            name = match[1]
            if name.startswith(SETTING):
                value = self.settings.get(name.removeprefix(SETTING))
                if isinstance(value, (list, tuple)):
                    return _listed([str(entry) for entry in value], "or")
                return duration_in_words(str(value))
            if name.startswith(LIST):
                return f"an entry of the client's list {name.removeprefix(LIST)}"
            return "the client's time zone"

        return re.sub(r"(?<!\\)%([A-Za-z_][A-Za-z0-9_.-]*)%", spoken, text)


def _spoken(name: str) -> str:
    return f"“{name.strip('_').replace('_', ' ')}”"


def _field(path: str) -> str:
    if path in _FIELDS:
        return _FIELDS[path]
    if path.startswith("fact."):
        subject, _, name = path.removeprefix("fact.").partition(".")
        return f"the {subject}'s {name.replace('_', ' ')}"
    if path.startswith("setting."):
        return f"the setting {path.removeprefix('setting.')}"
    return path.removeprefix("unmapped.")


def _listed(words: Sequence[str], last: str) -> str:
    if len(words) < 2:
        return words[0] if words else ""
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def _settings(rule: Rule, settings: Mapping[str, object] | None) -> dict[str, object]:
    return {name: (settings or {}).get(name, setting.default) for name, setting in rule.settings.items()}


def block_in_words(rule: Rule, block: Block, settings: Mapping[str, object] | None = None) -> str:
    """Return a block's condition, spelled out; `settings` are the client's values, else the defaults."""
    return _Reader(_settings(rule, settings)).expression(block.expression)


def condition_in_words(block: Block) -> str:
    """Return a block's condition by the names of its selections, as `selections_in_words` explains them."""
    return _Reader({}, by_name=True).expression(block.expression)


def selections_in_words(
    rule: Rule, block: Block, settings: Mapping[str, object] | None = None
) -> list[tuple[str, str]]:
    """Return (name, words) per selection of a block, to be printed under the condition that names them."""
    reader = _Reader(_settings(rule, settings))
    return [(name, reader.expression(expression)) for name, expression in block.selections.items()]


def _in_words(rule: Rule, block: Block, settings: Mapping[str, object] | None) -> tuple[str, str]:
    """Return a condition, and the explanation of its names where it is too long to be spelled out."""
    whole = block_in_words(rule, block, settings)
    if len(whole) <= _LONGEST:
        return whole, ""
    used = {part.name for part in _named(block.expression)}
    meanings = [
        f"{_spoken(name)} means that {words}"
        for name, words in selections_in_words(rule, block, settings)
        if name in used
    ]
    return condition_in_words(block), f"Here {'; '.join(meanings)}."


def _named(expression: Expression) -> list[Named]:
    if isinstance(expression, Named):
        return [expression]
    if isinstance(expression, FieldTest):
        return []
    parts = (expression.part,) if isinstance(expression, Negation) else expression.parts
    return [named for part in parts for named in _named(part)]


def procedure_in_words(rule: Rule, settings: Mapping[str, object] | None = None) -> str:
    """Return what the test did, as a package's description of the procedure prints it.

    "Compared every …, for which …, with the condition: …", then what was left out or let pass, and what
    counts as unknown.
    """
    member = _KIND_MEMBERS.get(rule.kind, "member")
    if rule.kind == "state" and rule.state:
        member = f"{rule.state['item']} of each day's listing"
    population, meanings = _in_words(rule, rule.population, settings)
    sentences = [f"Took every {member} for which {population}.", meanings]
    if rule.detection is not None:
        condition, meanings = _in_words(rule, rule.detection, settings)
        sentences += [
            f"Compared each with the condition: {condition}.",
            meanings,
            "Where it holds the member fails; where it cannot be decided the member is unknown.",
        ]
    for known in rule.filters:
        effect = "Left out" if known.effect == "exclude" else "Let pass"
        where = block_in_words(rule, known.where, settings)
        sentences.append(f"{effect} ({known.id}): members for which {where}. {known.help}.")
    if rule.unknown_when is not None:
        where = block_in_words(rule, rule.unknown_when, settings)
        sentences.append(f"Counted as unknown: members for which {where}.")
    sentences.append("A member of which a fact of its membership is not known is counted as unknown, apart.")
    return " ".join(sentence for sentence in sentences if sentence)
