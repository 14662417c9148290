"""The pages about people: a client's members, and the MSSP's staff with their assignments."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from tenants.access.declare import action
from tenants.access.gate import Gate
from tenants.clients.models import Client
from tenants.invitations.selectors import invitations_to, open_at, shown
from tenants.members import assignments, changes
from tenants.members.forms import RoleForm
from tenants.members.models import Assignment, Membership, User
from tenants.members.selectors import memberships_at, staff_of

_PAGE: Final = 50
_WHO: Final = (
    {"label": "Name", "key": "", "priority": 1},
    {"label": "Role", "key": "", "priority": 1},
    {"label": "Since", "key": "", "priority": 3},
    {"label": "Last sign-in", "key": "", "priority": 2},
    {"label": "Second factor", "key": "", "priority": 2},
)


# A client's people ──────────────────────────────────────────────────────────────────────────────────


@action("member.read")
def members(request: HttpRequest) -> HttpResponse:
    """Show the people of a client, open invitations, and who of the MSSP works for it; an employee sees oneself."""
    gate: Gate = request.access
    found = memberships_at(request.client)
    alone = gate.must_ask
    if alone:
        found = found.filter(user=gate.person)
    found, query = _named(request, found)
    page = Paginator(found, _PAGE).get_page(request.GET.get("page"))
    rows = gate.only(page.object_list)
    invites = gate.may("member.invite")
    waiting = open_at(invitations_to(request.client), gate.at) if invites else invitations_to(None).none()
    context = {
        "page": page,
        "rows": rows,
        "columns": _WHO,
        "alone": alone,
        "search": {"name": "q", "value": query, "label": "Name or mail address"},
        "invitations": [shown(each, gate.at) for each in waiting[:_PAGE]],
        "may_invite": invites,
        "staff": [] if alone else staff_of(request.client),
    }
    return render(request, "tenants/members.html", context)


@action("member.read")
def member(request: HttpRequest, membership: int) -> HttpResponse:
    """Show one person of a client, and what may be done."""
    return _member_page(request, _membership(request, membership))


@action("member.change_role")
def member_role(request: HttpRequest, membership: int) -> HttpResponse:
    """Give a member another role."""
    found = _membership(request, membership)
    _may(request, found)
    return _change_role(request, found)


@action("member.deactivate")
def member_deactivate(request: HttpRequest, membership: int) -> HttpResponse:
    """End a membership."""
    found = _membership(request, membership)
    _may(request, found)
    return _end(request, found)


@action(POST="member.deactivate")
def member_reactivate(request: HttpRequest, membership: int) -> HttpResponse:
    """Let a former member in again."""
    found = _membership(request, membership)
    _may(request, found)
    return _begin_again(request, found)


# The MSSP's people ──────────────────────────────────────────────────────────────────────────────────


@action("staff.read")
def staff(request: HttpRequest) -> HttpResponse:
    """Show the MSSP's people, how many clients each is assigned to, and open invitations."""
    gate: Gate = request.access
    found = memberships_at(None).annotate(
        n_clients=Count("user__assignments", filter=Q(active=True), distinct=True)
    )
    found, query = _named(request, found)
    page = Paginator(found, _PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": list(page.object_list),
        "columns": (*_WHO, {"label": "Clients", "key": "", "numeric": True, "priority": 2}),
        "search": {"name": "q", "value": query, "label": "Name or mail address"},
        "invitations": [shown(each, gate.at) for each in open_at(invitations_to(None), gate.at)[:_PAGE]],
        "may_invite": gate.could("staff.invite"),
        "may_assign": gate.could("assignment.write"),
    }
    return render(request, "tenants/staff.html", context)


@action("staff.read")
def staff_member(request: HttpRequest, membership: int) -> HttpResponse:
    """Show one person of the MSSP, the clients assigned, and what may be done."""
    return _member_page(request, _membership(request, membership))


@action("staff.change_role")
def staff_role(request: HttpRequest, membership: int) -> HttpResponse:
    """Give somebody of the MSSP another role."""
    found = _membership(request, membership)
    _may(request, found)
    return _change_role(request, found)


@action("staff.deactivate")
def staff_deactivate(request: HttpRequest, membership: int) -> HttpResponse:
    """End somebody's part in the MSSP, and their assignments."""
    found = _membership(request, membership)
    _may(request, found)
    return _end(request, found)


@action(POST="staff.deactivate")
def staff_reactivate(request: HttpRequest, membership: int) -> HttpResponse:
    """Let a former member of the MSSP in again, without assignments."""
    found = _membership(request, membership)
    _may(request, found)
    return _begin_again(request, found)


@action("staff.read", POST="assignment.write")
def staff_assignments(request: HttpRequest) -> HttpResponse:
    """Show per client who is assigned; assign one person to many clients at once, or take them off."""
    gate: Gate = request.access
    people = [each.user for each in memberships_at(None).filter(active=True)]
    if request.method == "POST":
        return _assign(request, people)
    wanted = _text(request, "q")
    found = Client.objects.order_by("name", "slug")
    if wanted:
        found = found.filter(Q(name__icontains=wanted) | Q(slug__icontains=wanted))
    if request.GET.get("person"):
        # One who is not there finds nothing; what is no id is no filter.
        found = found.filter(assignments__user__in=[p for p in people if str(p.pk) == request.GET["person"]])
    page = Paginator(found, _PAGE).get_page(request.GET.get("page"))
    who: dict[Any, list[str]] = {}
    for each in (
        Assignment.objects.filter(client__in=list(page.object_list))
        .select_related("user")
        .order_by("user__full_name")
    ):
        who.setdefault(each.client_id, []).append(str(each.user))
    context = {
        "page": page,
        "rows": [{"client": each, "who": who.get(each.pk, [])} for each in page],
        "people": [each for each in people if gate.would(each, "assignment.write")],
        "chosen": request.GET.get("person", ""),
        "query": wanted,
        "may_assign": gate.could("assignment.write"),
        "may_suspend": gate.could("client.suspend"),
        "may_create": gate.could("client.create"),
        "crumbs": [("Staff", reverse("staff"))],
    }
    return render(request, "tenants/assignments.html", context)


