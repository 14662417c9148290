"""Columns of an event: id, actor, target, class, status (soc2-rules §3.6 is what the cases are taken from)."""

import hashlib
import json
from datetime import UTC, datetime

import pytest

from evidence.ocsf.event import MISSING, Event
from evidence.sources.aws.adapter import ADAPTER
from evidence.sources.contract import Window

WINDOW = Window.around(datetime(2026, 3, 2, tzinfo=UTC))
RECORD = {
    "eventVersion": "1.11",
    "eventTime": "2026-03-01T09:00:00Z",
    "eventSource": "ec2.amazonaws.com",
    "eventName": "DescribeInstances",
    "eventID": "6a5c0c9e-58d6-4d0f-9b8f-0c7a5f7d1e11",
}


def event(**fields):
    raw = json.dumps({**RECORD, **fields}).encode()
    made = ADAPTER.normalize(raw, 3, window=WINDOW)[0]
    assert isinstance(made, Event)
    return made


def identity(**fields):
    return event(userIdentity=fields)


def test_the_vendors_id_is_the_events_in_its_documented_form():
    assert event().uid.hex() == RECORD["eventID"].replace("-", "")
    assert event(eventID=RECORD["eventID"].upper()).uid == event().uid
    assert event().occurrence_key == event().uid.hex()


@pytest.mark.parametrize("edited", ["1", "", None, "EXAMPLE8-9621-4d00-b913-beca2EXAMPLE", "xxxxxxxx", 12])
def test_an_edited_id_is_none_and_the_content_is_hashed(edited):
    one = event(eventID=edited)
    canonical = json.dumps({**RECORD, "eventID": edited}, sort_keys=True, separators=(",", ":")).encode()
    assert one.uid == hashlib.sha256(canonical).digest()[:16]
    assert one.uid != event(eventID=edited, awsRegion="eu-west-1").uid


def test_the_hash_does_not_depend_on_spacing_and_order():
    fields = {**RECORD, "eventID": "1"}
    one, other = (
        ADAPTER.normalize(raw.encode(), 0, window=WINDOW)[0]
        for raw in (json.dumps(fields, indent=4), json.dumps(dict(reversed(fields.items()))))
    )
    assert isinstance(one, Event)
    assert isinstance(other, Event)
    assert one.uid == other.uid
    assert one.digest != other.digest
    assert ADAPTER.same_content(one.raw, other.raw)
    assert not ADAPTER.same_content(one.raw, event().raw)


def test_the_digest_is_of_the_raw_bytes():
    one = event()
    assert one.digest == hashlib.sha256(one.raw).digest()[:8]
    assert one.seq == 3


@pytest.mark.parametrize(
    ("user", "key"),
    [
        ({"type": "IAMUser", "principalId": "AIDA1", "userName": "a"}, "AIDA1"),
        ({"type": "Root", "principalId": "111122223333", "accountId": "111122223333"}, "111122223333"),
        (
            {
                "type": "IdentityCenterUser",
                "accountId": "1",
                "onBehalfOf": {"userId": "u-1"},
                "principalId": "x",
            },
            "u-1",
        ),
        (
            {
                "type": "AssumedRole",
                "principalId": "AROA1:i-0abc",
                "arn": "arn:aws:sts::1:assumed-role/r/i-0abc",
            },
            "AROA1",
        ),
        ({"type": "AssumedRole", "principalId": "AROA1:dana@harbor.example"}, "dana@harbor.example"),
        (
            {"type": "AssumedRole", "principalId": "AROA1:9067642ac7-94482488-3041-7005-8a4c-1c1f5a3be001"},
            "9067642ac7-94482488-3041-7005-8a4c-1c1f5a3be001",
        ),
        (
            {
                "type": "AssumedRole",
                "principalId": "AROA1:dana",
                "arn": "arn:aws:sts::1:assumed-role/AWSReservedSSO_Ops_0a1b/dana",
            },
            "dana",
        ),
        (
            {"type": "AssumedRole", "principalId": "AROA1:ci", "sessionContext": {"sourceIdentity": "erin"}},
            "erin",
        ),
        ({"type": "AssumedRole", "arn": "arn:aws:sts::1:assumed-role/r/x@y.z"}, "x@y.z"),
        (
            {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"principalId": "AROA2"}}},
            "AROA2",
        ),
        ({"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}, "ec2.amazonaws.com"),
        ({"accountId": "1", "invokedBy": "AWS Internal"}, "AWS Internal"),
        ({"type": "AWSAccount", "principalId": "AIDA9", "accountId": "2"}, "AIDA9"),
        ({"type": "AWSAccount", "accountId": "2"}, "2"),
        ({"type": "SAMLUser", "principalId": "q:erin@x.y", "userName": "erin@x.y"}, "erin@x.y"),
        ({"type": "FederatedUser", "principalId": "1:bob"}, "1:bob"),
        ({"type": "Unknown", "userName": "someone"}, "someone"),
        ({}, ""),
        (None, ""),
    ],
)
def test_the_actor_key_by_kind_of_identity(user, key):
    assert event(userIdentity=user).actor_key == key


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("2001:DB8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("cloudtrail.amazonaws.com", None),
        ("AWS Internal", None),
        ("999.1.1.1", None),
        ("", None),
        (None, None),
    ],
)
def test_an_address_is_an_address_or_null(address, found):
    assert event(sourceIPAddress=address).src_ip == found


