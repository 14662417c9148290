"""Which OCSF class and activity an operation belongs to, and which parameter names its target.

The table is `CLASSES`: event name to the services whose operation is meant, class, activity. An operation
of another service with the same name (`CreateUser` of a database) is not meant and goes the common way.
"""

from __future__ import annotations

import re
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import astuple

_IAM: Final = ("iam",)
_SIGN_IN: Final = ("signin", "sso", "sso-directory")
_STS: Final = ("sts",)
_DIRECTORY: Final = ("iam", "sso-directory", "identitystore")
_STORE: Final = ("s3", "dynamodb", "secretsmanager", "ssm", "athena", "rds-data", "redshift-data", "kms")
_APPLICATION: Final = ("lambda", "ecs", "cloudformation", "ec2")

_TABLE: Final[tuple[tuple[tuple[str, ...], int, int, str], ...]] = (
    (_SIGN_IN, 3002, 1, "ConsoleLogin UserAuthentication"),
    (_STS, 3002, 1, "AssumeRoleWithSAML AssumeRoleWithWebIdentity"),
    (_SIGN_IN, 3002, 7, "SwitchRole"),
    (_STS, 3002, 7, "AssumeRole"),
    (_SIGN_IN, 3002, 2, "ExitRole"),
    (_STS, 3002, 3, "GetSessionToken GetFederationToken"),
    (_SIGN_IN, 3002, 6, "CredentialChallenge CredentialVerification"),
    (_DIRECTORY, 3001, 1, "CreateUser"),
    (_DIRECTORY, 3001, 6, "DeleteUser"),
    (_IAM, 3001, 2, "CreateLoginProfile"),
    (_IAM, 3001, 5, "DeleteLoginProfile"),
    (_IAM, 3001, 3, "ChangePassword"),
    (_IAM, 3001, 4, "UpdateLoginProfile"),
    (_IAM, 3001, 10, "EnableMFADevice"),
    (_IAM, 3001, 11, "DeactivateMFADevice"),
    (_IAM, 3001, 99, "CreateAccessKey UpdateAccessKey DeleteAccessKey"),
    (
        _IAM,
        3005,
        1,
        "AttachUserPolicy PutUserPolicy AttachRolePolicy PutRolePolicy UpdateAssumeRolePolicy",
    ),
    (("sso",), 3005, 1, "CreateAccountAssignment AttachManagedPolicyToPermissionSet"),
    (("eks",), 3005, 1, "CreateAccessEntry"),
    (_IAM, 3005, 2, "DetachUserPolicy DeleteUserPolicy DetachRolePolicy DeleteRolePolicy"),
    (("sso",), 3005, 2, "DeleteAccountAssignment"),
    (_DIRECTORY, 3006, 6, "CreateGroup"),
    (_DIRECTORY, 3006, 5, "DeleteGroup"),
    (_IAM, 3006, 3, "AddUserToGroup"),
    (_IAM, 3006, 4, "RemoveUserFromGroup"),
    (_IAM, 3006, 1, "AttachGroupPolicy PutGroupPolicy"),
    (_IAM, 3006, 2, "DetachGroupPolicy"),
    (_IAM, 3004, 1, "CreateRole CreatePolicy CreateSAMLProvider"),
    (
        _IAM,
        3004,
        3,
        "CreatePolicyVersion SetDefaultPolicyVersion UpdateAccountPasswordPolicy UpdateSAMLProvider",
    ),
    (_IAM, 3004, 4, "DeleteRole DeletePolicy DeleteAccountPasswordPolicy"),
    (_STORE, 6005, 1, "GetObject GetItem BatchGetItem GetSecretValue GetParameter"),
    (_STORE, 6005, 4, "Query Scan StartQueryExecution ExecuteStatement"),
    (_STORE, 6005, 5, "PutObject PutItem"),
    (_STORE, 6005, 7, "DeleteObject DeleteItem"),
    (_STORE, 6005, 8, "ListObjects"),
    (_STORE, 6005, 9, "Encrypt"),
    (_STORE, 6005, 10, "Decrypt"),
    (
        _APPLICATION,
        6002,
        8,
        "UpdateFunctionCode UpdateFunctionConfiguration UpdateService UpdateStack ExecuteChangeSet",
    ),
    (_APPLICATION, 6002, 1, "CreateStack RunInstances"),
    (_APPLICATION, 6002, 2, "DeleteStack TerminateInstances"),
    (("backup",), 1006, 99, "StartBackupJob StartRestoreJob"),
)

