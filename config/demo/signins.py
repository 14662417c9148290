"""Sign-ins of every kind that CloudTrail shows, each as one scene on a day's stage.

Each scene says what the test of privileged sign-ins must find in it (`Emitted.verdict`); who is privileged
is decided by the account's groups and policies, which the daily snapshots show.
"""

from datetime import datetime, timedelta

from config.demo.aws import (
    CenterFlow,
    CenterUser,
    Record,
    assume_role,
    call,
    center_event,
    console_event,
    credentials,
    login_extras,
    role_session,
    root_identity,
    user_identity,
)
from config.demo.stage import BOTO, CLI, Stage, Verdict

_CENTER_STEPS = ("CredentialChallenge", "CredentialVerification")


def console_login(
    stage: Stage,
    name: str,
    at: datetime,
    verdict: Verdict,
    *,
    bare: bool = False,
) -> None:
    """An IAM user signs in to the console; the second factor is used if one is enrolled.

    `bare` leaves `additionalEventData` out: nothing says whether a factor was used.
    """
    user, account, region = stage.user(name), stage.client.account, stage.client.account.region
    extras = login_extras(region, mfa=bool(user.device), device=user.device)
    record = console_event(
        stage.ids,
        account,
        at,
        "ConsoleLogin",
        user_identity(account, name, user.principal),
        "Success",
        ip=stage.place(name),
        agent=stage.browser(name),
        additional=None if bare else extras,
        region=region,
    )
    user.last_sign_in = at
    stage.put(at, record, verdict)


def failed_login(stage: Stage, name: str, at: datetime, *, ip: str = "") -> None:
    """A wrong password; a name that AWS does not know is hidden by it."""
    account, region = stage.client.account, stage.client.account.region
    known = name in stage.directory.users
    identity: Record = {
        "type": "IAMUser",
        "principalId": stage.user(name).principal if known else "",
        "accountId": account.id,
        "accessKeyId": "",
        "userName": name if known else "HIDDEN_DUE_TO_SECURITY_REASONS",
    }
    if not known:
        del identity["principalId"]
    record = console_event(
        stage.ids,
        account,
        at,
        "ConsoleLogin",
        identity,
        "Failure",
        ip=ip or stage.place(name),
        agent=stage.browser(name),
        additional=login_extras(region, mfa=False),
        region=region,
        error="Failed authentication" if known else "No username found in supplied account",
    )
    stage.put(at, record)


def root_login(stage: Stage, at: datetime) -> None:
    """The root user signs in with its hardware factor, and looks at the account."""
    account = stage.client.account
    record = console_event(
        stage.ids,
        account,
        at,
        "ConsoleLogin",
        root_identity(account),
        "Success",
        ip=f"{stage.client.office}.5",
        agent=stage.browser("root"),
        additional=login_extras("us-east-1", mfa=True, device=f"arn:aws:iam::{account.id}:mfa/root-token"),
        region="us-east-1",
    )
    stage.directory.root_last_used = at
    stage.put(at, record, "pass")


def _session_token(stage: Stage, name: str, at: datetime) -> None:
    user, account = stage.user(name), stage.client.account
    request = {"serialNumber": user.device, "durationSeconds": 43200}
    key = stage.ids.key("ASIA", account)
    response = {"credentials": credentials(key, at + timedelta(hours=12))}
    caller = stage.with_key(name, CLI)
    stage.put(
        at, call(stage.ids, account, caller, at, "sts", "GetSessionToken", request, response, read=True)
    )


def assume_by_human(stage: Stage, name: str, role: str, at: datetime) -> str:
    """A person with a second factor takes on a privileged role; returns the session's access key id."""
    _session_token(stage, name, at - timedelta(seconds=70))
    caller = stage.in_session(name, at - timedelta(seconds=70), mfa=True, console=False)
    key = stage.ids.key("ASIA", stage.client.account)
    account, role_id, mail = stage.client.account, stage.directory.role_id(role), stage.mail(name)
    stage.put(at, assume_role(stage.ids, account, caller, at, role, role_id, mail, key), "pass")
    return key


def chained_roles(stage: Stage, name: str, at: datetime) -> None:
    """A person takes on a role, and from it a second one; only the first call shows the factor."""
    first = assume_by_human(stage, name, "HarborJump", at)
    _second_link(stage, name, first, at, at + timedelta(minutes=4), "pass")


def chain_without_first_link(stage: Stage, name: str, at: datetime) -> None:
    """The second link of a chain whose first link was never recorded by the trail."""
    key = stage.ids.key("ASIA", stage.client.account)
    _second_link(stage, name, key, at - timedelta(minutes=9), at, "unknown")


def _second_link(stage: Stage, name: str, key: str, since: datetime, at: datetime, verdict: Verdict) -> None:
    mail, account, role = stage.mail(name), stage.client.account, "HarborDatabaseAdmin"
    caller = stage.in_role("HarborJump", mail, since, key=key, ip=stage.place(name), agent=CLI)
    own = stage.ids.key("ASIA", account)
    record = assume_role(stage.ids, account, caller, at, role, stage.directory.role_id(role), mail, own)
    stage.put(at, record, verdict)


