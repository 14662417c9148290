"""What happens once: people come and go, stores stand open, a database moves. Each is one scene.

A scene that changes who may do what changes the directory too, so that the next snapshot shows it.
"""

from datetime import datetime, timedelta

from config.demo.aws import Caller, Record, call, s3_call, spoken
from config.demo.people import Worker
from config.demo.signins import console_login, failed_login
from config.demo.stage import Stage

_SECURITY_GROUP = "sg-0b7e41c9d2a85f630"
_STATEMENT_XMLNS = "http://s3.amazonaws.com/doc/2006-03-01/"


def _iam(
    stage: Stage, caller: Caller, at: datetime, name: str, request: Record, response: Record | None = None
) -> None:
    stage.put(
        at,
        call(stage.ids, stage.client.account, caller, at, "iam", name, request, response, region="us-east-1"),
    )


def _admin(stage: Stage, name: str, at: datetime) -> Caller:
    return stage.in_session(name, at - timedelta(minutes=6), mfa=True, console=True)


def joins(stage: Stage, worker: Worker, by: str, at: datetime) -> None:
    """An administrator creates the user with its rights; a person enrolls the factor half an hour later."""
    account = stage.client.account
    user = stage.directory.add_user(
        worker.name,
        at,
        group=worker.group,
        policy=worker.policy,
        console=worker.console,
        factor=worker.factor,
        key=worker.key,
    )
    caller, name = _admin(stage, by, at), worker.name
    made = {
        "path": "/",
        "userName": name,
        "userId": user.principal,
        "arn": f"arn:aws:iam::{account.id}:user/{name}",
        "createDate": spoken(at),
    }
    _iam(stage, caller, at, "CreateUser", {"userName": name}, {"user": made})
    profile = {"userName": name, "createDate": spoken(at), "passwordResetRequired": True}
    request = {"userName": name, "passwordResetRequired": True}
    _iam(stage, caller, at + timedelta(seconds=2), "CreateLoginProfile", request, {"loginProfile": profile})
    if worker.group:
        request = {"groupName": worker.group, "userName": name}
        _iam(stage, caller, at + timedelta(seconds=4), "AddUserToGroup", request)
    if worker.policy:
        request = {"userName": name, "policyArn": f"arn:aws:iam::aws:policy/{worker.policy}"}
        _iam(stage, caller, at + timedelta(seconds=4), "AttachUserPolicy", request)
    if worker.factor:
        _enrolls(stage, name, at + timedelta(minutes=31))


def _enrolls(stage: Stage, name: str, at: datetime) -> None:
    caller = stage.in_session(name, at - timedelta(minutes=3), mfa=False, console=True)
    device = stage.directory.device_arn(name)
    made = {"virtualMFADevice": {"serialNumber": device}}
    _iam(stage, caller, at, "CreateVirtualMFADevice", {"path": "/", "virtualMFADeviceName": name}, made)
    request = {"userName": name, "serialNumber": device}
    _iam(stage, caller, at + timedelta(seconds=41), "EnableMFADevice", request)
    stage.user(name).device = device
    stage.directory.note_change()


def leaves(stage: Stage, worker: Worker, by: str, at: datetime) -> None:
    """An administrator takes rights, factor and password away, and deletes the user."""
    caller, name = _admin(stage, by, at), worker.name
    if worker.group:
        _iam(stage, caller, at, "RemoveUserFromGroup", {"groupName": worker.group, "userName": name})
    if worker.factor:
        request = {"userName": name, "serialNumber": stage.directory.device_arn(name)}
        _iam(stage, caller, at + timedelta(seconds=2), "DeactivateMFADevice", request)
    _iam(stage, caller, at + timedelta(seconds=4), "DeleteLoginProfile", {"userName": name})
    _iam(stage, caller, at + timedelta(seconds=6), "DeleteUser", {"userName": name})
    del stage.directory.users[name]
    stage.directory.note_change()