def test_a_service_is_named_at_the_endpoint():
    assert event(sourceIPAddress="cloudtrail.amazonaws.com").full()["src_endpoint"] == {
        "svc_name": "cloudtrail.amazonaws.com"
    }


@pytest.mark.parametrize(
    ("source", "name", "more", "found"),
    [
        ("signin", "ConsoleLogin", {}, (3002, 1)),
        ("signin", "UserAuthentication", {}, (3002, 1)),
        ("sts", "AssumeRoleWithSAML", {}, (3002, 1)),
        ("sts", "AssumeRole", {}, (3002, 7)),
        ("signin", "ExitRole", {}, (3002, 2)),
        ("sts", "GetSessionToken", {}, (3002, 3)),
        ("signin", "CredentialVerification", {}, (3002, 6)),
        ("iam", "CreateUser", {}, (3001, 1)),
        ("iam", "DeleteUser", {}, (3001, 6)),
        ("iam", "CreateLoginProfile", {}, (3001, 2)),
        ("iam", "EnableMFADevice", {}, (3001, 10)),
        ("iam", "DeactivateMFADevice", {}, (3001, 11)),
        ("iam", "CreateAccessKey", {}, (3001, 99)),
        ("iam", "AttachUserPolicy", {}, (3005, 1)),
        ("sso", "CreateAccountAssignment", {}, (3005, 1)),
        ("iam", "DetachRolePolicy", {}, (3005, 2)),
        ("iam", "AddUserToGroup", {}, (3006, 3)),
        ("iam", "AttachGroupPolicy", {}, (3006, 1)),
        ("iam", "CreatePolicyVersion", {}, (3004, 3)),
        ("s3", "GetObject", {}, (6005, 1)),
        ("dynamodb", "Query", {}, (6005, 4)),
        ("kms", "Decrypt", {}, (6005, 10)),
        ("lambda", "UpdateFunctionCode20150331v2", {}, (6002, 8)),
        ("ec2", "RunInstances", {}, (6002, 1)),
        ("cloudformation", "DeleteStack", {}, (6002, 2)),
        ("backup", "StartBackupJob", {}, (1006, 99)),
        ("backup", "BackupJobCompleted", {"eventType": "AwsServiceEvent"}, (1006, 99)),
        ("ec2", "AuthorizeSecurityGroupIngress", {}, (6003, 3)),
        ("ec2", "CreateVolume", {}, (6003, 1)),
        ("cloudtrail", "StopLogging", {}, (6003, 99)),
        ("ec2", "DescribeInstances", {}, (6003, 2)),
        ("ec2", "TerminateThing", {}, (6003, 4)),
        ("ec2", "BatchGetThing", {}, (6003, 2)),
        ("ec2", "Whatever", {}, (6003, 99)),
        ("ec2", "Whatever", {"readOnly": True}, (6003, 2)),
        ("ec2", "Whatever", {"readOnly": "true"}, (6003, 2)),
        ("ec2", "GetThing", {"readOnly": False}, (6003, 99)),
        # another service's operation of the same name
        ("elasticache", "CreateUser", {}, (6003, 1)),
        ("appsync", "UpdateFunctionConfiguration", {}, (6003, 3)),
    ],
)
def test_class_and_activity(source, name, more, found):
    one = event(eventSource=f"{source}.amazonaws.com", eventName=name, **more)
    assert (one.class_uid, one.activity_id) == found


