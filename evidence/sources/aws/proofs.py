"""What one event proves for others: where credentials came from, and the factors of a sign-in flow (R01).

Proofs of kind
- `credential`, key the issued access key id: who was given it, with which factor, and by which key they asked;
- `identity_center`, key the flow's `AuthWorkflowID`: one event of an Identity Center sign-in;
- `role_session`, key `role id:session name`: one of the events that tell of one federated sign-in.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from evidence.ocsf.event import MISSING, Event
from evidence.sources.aws import records
from evidence.sources.aws.cloudtrail import (
    FEDERATED_SIGN_IN,
    UNNAMED_FACTOR,
    assumed_role,
    credential_types,
    factor_kinds,
    factors_said,
    role_of,
    temporary_key,
    text_of,
)
from evidence.sources.contract import Proof

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from evidence.sources.aws.records import Record

CREDENTIAL: Final = "credential"
IDENTITY_CENTER: Final = "identity_center"
ROLE_SESSION: Final = "role_session"

ONE_SIGN_IN: Final = timedelta(minutes=5)
"""Within this time the events of one role session's federated sign-in are one occurrence."""

_ISSUING: Final = frozenset(
    {
        "AssumeRole",
        "AssumeRoleWithSAML",
        "AssumeRoleWithWebIdentity",
        "AssumeRoot",
        "GetFederationToken",
        "GetSessionToken",
    }
)
_FLOW: Final = frozenset({"CredentialChallenge", "CredentialVerification", "UserAuthentication"})

PROVING: Final = _ISSUING | _FLOW | {"ConsoleLogin"}

_MOST_LINKS: Final = 10
_KEY: Final = 200


def proofs_of(event: Event) -> list[Proof]:
    """The proofs of one event; none unless it succeeded (a factor that failed is told as such)."""
    action = event.action
    record: Record = event.record
    made: list[Proof] = []
    if action in _FLOW and event.class_uid == 3002:
        flow = text_of(record.additionalEventData, "AuthWorkflowID")
        if flow:
            value = {
                "action": action,
                "credential_types": credential_types(record),
                "outcome": {1: "success", 2: "failure"}.get(event.status_id, "unknown"),
            }
            made.append(_proof(event, IDENTITY_CENTER, flow, value))
        return made
    if event.status_id != 1:
        return made
    if action in _ISSUING:
        key = _issued(record)
        if key:
            made.append(_proof(event, CREDENTIAL, key, _link(event, record)))
    role = ""
    if action in FEDERATED_SIGN_IN:
        role, _, name = assumed_role(record)
    elif action == "ConsoleLogin":
        role, _, name = role_of(record)
    if role and name:
        made.append(_proof(event, ROLE_SESSION, f"{role}:{name}", {"action": action}))
    return made


def _proof(event: Event, kind: str, key: str, value: dict[str, Any]) -> Proof:
    return Proof(kind, key[:_KEY], event.time, value, event.seq, event.uid)


def _issued(record: Record) -> str:
    held = records.blob(record.responseElements).get("credentials")
    key = held.get("accessKeyId") if isinstance(held, dict) else None
    return key if isinstance(key, str) else ""


def _link(event: Event, record: Record) -> dict[str, Any]:
    identity = record.userIdentity
    factors = factors_said(event)
    _, role_arn, _ = assumed_role(record)
    _, _, session = role_of(record)
    return {
        "action": event.action,
        "caller": event.actor_key,
        "caller_type": identity.type if identity is not None else None,
        "caller_arn": identity.arn if identity is not None else None,
        "caller_key": identity.accessKeyId or None if identity is not None else None,
        "factors": None if factors is MISSING else list(factors),
        "person": bool(session) and event.actor_key == session,
        "role_arn": role_arn or None,
    }


def proof_keys(event: Event) -> tuple[tuple[str, str], ...]:
    """The `(kind, key)` pairs that `session_fact` asks first for this event."""
    record: Record = event.record
    if event.action == "UserAuthentication":
        flow = text_of(record.additionalEventData, "AuthWorkflowID")
        return ((IDENTITY_CENTER, flow[:_KEY]),) if flow else ()
    if event.action in ("AssumeRole", "SwitchRole"):
        identity = record.userIdentity
        key = temporary_key(identity)
        if key is not None and identity is not None and identity.type == "AssumedRole":
            return ((CREDENTIAL, key[:_KEY]),)
    return ()


