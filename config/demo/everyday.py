"""What an AWS account records on any day: services, applications, the pipeline, people who look around.

Nothing of it is a privileged sign-in. `weight` scales the day to the size of the client.
"""

from datetime import datetime, timedelta

from config.demo.aws import Caller, Record, assume_role, call, s3_call, service_event
from config.demo.signins import deploy_session
from config.demo.stage import BOTO, SDK, Stage

_LOOKS: tuple[tuple[str, str, Record | None], ...] = (
    ("ec2", "DescribeInstances", {"maxResults": 100, "instancesSet": {}, "filterSet": {}}),
    ("ec2", "DescribeSecurityGroups", {"securityGroupSet": {}, "securityGroupIdSet": {}, "filterSet": {}}),
    ("ec2", "DescribeVolumes", {"maxResults": 100, "volumeSet": {}, "filterSet": {}}),
    ("rds", "DescribeDBInstances", {"maxRecords": 100}),
    ("rds", "DescribeDBSnapshots", {"maxRecords": 100, "includeShared": False, "includePublic": False}),
    ("iam", "ListUsers", {"maxItems": 1000}),
    ("iam", "GetAccountSummary", None),
    ("monitoring", "DescribeAlarms", {"maxRecords": 100}),
    ("logs", "DescribeLogGroups", {"limit": 50}),
    ("ecs", "DescribeServices", None),
    ("lambda", "ListFunctions20150331", {"maxItems": 50}),
    ("kms", "ListAliases", {"limit": 100}),
    ("cloudtrail", "DescribeTrails", {"trailNameList": [], "includeShadowTrails": True}),
)


def background(stage: Stage, *, weight: float) -> None:
    """Put down a day of machines: logs delivered, functions run, secrets read, agents reporting."""
    for hour in _spread(stage, 5 * weight):
        _trail_checks_its_bucket(stage, stage.clock(hour))
    for hour in _spread(stage, 9 * weight):
        _function_runs(stage, stage.clock(hour))
    for hour in _spread(stage, 8 * weight):
        _task_reads_a_secret(stage, stage.clock(hour))
    for hour in _spread(stage, 5 * weight):
        _agent_reports(stage, stage.clock(hour))
    for hour in _spread(stage, 4 * weight):
        _metrics_are_pulled(stage, stage.clock(hour))
    nightly_backup(stage, stage.clock(3.0, 0.3))


def workday(stage: Stage, *, weight: float) -> None:
    """Put down what people do on a working day besides signing in."""
    people = [name for name, user in stage.directory.users.items() if user.console and user.last_sign_in]
    for hour in _spread(stage, 5 * weight, 9.0, 17.0):
        if people:
            name = people[stage.random.randrange(len(people))]
            _looks_around(stage, name, stage.clock(hour), 2 + stage.random.randrange(3))
    if people and stage.random.random() < 0.3:
        _is_denied(stage, people[stage.random.randrange(len(people))], stage.clock(9.5, 7))


def _spread(stage: Stage, count: float, start: float = 0.0, end: float = 24.0) -> list[float]:
    whole = int(count) + (stage.random.random() < count % 1)
    return [start + stage.random.random() * (end - start) for _ in range(whole)]


def _trail_checks_its_bucket(stage: Stage, at: datetime) -> None:
    bucket = stage.client.buckets[-1]
    stage.put(
        at,
        s3_call(
            stage.ids,
            stage.client.account,
            stage.service("cloudtrail"),
            at,
            "GetBucketAcl",
            bucket,
            {"acl": ""},
            read=True,
            sent=552,
            shared=True,
        ),
    )


def _function_runs(stage: Stage, at: datetime) -> None:
    account, ids = stage.client.account, stage.ids
    name = stage.client.functions[stage.random.randrange(len(stage.client.functions))]
    key = ids.key("ASIA", account)
    taken = assume_role(
        ids, account, stage.service("lambda"), at, name, stage.directory.role_id(name), name, key, shared=True
    )
    stage.put(at, taken)
    started = at + timedelta(seconds=1)
    caller = stage.in_role(name, name, at, key=key, agent=SDK)
    stream = {
        "logGroupName": f"/aws/lambda/{name}",
        "logStreamName": f"{at:%Y/%m/%d}/[$LATEST]{ids.hexadecimal(32)}",
    }
    stage.put(started, call(ids, account, caller, started, "logs", "CreateLogStream", stream, api="20140328"))
    if stage.random.random() < 0.5:
        _decrypts(stage, name, at, started + timedelta(seconds=1), "ssm", "PARAMETER_ARN")


