"""Whether IAM policies make an identity privileged (the AWS row of the table of privileged rights).

Privileged is who may do everything, or everything in IAM, Organizations or KMS; who may change what others
may do (policies, access keys, trust); or who may pass any role. A statement that denies outright takes away;
one that denies under a condition does not, since the condition may not hold. An allowance under a condition
counts. Service control policies are not in a listing and are not considered.
Sources: IAM User Guide, "Policy evaluation logic", "IAM JSON policy elements", "NotAction", "NotResource".
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

PRIVILEGED_MANAGED: Final = frozenset({"AdministratorAccess", "PowerUserAccess", "IAMFullAccess"})
"""Policies of AWS that are privileged by name, also where a listing does not hold their text."""

_OVER_ALL: Final = ("*", "iam:*", "organizations:*", "kms:*")
_CHANGES_OTHERS: Final = (
    "iam:putuserpolicy",
    "iam:putrolepolicy",
    "iam:putgrouppolicy",
    "iam:attachuserpolicy",
    "iam:attachrolepolicy",
    "iam:attachgrouppolicy",
    "iam:createpolicyversion",
    "iam:setdefaultpolicyversion",
    "iam:createaccesskey",
    "iam:updateassumerolepolicy",
)
_PASS_ROLE: Final = "iam:passrole"
ASSUME_ROLE: Final = "sts:assumerole"

_SELF: Final = re.compile(r"\$\{aws:(?:username|userid|principaltag/[^}]*)\}", re.IGNORECASE)
_EVERY_ROLE: Final = re.compile(
    r"\*+|arn:(?:aws[\w-]*|\*):(?:iam|\*):\*?:(?:\d{12}|\*)?:?(?:role/\*|\*)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, its lists lower-cased for actions and as written for resources."""

    allows: bool
    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    resources: tuple[str, ...]
    not_resources: tuple[str, ...]
    conditional: bool


class UnreadablePolicy(ValueError):
    """A policy's document is neither an object nor URL-encoded or plain JSON of one."""


def document(held: object) -> dict[str, Any]:
    """A policy document given as an object, as JSON text, or as URL-encoded JSON text (as the API sends it).

    Raises:
        UnreadablePolicy: it is none of these.
    """
    if isinstance(held, dict):
        return held
    if isinstance(held, str):
        for text in (held, unquote(held)):
            try:
                found = json.loads(text)
            except (ValueError, RecursionError):
                continue
            if isinstance(found, dict):
                return found
    raise UnreadablePolicy("The policy document is no JSON object.")


def statements(held: dict[str, Any]) -> list[Statement]:
    """The statements of an identity policy's document."""
    listed = held.get("Statement")
    made = []
    for one in listed if isinstance(listed, list) else [listed]:
        if not isinstance(one, dict) or one.get("Effect") not in ("Allow", "Deny"):
            continue
        made.append(
            Statement(
                allows=one["Effect"] == "Allow",
                actions=tuple(text.lower() for text in _texts(one.get("Action"))),
                not_actions=tuple(text.lower() for text in _texts(one.get("NotAction"))),
                resources=_texts(one.get("Resource")),
                not_resources=_texts(one.get("NotResource")),
                conditional=bool(one.get("Condition")),
            )
        )
    return made


def _texts(held: object) -> tuple[str, ...]:
    if isinstance(held, str):
        return (held,)
    if isinstance(held, list):
        return tuple(text for text in held if isinstance(text, str))
    return ()


def matches(pattern: str, text: str) -> bool:
    """Whether `text` fits an IAM pattern of `*` (any length) and `?` (one character), in time of their product."""
    at = place = 0
    star, resume = -1, 0
    while place < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star, resume = at, place
            at += 1
        elif at < len(pattern) and pattern[at] in ("?", text[place]):
            at, place = at + 1, place + 1
        elif star >= 0:
            resume += 1
            at, place = star + 1, resume
        else:
            return False
    return all(letter == "*" for letter in pattern[at:])


def _matches(patterns: tuple[str, ...], text: str) -> bool:
    return any(pattern == "*" or matches(pattern, text) for pattern in patterns)


