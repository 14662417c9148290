"""Amazon Web Services' own formats: CloudTrail records (`aws_delivery` wraps them, `aws_iam` lists accounts).

Nothing here knows of the product or of the story. Records have the keys, their order, the types and the
value forms that AWS documents in the CloudTrail User Guide ("CloudTrail record contents", "userIdentity
element", "Management Console sign-in events"), in the IAM Identity Center User Guide ("Understanding
IAM Identity Center sign-in events") and in the IAM User Guide ("Logging IAM and AWS STS API calls",
"Generate credential reports"). Times are aware UTC datetimes; identifiers come from a given `Random`.
"""

import base64
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

Record = dict[str, Any]

_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_MIXED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# The record format each service writes; services move to a new version at different times.
_VERSIONS = {
    "signin": "1.08",
    "sts": "1.08",
    "kms": "1.11",
    "s3": "1.11",
    "ssm": "1.11",
    "rds": "1.11",
    "iam": "1.10",
    "ec2": "1.10",
    "lambda": "1.09",
}
_OTHER_VERSION = "1.09"


def stamp(at: datetime) -> str:
    """Return the time as CloudTrail and IAM print it: `2026-03-02T14:05:09Z`."""
    return f"{at.year:04}-{at.month:02}-{at.day:02}T{at.hour:02}:{at.minute:02}:{at.second:02}Z"


def spoken(at: datetime, *, comma: str = "") -> str:
    """Return the time as response elements print it: `Mar 2, 2026 2:05:09 PM`; STS puts a second comma."""
    hour = at.hour % 12 or 12
    half = "AM" if at.hour < 12 else "PM"
    day = f"{_MONTHS[at.month - 1]} {at.day}, {at.year}"
    return f"{day}{comma} {hour}:{at.minute:02}:{at.second:02} {half}"


class Ids:
    """Identifiers in the forms that AWS gives them, from one random stream."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self._bits = random.getrandbits

    def uuid(self) -> str:
        """Return a version 4 UUID."""
        bits = self._bits(128)
        text = f"{bits:032x}"
        variant = "89ab"[bits >> 62 & 3]
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"

    def text(self, length: int, alphabet: str = _UPPER) -> str:
        """Return `length` random characters of the alphabet."""
        pick = self.random.random
        size = len(alphabet)
        return "".join([alphabet[int(pick() * size)] for _ in range(length)])

    def hexadecimal(self, length: int) -> str:
        """Return `length` random lower-case hexadecimal digits."""
        return f"{self._bits(4 * length):0{length}x}"

    def key(self, prefix: str, account: "Account") -> str:
        """Return an access key id of 20 characters: prefix, the account's part, random."""
        return prefix + account.mark + self.text(8, _BASE32)

    def principal(self, prefix: str, account: "Account") -> str:
        """Return a unique principal id of 21 characters: prefix, the account's part, random."""
        return prefix + account.mark + self.text(9, _BASE32)

    def base64(self, size: int) -> str:
        """Return `size` random bytes in base64."""
        return base64.b64encode(self._bits(8 * size).to_bytes(size, "big")).decode()

    def mixed(self, length: int) -> str:
        """Return `length` random letters and digits of both cases."""
        return self.text(length, _MIXED)