def _task_reads_a_secret(stage: Stage, at: datetime) -> None:
    account, ids = stage.client.account, stage.ids
    name = stage.client.tasks[stage.random.randrange(len(stage.client.tasks))]
    since = at - timedelta(minutes=stage.random.randrange(5, 300))
    caller = stage.in_role(name, ids.hexadecimal(32), since)
    secret = f"arn:aws:secretsmanager:{account.region}:{account.id}:secret:{name}/database-a8Kq2v"
    stage.put(
        at,
        call(ids, account, caller, at, "secretsmanager", "GetSecretValue", {"secretId": secret}, read=True),
    )
    _decrypts(stage, name, since, at, "secretsmanager", "SecretARN")


def _decrypts(stage: Stage, role: str, since: datetime, at: datetime, service: str, context: str) -> None:
    account, ids = stage.client.account, stage.ids
    caller = stage.in_role(role, role, since, invoked_by=service)
    key = f"arn:aws:kms:{account.region}:{account.id}:key/{stage.directory.ids('data-key').uuid()}"
    named = "parameter/" if service == "ssm" else "secret:"
    request: Record = {
        "encryptionContext": {context: f"arn:aws:{service}:{account.region}:{account.id}:{named}{role}"},
        "encryptionAlgorithm": "SYMMETRIC_DEFAULT",
    }
    resource = {"accountId": account.id, "type": "AWS::KMS::Key", "ARN": key}
    stage.put(at, call(ids, account, caller, at, "kms", "Decrypt", request, read=True, resources=[resource]))


def _agent_reports(stage: Stage, at: datetime) -> None:
    account = stage.client.account
    role = next(role for role in stage.client.roles if role.name.endswith("-instance")).name
    instance = f"i-0{stage.directory.ids('instance').hexadecimal(16)}"
    since = at - timedelta(minutes=stage.random.randrange(5, 300))
    agent = "aws-sdk-go/1.55.5 (go1.23.9; linux; amd64) amazon-ssm-agent/"
    caller = stage.in_role(role, instance, since, agent=agent, instance=True)
    request = {
        "instanceId": instance,
        "agentVersion": "3.3.2299.0",
        "agentStatus": "Active",
        "platformType": "Linux",
        "platformName": "Amazon Linux",
        "platformVersion": "2023",
        "iPAddress": "10.20.1.14",
        "computerName": "ip-10-20-1-14.ec2.internal",
        "agentName": "amazon-ssm-agent",
    }
    stage.put(at, call(stage.ids, account, caller, at, "ssm", "UpdateInstanceInformation", request))


def _metrics_are_pulled(stage: Stage, at: datetime) -> None:
    name = next(name for name, user in stage.directory.users.items() if not user.console)
    caller = stage.with_key(name, BOTO)
    service, action, request = _LOOKS[stage.random.randrange(5)]
    stage.put(at, call(stage.ids, stage.client.account, caller, at, service, action, request, read=True))


def _looks_around(stage: Stage, name: str, at: datetime, count: int) -> None:
    user = stage.user(name)
    caller = stage.in_session(name, at - timedelta(minutes=4), mfa=bool(user.device), console=True)
    for place in range(count):
        when = at + timedelta(seconds=20 * place)
        service, action, request = _LOOKS[stage.random.randrange(len(_LOOKS))]
        if action == "DescribeServices":
            request = {"cluster": f"{stage.client.slug}-prod", "services": list(stage.client.tasks)}
        stage.put(
            when, call(stage.ids, stage.client.account, caller, when, service, action, request, read=True)
        )
    if stage.random.random() < 0.25:
        when = at + timedelta(seconds=20 * count)
        bucket = stage.client.buckets[stage.random.randrange(2)]
        listed = s3_call(
            stage.ids,
            stage.client.account,
            caller,
            when,
            "GetBucketLocation",
            bucket,
            {"location": ""},
            read=True,
            sent=137,
        )
        stage.put(when, listed)


def _is_denied(stage: Stage, name: str, at: datetime) -> None:
    account, user = stage.client.account, stage.user(name)
    caller = stage.in_session(name, at - timedelta(minutes=9), mfa=bool(user.device), console=True)
    message = (
        f"User: arn:aws:iam::{account.id}:user/{name} is not authorized to perform:"
        " kms:ListKeys on resource: *"
        " because no identity-based policy allows the kms:ListKeys action"
    )
    record = call(
        stage.ids, account, caller, at, "kms", "ListKeys", None, read=True, error=("AccessDenied", message)
    )
    stage.put(at, record)


