"""The two clients' AWS accounts: ids, regions, groups and roles, as the first day of the story finds them."""

from collections.abc import Sequence
from dataclasses import dataclass

from config.demo.aws import Account
from config.demo.aws_iam import Group, Role, allow, trusts
from config.demo.people import HARBOR_WORKERS, LARKFIELD_WORKERS, Worker

_CONDITION = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


@dataclass(frozen=True, slots=True)
class DemoClient:
    """A client of the demo: what the portal is told of it, and what stands in its AWS account."""

    slug: str
    name: str
    zone: str
    paper: str
    people: int
    domain: str
    account: Account
    workers: tuple[Worker, ...]
    groups: tuple[Group, ...]
    roles: tuple[Role, ...]
    # Offices and homes, all in ranges reserved for documentation (RFC 5737).
    office: str
    homes: str
    # Application roles that call by themselves day and night, and what they run on.
    tasks: tuple[str, ...]
    functions: tuple[str, ...]
    buckets: tuple[str, ...]
    database: str


def _service_role(name: str, service: str, actions: Sequence[str], *attached: str) -> Role:
    return Role(name, trusts("Service", f"{service}.amazonaws.com"), attached, {"work": allow(actions)})


def _harbor() -> DemoClient:
    account = Account("466012873305", "WXQKD7RM", "us-east-1")
    arn = f"arn:aws:iam::{account.id}"
    operators = [
        f"{arn}:user/{name}" for name in ("miles.okoro", "priya.raman", "owen.fairbanks", "rosa.delgado")
    ]
    provider = f"{arn}:saml-provider/CorporateDirectory"
    audience = {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}}
    return DemoClient(
        slug="harbor",
        name="Harbor Ledger",
        zone="America/New_York",
        paper="Letter",
        people=142,
        domain="harborledger.example",
        account=account,
        workers=HARBOR_WORKERS,
        groups=(
            Group("PlatformAdmins", ("AdministratorAccess",)),
            Group("IdentityAdmins", ("IAMFullAccess", "CloudWatchReadOnlyAccess")),
            Group(
                "Engineering",
                ("CloudWatchReadOnlyAccess", "IAMUserChangePassword"),
                {
                    "engineering": allow(
                        ["ec2:Describe*", "ecs:Describe*", "ecs:List*", "lambda:Get*", "s3:List*"]
                    )
                },
            ),
            Group("Auditing", ("SecurityAudit", "IAMUserChangePassword")),
            Group(
                "Support",
                ("IAMUserChangePassword",),
                {"support": allow(["ecs:Describe*", "logs:FilterLogEvents"])},
            ),
            Group(
                "Reporting",
                ("IAMUserChangePassword",),
                {"reporting": allow(["athena:*", "glue:Get*", "s3:Get*"])},
            ),
            Group(
                "Deployment",
                (),
                {"assume": allow("sts:AssumeRole", f"{arn}:role/LedgerDeploy")},
            ),
            Group("Observation", ("CloudWatchReadOnlyAccess",)),
            Group("Mailing", (), {"send": allow(["ses:SendRawEmail"])}),
        ),
        roles=(
            Role("HarborAdmin", trusts("AWS", operators, condition=_CONDITION), ("AdministratorAccess",)),
            Role("HarborJump", trusts("AWS", operators, condition=_CONDITION), ("PowerUserAccess",)),
            Role(
                "HarborDatabaseAdmin",
                trusts("AWS", f"{arn}:role/HarborJump"),
                (),
                {"databases": allow(["rds:*", "iam:PassRole"])},
            ),
            Role(
                "DirectoryAdmin",
                trusts("Federated", provider, "sts:AssumeRoleWithSAML", condition=audience),
                ("AdministratorAccess",),
            ),
            Role(
                "LedgerDeploy",
                trusts("AWS", f"{arn}:user/svc-deploy"),
                (),
                {
                    "deploy": allow(
                        ["ecs:UpdateService", "ecs:RegisterTaskDefinition", "lambda:UpdateFunctionCode"]
                    )
                },
            ),
            _service_role("ledger-api-task", "ecs-tasks", ["secretsmanager:GetSecretValue", "kms:Decrypt"]),
            _service_role(
                "ledger-worker-task", "ecs-tasks", ["secretsmanager:GetSecretValue", "sqs:ReceiveMessage"]
            ),
            _service_role(
                "statement-export", "lambda", ["logs:CreateLogStream", "s3:PutObject", "kms:Decrypt"]
            ),
            _service_role("bank-feed-poll", "lambda", ["logs:CreateLogStream", "ssm:GetParameter"]),
            _service_role("bastion-instance", "ec2", ["ec2messages:*"], "AmazonSSMManagedInstanceCore"),
            _service_role(
                "backup-plan", "backup", ["rds:CreateDBSnapshot", "ec2:CreateSnapshot", "tag:GetResources"]
            ),
        ),
        office="203.0.113",
        homes="198.51.100",
        tasks=("ledger-api-task", "ledger-worker-task"),
        functions=("statement-export", "bank-feed-poll"),
        buckets=("harbor-ledger-statements", "harbor-ledger-exports", "harbor-ledger-trail"),
        database="ledger-prod",
    )


def _larkfield() -> DemoClient:
    account = Account("731540926618", "2VJZNA5T", "eu-central-1")
    arn = f"arn:aws:iam::{account.id}"
    provider = f"{arn}:saml-provider/ClinicsDirectory"
    audience = {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}}
    return DemoClient(
        slug="larkfield",
        name="Larkfield Clinics",
        zone="Europe/Zurich",
        paper="A4",
        people=64,
        domain="larkfield.example",
        account=account,
        workers=LARKFIELD_WORKERS,
        groups=(
            Group("Administrators", ("AdministratorAccess",)),
            Group(
                "Developers", ("CloudWatchReadOnlyAccess",), {"develop": allow(["ecs:Describe*", "s3:List*"])}
            ),
            Group("Observers", ("SecurityAudit",)),
            Group("Deployment", (), {"assume": allow("sts:AssumeRole", f"{arn}:role/PortalDeploy")}),
            Group("Import", (), {"import": allow(["s3:PutObject"], "arn:aws:s3:::larkfield-lab-results/*")}),
        ),
        roles=(
            Role(
                "LarkfieldAdmin",
                trusts("AWS", [f"{arn}:user/nadia.frei"], condition=_CONDITION),
                ("AdministratorAccess",),
            ),
            Role(
                "DirectoryAdmin",
                trusts("Federated", provider, "sts:AssumeRoleWithSAML", condition=audience),
                ("AdministratorAccess",),
            ),
            Role(
                "PortalDeploy",
                trusts("AWS", f"{arn}:user/svc-pipeline"),
                (),
                {"deploy": allow(["ecs:UpdateService"])},
            ),
            _service_role("portal-task", "ecs-tasks", ["secretsmanager:GetSecretValue", "kms:Decrypt"]),
            _service_role("lab-result-import", "lambda", ["logs:CreateLogStream", "s3:GetObject"]),
            _service_role("records-instance", "ec2", ["ec2messages:*"], "AmazonSSMManagedInstanceCore"),
            _service_role("backup-plan", "backup", ["rds:CreateDBSnapshot", "ec2:CreateSnapshot"]),
        ),
        office="192.0.2",
        homes="198.51.100",
        tasks=("portal-task",),
        functions=("lab-result-import",),
        buckets=("larkfield-lab-results", "larkfield-referrals", "larkfield-trail"),
        database="clinic-records",
    )


CLIENTS = {client.slug: client for client in (_harbor(), _larkfield())}
