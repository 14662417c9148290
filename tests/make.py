"""Makes objects for tests: plain functions with good defaults."""

import base64
import datetime
import gzip
import hashlib
import io
import itertools
import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.http import HttpRequest
from django.test import Client as Browser

from evidence.intake.deliveries import Outcome
from evidence.intake.ingest import ingest
from evidence.intake.models import Source
from evidence.intake.sources import connect
from tenants.clients.models import Client
from tenants.clients.services import create_client
from tenants.engagements.models import Engagement
from tenants.engagements.services import open_type_2
from tenants.members.models import MSSP_ROLES, Role, User
from tenants.members.services import assign, give_role, give_second_factor, make_person

PASSWORD = "a password for tests"
_numbers = itertools.count(1)


def client(slug: str = "harbor", *, name: str = "", zone: str = "UTC", host: str | None = None) -> Client:
    """A client with its schema."""
    return create_client(slug, name=name or slug.title(), zone=zone, host=host)


def bare_client(slug: str, *, name: str = "", zone: str = "UTC") -> Client:
    """A client without a schema, for tests that never enter it."""
    return Client.objects.create(
        slug=slug, schema_name=f"bare_{slug}".replace("-", "_"), name=name or slug, zone=zone
    )


def person(name: str = "Somebody", *, second_factor: bool = False) -> User:
    """A person who may sign in and has no role anywhere."""
    user = make_person(f"person{next(_numbers)}@example.org", name=name, password=PASSWORD)
    if second_factor:
        give_second_factor(user)
    return user


def member(
    role: Role | str, at: Client | None = None, *, assigned: bool = True, second_factor: bool = True
) -> User:
    """A person with a role: of the client `at`, or of the MSSP and (unless said otherwise) assigned to it."""
    role = Role(role)
    user = person(f"{role.label} {at or ''}".strip(), second_factor=second_factor)
    if role in MSSP_ROLES:
        give_role(user, role)
        if at is not None and assigned:
            assign(user, client=at)
    else:
        assert at is not None
        give_role(user, role, client=at)
    return user


def auditor(at: Client, **engagement: Any) -> User:
    """An auditor with an engagement that is open today; see `engagement_of` for what may be said of it."""
    user = person(f"Auditor {at}", second_factor=True)
    engagement_of(at, user, **engagement)
    return user


def engagement_of(
    at: Client,
    *auditors: User,
    period: tuple[datetime.date, datetime.date] | None = None,
    access: tuple[datetime.date, datetime.date] | None = None,
    firm: str = "Okafor & Lind",
) -> Engagement:
    """A Type II engagement over last year, open from yesterday until next month unless said otherwise."""
    today = datetime.datetime.now(at.tzinfo).date()
    period = period or (datetime.date(today.year - 1, 1, 1), datetime.date(today.year - 1, 12, 31))
    access = access or (today - datetime.timedelta(days=1), today + datetime.timedelta(days=30))
    return open_type_2(
        at,
        firm=firm,
        period_start=period[0],
        period_end=period[1],
        access_from=access[0],
        access_until=access[1],
        auditors=auditors,
    )


def signed_in(user: User | None, *, host: str | None = None) -> Browser:
    """A browser in which this person is signed in (nobody, for None), at the portal or at a host of a client's own."""
    defaults: dict[str, Any] = {"HTTP_HOST": host} if host else {}
    browser = Browser(**defaults)
    if user is not None:
        browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return browser


def step_up(browser: Browser, user: User, *, at: str = "/") -> None:
    """Prove the person's second factor once more in a browser; `at` is the portal's or a client's root."""
    row = Authenticator.objects.get(user=user, type=Authenticator.Type.TOTP)
    counter = int(datetime.datetime.now(datetime.UTC).timestamp()) // 30
    code = format_hotp_value(hotp_value(get_adapter().decrypt(row.data["secret"]), counter))
    answer = browser.post(f"{at}accounts/second-factor/again/", {"code": code})
    assert answer.status_code == 302, answer.content.decode()[:2000]


def stepped_up(user: User, *, host: str | None = None) -> Browser:
    """A browser in which this person is signed in and showed a second factor just now."""
    browser = signed_in(user, host=host)
    request = HttpRequest()
    request.session = browser.session
    record_authentication(request, user, "mfa", type="totp")
    request.session.save()
    return browser


# Evidence: what AWS writes, with one account and accounts named by first names.

AWS_ACCOUNT = "111122223333"
NOON = datetime.datetime(2026, 3, 2, 12, tzinfo=datetime.UTC)
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


def source(*, connected: datetime.datetime = NOON) -> Source:
    """The present client's AWS source."""
    return connect("aws", at=connected)