def test_an_unknown_operation_is_marked_and_a_known_one_is_not():
    assert event(eventName="Whatever").value("unmapped.fallback") is True
    assert event(eventName="StopLogging").value("unmapped.fallback") is MISSING
    assert (
        event(eventSource="iam.amazonaws.com", eventName="CreateUser").value("unmapped.fallback") is MISSING
    )


def test_a_versioned_operation_is_known_by_its_name_and_kept_as_written():
    one = event(eventSource="lambda.amazonaws.com", eventName="UpdateFunctionCode20150331v2")
    assert one.action == "UpdateFunctionCode"
    assert one.value("api.operation") == "UpdateFunctionCode20150331v2"
    assert event(eventName="UpdateDistribution2020_05_31").action == "UpdateDistribution2020_05_31"


@pytest.mark.parametrize(
    ("fields", "target"),
    [
        ({"resources": [{"type": "x"}, {"ARN": "arn:1"}], "requestParameters": {"userName": "a"}}, "arn:1"),
        ({"eventName": "CreateUser", "requestParameters": {"userName": "carol"}}, "carol"),
        ({"eventName": "AddUserToGroup", "requestParameters": {"userName": "a", "groupName": "g"}}, "g"),
        ({"requestParameters": {"bucketName": "b", "key": "k/1"}}, "b/k/1"),
        ({"requestParameters": {"bucketName": "b"}}, "b"),
        (
            {
                "requestParameters": {
                    "instancesSet": {"items": [{"instanceId": "i-1"}, {"instanceId": "i-2"}]}
                }
            },
            "i-1",
        ),
        (
            {"eventName": "AssumeRole", "requestParameters": {"roleArn": "arn:r", "roleSessionName": "s"}},
            "arn:r",
        ),
        ({"requestParameters": {"functionName": "f"}}, "f"),
        ({"eventName": "UpdateService", "requestParameters": {"cluster": "c", "service": "s"}}, "s"),
        ({"requestParameters": {"other": "x"}}, ""),
        ({"requestParameters": None}, ""),
        ({"requestParameters": "text"}, ""),
        ({}, ""),
    ],
)
def test_the_target_is_a_resource_else_a_named_parameter(fields, target):
    assert event(**fields).target_key == target


def test_a_session_is_named_by_temporary_credentials_only():
    assert identity(type="AssumedRole", accessKeyId="ASIA1").value("session.uid") == "ASIA1"
    assert identity(type="IAMUser", accessKeyId="AKIA1").value("session.uid") is MISSING
    assert identity(type="IAMUser", accessKeyId="").value("session.uid") is MISSING
    assert identity(type="IAMUser", accessKeyId="AKIA1").value("actor.user.credential_uid") == "AKIA1"


@pytest.mark.parametrize(("code", "status"), [(None, 1), ("", 1), ("AccessDenied", 2)])
def test_an_error_code_is_a_failure(code, status):
    assert event(errorCode=code).status_id == status


def test_an_insight_is_a_detection():
    start = event(
        eventName=None,
        eventType="AwsCloudTrailInsight",
        insightDetails={
            "state": "Start",
            "eventSource": "ssm.amazonaws.com",
            "eventName": "X",
            "insightType": "ApiCallRateInsight",
        },
    )
    assert (start.class_uid, start.activity_id, start.action, start.target_key) == (
        2004,
        1,
        "ApiCallRateInsight",
        "ssm.amazonaws.com/X",
    )