@dataclass(frozen=True, slots=True)
class Account:
    """An AWS account: twelve digits, the part of them that its key ids carry, its home region."""

    id: str
    mark: str
    region: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a call, and from where: the parts of a record that belong to the caller."""

    identity: Record
    ip: str
    agent: str
    # A call from the console carries no TLS details but says that its credentials are the console's.
    console: bool = False
    key: str = ""


def user_identity(account: Account, name: str, principal: str, key: str = "") -> Record:
    """Return the identity of an IAM user with a long-lived key, or at sign-in without any."""
    identity: Record = {
        "type": "IAMUser",
        "principalId": principal,
        "arn": f"arn:aws:iam::{account.id}:user/{name}",
        "accountId": account.id,
    }
    if key:
        identity["accessKeyId"] = key
    identity["userName"] = name
    return identity


def user_session(
    account: Account, name: str, principal: str, key: str, *, since: datetime, mfa: bool
) -> Record:
    """Return the identity of an IAM user who works with temporary credentials (console or session token)."""
    identity = user_identity(account, name, principal, key)
    identity["sessionContext"] = {
        "sessionIssuer": {},
        "webIdFederationData": {},
        "attributes": {"creationDate": stamp(since), "mfaAuthenticated": "true" if mfa else "false"},
    }
    return identity


def role_session(
    account: Account,
    role: str,
    role_id: str,
    session: str,
    key: str,
    *,
    since: datetime,
    mfa: bool = False,
    path: str = "/",
    instance: bool = False,
) -> Record:
    """Return the identity of a role's session; `instance` marks credentials delivered to an instance."""
    context: Record = {
        "sessionIssuer": {
            "type": "Role",
            "principalId": role_id,
            "arn": f"arn:aws:iam::{account.id}:role{path}{role}",
            "accountId": account.id,
            "userName": role,
        },
        "webIdFederationData": {},
        "attributes": {"creationDate": stamp(since), "mfaAuthenticated": "true" if mfa else "false"},
    }
    if instance:
        context["ec2RoleDelivery"] = "2.0"
    return {
        "type": "AssumedRole",
        "principalId": f"{role_id}:{session}",
        "arn": f"arn:aws:sts::{account.id}:assumed-role/{role}/{session}",
        "accountId": account.id,
        "accessKeyId": key,
        "sessionContext": context,
    }


def root_identity(account: Account, key: str = "") -> Record:
    """Return the identity of the account's root user."""
    return {
        "type": "Root",
        "principalId": account.id,
        "arn": f"arn:aws:iam::{account.id}:root",
        "accountId": account.id,
        "accessKeyId": key,
    }


def service_caller(service: str) -> Caller:
    """Return a caller that is an AWS service acting by itself."""
    host = f"{service}.amazonaws.com"
    return Caller({"type": "AWSService", "invokedBy": host}, host, host)


def call(
    ids: Ids,
    account: Account,
    caller: Caller,
    at: datetime,
    service: str,
    name: str,
    request: Record | None,
    response: Record | None = None,
    *,
    read: bool = False,
    error: tuple[str, str] | None = None,
    extra: Record | None = None,
    resources: list[Record] | None = None,
    region: str = "",
    host: str = "",
    version: str = "",
    request_id: str = "",
    shared: bool = False,
    data: bool = False,
    api: str = "",
) -> Record:
    """Return the record of one API call.

    `extra` becomes `additionalEventData`; `host` overrides the endpoint that the client named; `shared`
    adds a `sharedEventID`; `data` marks a data event, which only some trails record.
    """
    region = region or account.region
    record: Record = {
        "eventVersion": version or _VERSIONS.get(service, _OTHER_VERSION),
        "userIdentity": caller.identity,
        "eventTime": stamp(at),
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": region,
        "sourceIPAddress": caller.ip,
        "userAgent": caller.agent,
    }
    if error:
        record["errorCode"], record["errorMessage"] = error
    record["requestParameters"] = request
    record["responseElements"] = response
    if extra is not None:
        record["additionalEventData"] = extra
    record["requestID"] = request_id or ids.uuid()
    record["eventID"] = ids.uuid()
    record["readOnly"] = read
    if resources is not None:
        record["resources"] = resources
    record["eventType"] = "AwsApiCall"
    if api:
        record["apiVersion"] = api
    record["managementEvent"] = not data
    record["recipientAccountId"] = account.id
    if shared:
        record["sharedEventID"] = ids.uuid()
    record["eventCategory"] = "Data" if data else "Management"
    if caller.console:
        record["sessionCredentialFromConsole"] = "true"
    elif not caller.ip.endswith("amazonaws.com") and caller.ip != "AWS Internal":
        endpoint = "iam.amazonaws.com" if service == "iam" else f"{service}.{region}.amazonaws.com"
        modern = service not in ("ssm", "rds")
        record["tlsDetails"] = {
            "tlsVersion": "TLSv1.3" if modern else "TLSv1.2",
            "cipherSuite": "TLS_AES_128_GCM_SHA256" if modern else "ECDHE-RSA-AES128-GCM-SHA256",
            "clientProvidedHostHeader": host or endpoint,
        }
    return record


