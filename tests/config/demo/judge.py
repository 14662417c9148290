"""A small judge of privileged sign-ins that shares nothing with the product's rules."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.config.demo.reading import Record, Written, instant

PRIVILEGED = {"AdministratorAccess", "IAMFullAccess", "PowerUserAccess"}


def rights(listing: dict[str, Any]) -> tuple[set[str], set[str]]:
    """Ids of the privileged users, and ids of the privileged roles, of one listing."""
    groups = {group["GroupName"]: _attached(group) for group in listing["GroupDetailList"]}
    users = {
        user["UserId"]
        for user in listing["UserDetailList"]
        if _attached(user).union(*(groups[name] for name in user["GroupList"])) & PRIVILEGED
    }
    roles = set()
    for role in listing["RoleDetailList"]:
        actions: set[str] = set()
        for policy in role["RolePolicyList"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                said = statement["Action"]
                actions.update([said] if isinstance(said, str) else said)
        if _attached(role) & PRIVILEGED or "iam:PassRole" in actions:
            roles.add(role["RoleId"])
    return users, roles


def _attached(holder: dict[str, Any]) -> set[str]:
    return {policy["PolicyName"] for policy in holder["AttachedManagedPolicies"]}


def without_factor(written: Written, day: date) -> list[str]:
    """Privileged accounts with a password and no factor in the listing taken at the end of a day."""
    at = datetime(day.year, day.month, day.day, 0, 5, tzinfo=UTC) + timedelta(days=1)
    users, _ = rights(written.details[at])
    ids = {user["UserName"]: user["UserId"] for user in written.details[at]["UserDetailList"]}
    return sorted(
        name
        for name, row in written.reports[at].items()
        if ids.get(name) in users and row["password_enabled"] == "true" and row["mfa_active"] == "false"
    )


def judged(written: Written) -> Counter[str]:
    """The privileged sign-ins of M1 to M12 by result, each occurrence once."""
    return _Judge(written).results()


class _Judge:
    def __init__(self, written: Written) -> None:
        self.written = written
        self.by_day = {at.date(): rights(listing) for at, listing in written.details.items()}
        self.people = {
            row["user"]
            for report in written.reports.values()
            for row in report.values()
            if row["password_enabled"] == "true"
        }
        self.links = {
            record["responseElements"]["credentials"]["accessKeyId"]: record
            for record in written.named("AssumeRole")
        }
        self.sessions: dict[str, datetime] = {}

    def results(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for record in sorted(self.written.of_the_year(), key=instant):
            if self._is_member(record) and not self._is_told_before(record):
                factor = self._factor(record)
                found["unknown" if factor is None else "pass" if factor else "fail"] += 1
        return found

    def _is_member(self, record: Record) -> bool:
        identity, name = record["userIdentity"], record["eventName"]
        kind, principal = identity.get("type"), identity.get("principalId", "").partition(":")[0]
        users, roles = self.by_day.get(instant(record).date(), (set(), set()))
        if name == "UserAuthentication":
            return True
        if name == "ConsoleLogin":
            if record["responseElements"] != {"ConsoleLogin": "Success"}:
                return False
            return kind == "Root" or principal in users | roles
        if name == "SwitchRole":
            return principal in roles
        if name in ("AssumeRole", "AssumeRoleWithSAML"):
            taken = record["responseElements"].get("assumedRoleUser", {}).get("assumedRoleId", "")
            person = identity.get("userName") in self.people or kind in ("AssumedRole", "SAMLUser")
            return person and taken.partition(":")[0] in roles
        return False

    def _is_told_before(self, record: Record) -> bool:
        """Whether an earlier record told of this federated sign-in: the same session within five minutes."""
        if record["eventName"] == "AssumeRoleWithSAML":
            session = record["responseElements"]["assumedRoleUser"]["arn"]
        elif record["eventName"] == "ConsoleLogin" and record["userIdentity"]["type"] == "AssumedRole":
            session = record["userIdentity"]["arn"]
        else:
            return False
        before = self.sessions.get(session)
        self.sessions[session] = instant(record)
        return before is not None and instant(record) - before <= timedelta(minutes=5)

    def _factor(self, record: Record) -> bool | None:
        identity = record["userIdentity"]
        if record["eventName"] == "ConsoleLogin":
            said = record.get("additionalEventData", {}).get("MFAUsed")
            return None if said is None or identity["type"] == "AssumedRole" else said == "Yes"
        if record["eventName"] == "AssumeRole":
            return self._first_link(record)
        # Federation and another account's trail are elsewhere; Identity Center's rights are in no listing.
        return None

    def _first_link(self, record: Record) -> bool | None:
        identity = record["userIdentity"]
        if identity["type"] == "IAMUser":
            said = identity.get("sessionContext", {}).get("attributes", {}).get("mfaAuthenticated")
            return None if said is None else said == "true"
        before = self.links.get(identity["accessKeyId"])
        return self._first_link(before) if before else None