def _assign(request: HttpRequest, people: list[User]) -> HttpResponse:
    gate: Gate = request.access
    back = redirect(f"{reverse('staff_assignments')}?{request.META.get('QUERY_STRING', '')}".rstrip("?"))
    person = next((each for each in people if str(each.pk) == request.POST.get("person")), None)
    if person is None:
        messages.error(request, "Choose who is meant. Nothing was changed.")
        return back
    _may(request, person)
    slugs = [slug for slug in request.POST.getlist("client") if "\x00" not in slug]
    clients = list(Client.objects.filter(slug__in=slugs))
    if not clients:
        messages.error(request, "Choose at least one client. Nothing was changed.")
        return back
    do = assignments.take_off_all if request.POST.get("do") == "take_off" else assignments.assign_to_all
    try:
        done = do(person, clients, by=request.access.person.pk, at=gate.at)
    except assignments.AssignmentRefused as refusal:
        messages.error(request, str(refusal))
        return back
    verb = "taken off" if do is assignments.take_off_all else "assigned to"
    rest = len(clients) - done
    messages.success(
        request,
        f"{person} is {verb} {done} client{'' if done == 1 else 's'}."
        + (f" At {rest} it was so already." if rest else ""),
    )
    return back


# Both ───────────────────────────────────────────────────────────────────────────────────────────────


def _text(request: HttpRequest, name: str) -> str:
    return request.GET.get(name, "").replace("\x00", "").strip()[:120]


def _named(request: HttpRequest, found: Any) -> tuple[Any, str]:
    wanted = _text(request, "q")
    if wanted:
        found = found.filter(Q(user__full_name__icontains=wanted) | Q(user__email__icontains=wanted))
    return found, wanted


def _membership(request: HttpRequest, key: int) -> Membership:
    found: Membership = get_object_or_404(memberships_at(request.client), pk=key)
    return found


def _may(request: HttpRequest, obj: Membership | User) -> None:
    if not request.access.allows(obj):
        # The action is open to this person, or the view would not run: only oneself is out of bounds.
        raise PermissionDenied("Nobody decides this about themselves. Ask another administrator to do it.")


def _prefix(found: Membership) -> str:
    """Return with what actions and routes about this membership begin."""
    return "staff" if found.client_id is None else "member"


def _member_page(
    request: HttpRequest, found: Membership, *, refusal: str = "", role: str = ""
) -> HttpResponse:
    gate: Gate = request.access
    if not refusal:
        gate.check(found)
    prefix = _prefix(found)
    staff_page = prefix == "staff"
    may_change = gate.would(found, f"{prefix}.change_role")
    may_end = gate.would(found, f"{prefix}.deactivate")
    acts = ("role", "deactivate", "reactivate")
    context = {
        "membership": found,
        "seen": changes.seen_of(found),
        "form": RoleForm(membership=found, role=role or found.role) if may_change and found.active else None,
        "may_end": may_end,
        "own": found.user_id == gate.person.pk,
        "proof_needed": staff_page and not gate.standing.step_up and (may_change or may_end),
        "refusal": refusal,
        "clients": assignments.clients_assigned(found.user) if staff_page else [],
        "urls": {each: reverse(f"{prefix}_{each}", args=[found.pk]) for each in acts},
        "crumbs": [("Staff", reverse("staff")) if staff_page else ("People", reverse("members"))],
    }
    return render(request, "tenants/member.html", context, status=409 if refusal else 200)


def _change_role(request: HttpRequest, found: Membership) -> HttpResponse:
    role = request.POST.get("role", "")
    act = partial(changes.change_role, found, role)
    return _done(request, found, act, "{person} is {role} from the next request on.", role=role)


def _end(request: HttpRequest, found: Membership) -> HttpResponse:
    act = partial(changes.deactivate, found)
    return _done(request, found, act, "{person} is deactivated. Open sessions show nothing of it any more.")


def _begin_again(request: HttpRequest, found: Membership) -> HttpResponse:
    act = partial(changes.reactivate, found)
    return _done(request, found, act, "{person} is a member again, as {role}.")


def _done(
    request: HttpRequest, found: Membership, act: Callable[..., Membership], words: str, *, role: str = ""
) -> HttpResponse:
    """Do it, if all is as the form saw it; otherwise show the page again with the reason."""
    gate: Gate = request.access
    try:
        now = act(seen=request.POST.get("seen", ""), by=gate.person.pk, at=gate.at)
    except changes.ChangeRefused as refusal:
        fresh = memberships_at(found.client).get(pk=found.pk)
        return _member_page(request, fresh, refusal=str(refusal), role=role)
    messages.success(request, words.format(person=now.user, role=changes.label_of(now.role)))
    if now.user_id == gate.person.pk:
        # Whoever ended their own membership finds no page here any more.
        return redirect(request.portal_prefix)
    return redirect("staff_member" if now.client_id is None else "member", now.pk)