def s3_call(
    ids: Ids,
    account: Account,
    caller: Caller,
    at: datetime,
    name: str,
    bucket: str,
    request: Record,
    *,
    read: bool = False,
    error: tuple[str, str] | None = None,
    received: int = 0,
    sent: int = 0,
    shared: bool = False,
) -> Record:
    """Return the record of one S3 bucket call: S3 has its own request ids and additional data."""
    host = f"{bucket}.s3.{account.region}.amazonaws.com"
    return call(
        ids,
        account,
        caller,
        at,
        "s3",
        name,
        {"bucketName": bucket, "Host": host, **request},
        read=read,
        error=error,
        extra={
            "SignatureVersion": "SigV4",
            "CipherSuite": "TLS_AES_128_GCM_SHA256",
            "bytesTransferredIn": received,
            "AuthenticationMethod": "AuthHeader",
            "x-amz-id-2": ids.base64(56),
            "bytesTransferredOut": sent,
        },
        resources=[{"accountId": account.id, "type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{bucket}"}],
        host=host,
        request_id=ids.text(16),
        shared=shared,
    )


def service_event(
    ids: Ids, account: Account, at: datetime, service: str, name: str, details: Record
) -> Record:
    """Return the record of something that a service did by itself (`AwsServiceEvent`)."""
    host = f"{service}.amazonaws.com"
    return {
        "eventVersion": _VERSIONS.get(service, _OTHER_VERSION),
        "userIdentity": {"accountId": account.id, "invokedBy": host},
        "eventTime": stamp(at),
        "eventSource": host,
        "eventName": name,
        "awsRegion": account.region,
        "sourceIPAddress": host,
        "userAgent": host,
        "requestParameters": None,
        "responseElements": None,
        "eventID": ids.uuid(),
        "readOnly": False,
        "eventType": "AwsServiceEvent",
        "managementEvent": True,
        "recipientAccountId": account.id,
        "serviceEventDetails": details,
        "eventCategory": "Management",
    }


def console_event(
    ids: Ids,
    account: Account,
    at: datetime,
    name: str,
    identity: Record,
    result: str,
    *,
    ip: str,
    agent: str,
    additional: Record | None,
    region: str,
    error: str = "",
) -> Record:
    """Return a record of the console's sign-in service (`ConsoleLogin`, `SwitchRole`, `CheckMfa`).

    `additional` None leaves `additionalEventData` out, as some exporters of trails do.
    """
    record: Record = {
        "eventVersion": _VERSIONS["signin"],
        "userIdentity": identity,
        "eventTime": stamp(at),
        "eventSource": "signin.amazonaws.com",
        "eventName": name,
        "awsRegion": region,
        "sourceIPAddress": ip,
        "userAgent": agent,
    }
    if error:
        record["errorMessage"] = error
    record["requestParameters"] = None
    record["responseElements"] = {name: result}
    if additional is not None:
        record["additionalEventData"] = additional
    record["eventID"] = ids.uuid()
    record["readOnly"] = False
    record["eventType"] = "AwsConsoleSignIn"
    record["managementEvent"] = True
    record["recipientAccountId"] = account.id
    record["eventCategory"] = "Management"
    record["tlsDetails"] = {
        "tlsVersion": "TLSv1.3",
        "cipherSuite": "TLS_AES_128_GCM_SHA256",
        "clientProvidedHostHeader": f"{region}.signin.aws.amazon.com",
    }
    return record