def signs_in_without_lost_factor(stage: Stage, name: str, by: str, at: datetime) -> None:
    """A telephone is lost: the factor is taken off, a password alone signs in, a new factor is enrolled."""
    device = stage.user(name).device
    before = at - timedelta(minutes=25)
    request = {"userName": name, "serialNumber": device}
    _iam(stage, _admin(stage, by, before), before, "DeactivateMFADevice", request)
    stage.user(name).device = ""
    console_login(stage, name, at, "fail")
    _enrolls(stage, name, at + timedelta(hours=2, minutes=20))


def changes_password_policy(stage: Stage, by: str, at: datetime) -> None:
    """The account's password rules are set."""
    request = {
        "minimumPasswordLength": 14,
        "requireSymbols": True,
        "requireNumbers": True,
        "requireUppercaseCharacters": True,
        "requireLowercaseCharacters": True,
        "allowUsersToChangePassword": True,
        "passwordReusePrevention": 12,
    }
    _iam(stage, _admin(stage, by, at), at, "UpdateAccountPasswordPolicy", request)


def opens_port(stage: Stage, by: str, at: datetime, *, port: int, source: str) -> None:
    """Somebody lets an address in at the boundary."""
    account, ids = stage.client.account, stage.ids
    request = {
        "groupId": _SECURITY_GROUP,
        "ipPermissions": {
            "items": [
                {
                    "ipProtocol": "tcp",
                    "fromPort": port,
                    "toPort": port,
                    "groups": {},
                    "ipRanges": {"items": [{"cidrIp": source}]},
                    "ipv6Ranges": {},
                    "prefixListIds": {},
                }
            ]
        },
    }
    request_id = ids.uuid()
    rule = {
        "groupOwnerId": account.id,
        "groupId": _SECURITY_GROUP,
        "securityGroupRuleId": f"sgr-0{ids.hexadecimal(16)}",
        "isEgress": False,
        "ipProtocol": "tcp",
        "fromPort": port,
        "toPort": port,
        "cidrIpv4": source,
    }
    response = {"requestId": request_id, "_return": True, "securityGroupRuleSet": {"items": [rule]}}
    _ec2(stage, by, at, "AuthorizeSecurityGroupIngress", request, response, request_id)


def closes_port(stage: Stage, by: str, at: datetime, *, port: int, source: str) -> None:
    """The rule is taken away again."""
    permission = {
        "ipProtocol": "tcp",
        "fromPort": port,
        "toPort": port,
        "groups": {},
        "ipRanges": {"items": [{"cidrIp": source}]},
        "ipv6Ranges": {},
        "prefixListIds": {},
    }
    request = {"groupId": _SECURITY_GROUP, "ipPermissions": {"items": [permission]}}
    request_id = stage.ids.uuid()
    response = {"requestId": request_id, "_return": True}
    _ec2(stage, by, at, "RevokeSecurityGroupIngress", request, response, request_id)


def blocks_network(stage: Stage, by: str, at: datetime, source: str) -> None:
    """In an incident the subnet's list denies an address range."""
    request = {
        "networkAclId": "acl-04d2f7c81be90a356",
        "ruleNumber": 50,
        "egress": False,
        "ruleAction": "deny",
        "icmpTypeCode": {},
        "portRange": {},
        "aclProtocol": "-1",
        "cidrBlock": source,
    }
    request_id = stage.ids.uuid()
    response = {"requestId": request_id, "_return": True}
    _ec2(stage, by, at, "CreateNetworkAclEntry", request, response, request_id)


