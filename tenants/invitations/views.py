"""Inviting people at a client and at the portal, and accepting: the one page here that anybody with a link may open."""

from allauth.core.internal import ratelimit
from django.contrib import messages
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import get_script_prefix, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from tenants.access.declare import action, public_view
from tenants.access.gate import Gate
from tenants.invitations import services
from tenants.invitations.forms import AcceptForm, InviteForm
from tenants.invitations.mailing import inviter_of, place_of, role_of, send
from tenants.invitations.models import Invitation
from tenants.invitations.selectors import invitations_to, shown
from tenants.invitations.services import InvitationRefused, Issued, KnownPerson, NotOpen
from tenants.members.changes import CLIENT_ROLES, STAFF_ROLES
from tenants.members.models import User

_PAGE = 50

# Inviting ───────────────────────────────────────────────────────────────────────────────────────────


@action(GET="member.invite", POST="member.invite")
def invite_member(request: HttpRequest) -> HttpResponse:
    """Invite somebody to this client."""
    form = InviteForm(request.POST or None, roles=CLIENT_ROLES)
    if _too_many(request):
        return ratelimit.respond_429(request)
    if form.is_valid():
        try:
            issued = services.invite_member(
                request.client, **form.cleaned_data, by=request.access.person, at=request.access.at
            )
        except InvitationRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            _send(request, issued)
            return redirect("members")
    return _invite_page(request, form, back="members", place=request.client.name)


@action(GET="staff.invite", POST="staff.invite")
def invite_staff(request: HttpRequest) -> HttpResponse:
    """Invite somebody to the MSSP's own people."""
    form = InviteForm(request.POST or None, roles=STAFF_ROLES)
    if _too_many(request):
        return ratelimit.respond_429(request)
    if form.is_valid():
        try:
            issued = services.invite_staff(
                **form.cleaned_data, by=request.access.person, at=request.access.at
            )
        except InvitationRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            _send(request, issued)
            return redirect("staff")
    return _invite_page(request, form, back="staff", place="the MSSP's own people")


def _invite_page(request: HttpRequest, form: InviteForm, *, back: str, place: str) -> HttpResponse:
    status = 400 if form.errors else 200
    context = {
        "form": form,
        "back": reverse(back),
        "place": place,
        "days": services.LIFETIME.days,
        "crumbs": [("Staff" if back == "staff" else "People", reverse(back))],
    }
    return render(request, "tenants/invite.html", context, status=status)


@action("member.invite", GET="member.invite")
def member_invitations(request: HttpRequest) -> HttpResponse:
    """List every invitation to this client, in whatever state."""
    return _list(request, back="members", title="People")


@action("staff.read")
def staff_invitations(request: HttpRequest) -> HttpResponse:
    """List every invitation to the MSSP's own people."""
    return _list(request, back="staff", title="Staff")


def _list(request: HttpRequest, *, back: str, title: str) -> HttpResponse:
    gate: Gate = request.access
    page = Paginator(invitations_to(request.client), _PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "invitations": [shown(each, gate.at) for each in page],
        "may_invite": gate.could("staff.invite" if request.client is None else "member.invite"),
        "crumbs": [(title, reverse(back))],
    }
    return render(request, "tenants/invitations.html", context)


@action("member.invite")
def send_member_again(request: HttpRequest, invitation: object) -> HttpResponse:
    """Send an invitation to this client with a new link."""
    return _again(request, invitation, back="members")


@action("staff.invite")
def send_staff_again(request: HttpRequest, invitation: object) -> HttpResponse:
    """Send an invitation to the MSSP's people with a new link."""
    return _again(request, invitation, back="staff")


@action("member.invite")
def revoke_member(request: HttpRequest, invitation: object) -> HttpResponse:
    """Take an invitation to this client back."""
    return _revoke(request, invitation, back="members")


@action("staff.invite")
def revoke_staff(request: HttpRequest, invitation: object) -> HttpResponse:
    """Take an invitation to the MSSP's people back."""
    return _revoke(request, invitation, back="staff")