CLASSES: Final[dict[str, tuple[frozenset[str], int, int]]] = {
    name: (frozenset(services), class_uid, activity)
    for services, class_uid, activity, names in _TABLE
    for name in names.split()
}

API_ACTIVITY: Final = 6003

KNOWN_API: Final = frozenset(
    {
        # network
        *("AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress", "RevokeSecurityGroupIngress"),
        *("RevokeSecurityGroupEgress", "ModifySecurityGroupRules", "CreateNetworkAclEntry"),
        *(
            "ReplaceNetworkAclEntry",
            "CreateRoute",
            "CreateInternetGateway",
            "CreateListener",
            "ModifyListener",
        ),
        # storage and data
        *("CreateBucket", "DeleteBucket", "PutBucketPolicy", "PutBucketAcl", "PutBucketPublicAccessBlock"),
        *("DeleteBucketPublicAccessBlock", "PutBucketEncryption", "DeleteBucketEncryption", "CreateVolume"),
        *("ModifySnapshotAttribute", "CopySnapshot", "DisableEbsEncryptionByDefault", "CreateDBInstance"),
        *("ModifyDBInstance", "DeleteDBInstance", "ModifyDBSnapshotAttribute"),
        "RestoreDBInstanceFromDBSnapshot",
        # keys and logs
        *("DisableKey", "ScheduleKeyDeletion", "CancelKeyDeletion", "DisableKeyRotation", "PutKeyPolicy"),
        *("StopLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors", "DeleteFlowLogs"),
        *("StopConfigurationRecorder", "DeleteDetector", "UpdateDetector", "DisableSecurityHub"),
    }
)
"""API activity that rules name: not counted as unknown operations."""

_PREFIXES: Final = {
    **dict.fromkeys(["Create", "Run", "Start", "Allocate", "Register", "Import"], 1),
    **dict.fromkeys(["Get", "List", "Describe", "Head", "Lookup", "BatchGet", "Search"], 2),
    **dict.fromkeys(["Delete", "Terminate", "Remove", "Deregister"], 4),
    **dict.fromkeys(["Put", "Update", "Modify", "Set", "Attach", "Detach", "Enable", "Disable"], 3),
    **dict.fromkeys(["Associate", "Disassociate", "Authorize", "Revoke", "Add", "Tag", "Untag"], 3),
}
_PREFIX: Final = re.compile("|".join(sorted(_PREFIXES, key=len, reverse=True)))
_LAMBDA_VERSION: Final = re.compile(r"20\d{6}(v\d+)?$")


def action_of(event_name: str) -> str:
    """The operation's name without the version of the Lambda API (`UpdateFunctionCode20150331v2`)."""
    return _LAMBDA_VERSION.sub("", event_name) if event_name[-1:].isdigit() else event_name


def activity_by_name(action: str, read_only: bool | None) -> int:
    """The activity of an API call by the first word of its name; what AWS says of reading wins."""
    if read_only:
        return 2
    found = _PREFIX.match(action)
    activity = _PREFIXES[found[0]] if found else 99
    return 99 if activity == 2 and read_only is False else activity


def service_of(event_source: str | None) -> str:
    """`iam` of `iam.amazonaws.com`."""
    return event_source.partition(".")[0] if event_source else ""