def session_fact(event: Event, name: str, find: Callable[[str, str], Sequence[Proof]]) -> object:
    """Whether a second factor of the sign-in is proven (`session.mfa`), or the kinds used (`session.factors`).

    `MISSING` for another name, where nothing tells, and for the kinds where one of them is not told.
    """
    if name not in ("session.mfa", "session.factors"):
        return MISSING
    factors = second_factors(event, find)
    if not isinstance(factors, tuple):
        return MISSING
    if name == "session.mfa":
        return bool(factors)
    return MISSING if UNNAMED_FACTOR in factors else factors


def second_factors(event: Event, find: Callable[[str, str], Sequence[Proof]]) -> object:
    """The kinds of second factor that this event and others prove of its sign-in; see `factors_said`.

    `()` means that none was used, `MISSING` that nothing tells. `find(kind, key)` gives the proofs of one key.
    A chain of roles is followed back to its first link; a link that was not ingested, or one that a federation
    made, leaves it open. For Identity Center the verifications of the same flow count: a time-based code, a
    passkey or a smart card is a second factor, a code by mail is not, and an external provider's sign-in is for
    that provider's events to prove.
    """
    said = factors_said(event)
    if said is not MISSING:
        return said
    keys = proof_keys(event)
    if not keys:
        return MISSING
    kind, key = keys[0]
    if kind == IDENTITY_CENTER:
        return _flow_factor(event, find(kind, key))
    return _chain_factor(event, find)


def _flow_factor(event: Event, found: Sequence[Proof]) -> object:
    verified = set(credential_types(event.record))
    for proof in found:
        if proof.value.get("action") == "CredentialVerification" and proof.value.get("outcome") == "success":
            verified.update(proof.value.get("credential_types") or ())
    kinds = factor_kinds(verified)
    return MISSING if not kinds and (not verified or "EXTERNAL_IDP" in verified) else kinds


def _links(event: Event, find: Callable[[str, str], Sequence[Proof]]) -> Iterator[Proof]:
    """The issues of credentials behind a role session's act, from the latest back to the first known."""
    key: object = temporary_key(event.record.userIdentity)
    at = event.time
    seen: set[str] = set()
    while isinstance(key, str) and key and key[:_KEY] not in seen and len(seen) < _MOST_LINKS:
        seen.add(key[:_KEY])
        # A key id may be issued anew after years: the latest issue before its use is meant.
        issued = [proof for proof in find(CREDENTIAL, key[:_KEY]) if proof.at <= at + timedelta(minutes=1)]
        if not issued:
            return
        link = max(issued, key=lambda proof: proof.at)
        yield link
        key, at = link.value.get("caller_key"), link.at
        if link.value.get("caller_type") != "AssumedRole":
            return


def _chain_factor(event: Event, find: Callable[[str, str], Sequence[Proof]]) -> object:
    for link in _links(event, find):
        factors = link.value.get("factors")
        if factors is not None:
            return tuple(factors)
        if isinstance(link.value.get("mfa"), bool):  # written before the kind of factor was kept
            return (UNNAMED_FACTOR,) if link.value["mfa"] else ()
    return MISSING


def first_link(event: Event, find: Callable[[str, str], Sequence[Proof]]) -> Proof | None:
    """The issue of credentials at which the chain begins, or at which a person is named; `None` if not known."""
    identity = event.record.userIdentity
    if identity is None or identity.type != "AssumedRole":
        return None
    for link in _links(event, find):
        if link.value.get("person") or link.value.get("caller_type") != "AssumedRole":
            return link
    return None


def same_sign_in(one: Proof, other: Proof) -> bool:
    """Whether two proofs `role_session` tell of one federated sign-in: a call to STS and a console sign-in."""
    return (
        one.kind == other.kind == ROLE_SESSION
        and one.key == other.key
        and (one.value["action"] == "ConsoleLogin") != (other.value["action"] == "ConsoleLogin")
        and abs(one.at - other.at) <= ONE_SIGN_IN
    )


def same_occurrence(event: Event, find: Callable[[str, str], Sequence[Proof]]) -> bytes | None:
    """The uid of the other record of one federated sign-in (the call to STS, the console), or None.

    Of several within the span the nearest in time is taken, then the lowest uid.
    """
    own = next((proof for proof in proofs_of(event) if proof.kind == ROLE_SESSION), None)
    if own is None:
        return None
    others = [other for other in find(own.kind, own.key) if other.uid != own.uid and same_sign_in(own, other)]
    return min(others, key=lambda other: (abs(other.at - own.at), other.uid)).uid if others else None