def federated_login(stage: Stage, mail: str, at: datetime) -> None:
    """A person of the corporate directory signs in through SAML; the factor was asked there, if at all.

    The `AssumeRoleWithSAML` and the `ConsoleLogin` of the same session are one sign-in.
    """
    account, region, role = stage.client.account, stage.client.account.region, "DirectoryAdmin"
    role_id, ip, agent = stage.directory.role_id(role), stage.place(mail), stage.browser(mail)
    provider = stage.directory.ids("provider").base64(20)
    key = stage.ids.key("ASIA", account)
    request = {
        "sAMLAssertionID": f"_{stage.ids.uuid()}",
        "roleSessionName": mail,
        "durationSeconds": 3600,
        "roleArn": stage.directory.role_arn(role),
        "principalArn": next(iter(stage.directory.roles[role].trust["Statement"][0]["Principal"].values())),
    }
    response = {
        "subjectType": "persistent",
        "issuer": f"https://login.{stage.client.slug}.example/saml",
        "credentials": credentials(key, at + timedelta(hours=1)),
        "nameQualifier": provider,
        "assumedRoleUser": {
            "assumedRoleId": f"{role_id}:{mail}",
            "arn": f"arn:aws:sts::{account.id}:assumed-role/{role}/{mail}",
        },
        "subject": mail,
        "audience": "https://signin.aws.amazon.com/saml",
    }
    identity = {
        "type": "SAMLUser",
        "principalId": f"{provider}:{mail}",
        "userName": mail,
        "identityProvider": provider,
    }
    from_browser = stage.with_browser(identity, ip, agent)
    resources = [
        {"accountId": account.id, "type": "AWS::IAM::Role", "ARN": request["roleArn"]},
        {"accountId": account.id, "type": "AWS::IAM::SAMLProvider", "ARN": request["principalArn"]},
    ]
    taken = call(
        stage.ids,
        account,
        from_browser,
        at,
        "sts",
        "AssumeRoleWithSAML",
        request,
        response,
        read=True,
        resources=resources,
    )
    stage.put(at, taken, "unknown")
    session = role_session(account, role, role_id, mail, key, since=at)
    entered = at + timedelta(seconds=2)
    login = console_event(
        stage.ids,
        account,
        entered,
        "ConsoleLogin",
        session,
        "Success",
        ip=ip,
        agent=agent,
        additional=login_extras(region, mfa=False),
        region=region,
    )
    stage.put(entered, login, "attached")


def switch_from_elsewhere(stage: Stage, name: str, at: datetime) -> None:
    """A person of another account, whose trail is not connected, switches to a privileged role here."""
    account, region, role = stage.client.account, stage.client.account.region, "HarborAdmin"
    identity = role_session(account, role, stage.directory.role_id(role), name, "", since=at)
    del identity["accessKeyId"], identity["sessionContext"]
    record = console_event(
        stage.ids,
        account,
        at,
        "SwitchRole",
        identity,
        "Success",
        ip=stage.place(name),
        agent=stage.browser(name),
        additional={
            "SwitchFrom": f"arn:aws:iam::209734418866:user/{name}",
            "RedirectTo": f"https://{region}.console.aws.amazon.com/console/home?region={region}#",
        },
        region=region,
    )
    stage.put(at, record, "unknown")


def center_login(stage: Stage, name: str, factor: str, verdict: Verdict, *, at: datetime) -> None:
    """A user of IAM Identity Center signs in: password, then `factor` (empty: none), then the portal."""
    ids, account = stage.ids, stage.client.account
    store = f"d-{stage.directory.ids('center').hexadecimal(10)}"
    arn = f"arn:aws:identitystore::{account.id}:identitystore/{store}"
    user = CenterUser(stage.mail(name), stage.directory.ids(f"center/{name}").uuid(), arn)
    portal = f"https://{store}.awsapps.com/start/"
    flow = CenterFlow(user, ids.uuid(), ids.uuid(), stage.place(name), stage.browser(name), portal)
    steps = [(step, kind) for kind in ("PASSWORD", factor) if kind for step in _CENTER_STEPS]
    steps.append(("UserAuthentication", f"PASSWORD,{factor}" if factor else "PASSWORD"))
    for place, (step, kind) in enumerate(steps):
        when = at + timedelta(seconds=3 * place)
        told = verdict if step == "UserAuthentication" else ""
        stage.put(when, center_event(ids, account, when, step, flow, kind), told)


def deploy_session(stage: Stage, user: str, role: str, at: datetime, run: str) -> str:
    """The pipeline takes on its role with its access key: no sign-in of a person; returns the key id."""
    caller = stage.with_key(user, BOTO)
    key = stage.ids.key("ASIA", stage.client.account)
    record = assume_role(
        stage.ids,
        stage.client.account,
        caller,
        at,
        role,
        stage.directory.role_id(role),
        run,
        key,
        seconds=1800,
    )
    stage.put(at, record)
    return key
