"""Listings of an account's identities: `get-account-authorization-details` and the credential report.

Neither carries an event. Each becomes a snapshot and facts: the authorization details say who exists and with
which rights (snapshot `grants`), the credential report says who can sign in and how (snapshot `accounts`).

A listing holds only from the instant it was taken. That instant is, in this order: a member `taken_at` or
`GeneratedTime` beside the lists; the `date` header of the answer, where a program kept it
(`ResponseMetadata.HTTPHeaders.date`); what the caller passes; an instant in the file's name
(`iam-2026-03-01T0600Z.json`). Without one the listing is refused: the present is never assumed.

Sources: IAM API Reference, "GetAccountAuthorizationDetails", "GetCredentialReport"; IAM User Guide,
"Generate credential reports for your AWS account".
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from evidence.ocsf.times import instant, rfc3339
from evidence.sources.aws import policies
from evidence.sources.contract import EXCERPT, Fact, Output, Rejected, Snapshot

if TYPE_CHECKING:
    from evidence.sources.contract import Window

NO_TIME: Final = (
    "The listing names no instant at which it was taken. Add a member taken_at to it, or put the time into the"
    " file's name (iam-2026-03-01T0600Z.json)."
)
INCOMPLETE: Final = (
    "The listing says that more pages follow, and they are not in this file. Deliver all pages in one file."
)

_IN_NAME: Final = re.compile(r"(20\d\d)-?(\d\d)-?(\d\d)[T_ -]?(\d\d)[:.-]?(\d\d)(?:[:.-]?(\d\d))?(?:\.\d+)?Z")
_ARN_ACCOUNT: Final = re.compile(r"arn:aws[\w-]*:(?:iam|sts)::(\d+):")
_SSO_PATH: Final = "/aws-reserved/sso.amazonaws.com/"


@dataclass
class Page:
    """One page of authorization details, decoded."""

    seq: int
    raw: bytes
    held: dict[str, Any]

    @property
    def goes_on(self) -> bool:
        """Whether another page follows."""
        return self.held.get("IsTruncated") in (True, "true") or bool(self.held.get("NextToken"))


@dataclass
class Listing:
    """Gathers the pages of one listing, since a group's or a policy's page may come after its user's."""

    taken_at: datetime | None
    name: str
    window: Window
    pages: list[Page] = field(default_factory=list)

    def add(self, raw: bytes, seq: int) -> list[Output]:
        """Take in one page; the outputs of the whole listing once its last page is in."""
        try:
            held = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return [Rejected(seq, "not_json", "The listing cannot be decoded.", raw[:EXCERPT])]
        if self.pages and _account(self.pages[-1].held) not in ("", _account(held)):
            ended = self.end()
        else:
            ended = []
        self.pages.append(Page(seq, raw, held))
        return ended if self.pages[-1].goes_on else [*ended, *self._whole()]

    def end(self) -> list[Output]:
        """What is left when the file ends: a listing without its last page is refused."""
        left, self.pages = self.pages, []
        return [Rejected(page.seq, "incomplete_listing", INCOMPLETE, page.raw[:EXCERPT]) for page in left]

    def _whole(self) -> list[Output]:
        pages, self.pages = self.pages, []
        at = next((found for found in (_inside(page.held) for page in pages) if found is not None), None)
        at = at or self.taken_at or in_name(self.name)
        refused = _refused(at, self.window)
        if refused is not None or at is None:
            code, reason = refused or ("no_time", NO_TIME)
            return [Rejected(page.seq, code, reason, page.raw[:EXCERPT]) for page in pages]
        return _Details(pages, at).outputs()


def _refused(at: datetime | None, window: Window) -> tuple[str, str] | None:
    if at is None:
        return "no_time", NO_TIME
    if not window.earliest <= at <= window.latest:
        believed = f"{window.earliest:%Y-%m-%d} to {window.latest:%Y-%m-%d}"
        return "absurd_time", f"The listing's time {at:%Y-%m-%d} lies outside the window of {believed}."
    return None


def _inside(held: dict[str, Any]) -> datetime | None:
    """The instant that a listing itself names."""
    for name in ("taken_at", "GeneratedTime", "generated_at"):
        found = instant(held.get(name))
        if found is not None:
            return found
    answer = held.get("ResponseMetadata")
    headers = answer.get("HTTPHeaders") if isinstance(answer, dict) else None
    date = headers.get("date") if isinstance(headers, dict) else None
    if isinstance(date, str):
        try:
            return parsedate_to_datetime(date).astimezone(UTC)
        except (ValueError, TypeError):
            return None
    return None