def login_extras(region: str, *, mfa: bool, device: str = "") -> Record:
    """Return the additional data of a `ConsoleLogin`; `device` is the ARN or serial of the factor used."""
    home = f"https://{region}.console.aws.amazon.com/console/home"
    extras: Record = {
        "LoginTo": f"{home}?hashArgs=%23&isauthcode=true&region={region}",
        "MobileVersion": "No",
    }
    if device:
        extras["MFAIdentifier"] = device
    extras["MFAUsed"] = "Yes" if mfa else "No"
    return extras


@dataclass(frozen=True, slots=True)
class CenterUser:
    """A user of IAM Identity Center: name, user id, and the ARN of the identity store."""

    name: str
    id: str
    store: str


@dataclass(frozen=True, slots=True)
class CenterFlow:
    """One sign-in to IAM Identity Center: all its records share the workflow's id and where they came from."""

    user: CenterUser
    workflow: str
    credential: str
    ip: str
    agent: str
    portal: str


def center_event(
    ids: Ids, account: Account, at: datetime, name: str, flow: CenterFlow, factor: str
) -> Record:
    """Return one successful step of a sign-in flow; only its last, `UserAuthentication`, names the portal."""
    last = name == "UserAuthentication"
    additional: Record = {
        "AuthWorkflowID": flow.workflow,
        "UserName": flow.user.name,
        "CredentialType": factor,
    }
    if last:
        additional["LoginTo"] = flow.portal
    return {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IdentityCenterUser",
            "accountId": account.id,
            "onBehalfOf": {"userId": flow.user.id, "identityStoreArn": flow.user.store},
            "credentialId": flow.credential,
        },
        "eventTime": stamp(at),
        "eventSource": "signin.amazonaws.com",
        "eventName": name,
        "awsRegion": account.region,
        "sourceIPAddress": flow.ip,
        "userAgent": flow.agent,
        "requestParameters": None,
        "responseElements": None,
        "additionalEventData": additional,
        "eventID": ids.uuid(),
        "readOnly": False,
        "eventType": "AwsServiceEvent",
        "managementEvent": True,
        "recipientAccountId": account.id,
        "serviceEventDetails": {name: "Success"},
        "eventCategory": "Management",
    }


def credentials(key: str, ends: datetime) -> Record:
    """Return the credentials element of an STS answer; the token is what the exporter put in its place."""
    return {"accessKeyId": key, "sessionToken": "REDACTED", "expiration": spoken(ends, comma=",")}


def assume_role(
    ids: Ids,
    account: Account,
    caller: Caller,
    at: datetime,
    role: str,
    role_id: str,
    session: str,
    key: str,
    *,
    path: str = "/",
    seconds: int = 3600,
    mfa_serial: str = "",
    shared: bool = False,
) -> Record:
    """Return the record of an `AssumeRole` whose answer holds the access key id `key`."""
    arn = f"arn:aws:iam::{account.id}:role{path}{role}"
    request: Record = {"roleArn": arn, "roleSessionName": session}
    response: Record = {"credentials": credentials(key, at + timedelta(seconds=seconds))}
    if caller.identity.get("type") != "AWSService":
        request["durationSeconds"] = seconds
        if mfa_serial:
            request["serialNumber"] = mfa_serial
        response["assumedRoleUser"] = {
            "assumedRoleId": f"{role_id}:{session}",
            "arn": f"arn:aws:sts::{account.id}:assumed-role/{role}/{session}",
        }
    resource = {"accountId": account.id, "type": "AWS::IAM::Role", "ARN": arn}
    return call(
        ids,
        account,
        caller,
        at,
        "sts",
        "AssumeRole",
        request,
        response,
        read=True,
        resources=[resource],
        shared=shared,
    )


def dumped(value: object) -> str:
    """Return compact JSON, as AWS writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