def rfc3339(at: datetime.datetime) -> str:
    """An instant as CloudTrail writes it: whole seconds, UTC."""
    return at.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def event_id(*parts: object) -> str:
    """A UUID that is the same for the same parts, so that two writings of one record share it."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "/".join(map(str, parts))))


def user_id(name: str, prefix: str = "AIDA") -> str:
    """A stable IAM identifier of a name."""
    digest = hashlib.sha256(name.encode()).digest()
    return prefix + base64.b32encode(digest).decode()[:16]


def user_arn(name: str) -> str:
    """The ARN of a user of the account."""
    return f"arn:aws:iam::{AWS_ACCOUNT}:user/{name}"


def role_arn(name: str) -> str:
    """The ARN of a role of the account."""
    return f"arn:aws:iam::{AWS_ACCOUNT}:role/{name}"


def user_identity(name: str = "alice", **more: Any) -> dict[str, Any]:
    """`userIdentity` of an IAM user, or of root for the name `root`."""
    if name == "root":
        return {
            "type": "Root",
            "principalId": AWS_ACCOUNT,
            "arn": f"arn:aws:iam::{AWS_ACCOUNT}:root",
            "accountId": AWS_ACCOUNT,
            **more,
        }
    return {
        "type": "IAMUser",
        "principalId": user_id(name),
        "arn": user_arn(name),
        "accountId": AWS_ACCOUNT,
        "userName": name,
        **more,
    }


def role_identity(
    role: str, session: str, *, key: str = "", since: datetime.datetime = NOON
) -> dict[str, Any]:
    """`userIdentity` of a role session whose credentials have the access key id `key`."""
    return {
        "type": "AssumedRole",
        "principalId": f"{user_id(role, 'AROA')}:{session}",
        "arn": f"arn:aws:sts::{AWS_ACCOUNT}:assumed-role/{role}/{session}",
        "accountId": AWS_ACCOUNT,
        "accessKeyId": key,
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": user_id(role, "AROA"),
                "arn": role_arn(role),
                "accountId": AWS_ACCOUNT,
                "userName": role,
            },
            "attributes": {"creationDate": rfc3339(since), "mfaAuthenticated": "false"},
        },
    }


def record(
    action: str = "DescribeInstances",
    *,
    at: datetime.datetime = NOON,
    by: str | dict[str, Any] = "alice",
    service: str = "ec2",
    n: int = 0,
    **more: Any,
) -> dict[str, Any]:
    """One CloudTrail record; `n` tells records of one instant apart."""
    identity = user_identity(by, accessKeyId="AKIA" + user_id(str(by))[4:]) if isinstance(by, str) else by
    return {
        "eventVersion": "1.11",
        "userIdentity": identity,
        "eventTime": rfc3339(at),
        "eventSource": f"{service}.amazonaws.com",
        "eventName": action,
        "awsRegion": "us-east-1",
        "sourceIPAddress": "198.51.100.24",
        "userAgent": "aws-cli/2.17.9",
        "requestParameters": None,
        "responseElements": None,
        "requestID": event_id("request", action, at, identity.get("principalId"), n),
        "eventID": event_id("event", action, at, identity.get("principalId"), n),
        "readOnly": action.startswith(("Describe", "Get", "List")),
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": AWS_ACCOUNT,
        "eventCategory": "Management",
        **more,
    }


def sign_in(
    by: str | dict[str, Any] = "alice",
    *,
    at: datetime.datetime = NOON,
    mfa: bool | None = False,
    n: int = 0,
    **more: Any,
) -> dict[str, Any]:
    """A successful console sign-in; `mfa=None` is a record that does not tell."""
    told = {"MFAUsed": "Yes" if mfa else "No", "MobileVersion": "No"}
    additional = {} if mfa is None else {"additionalEventData": told}
    identity = user_identity(by, accessKeyId="") if isinstance(by, str) else by
    return record(
        "ConsoleLogin",
        at=at,
        by=identity,
        service="signin",
        n=n,
        **{
            "eventType": "AwsConsoleSignIn",
            "responseElements": {"ConsoleLogin": "Success"},
            **additional,
            **more,
        },
    )


def assume_role(
    role: str,
    *,
    by: str | dict[str, Any] = "alice",
    key: str,
    session: str = "alice",
    mfa: bool | None = None,
    at: datetime.datetime = NOON,
    n: int = 0,
) -> dict[str, Any]:
    """A successful AssumeRole that hands out the access key id `key`; `mfa` is what a user's session says."""
    identity = user_identity(by, accessKeyId="ASIA" + user_id(str(by))[4:]) if isinstance(by, str) else by
    if mfa is not None:
        identity["sessionContext"] = {
            "attributes": {"creationDate": rfc3339(at), "mfaAuthenticated": "true" if mfa else "false"}
        }
    return record(
        "AssumeRole",
        at=at,
        by=identity,
        service="sts",
        n=n,
        requestParameters={"roleArn": role_arn(role), "roleSessionName": session, "durationSeconds": 3600},
        responseElements={
            "credentials": {"accessKeyId": key, "sessionToken": "HIDDEN_DUE_TO_SECURITY_REASONS"},
            "assumedRoleUser": {
                "assumedRoleId": f"{user_id(role, 'AROA')}:{session}",
                "arn": f"arn:aws:sts::{AWS_ACCOUNT}:assumed-role/{role}/{session}",
            },
        },
    )