def in_name(name: str) -> datetime | None:
    """The instant in a file's name, written `2026-03-01T0600Z` or `20260301T060000Z` or alike, ending in `Z`."""
    found = _IN_NAME.search(name)
    if found is None:
        return None
    try:
        return datetime(*(int(part or 0) for part in found.groups()), tzinfo=UTC)  # type: ignore[arg-type,misc]
    except ValueError:
        return None


def _objects(held: object) -> list[dict[str, Any]]:
    return [one for one in held if isinstance(one, dict)] if isinstance(held, list) else []


def _account(held: dict[str, Any]) -> str:
    """The AWS account that a page lists."""
    for name in ("UserDetailList", "RoleDetailList", "GroupDetailList"):
        for one in _objects(held.get(name)):
            found = _ARN_ACCOUNT.match(str(one.get("Arn")))
            if found is not None:
                return found[1]
    for one in _objects(held.get("Policies")):
        found = _ARN_ACCOUNT.match(str(one.get("Arn")))
        if found is not None:
            return found[1]
    return ""


@dataclass
class _Rights:
    """What is known of one identity: its statements, and whether some policy's text is not in the listing."""

    statements: list[policies.Statement] = field(default_factory=list)
    privileged_by_name: bool = False
    text_missing: bool = False
    boundary: list[policies.Statement] | None = None
    boundary_unknown: bool = False

    def privileged(self) -> bool | None:
        """True, false, or `None` where a policy's missing text leaves it open."""
        if self.boundary_unknown:
            whole = self.privileged_by_name or bool(policies.rights(self.statements))
            return None if whole or self.text_missing else False
        if self.boundary is not None:
            held = policies.rights(self.statements) & policies.rights(self.boundary)
            if held:
                return True
            if self.privileged_by_name or self.text_missing:
                return None if policies.rights(self.boundary) else False
            return False
        if self.privileged_by_name or policies.rights(self.statements):
            return True
        return None if self.text_missing else False


class _Details:
    """The facts of a whole authorization listing."""

    def __init__(self, pages: list[Page], at: datetime) -> None:
        self._pages = pages
        self._at = at
        self._account = next((found for found in (_account(page.held) for page in pages) if found), "")
        self._policies: dict[str, list[policies.Statement] | None] = {}
        for page in pages:
            for one in _objects(page.held.get("Policies")):
                self._policies[str(one.get("Arn"))] = _default_version(one)
        self._groups: dict[str, _Rights] = {}
        for page in pages:
            for one in _objects(page.held.get("GroupDetailList")):
                self._groups[str(one.get("GroupName"))] = self._rights(one, "GroupPolicyList")

    def outputs(self) -> list[Output]:
        """One snapshot and the facts of every user and role."""
        users = [(page.seq, one) for page in self._pages for one in _objects(page.held.get("UserDetailList"))]
        roles = [(page.seq, one) for page in self._pages for one in _objects(page.held.get("RoleDetailList"))]
        held: dict[str, _Rights] = {}
        trusts: dict[str, policies.Trust | None] = {}
        for _, one in users:
            held[str(one.get("Arn"))] = self._user_rights(one)
        for _, one in roles:
            held[str(one.get("Arn"))] = self._rights(one, "RolePolicyList")
            try:
                trusts[str(one.get("Arn"))] = policies.trust(one.get("AssumeRolePolicyDocument"))
            except policies.UnreadablePolicy:
                trusts[str(one.get("Arn"))] = None
        privileged = _with_assumable({arn: rights.privileged() for arn, rights in held.items()}, held, trusts)
        made: list[Output] = []
        for seq, one in users:
            made += self._user_facts(seq, one, privileged)
        for seq, one in roles:
            made += self._role_facts(seq, one, privileged, trusts)
        seq = self._pages[-1].seq
        return [Snapshot("grants", self._at, seq, len(users) + len(roles), self._account), *made]

    def _rights(self, one: dict[str, Any], inline: str) -> _Rights:
        made = _Rights()
        for policy in _objects(one.get(inline)):
            try:
                made.statements += policies.statements(policies.document(policy.get("PolicyDocument")))
            except policies.UnreadablePolicy:
                made.text_missing = True
        for attached in _objects(one.get("AttachedManagedPolicies")):
            self._attach(made, str(attached.get("PolicyArn")), str(attached.get("PolicyName")))
        boundary = one.get("PermissionsBoundary")
        arn = boundary.get("PermissionsBoundaryArn") if isinstance(boundary, dict) else None
        if isinstance(arn, str):
            made.boundary = self._policies.get(arn)
            made.boundary_unknown = made.boundary is None
        return made

    def _attach(self, made: _Rights, arn: str, name: str) -> None:
        text = self._policies.get(arn)
        if text is not None:
            made.statements += text
        elif arn.partition("::")[2].startswith("aws:policy/") and name in policies.PRIVILEGED_MANAGED:
            made.privileged_by_name = True
        else:
            made.text_missing = True
        if arn.partition("::")[2].startswith("aws:policy/") and name in policies.PRIVILEGED_MANAGED:
            made.privileged_by_name = made.privileged_by_name or not _outright_denial(made.statements)

    def _user_rights(self, one: dict[str, Any]) -> _Rights:
        made = self._rights(one, "UserPolicyList")
        groups = one.get("GroupList")
        for name in groups if isinstance(groups, list) else []:
            group = self._groups.get(str(name))
            if group is None:
                made.text_missing = True
                continue
            made.statements += group.statements
            made.privileged_by_name = made.privileged_by_name or group.privileged_by_name
            made.text_missing = made.text_missing or group.text_missing
        return made

    def _user_facts(self, seq: int, one: dict[str, Any], privileged: dict[str, bool | None]) -> list[Fact]:
        arn = str(one.get("Arn"))
        subject = _subject(one.get("UserId"), arn)
        told: dict[str, Any] = {
            "arn": arn,
            "name": one.get("UserName"),
            "scope": self._account,
            "type": "user",
            "created_at": _time_text(one.get("CreateDate")),
            "privileged": privileged.get(arn),
        }
        return self._facts(subject, told, seq)

    def _role_facts(
        self,
        seq: int,
        one: dict[str, Any],
        privileged: dict[str, bool | None],
        trusts: dict[str, policies.Trust | None],
    ) -> list[Fact]:
        arn = str(one.get("Arn"))
        used = one.get("RoleLastUsed")
        trust = trusts.get(arn)
        told: dict[str, Any] = {
            "arn": arn,
            "name": one.get("RoleName"),
            "scope": self._account,
            "type": "role",
            "created_at": _time_text(one.get("CreateDate")),
            "last_used_at": _time_text(used.get("LastUsedDate")) if isinstance(used, dict) else None,
            "privileged": privileged.get(arn),
            "enabled": True,
        }
        if trust is not None:
            told.update(_who_assumes(arn, trust))
        return self._facts(_subject(one.get("RoleId"), arn), told, seq)

    def _facts(self, subject: str, told: dict[str, Any], seq: int) -> list[Fact]:
        return [
            Fact(subject, name, value, self._at, seq)
            for name, value in told.items()
            if value not in (None, "")
        ]


