"""The product's rules, filled up with made ones to as many as the whole catalogue will have."""

import shutil
from collections import Counter
from pathlib import Path

import yaml

# Operations that rule sets for AWS look at. The story holds some of them; most it does not, as in life.
OPERATIONS = [
    "AddUserToGroup",
    "AttachUserPolicy",
    "AttachRolePolicy",
    "AuthorizeSecurityGroupEgress",
    "AuthorizeSecurityGroupIngress",
    "CancelKeyDeletion",
    "ConsoleLogin",
    "CopyDBSnapshot",
    "CreateAccessKey",
    "CreateDBSnapshot",
    "CreateGroup",
    "CreateInstanceProfile",
    "CreateLoginProfile",
    "CreateNetworkAcl",
    "CreateNetworkAclEntry",
    "CreatePolicy",
    "CreatePolicyVersion",
    "CreateRole",
    "CreateRoute",
    "CreateTrail",
    "CreateUser",
    "CreateVirtualMFADevice",
    "CreateVpc",
    "CreateVpcPeeringConnection",
    "DeactivateMFADevice",
    "DeleteAccessKey",
    "DeleteBucket",
    "DeleteBucketEncryption",
    "DeleteBucketPolicy",
    "DeleteBucketPublicAccessBlock",
    "DeleteConfigRule",
    "DeleteDBInstance",
    "DeleteDBSnapshot",
    "DeleteDetector",
    "DeleteFlowLogs",
    "DeleteGroup",
    "DeleteLogGroup",
    "DeleteLoginProfile",
    "DeleteNetworkAcl",
    "DeleteRole",
    "DeleteRolePolicy",
    "DeleteTrail",
    "DeleteUser",
    "DeleteUserPolicy",
    "DeleteVolume",
    "DeleteVpc",
    "DetachRolePolicy",
    "DetachUserPolicy",
    "DisableKey",
    "DisableKeyRotation",
    "EnableMFADevice",
    "GetPasswordData",
    "GetSessionToken",
    "ImportKeyPair",
    "LeaveOrganization",
    "ListKeys",
    "ModifyDBInstance",
    "ModifyDBSnapshotAttribute",
    "ModifyImageAttribute",
    "ModifySnapshotAttribute",
    "PutBucketAcl",
    "PutBucketPolicy",
    "PutBucketPublicAccessBlock",
    "PutEventSelectors",
    "PutRolePolicy",
    "PutUserPolicy",
    "RegisterTaskDefinition",
    "RemoveUserFromGroup",
    "ReplaceRoute",
    "RestoreDBInstanceFromDBSnapshot",
    "RevokeSecurityGroupEgress",
    "RevokeSecurityGroupIngress",
    "RotateKey",
    "RunInstances",
    "ScheduleKeyDeletion",
    "SendCommand",
    "StartInstances",
    "StopConfigurationRecorder",
    "StopInstances",
    "StopLogging",
    "TerminateInstances",
    "UpdateAccessKey",
    "UpdateAccountPasswordPolicy",
    "UpdateAssumeRolePolicy",
    "UpdateService",
    "UpdateTrail",
    "ListUsers",
]


def write_rulebook(folder: Path, count: int) -> list[tuple[str, str]]:
    """Copy the product's rules into a folder and add made ones up to `count`; return `(id, eventName)` of those.

    Each made rule's population is one operation, and its condition looks at two more fields.
    """
    from controls.rules.registry import FOLDER

    shipped = 0
    for family in sorted(path for path in FOLDER.iterdir() if path.is_dir() and path.name != "language"):
        for file in sorted(family.glob("*.yml")):
            (folder / family.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(file, folder / family.name)
            shipped += 1
    made = [(f"R{900 - place}", OPERATIONS[place % len(OPERATIONS)]) for place in range(count - shipped)]
    (folder / "logging").mkdir(exist_ok=True)
    for identifier, operation in made:
        path = folder / "logging" / f"made_for_benchmarks_{identifier.lower()}.yml"
        path.write_text(yaml.safe_dump(_rule(identifier, operation), sort_keys=False))
    return made


def _rule(identifier: str, operation: str) -> dict[str, object]:
    return {
        "id": identifier,
        "title": f"{operation} from an unusual client",
        "description": f"{operation} is called with an agreed tool, from an agreed region.",
        "version": "1.0",
        "kind": "member",
        "consequence": "deviation",
        "severity": "low",
        "soc2": {"criteria": ["CC7.2"], "controls": []},
        "sources": ["aws"],
        "population": {"call": {"action": operation, "status_id": [0, 1, 2]}, "condition": "call"},
        "detection": {
            "tool": {"http_request.user_agent|contains": ["kali", "parrot", "pacu"]},
            "region": {"cloud.region|startswith": ["ap-", "me-"]},
            "condition": "tool or region",
        },
        "group_by": ["actor_key"],
        "dedup": "1d",
        "remediation": {"summary": "Ask who called it.", "steps": ["Ask who called it."], "sla": "std"},
        "tests": [
            _case("an unusual tool", "fail", operation, {"userAgent": "pacu"}),
            _case("no word of the tool", "unknown", operation, {}),
        ],
    }


def _case(name: str, result: str, operation: str, more: dict[str, object]) -> dict[str, object]:
    raw = {"eventTime": "2026-03-03T09:15:00Z", "eventName": operation, "awsRegion": "us-east-1", **more}
    return {"name": name, "given": [{"source": "aws", "raw": raw}], "expect": {"result": result}}


def expected(made: list[tuple[str, str]], counted: Counter[str]) -> dict[str, int]:
    """Members of each made rule, counted from the records' text: one for each record of its operation."""
    return {identifier: counted[operation] for identifier, operation in made if counted[operation]}