def attach_policy(
    user: str, *, at: datetime.datetime, policy: str = ADMINISTRATOR, n: int = 0
) -> dict[str, Any]:
    """An administrator gives a user a managed policy."""
    return record(
        "AttachUserPolicy",
        at=at,
        by="root",
        service="iam",
        n=n,
        requestParameters={"userName": user, "policyArn": policy},
    )


def identity_center(
    action: str,
    *,
    flow: str,
    at: datetime.datetime,
    credential: str | None = None,
    ok: bool = True,
    n: int = 0,
) -> dict[str, Any]:
    """One event of an Identity Center sign-in of Dana's: `CredentialVerification` or `UserAuthentication`."""
    additional = {"AuthWorkflowID": flow, "UserName": "dana"}
    if credential:
        additional["CredentialType"] = credential
    identity = {
        "type": "IdentityCenterUser",
        "accountId": AWS_ACCOUNT,
        "onBehalfOf": {
            "userId": "94482488-3041-7005-8a4c-1c1f5a3be001",
            "identityStoreArn": f"arn:aws:identitystore::{AWS_ACCOUNT}:identitystore/d-9067642ac7",
        },
    }
    return record(
        action,
        at=at,
        by=identity,
        service="signin",
        n=n,
        additionalEventData=additional,
        eventType="AwsServiceEvent",
        eventID=event_id(action, flow, at, credential, n),
        serviceEventDetails={action: "Success" if ok else "Failure"},
    )


def lines(records: Iterable[dict[str, Any]]) -> bytes:
    """Records as a file of lines."""
    return b"".join(json.dumps(one, separators=(",", ":")).encode() + b"\n" for one in records)


def log_file(records: Iterable[dict[str, Any]], *, packed: bool = True) -> bytes:
    """Records as CloudTrail delivers them to a bucket."""
    content = json.dumps({"Records": list(records)}, separators=(",", ":")).encode()
    return gzip.compress(content, mtime=0) if packed else content


def listing(
    at: datetime.datetime,
    users: Mapping[str, bool] | None = None,
    roles: Mapping[str, bool] | None = None,
) -> bytes:
    """`get-account-authorization-details` at an instant: each user and role, and whether it is an administrator."""

    def policies(privileged: bool) -> list[dict[str, str]]:
        return [{"PolicyName": "AdministratorAccess", "PolicyArn": ADMINISTRATOR}] if privileged else []

    trust = {"AWS": f"arn:aws:iam::{AWS_ACCOUNT}:root"}
    allowed = {"Effect": "Allow", "Principal": trust, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [allowed]}
    return json.dumps(
        {
            "taken_at": rfc3339(at),
            "UserDetailList": [
                {
                    "Path": "/",
                    "UserName": name,
                    "UserId": user_id(name),
                    "Arn": user_arn(name),
                    "CreateDate": "2025-06-02T07:30:00+00:00",
                    "GroupList": [],
                    "AttachedManagedPolicies": policies(privileged),
                    "Tags": [],
                }
                for name, privileged in (users or {}).items()
            ],
            "GroupDetailList": [],
            "RoleDetailList": [
                {
                    "Path": "/",
                    "RoleName": name,
                    "RoleId": user_id(name, "AROA"),
                    "Arn": role_arn(name),
                    "CreateDate": "2025-06-02T07:30:00+00:00",
                    "AssumeRolePolicyDocument": document,
                    "AttachedManagedPolicies": policies(privileged),
                    "RolePolicyList": [],
                    "InstanceProfileList": [],
                    "Tags": [],
                }
                for name, privileged in (roles or {}).items()
            ],
            "Policies": [],
            "IsTruncated": False,
        }
    ).encode()


def credential_report(users: Mapping[str, bool]) -> bytes:
    """A credential report: each user with a password, and whether a factor is enrolled. Its instant is in its name."""
    head = (
        "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,"
        "password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,"
        "access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,"
        "access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,"
        "cert_1_last_rotated,cert_2_active,cert_2_last_rotated"
    )
    rows = [head]
    for name, mfa in users.items():
        rows.append(
            f"{name},{user_arn(name)},2025-06-02T07:30:00+00:00,true,no_information,2026-01-05T08:00:00+00:00,N/A,"
            f"{str(mfa).lower()},false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A"
        )
    return ("\n".join(rows) + "\n").encode()


def report_name(at: datetime.datetime) -> str:
    """The name that gives a credential report its instant."""
    return f"credential_report_{at:%Y-%m-%dT%H%M}Z.csv"


def take_in(
    content: bytes,
    *,
    name: str = "trail.json",
    at: datetime.datetime | None = None,
    into: Source | None = None,
) -> Outcome:
    """Bring bytes in through the ordinary intake of the present client, an hour after noon unless said otherwise."""
    at = at or NOON + datetime.timedelta(hours=1)
    return ingest(into or source(), io.BytesIO(content), name=name, way="ingest", at=at)[1]