def _covers(statement: Statement, action: str) -> bool:
    """Whether the statement speaks of `action`; for `iam:*` and `*`, of every action in it."""
    if statement.actions:
        return _matches(statement.actions, action)
    if not statement.not_actions:
        return False
    if action == "*":
        # All but some services' actions is what PowerUserAccess is made of: privileged by the table.
        return True
    if action.endswith(":*"):
        service = action[:-1]
        return not any(
            pattern.startswith(service) or matches(pattern, action) for pattern in statement.not_actions
        )
    return not _matches(statement.not_actions, action)


def _on_everything(statement: Statement) -> bool:
    if statement.resources:
        return any(set(text) == {"*"} for text in statement.resources)
    return bool(statement.not_resources)


def _on_others(statement: Statement) -> bool:
    """Whether the statement reaches identities other than the caller's own."""
    if statement.not_resources:
        return True
    return any(not _SELF.search(text) for text in statement.resources)


def _on_every_role(statement: Statement) -> bool:
    return bool(statement.not_resources) or any(_EVERY_ROLE.fullmatch(text) for text in statement.resources)


def _denied(all_statements: list[Statement], action: str) -> bool:
    return any(
        not one.allows
        and not one.conditional
        and (any(set(text) == {"*"} for text in one.resources) and not one.not_resources)
        and _denies(one, action)
        for one in all_statements
    )


def _denies(statement: Statement, action: str) -> bool:
    if statement.actions:
        return _matches(statement.actions, action)
    # A denial of all but a few actions is no denial of everything.
    if action == "*":
        return False
    if action.endswith(":*"):
        return _covers(statement, action)
    return bool(statement.not_actions) and not _matches(statement.not_actions, action)


def rights(all_statements: list[Statement]) -> frozenset[str]:
    """Which privileged rights the statements leave, by name (`*`, `iam:*`, `iam:passrole`, …)."""
    held = set()
    for action in _OVER_ALL:
        if any(
            one.allows and _covers(one, action) and _on_everything(one) for one in all_statements
        ) and not _denied(all_statements, action):
            held.add(action)
    for action in _CHANGES_OTHERS:
        if any(
            one.allows and _covers(one, action) and _on_others(one) for one in all_statements
        ) and not _denied(all_statements, action):
            held.add(action)
    if any(
        one.allows and _covers(one, _PASS_ROLE) and _on_every_role(one) for one in all_statements
    ) and not _denied(all_statements, _PASS_ROLE):
        held.add(_PASS_ROLE)
    return frozenset(held)


def may_assume(all_statements: list[Statement], role_arn: str) -> bool:
    """Whether the statements let their holder assume the role, as far as they decide it."""

    def speaks(one: Statement) -> bool:
        if not _covers(one, ASSUME_ROLE):
            return False
        if one.resources:
            return _matches(one.resources, role_arn)
        return bool(one.not_resources) and not _matches(one.not_resources, role_arn)

    return any(one.allows and speaks(one) for one in all_statements) and not any(
        not one.allows and not one.conditional and speaks(one) for one in all_statements
    )


@dataclass(frozen=True, slots=True)
class Trust:
    """Who may assume a role by its trust policy: services, federations, and principals of AWS."""

    services: tuple[str, ...]
    saml: bool
    web_identity: bool
    principals: tuple[str, ...]


def trust(held: object) -> Trust:
    """A role's trust policy, read.

    Raises:
        UnreadablePolicy: the document cannot be read.
    """
    services: list[str] = []
    federated: list[str] = []
    principals: list[str] = []
    listed = document(held).get("Statement")
    for one in listed if isinstance(listed, list) else [listed]:
        if not isinstance(one, dict) or one.get("Effect") != "Allow":
            continue
        named = one.get("Principal")
        if named == "*":
            principals.append("*")
        elif isinstance(named, dict):
            services += _texts(named.get("Service"))
            federated += _texts(named.get("Federated"))
            principals += _texts(named.get("AWS"))
    saml = any(":saml-provider/" in text for text in federated)
    return Trust(
        services=tuple(services),
        saml=saml,
        web_identity=any(":saml-provider/" not in text for text in federated),
        principals=tuple(principals),
    )
