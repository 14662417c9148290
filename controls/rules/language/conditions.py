"""The condition line: `a and not 1 of filter_*`, read by the grammar of soc2-rules §3.2 (Sigma 2.1.0).

or   := and {"or" and}          not  := ["not"] not | atom
and  := not {"and" not}         atom := "(" or ")" | ("1" | "any" | "all") "of" ("them" | pattern) | name
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from controls.rules.language.expressions import Either, Every, Expression, Named, Negation

_TOKEN = re.compile(r"\s*(?:(?P<parenthesis>[()])|(?P<word>[A-Za-z0-9_*-]+)|(?P<other>\S))")
_NAME = re.compile(r"[A-Za-z0-9_-]+\Z")
_KEYWORDS = frozenset({"and", "or", "not", "of", "them"})
MAX_DEPTH = 100


class ConditionError(Exception):
    """What is wrong with a condition, and at which character of it (from 0)."""

    def __init__(self, sentence: str, offset: int) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.offset = offset


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    offset: int


def is_selection_name(name: str) -> bool:
    """Say whether a condition can call a selection by this name."""
    return _NAME.match(name) is not None and name not in _KEYWORDS


class _Parser:
    def __init__(self, text: str, selections: Mapping[str, Expression]) -> None:
        self.text = text
        self.selections = selections
        self.used: set[str] = set()
        self.tokens = self.tokenize(text)
        self.at = 0
        self.depth = 0

    @staticmethod
    def tokenize(text: str) -> list[_Token]:
        tokens: list[_Token] = []
        position = 0
        while match := _TOKEN.match(text, position):
            kind = str(match.lastgroup)
            token = _Token(match[kind], match.start(kind))
            if token.text == "|":
                raise ConditionError(
                    'pipes are not part of a condition; write kind: correlation with "correlation:" '
                    "{type: event_count, timespan: …, condition: {gte: …}}",
                    token.offset,
                )
            if kind == "other":
                raise ConditionError(f'"{token.text}" is not part of a condition', token.offset)
            tokens.append(token)
            position = match.end()
        return tokens

    @property
    def here(self) -> _Token:
        return self.tokens[self.at] if self.at < len(self.tokens) else _Token("", len(self.text))

    def accept(self, word: str) -> bool:
        if self.here.text == word and self.at < len(self.tokens):
            self.at += 1
            return True
        return False

    def parse(self) -> Expression:
        if not self.tokens:
            raise ConditionError("the condition is empty", 0)
        expression = self.either()
        if self.at < len(self.tokens):
            here = self.here
            if here.text == ")":
                raise ConditionError('")" closes nothing', here.offset)
            raise ConditionError(f'expected "and" or "or" before "{here.text}"', here.offset)
        return expression

    def either(self) -> Expression:
        parts = [self.every()]
        while self.accept("or"):
            parts.append(self.every())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def every(self) -> Expression:
        parts = [self.negation()]
        while self.accept("and"):
            parts.append(self.negation())
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def negation(self) -> Expression:
        negations = 0
        while self.accept("not"):
            negations += 1
        expression = self.atom()
        return Negation(expression) if negations % 2 else expression

    def atom(self) -> Expression:
        token = self.here
        if self.at >= len(self.tokens):
            raise ConditionError("the condition ends where a selection is expected", token.offset)
        if self.accept("("):
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise ConditionError("the condition is nested too deeply", token.offset)
            expression = self.either()
            if not self.accept(")"):
                raise ConditionError('"(" is never closed', token.offset)
            self.depth -= 1
            return expression
        self.at += 1
        if self.here.text == "of":
            return self.quantified(token)
        if token.text.lower() in _KEYWORDS or token.text == ")":
            if token.text not in _KEYWORDS and token.text != ")":
                raise ConditionError(f'keywords are lower case: write "{token.text.lower()}"', token.offset)
            raise ConditionError(f'"{token.text}" stands where a selection is expected', token.offset)
        if self.here.text == "(":
            raise ConditionError(
                f'"{token.text}(…)" counts events, which a condition cannot; write kind: correlation with '
                '"correlation:" {type: event_count, timespan: …, condition: {gte: …}}',
                token.offset,
            )
        if token.text == "near" or self.here.text == "near":
            near = token if token.text == "near" else self.here
            raise ConditionError(
                '"near" looks at several events; write kind: correlation with "correlation:" '
                "{type: temporal, base: […], timespan: …}",
                near.offset,
            )
        if "*" in token.text:
            raise ConditionError(
                f'a pattern needs a number before it: "1 of {token.text}" or "all of {token.text}"',
                token.offset,
            )
        return self.named(token)

    def quantified(self, quantifier: _Token) -> Expression:
        self.at += 1  # of
        pattern = self.here
        if pattern.text in ("", "(", ")"):
            raise ConditionError(f'"{quantifier.text} of" needs "them" or a pattern after it', pattern.offset)
        self.at += 1
        if quantifier.text not in ("1", "any", "all"):
            if quantifier.text.isdigit():
                raise ConditionError(
                    f'"{quantifier.text} of" is not part of a condition (only 1, any or all); to count events '
                    'write kind: correlation with "correlation:" {type: event_count, condition: '
                    f"{{gte: {quantifier.text}}}}}",
                    quantifier.offset,
                )
            raise ConditionError(
                f'"of" needs 1, any or all before it, not "{quantifier.text}"', quantifier.offset
            )
        if pattern.text in ("and", "or", "not", "of"):
            raise ConditionError(f'"{quantifier.text} of" needs "them" or a pattern after it', pattern.offset)
        names = self.matching(pattern.text)
        if "*" not in pattern.text and pattern.text != "them":
            if pattern.text not in self.selections:
                raise self.undefined(pattern)
            names = [pattern.text]
        self.used.update(names)
        parts = tuple(Named(name, self.selections[name]) for name in names)
        return Every(parts) if quantifier.text == "all" else Either(parts)

    def matching(self, pattern: str) -> list[str]:
        if pattern == "them":
            return [name for name in self.selections if not name.startswith("_")]
        expression = re.compile("[A-Za-z0-9_-]*".join(re.escape(part) for part in pattern.split("*")) + r"\Z")
        names = [name for name in self.selections if expression.match(name)]
        # A pattern reaches names that start with "_" only by writing the "_" itself (Sigma).
        return names if pattern.startswith("_") else [name for name in names if not name.startswith("_")]

    def named(self, token: _Token) -> Expression:
        if token.text not in self.selections:
            raise self.undefined(token)
        self.used.add(token.text)
        return Named(token.text, self.selections[token.text])

    def undefined(self, token: _Token) -> ConditionError:
        defined = ", ".join(self.selections) or "none"
        return ConditionError(
            f'condition names "{token.text}", which is not defined (defined: {defined})', token.offset
        )


def parse_condition(text: str, selections: Mapping[str, Expression]) -> tuple[Expression, set[str]]:
    """Return the condition as an expression over `selections`, and the names that it used.

    Raises ConditionError with the offending character's place in `text`.
    """
    parser = _Parser(text, selections)
    return parser.parse(), parser.used