def _who_assumes(arn: str, trust: policies.Trust) -> dict[str, Any]:
    """A role that only people of an identity provider take on is theirs; one of a service or a pipeline is a service's.

    A role that other identities of AWS may take on says nothing of who they are.
    """
    if trust.principals and _SSO_PATH not in arn:
        return {}
    if trust.saml or _SSO_PATH in arn:
        return {} if trust.services or trust.web_identity else {"kind": "human", "login": "federated_only"}
    return {"kind": "service"} if trust.services or trust.web_identity else {}


def _subject(key: object, arn: str) -> str:
    return f"account:{key if isinstance(key, str) and key else arn}"[:300]


def _time_text(held: object) -> str | None:
    found = instant(held)
    return rfc3339(found) if found is not None else None


def _outright_denial(held: list[policies.Statement]) -> bool:
    return any(
        not one.allows and not one.conditional and "*" in one.actions and "*" in one.resources for one in held
    )


def _default_version(one: dict[str, Any]) -> list[policies.Statement] | None:
    """The statements of a managed policy's version in force; `None` if its text is not there."""
    wanted = one.get("DefaultVersionId")
    for version in _objects(one.get("PolicyVersionList")):
        if version.get("IsDefaultVersion") is True or (
            wanted is not None and version.get("VersionId") == wanted
        ):
            try:
                return policies.statements(policies.document(version.get("Document")))
            except policies.UnreadablePolicy:
                return None
    return None


def _with_assumable(
    own: dict[str, bool | None], held: dict[str, _Rights], trusts: dict[str, policies.Trust | None]
) -> dict[str, bool | None]:
    """Who may take on a privileged role is privileged too, over any number of steps."""
    found = dict(own)
    changed = True
    while changed:
        changed = False
        for role, trust in trusts.items():
            if found.get(role) is not True or trust is None:
                continue
            for arn, rights in held.items():
                if arn == role or found[arn] is True or not _trusts(trust, arn):
                    continue
                allowed = _by_name(trust, arn) or policies.may_assume(rights.statements, role)
                if allowed and not _bounded(rights, role):
                    found[arn] = changed = True
    return found