class Parameters(Struct, gc=False):
    """The request's parameters that may name a target; most requests have one or two of them."""

    userName: Any = None
    roleName: Any = None
    roleArn: Any = None
    groupName: Any = None
    groupId: Any = None
    policyArn: Any = None
    policyName: Any = None
    instanceProfileName: Any = None
    serialNumber: Any = None
    sAMLProviderArn: Any = None
    accessKeyId: Any = None
    bucketName: Any = None
    key: Any = None
    tableName: Any = None
    functionName: Any = None
    layerName: Any = None
    instanceId: Any = None
    instancesSet: Any = None
    volumeId: Any = None
    snapshotId: Any = None
    imageId: Any = None
    vpcId: Any = None
    subnetId: Any = None
    networkAclId: Any = None
    routeTableId: Any = None
    internetGatewayId: Any = None
    loadBalancerArn: Any = None
    listenerArn: Any = None
    targetGroupArn: Any = None
    dBInstanceIdentifier: Any = None
    dBClusterIdentifier: Any = None
    dBSnapshotIdentifier: Any = None
    dBClusterSnapshotIdentifier: Any = None
    clusterName: Any = None
    cluster: Any = None
    service: Any = None
    name: Any = None
    trailName: Any = None
    keyId: Any = None
    secretId: Any = None
    stackName: Any = None
    detectorId: Any = None
    hubArn: Any = None
    flowLogIds: Any = None
    configurationRecorderName: Any = None
    permissionSetArn: Any = None
    principalId: Any = None
    targetId: Any = None
    principalArn: Any = None
    logGroupName: Any = None
    topicArn: Any = None
    queueUrl: Any = None
    streamName: Any = None
    repositoryName: Any = None
    resourceArn: Any = None
    resourceId: Any = None
    accountId: Any = None
    domainName: Any = None
    hostedZoneId: Any = None
    distributionId: Any = None
    webACLArn: Any = None
    backupVaultName: Any = None
    recoveryPointArn: Any = None
    documentName: Any = None
    target: Any = None
    modelId: Any = None
    stateMachineArn: Any = None
    projectName: Any = None


TARGETS: Final[dict[str, tuple[str, ...]]] = {
    "AssumeRole": ("roleArn",),
    "AssumeRoleWithSAML": ("roleArn",),
    "AssumeRoleWithWebIdentity": ("roleArn",),
    "AddUserToGroup": ("groupName",),
    "RemoveUserFromGroup": ("groupName",),
    "AttachGroupPolicy": ("groupName",),
    "DetachGroupPolicy": ("groupName",),
    "PutGroupPolicy": ("groupName",),
    "EnableMFADevice": ("userName",),
    "DeactivateMFADevice": ("userName",),
    "UpdateService": ("service",),
    "CreateAccountAssignment": ("principalId", "targetId"),
    "DeleteAccountAssignment": ("principalId", "targetId"),
    "AttachManagedPolicyToPermissionSet": ("permissionSetArn",),
    "CreateAccessEntry": ("principalArn",),
    "CreateListener": ("loadBalancerArn",),
    "ModifyListener": ("listenerArn",),
    "CreateRoute": ("routeTableId",),
    "ModifyImageAttribute": ("imageId",),
    "ModifySnapshotAttribute": ("snapshotId",),
    "CopySnapshot": ("snapshotId",),
    "PassRole": ("roleArn", "roleName"),
    "StartBackupJob": ("resourceArn",),
    "StartRestoreJob": ("recoveryPointArn",),
    "StopLogging": ("name", "trailName"),
    "DeleteTrail": ("name", "trailName"),
    "UpdateTrail": ("name", "trailName"),
    "PutEventSelectors": ("trailName",),
    "SendCommand": ("instanceId", "documentName"),
    "StartSession": ("target",),
    "RunInstances": ("instanceId", "imageId"),
}
"""Where the first listed parameter that is there names the target; other operations use `Parameters`' order."""


def target_in(action: str, named: Parameters) -> str:
    """The target that the request names, empty if it names none."""
    for name in TARGETS.get(action, ()):
        found = _first_text(getattr(named, name))
        if found:
            return found
    bucket = _first_text(named.bucketName)
    if bucket:
        key = _first_text(named.key)
        return f"{bucket}/{key}" if key else bucket
    for at, value in enumerate(astuple(named)):
        if value is not None and at != _KEY:
            found = _first_text(value)
            if found:
                return found
    return ""


_KEY: Final = Parameters.__struct_fields__.index("key")


def _first_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return next((found for found in map(_first_text, value) if found), "")
    if isinstance(value, dict):
        # EC2 lists: {"items": [{"instanceId": "i-…"}]}
        return next((found for found in map(_first_text, value.values()) if found), "")
    return ""