def stops_encrypting(stage: Stage, by: str, at: datetime) -> None:
    """Default encryption of volumes is turned off, and a volume is made and attached without any."""
    account, ids = stage.client.account, stage.ids
    request_id = ids.uuid()
    response: Record = {
        "DisableEbsEncryptionByDefaultResponse": {"ebsEncryptionByDefault": False, "requestId": request_id}
    }
    _ec2(
        stage,
        by,
        at,
        "DisableEbsEncryptionByDefault",
        {"DisableEbsEncryptionByDefaultRequest": ""},
        response,
        request_id,
    )
    volume, zone = f"vol-0{ids.hexadecimal(16)}", f"{account.region}a"
    made = at + timedelta(minutes=3)
    request_id = ids.uuid()
    response = {
        "requestId": request_id,
        "volumeId": volume,
        "size": "200",
        "zone": zone,
        "status": "creating",
        "createTime": int(made.timestamp()) * 1000,
        "volumeType": "gp3",
        "iops": 3000,
        "encrypted": False,
        "multiAttachEnabled": False,
        "throughput": 125,
    }
    request: Record = {"size": "200", "zone": zone, "volumeType": "gp3", "encrypted": False}
    _ec2(stage, by, made, "CreateVolume", request, response, request_id)
    attached = made + timedelta(minutes=2)
    instance = f"i-0{stage.directory.ids('instance').hexadecimal(16)}"
    request = {"volumeId": volume, "instanceId": instance, "device": "/dev/sdf", "deleteOnTermination": False}
    request_id = ids.uuid()
    response = {
        "requestId": request_id,
        "volumeId": volume,
        "instanceId": instance,
        "device": "/dev/sdf",
        "status": "attaching",
        "attachTime": int(attached.timestamp()) * 1000,
        "deleteOnTermination": False,
    }
    _ec2(stage, by, attached, "AttachVolume", request, response, request_id)


def _ec2(
    stage: Stage, by: str, at: datetime, name: str, request: Record, response: Record, request_id: str
) -> None:
    caller = _admin(stage, by, at)
    record = call(
        stage.ids, stage.client.account, caller, at, "ec2", name, request, response, request_id=request_id
    )
    stage.put(at, record)


def opens_store(stage: Stage, by: str, at: datetime, bucket: str) -> None:
    """A bucket's guard is taken off and its policy lets anyone read."""
    caller, account = _admin(stage, by, at), stage.client.account
    off = s3_call(
        stage.ids, account, caller, at, "DeleteBucketPublicAccessBlock", bucket, {"publicAccessBlock": ""}
    )
    stage.put(at, off)
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "PublicRead",
                "Effect": "Allow",
                "Principal": "*",
                "Action": "s3:GetObject",
                "Resource": f"arn:aws:s3:::{bucket}/*",
            }
        ],
    }
    later = at + timedelta(seconds=35)
    request: Record = {"bucketPolicy": policy, "policy": ""}
    stage.put(
        later, s3_call(stage.ids, account, caller, later, "PutBucketPolicy", bucket, request, received=212)
    )


def closes_store(stage: Stage, by: str, at: datetime, bucket: str) -> None:
    """The guard is put back and the policy removed."""
    caller, account = _admin(stage, by, at), stage.client.account
    guard = {
        "xmlns": _STATEMENT_XMLNS,
        "RestrictPublicBuckets": True,
        "BlockPublicPolicy": True,
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
    }
    request: Record = {"publicAccessBlock": "", "PublicAccessBlockConfiguration": guard}
    on = s3_call(stage.ids, account, caller, at, "PutBucketPublicAccessBlock", bucket, request, received=329)
    stage.put(at, on)
    later = at + timedelta(seconds=48)
    stage.put(later, s3_call(stage.ids, account, caller, later, "DeleteBucketPolicy", bucket, {"policy": ""}))


def restores_database(stage: Stage, by: str, at: datetime) -> None:
    """A restore test: a database is made from a snapshot, looked at, and deleted."""
    name = f"restore-test-{at:%Y%m%d}"
    request: Record = {
        "dBInstanceIdentifier": name,
        "dBSnapshotIdentifier": f"awsbackup-job-{stage.ids.uuid()}",
        "dBInstanceClass": "db.t4g.large",
        "multiAZ": False,
        "publiclyAccessible": False,
    }
    _rds(stage, by, at, "RestoreDBInstanceFromDBSnapshot", request, _instance(stage, name, "creating", at))
    later = at + timedelta(hours=2)
    request = {"dBInstanceIdentifier": name, "skipFinalSnapshot": True, "deleteAutomatedBackups": True}
    _rds(stage, by, later, "DeleteDBInstance", request, _instance(stage, name, "deleting", at))