def _trusts(trust: policies.Trust, arn: str) -> bool:
    account = _ARN_ACCOUNT.match(arn)
    if account is None:
        return False
    root = f":iam::{account[1]}:root"
    return any(named in ("*", arn, account[1]) or named.endswith(root) for named in trust.principals)


def _by_name(trust: policies.Trust, arn: str) -> bool:
    """In its own account a trust policy that names the identity itself suffices."""
    return arn in trust.principals


def _bounded(rights: _Rights, role: str) -> bool:
    """Whether a boundary keeps the role out of reach, or may do so for all that is known."""
    if rights.boundary_unknown:
        return True
    return rights.boundary is not None and not policies.may_assume(rights.boundary, role)


# -- the credential report -----------------------------------------------------------------------------


def credential_answer(
    raw: bytes, seq: int, *, taken_at: datetime | None, name: str, window: Window
) -> list[Output]:
    """The answer of `get-credential-report`: the table as Base64, with the instant it was generated at."""
    try:
        held = msgspec.json.decode(raw)
        table = base64.b64decode(held["Content"], validate=True)
    except (msgspec.DecodeError, UnicodeDecodeError, binascii.Error, KeyError, TypeError, ValueError):
        return [Rejected(seq, "bad_base64", "The credential report's content is no Base64.", raw[:EXCERPT])]
    return credential_report(
        table, seq, at=_inside(held) or taken_at or in_name(name), window=window, whole=raw
    )


def credential_report(
    table: bytes, seq: int, *, at: datetime | None, window: Window, whole: bytes | None = None
) -> list[Output]:
    """The facts of a credential report (CSV); `at` is when it was generated."""
    excerpt = (whole if whole is not None else table)[:EXCERPT]
    refused = _refused(at, window)
    if refused is not None or at is None:
        code, reason = refused or ("no_time", NO_TIME)
        return [Rejected(seq, code, reason, excerpt)]
    try:
        rows = list(csv.DictReader(io.StringIO(table.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        return [Rejected(seq, "not_csv", "The credential report is no readable table.", excerpt)]
    accounts = [row for row in rows if row.get("arn")]
    if len(accounts) != len(rows) or any(None in row or None in row.values() for row in rows):
        return [Rejected(seq, "cut", "The credential report is cut or damaged: a row is not whole.", excerpt)]
    if not accounts:
        return [Rejected(seq, "no_accounts", "The credential report lists no account.", excerpt)]
    scopes = {found[1] for row in accounts if (found := _ARN_ACCOUNT.match(row["arn"])) is not None}
    scope = scopes.pop() if len(scopes) == 1 else ""
    made: list[Output] = [Snapshot("accounts", at, seq, len(accounts), scope)]
    for row in accounts:
        made += _account_facts(row, at, seq, scope)
    return made


def _account_facts(row: dict[str, str], at: datetime, seq: int, scope: str) -> list[Fact]:
    arn = row["arn"]
    root = row.get("user") == "<root_account>" or arn.endswith(":root")
    told: dict[str, Any] = {
        "arn": arn,
        "name": "root" if root else row.get("user"),
        "scope": scope,
        "type": "root" if root else "user",
        "created_at": _time_text(row.get("user_creation_time")),
        "last_used_at": _last_used(row),
        "mfa_enrolled": _yes(row.get("mfa_active")),
    }
    password = _yes(row.get("password_enabled"))
    keys = [_yes(row.get(f"access_key_{number}_active")) for number in (1, 2)]
    certificates = [_yes(row.get(f"cert_{number}_active")) for number in (1, 2)]
    if root:
        found = _ARN_ACCOUNT.match(arn)
        subject = f"account:{found[1] if found is not None else arn}"
        told |= {"kind": "break_glass", "enabled": True, "privileged": True, "login": "local"}
    else:
        # The report knows no ids: the ARN is the key here, and the authorization details link it to the id.
        subject = f"account:{arn}"[:300]
        if password is not None:
            told["enabled"] = password or any(keys) or any(certificates)
        if password:
            told |= {"kind": "human", "login": "local"}
        elif password is False and any(keys):
            told["kind"] = "service"
    return [Fact(subject, name, value, at, seq) for name, value in told.items() if value not in (None, "")]


def _yes(text: str | None) -> bool | None:
    return {"true": True, "false": False}.get((text or "").strip().lower())


def _last_used(row: dict[str, str]) -> str | None:
    found = [
        moment
        for name in ("password_last_used", "access_key_1_last_used_date", "access_key_2_last_used_date")
        if (moment := instant(row.get(name))) is not None
    ]
    return rfc3339(max(found)) if found else None
