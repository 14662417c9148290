"""AWS IAM as it stands at an instant: `get-account-authorization-details` and the credential report.

`Directory` holds users, groups, roles and policies of one account and prints both documents in AWS's
own formats (IAM API Reference, "GetAccountAuthorizationDetails"; IAM User Guide, "Generate credential
reports for your AWS account").
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from random import Random
from typing import Any

from config.demo.aws import Account, Ids, dumped

_AWS_POLICY = "arn:aws:iam::aws:policy/"

REPORT_COLUMNS = (
    "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,"
    "password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,"
    "access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,"
    "access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,"
    "access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,"
    "cert_2_active,cert_2_last_rotated"
)
_NO_SECOND_KEY_NO_CERTIFICATES = "false,N/A,N/A,N/A,N/A,false,N/A,false,N/A"

Document = dict[str, Any]


def allow(actions: Sequence[str] | str, resource: Sequence[str] | str = "*") -> Document:
    """Return a policy document that allows the actions on the resource."""
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": actions, "Resource": resource}],
    }


# Documents of the AWS managed policies that the demo's accounts attach (shortened where AWS's are long).
MANAGED: Mapping[str, Document] = {
    "AdministratorAccess": allow("*"),
    "IAMFullAccess": allow(["iam:*", "organizations:DescribeAccount", "organizations:ListPolicies"]),
    "PowerUserAccess": {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"},
            {
                "Effect": "Allow",
                "Action": [
                    "iam:CreateServiceLinkedRole",
                    "iam:ListRoles",
                    "organizations:DescribeOrganization",
                ],
                "Resource": "*",
            },
        ],
    },
    "SecurityAudit": allow(
        ["access-analyzer:Get*", "cloudtrail:Describe*", "ec2:Describe*", "iam:List*", "s3:GetBucket*"]
    ),
    "CloudWatchReadOnlyAccess": allow(
        ["cloudwatch:Describe*", "cloudwatch:Get*", "logs:Get*", "logs:Describe*"]
    ),
    "AmazonSSMManagedInstanceCore": allow(
        ["ssm:UpdateInstanceInformation", "ssmmessages:*", "ec2messages:*"]
    ),
    "IAMUserChangePassword": allow(["iam:ChangePassword"], "arn:aws:iam::*:user/${aws:username}"),
}


@dataclass(slots=True)
class User:
    """An IAM user as it stands; `device` is the ARN of the enrolled factor or empty."""

    name: str
    principal: str
    created: datetime
    groups: list[str]
    policies: list[str]
    console: bool
    device: str
    key: str
    last_sign_in: datetime | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """An IAM group: attached AWS managed policies and inline documents by name."""

    name: str
    attached: tuple[str, ...] = ()
    inline: Mapping[str, Document] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Role:
    """An IAM role: who may assume it, attached AWS managed policies, inline documents by name."""

    name: str
    trust: Document
    attached: tuple[str, ...] = ()
    inline: Mapping[str, Document] = field(default_factory=dict)
    path: str = "/"


def trusts(
    kind: str,
    who: Sequence[str] | str,
    action: str = "sts:AssumeRole",
    *,
    condition: Document | None = None,
) -> Document:
    """Return a trust policy; `kind` is `AWS`, `Service` or `Federated`."""
    statement: Document = {"Effect": "Allow", "Principal": {kind: who}, "Action": action}
    if condition:
        statement["Condition"] = condition
    return {"Version": "2012-10-17", "Statement": [statement]}


class Directory:
    """Users, groups and roles of one account; changes go through `note_change` so that print-outs follow."""

    def __init__(
        self, account: Account, seed: str, began: datetime, groups: Sequence[Group], roles: Sequence[Role]
    ) -> None:
        self.account = account
        self.seed = seed
        self.began = began
        self.groups = {group.name: group for group in groups}
        self.roles = {role.name: role for role in roles}
        self.users: dict[str, User] = {}
        self.root_last_used: datetime | None = None
        self._printed = ""
        self._ids = {role.name: self.ids(f"role/{role.name}").principal("AROA", account) for role in roles}

    def ids(self, of: str) -> Ids:
        """Return the identifiers of one thing: they depend on its name only, not on what came before."""
        return Ids(Random(f"{self.seed}/{self.account.id}/{of}"))

    def role_id(self, role: str) -> str:
        """Return the unique id of a role."""
        return self._ids[role]

    def role_arn(self, role: str) -> str:
        """Return the ARN of a role."""
        return f"arn:aws:iam::{self.account.id}:role{self.roles[role].path}{role}"

    def device_arn(self, user: str) -> str:
        """Return the ARN of a user's virtual factor."""
        return f"arn:aws:iam::{self.account.id}:mfa/{user}"

    def add_user(
        self, name: str, created: datetime, *, group: str, policy: str, console: bool, factor: bool, key: bool
    ) -> User:
        """Add a user with what it has from the start."""
        ids = self.ids(f"user/{name}")
        user = User(
            name,
            ids.principal("AIDA", self.account),
            created,
            [group] if group else [],
            [policy] if policy else [],
            console,
            self.device_arn(name) if factor else "",
            ids.key("AKIA", self.account) if key else "",
        )
        self.users[name] = user
        self.note_change()
        return user

    def note_change(self) -> None:
        """Forget what was printed: something changed."""
        self._printed = ""

    def authorization_details(self, at: datetime) -> str:
        """Return the answer of `get-account-authorization-details` at an instant, as one line of JSON.

        It is what the SDK for Python returns: the four lists and the answer's own metadata.
        """
        if not self._printed:
            lists = {
                "UserDetailList": [self._user(user) for user in self._sorted_users()],
                "GroupDetailList": [self._group(group) for group in self.groups.values()],
                "RoleDetailList": [self._role(role) for role in self.roles.values()],
                "Policies": [self._managed(name) for name in self._attached()],
                "IsTruncated": False,
            }
            self._printed = dumped(lists)[:-1]
        ids = self.ids(f"answer/{at.isoformat()}")
        request = ids.uuid()
        body = self._printed.replace("@USED", _offset(_lately(at)))
        headers = {
            "date": format_datetime(at, usegmt=True),
            "x-amzn-requestid": request,
            "content-type": "text/xml",
            "content-length": str(len(body)),
        }
        metadata = {"RequestId": request, "HTTPStatusCode": 200, "HTTPHeaders": headers, "RetryAttempts": 0}
        return f'{body},"ResponseMetadata":{dumped(metadata)}}}'

    def credential_report(self, at: datetime) -> str:
        """Return the credential report at an instant as CSV: the root user first, then users by name."""
        created = _offset(self.began)
        root = (
            f"<root_account>,arn:aws:iam::{self.account.id}:root,{created},not_supported,"
            f"{_offset(self.root_last_used) if self.root_last_used else 'no_information'},"
            f"not_supported,not_supported,true,"
            f"false,N/A,N/A,N/A,N/A,{_NO_SECOND_KEY_NO_CERTIFICATES}"
        )
        lines = [REPORT_COLUMNS, root]
        for user in self._sorted_users():
            made = _offset(user.created)
            password = "false,N/A,N/A,N/A"
            if user.console:
                used = _offset(user.last_sign_in) if user.last_sign_in else "no_information"
                password = f"true,{used},{made},N/A"
            key = "false,N/A,N/A,N/A,N/A"
            if user.key:
                region = self.account.region
                key = f"true,{made},{_offset(_lately(at))},{region},sts"
            factor = "true" if user.device else "false"
            arn = f"arn:aws:iam::{self.account.id}:user/{user.name}"
            lines.append(
                f"{user.name},{arn},{made},{password},{factor},{key},{_NO_SECOND_KEY_NO_CERTIFICATES}"
            )
        return "\n".join(lines)

    def report_answer(self, at: datetime, report: str) -> str:
        """Return the answer of `get-credential-report` around a report, as one line of JSON."""
        content = base64.b64encode(report.encode()).decode()
        return dumped({"Content": content, "ReportFormat": "text/csv", "GeneratedTime": _offset(at)})

    def _sorted_users(self) -> list[User]:
        return sorted(self.users.values(), key=lambda user: user.name)

    def _attached(self) -> list[str]:
        names = {name for user in self.users.values() for name in user.policies}
        for attached in self._attachments():
            names.update(attached)
        return sorted(names)

    def _attachments(self) -> list[tuple[str, ...]]:
        groups = [group.attached for group in self.groups.values()]
        return groups + [role.attached for role in self.roles.values()]

    def _user(self, user: User) -> Document:
        return {
            "Path": "/",
            "UserName": user.name,
            "UserId": user.principal,
            "Arn": f"arn:aws:iam::{self.account.id}:user/{user.name}",
            "CreateDate": _offset(user.created),
            "GroupList": list(user.groups),
            "AttachedManagedPolicies": [_attachment(name) for name in user.policies],
            "Tags": [],
        }

    def _group(self, group: Group) -> Document:
        return {
            "Path": "/",
            "GroupName": group.name,
            "GroupId": self.ids(f"group/{group.name}").principal("AGPA", self.account),
            "Arn": f"arn:aws:iam::{self.account.id}:group/{group.name}",
            "CreateDate": _offset(self.began),
            "GroupPolicyList": [
                {"PolicyName": name, "PolicyDocument": document} for name, document in group.inline.items()
            ],
            "AttachedManagedPolicies": [_attachment(name) for name in group.attached],
        }

    def _role(self, role: Role) -> Document:
        return {
            "Path": role.path,
            "RoleName": role.name,
            "RoleId": self.role_id(role.name),
            "Arn": self.role_arn(role.name),
            "CreateDate": _offset(self.began),
            "AssumeRolePolicyDocument": role.trust,
            "InstanceProfileList": [],
            "RolePolicyList": [
                {"PolicyName": name, "PolicyDocument": document} for name, document in role.inline.items()
            ],
            "AttachedManagedPolicies": [_attachment(name) for name in role.attached],
            "Tags": [],
            "RoleLastUsed": {"LastUsedDate": "@USED", "Region": self.account.region},
        }

    def _managed(self, name: str) -> Document:
        count = sum(name in attached for attached in self._attachments())
        count += sum(name in user.policies for user in self.users.values())
        return {
            "PolicyName": name,
            "PolicyId": "ANPA" + Ids(Random(f"managed/{name}")).text(17),
            "Arn": _AWS_POLICY + name,
            "Path": "/",
            "DefaultVersionId": "v1",
            "AttachmentCount": count,
            "PermissionsBoundaryUsageCount": 0,
            "IsAttachable": True,
            "CreateDate": "2015-02-06T18:39:46+00:00",
            "UpdateDate": "2015-02-06T18:39:46+00:00",
            "PolicyVersionList": [
                {
                    "Document": MANAGED[name],
                    "VersionId": "v1",
                    "IsDefaultVersion": True,
                    "CreateDate": "2015-02-06T18:39:46+00:00",
                }
            ],
        }


def _lately(at: datetime) -> datetime:
    """When something in daily use was used last, as far as a listing knows: some days behind the truth."""
    sunday = at - timedelta(days=at.weekday() + 1)
    return sunday.replace(hour=11, minute=4, second=0)


def _attachment(name: str) -> Document:
    return {"PolicyName": name, "PolicyArn": _AWS_POLICY + name}


def _offset(at: datetime) -> str:
    return f"{at.year:04}-{at.month:02}-{at.day:02}T{at.hour:02}:{at.minute:02}:{at.second:02}+00:00"