def nightly_backup(stage: Stage, at: datetime, *, error: tuple[str, str] | None = None) -> None:
    """The backup plan takes a snapshot of the database, or is told why it cannot."""
    account, ids, database = stage.client.account, stage.ids, stage.client.database
    caller = stage.in_role(
        "backup-plan", "AWSBackup-backup-plan", at - timedelta(minutes=2), invoked_by="backup"
    )
    name = f"awsbackup-job-{ids.uuid()}"
    arn = f"arn:aws:rds:{account.region}:{account.id}"
    answer = {
        "dBSnapshotIdentifier": name,
        "dBInstanceIdentifier": database,
        "engine": "postgres",
        "allocatedStorage": 200,
        "status": "creating",
        "port": 5432,
        "availabilityZone": f"{account.region}a",
        "masterUsername": "ledger",
        "engineVersion": "16.8",
        "licenseModel": "postgresql-license",
        "snapshotType": "manual",
        "percentProgress": 0,
        "storageType": "gp3",
        "encrypted": True,
        "dBSnapshotArn": f"{arn}:snapshot:{name}",
        "iAMDatabaseAuthenticationEnabled": False,
        "dedicatedLogVolume": False,
    }
    record = call(
        ids,
        account,
        caller,
        at,
        "rds",
        "CreateDBSnapshot",
        {"dBSnapshotIdentifier": name, "dBInstanceIdentifier": database},
        None if error else answer,
        error=error,
    )
    stage.put(at, record)


def rotate_key(stage: Stage, at: datetime) -> None:
    """KMS rotates the data key by itself, as it does once a year."""
    key = stage.directory.ids("data-key").uuid()
    stage.put(at, service_event(stage.ids, stage.client.account, at, "kms", "RotateKey", {"keyId": key}))


def deployment(stage: Stage, at: datetime, user: str, role: str, run: str) -> None:
    """The pipeline releases: role, image check, task definition, service; sometimes a function's code."""
    account, ids = stage.client.account, stage.ids
    key = deploy_session(stage, user, role, at, run)
    caller = stage.in_role(role, run, at, key=key, ip=f"{stage.client.office}.250")
    task, cluster = stage.client.tasks[0], f"{stage.client.slug}-prod"
    revision = stage.day.toordinal() % 4000
    definition = f"arn:aws:ecs:{account.region}:{account.id}:task-definition/{task}:{revision}"
    _step(stage, caller, at, 3, "ecr", "DescribeImages", {"repositoryName": task, "maxResults": 1}, read=True)
    _step(
        stage,
        caller,
        at,
        6,
        "ecs",
        "RegisterTaskDefinition",
        {"family": task, "networkMode": "awsvpc", "cpu": "1024", "memory": "2048"},
        {
            "taskDefinition": {
                "taskDefinitionArn": definition,
                "family": task,
                "revision": revision,
                "status": "ACTIVE",
            }
        },
    )
    _step(
        stage,
        caller,
        at,
        9,
        "ecs",
        "UpdateService",
        {"cluster": cluster, "service": task, "taskDefinition": definition, "forceNewDeployment": False},
        {
            "service": {
                "serviceArn": f"arn:aws:ecs:{account.region}:{account.id}:service/{cluster}/{task}",
                "serviceName": task,
                "status": "ACTIVE",
                "desiredCount": 3,
                "runningCount": 3,
                "taskDefinition": definition,
            }
        },
    )
    if stage.random.random() < 0.4:
        name = stage.client.functions[0]
        arn = f"arn:aws:lambda:{account.region}:{account.id}:function:{name}"
        _step(
            stage,
            caller,
            at,
            14,
            "lambda",
            "UpdateFunctionCode20150331v2",
            {
                "functionName": name,
                "publish": True,
                "dryRun": False,
                "s3Bucket": f"{stage.client.slug}-artifacts",
                "s3Key": f"{name}/{ids.hexadecimal(12)}.zip",
            },
            {
                "functionName": name,
                "functionArn": f"{arn}:{revision}",
                "runtime": "python3.12",
                "role": stage.directory.role_arn(name),
                "codeSize": 48213,
                "timeout": 60,
                "memorySize": 512,
                "codeSha256": ids.base64(32),
                "version": str(revision),
                "packageType": "Zip",
                "architectures": ["arm64"],
                "state": "Active",
            },
        )


def _step(
    stage: Stage,
    caller: Caller,
    at: datetime,
    seconds: int,
    service: str,
    name: str,
    request: Record,
    response: Record | None = None,
    *,
    read: bool = False,
) -> None:
    when = at + timedelta(seconds=seconds)
    stage.put(
        when, call(stage.ids, stage.client.account, caller, when, service, name, request, response, read=read)
    )