def _again(request: HttpRequest, key: object, *, back: str) -> HttpResponse:
    found: Invitation = get_object_or_404(invitations_to(request.client), pk=key)
    if _too_many(request):
        return ratelimit.respond_429(request)
    try:
        issued = services.renew(found, by=request.access.person, at=request.access.at)
    except InvitationRefused as refusal:
        messages.error(request, str(refusal))
    else:
        _send(request, issued)
    return redirect(back)


def _revoke(request: HttpRequest, key: object, *, back: str) -> HttpResponse:
    found: Invitation = get_object_or_404(invitations_to(request.client), pk=key)
    try:
        services.revoke(found, at=request.access.at)
    except InvitationRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(
            request, f"The invitation of {found.email} is taken back. Its link opens nothing any more."
        )
    return redirect(back)


def _too_many(request: HttpRequest) -> bool:
    """Tell whether this person has sent more mails within the hour than somebody who invites would."""
    return not ratelimit.consume(request, app="allauth.account", action="invite", user=request.access.person)


def _send(request: HttpRequest, issued: Issued) -> None:
    mail = issued.invitation.email
    if send(issued):
        messages.success(
            request, f"The invitation went to {mail}. It can be accepted for {services.LIFETIME.days} days."
        )
    else:
        messages.warning(
            request,
            f"{mail} is invited, but the mail did not leave: the mail server does not take it. "
            "The invitation is kept; use “Send again” when mail works.",
        )


# Accepting ──────────────────────────────────────────────────────────────────────────────────────────


@public_view("shows an invitation to whoever holds its link, and makes the account that it promises")
@sensitive_post_parameters("password1", "password2")
@never_cache
def invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """Show who invites to where; make the person, or the membership of the one who is signed in."""
    if not ratelimit.consume(request, app="allauth.account", action="invitation", limit_get=True):
        return ratelimit.respond_429(request)
    at = timezone.now()
    try:
        if request.client_absent:
            raise NotOpen
        found = services.find_open(secret, client=request.client, at=at)
        if isinstance(request.user, User):
            return _accept(request, secret, found, request.user)
        if User.objects.filter(email__iexact=found.email).exists():
            return _page(request, found, sign_in=_sign_in_first(request))
        return _accept_as_new(request, secret, found)
    except NotOpen:
        return render(request, "tenants/invitation_gone.html", status=410)


def _accept(request: HttpRequest, secret: str, found: Invitation, user: User) -> HttpResponse:
    if user.email.lower() != found.email.lower():
        return _page(request, found, status=403, other=user)
    if request.method != "POST":
        return _page(request, found, ready=True)
    try:
        services.accept(secret, client=request.client, user=user, at=timezone.now())
    except InvitationRefused as refusal:
        return _page(request, found, status=409, refusal=str(refusal))
    messages.success(request, f"You are part of {place_of(found)} now, as {role_of(found)}.")
    return redirect(get_script_prefix())


def _accept_as_new(request: HttpRequest, secret: str, found: Invitation) -> HttpResponse:
    form = AcceptForm(request.POST or None, email=found.email, initial={"name": found.name})
    if request.method != "POST" or not form.is_valid():
        return _page(request, found, form=form, status=400 if form.errors else 200)
    given = form.cleaned_data
    try:
        services.accept_as_new(
            secret, client=request.client, name=given["name"], password=given["password1"], at=timezone.now()
        )
    except (KnownPerson, IntegrityError):
        # Made meanwhile, by another invitation: from now on they sign in.
        return redirect(request.path)
    messages.success(
        request, "Your account is made. Sign in with your mail address and the password you chose."
    )
    return redirect("account_login")


def _sign_in_first(request: HttpRequest) -> str:
    return f"{reverse('account_login')}?{urlencode({'next': request.path})}"


def _page(request: HttpRequest, found: Invitation, *, status: int = 200, **more: object) -> HttpResponse:
    context = {
        "invitation": found,
        "place": place_of(found),
        "role": role_of(found),
        "inviter": inviter_of(found),
        **more,
    }
    return render(request, "tenants/invitation.html", context, status=status)
