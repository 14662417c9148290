"""Facts that an IAM change event settles by itself: the instants between two listings that differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from evidence.ocsf.times import instant, rfc3339
from evidence.sources.aws import policies, records
from evidence.sources.contract import Fact

if TYPE_CHECKING:
    from evidence.ocsf.event import Event
    from evidence.sources.aws.records import Record

CHANGES: Final = frozenset(
    {
        "CreateUser",
        "DeleteUser",
        "CreateRole",
        "DeleteRole",
        "CreateLoginProfile",
        "DeleteLoginProfile",
        "EnableMFADevice",
        "DeactivateMFADevice",
        "AttachUserPolicy",
        "AttachRolePolicy",
        "DetachUserPolicy",
        "DetachRolePolicy",
        "PutUserPolicy",
        "PutRolePolicy",
        "DeleteUserPolicy",
        "DeleteRolePolicy",
        "RemoveUserFromGroup",
    }
)


def facts_of(event: Event) -> list[Fact]:
    """What one successful change of IAM says of the account it changed."""
    record: Record = event.record
    if event.status_id != 1 or record.eventSource != "iam.amazonaws.com":
        return []
    asked = records.blob(record.requestParameters)
    if event.action in ("CreateUser", "CreateRole"):
        return _created(event, record, asked)
    subject = _subject(event, record, asked)
    if not subject:
        return []
    told = _TOLD.get(event.action)
    if told is not None:
        return [Fact(subject, name, value, event.time, event.seq, certain) for name, value, certain in told]
    if event.action in ("AttachUserPolicy", "AttachRolePolicy"):
        arn = asked.get("policyArn")
        name = arn.rpartition("/")[2] if isinstance(arn, str) and "::aws:policy/" in arn else ""
        return _privileged(event, subject, name in policies.PRIVILEGED_MANAGED)
    if event.action in ("PutUserPolicy", "PutRolePolicy"):
        try:
            found = policies.rights(policies.statements(policies.document(asked.get("policyDocument"))))
        except policies.UnreadablePolicy:
            return []
        return _privileged(event, subject, bool(found))
    # A right was taken away: whether the rest still makes it privileged, the next listing says.
    return [Fact(subject, "privileged", False, event.time, event.seq, certain=False)]


_TOLD: Final[dict[str, tuple[tuple[str, Any, bool], ...]]] = {
    "DeleteUser": (("enabled", False, True),),
    "DeleteRole": (("enabled", False, True),),
    "CreateLoginProfile": (("kind", "human", True), ("login", "local", True), ("enabled", True, True)),
    # Keys may stay, and a password may be given again.
    "DeleteLoginProfile": (("enabled", False, False),),
    "EnableMFADevice": (("mfa_enrolled", True, True),),
    # Another device may be left.
    "DeactivateMFADevice": (("mfa_enrolled", False, False),),
}


def _privileged(event: Event, subject: str, privileged: bool) -> list[Fact]:
    """A grant of privileged rights, which a boundary or a denial may stand against: the listing confirms."""
    return [Fact(subject, "privileged", True, event.time, event.seq, certain=False)] if privileged else []


def _created(event: Event, record: Record, asked: dict[str, Any]) -> list[Fact]:
    answer = records.blob(record.responseElements)
    kind = "user" if event.action == "CreateUser" else "role"
    made = answer.get(kind)
    if not isinstance(made, dict):
        return []
    key = made.get(f"{kind}Id")
    arn = made.get("arn")
    if not isinstance(key, str) or not isinstance(arn, str):
        return []
    created = instant(made.get("createDate")) or event.time
    told: dict[str, Any] = {
        "arn": arn,
        "name": made.get(f"{kind}Name") or asked.get(f"{kind}Name"),
        "scope": arn.split(":")[4] if arn.count(":") >= 5 else "",
        "type": kind,
        "created_at": rfc3339(created),
    }
    if kind == "user":
        told["mfa_enrolled"] = False
    else:
        told["enabled"] = True
    return [
        Fact(f"account:{key}"[:300], name, value, event.time, event.seq)
        for name, value in told.items()
        if value not in (None, "")
    ]


def _subject(event: Event, record: Record, asked: dict[str, Any]) -> str:
    """The account by its ARN, as an identity without a path has it (the event does not say the path)."""
    account = record.recipientAccountId or (record.userIdentity.accountId if record.userIdentity else None)
    kind = "role" if "Role" in event.action else "user"
    name = asked.get(f"{kind}Name")
    if not account or not isinstance(name, str) or not name:
        return ""
    return f"account:arn:aws:iam::{account}:{kind}/{name}"[:300]
