"""The demo's logins: one per role and client, passwords derived from the installation's own secret."""

import hashlib
import hmac
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from allauth.mfa.utils import decrypt
from django.db import transaction
from django.utils import timezone

from config.demo.months import story_months
from config.demo.people import PORTAL_LOGINS, PortalLogin
from config.devstack.installation import Installation
from tenants.clients.models import Client
from tenants.engagements.models import Engagement, EngagementAuditor
from tenants.history.context import changing
from tenants.members.models import MFA_ROLES, MSSP_ROLES, Assignment, Membership, Role, User

# Auditors may read for so long after the period's end.
ACCESS = timedelta(days=180)


def password_of(installation: Installation, login: PortalLogin) -> str:
    """The login's password at this installation: the same at each start, another at each installation."""
    digest: str = hmac.new(
        installation.secret_key.encode(), f"demo/{login.email}".encode(), hashlib.sha256
    ).hexdigest()
    return "-".join(digest[at : at + 5] for at in (0, 5, 10, 15))


def make_logins(installation: Installation) -> dict[str, str]:
    """Make the logins that are not there; return the new second factors' secrets by mail address.

    A secret is returned this once; afterwards only its encrypted form exists.
    """
    with changing(way="command", path="manage.py demo", user=None):
        return dict(_made(installation))


def _made(installation: Installation) -> Iterator[tuple[str, str]]:
    for login in PORTAL_LOGINS:
        if User.objects.filter(email=login.email).exists():
            continue
        with transaction.atomic():
            user = User.objects.create_user(
                login.email, password_of(installation, login), full_name=login.full_name
            )
            _place(user, login)
            secret = _enroll(user) if login.role in MFA_ROLES else ""
        if secret:
            yield login.email, secret


def _place(user: User, login: PortalLogin) -> None:
    clients = list(Client.objects.filter(slug__in=login.clients))
    if login.role in MSSP_ROLES:
        Membership.objects.create(user=user, role=login.role)
        Assignment.objects.bulk_create([Assignment(user=user, client=each) for each in clients])
    elif login.role == Role.AUDITOR:
        for each in clients:
            engagement = _engagement(each, login.firm)
            EngagementAuditor.objects.create(engagement=engagement, user=user)
    else:
        Membership.objects.bulk_create(
            [Membership(user=user, client=each, role=login.role) for each in clients]
        )


def _engagement(client: Client, firm: str) -> Engagement:
    """Harbor is examined over the twelve months, Larkfield at the last day of the sixth."""
    today = timezone.now().astimezone(client.tzinfo).date()
    months = story_months(today)
    dates: dict[str, date] = (
        {"period_start": months[0].first, "period_end": months[11].last}
        if client.slug == "harbor"
        else {"as_of": months[5].last}
    )
    return Engagement.objects.get_or_create(
        client=client,
        firm=firm,
        kind=Engagement.Kind.TYPE_2 if "period_end" in dates else Engagement.Kind.TYPE_1,
        **dates,
        defaults={"access_from": today - timedelta(days=30), "access_until": today + ACCESS},
    )[0]


def _enroll(user: User) -> str:
    secret: str = generate_totp_secret()
    TOTP.activate(user, secret)
    RecoveryCodes.activate(user)
    return secret


def totp_code(user: User, *, at: datetime) -> str:
    """The code of a login's second factor at an instant, for the demo's own check."""
    row = Authenticator.objects.get(user=user, type=Authenticator.Type.TOTP)
    counter = int(at.timestamp()) // app_settings.TOTP_PERIOD
    return str(format_hotp_value(hotp_value(decrypt(row.data["secret"]), counter)))


def describe_logins(installation: Installation, secrets: dict[str, str]) -> str:
    """The logins as lines for the terminal, with the second factors' secrets where they are new."""
    lines = []
    for login in PORTAL_LOGINS:
        place = "all clients" if login.role in MSSP_ROLES else ", ".join(login.clients)
        factor = ""
        if login.role in MFA_ROLES:
            factor = (
                f"  TOTP {secrets[login.email]}"
                if login.email in secrets
                else "  TOTP as shown at first start"
            )
        lines.append(
            f"  {Role(login.role).label:<19} {place:<12} {login.email:<36} {password_of(installation, login)}{factor}"
        )
    return "\n".join(lines)