def moves_database(stage: Stage, by: str, at: datetime) -> None:
    """The production database moves to a new instance of another class; the old one goes the same night."""
    old, new = stage.client.database, f"{stage.client.database}-b"
    snapshot = f"{old}-move-{at:%Y%m%d}"
    steps: list[tuple[float, str, Record, str]] = [
        (
            0,
            "ModifyDBInstance",
            {"dBInstanceIdentifier": old, "deletionProtection": False, "applyImmediately": True},
            old,
        ),
        (0.1, "CreateDBSnapshot", {"dBSnapshotIdentifier": snapshot, "dBInstanceIdentifier": old}, old),
        (
            0.6,
            "RestoreDBInstanceFromDBSnapshot",
            {
                "dBInstanceIdentifier": new,
                "dBSnapshotIdentifier": snapshot,
                "dBInstanceClass": "db.r7g.xlarge",
                "multiAZ": True,
            },
            new,
        ),
        (
            1.8,
            "ModifyDBInstance",
            {"dBInstanceIdentifier": new, "deletionProtection": True, "applyImmediately": True},
            new,
        ),
        (
            3.5,
            "DeleteDBInstance",
            {
                "dBInstanceIdentifier": old,
                "skipFinalSnapshot": False,
                "finalDBSnapshotIdentifier": f"{old}-final",
            },
            old,
        ),
    ]
    for hours, action, request, which in steps:
        when = at + timedelta(hours=hours)
        state = {"RestoreDBInstanceFromDBSnapshot": "creating", "DeleteDBInstance": "deleting"}.get(
            action, "available"
        )
        response = _instance(stage, which, state, at)
        if action == "CreateDBSnapshot":
            response = {
                "dBSnapshotIdentifier": snapshot,
                "dBInstanceIdentifier": old,
                "engine": "postgres",
                "status": "creating",
                "snapshotType": "manual",
                "encrypted": True,
            }
        _rds(stage, by, when, action, request, response)


def _instance(stage: Stage, name: str, state: str, since: datetime) -> Record:
    account = stage.client.account
    return {
        "dBInstanceIdentifier": name,
        "dBInstanceClass": "db.r7g.large",
        "engine": "postgres",
        "dBInstanceStatus": state,
        "masterUsername": "ledger",
        "allocatedStorage": 200,
        "instanceCreateTime": spoken(since),
        "preferredBackupWindow": "03:11-03:41",
        "backupRetentionPeriod": 14,
        "multiAZ": True,
        "engineVersion": "16.8",
        "publiclyAccessible": False,
        "storageType": "gp3",
        "storageEncrypted": True,
        "dbiResourceId": f"db-{stage.directory.ids(f'database/{name}').text(26)}",
        "dBInstanceArn": f"arn:aws:rds:{account.region}:{account.id}:db:{name}",
        "deletionProtection": state == "available",
    }


def _rds(stage: Stage, by: str, at: datetime, name: str, request: Record, response: Record) -> None:
    caller = _admin(stage, by, at)
    stage.put(at, call(stage.ids, stage.client.account, caller, at, "rds", name, request, response))


def guesses_passwords(stage: Stage, at: datetime, count: int) -> None:
    """Somebody outside tries names and passwords from one address."""
    names = ("admin", "root", "aws", "test", "ops", "backup", "miles.okoro", "luca.steiner")
    for place in range(count):
        failed_login(stage, names[place % len(names)], at + timedelta(seconds=23 * place), ip="198.51.100.7")
