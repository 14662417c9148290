"""Assigning somebody of the MSSP to many clients at once: each client judged by itself, each told."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse

from tenants.access.declare import action
from tenants.access.gate import Gate
from tenants.access.policy import refusal_words
from tenants.clients.models import Client
from tenants.cockpit.selectors import Asked, rows
from tenants.members.assignments import AssignmentRefused, assign_to
from tenants.members.models import MSSP_ROLES, User


class _AssignForm(forms.Form):
    person = forms.ModelChoiceField(User.objects.none(), label="Person", empty_label="Choose a person")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        staff = User.objects.filter(
            is_active=True,
            memberships__active=True,
            memberships__client=None,
            memberships__role__in=MSSP_ROLES,
        )
        field = self.fields["person"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = staff.order_by("full_name", "email")


@action(GET="assignment.write", POST="assignment.write")
def assign_many(request: HttpRequest) -> HttpResponseBase:
    """Ask whom to assign to the selected clients; do it, and say of each client what was done or why not."""
    gate: Gate = request.access
    asked = Asked.of(request.POST if request.method == "POST" else request.GET)
    if not asked.selected:
        messages.warning(request, "No client was selected. Check the box beside a name first.")
        return redirect("start")
    gate.check(gate.standing.principal, "mywork.read")
    found = list(rows(gate.standing).filter(slug__in=asked.selected).order_by("name", "slug"))
    unknown = sorted(set(asked.selected) - {each.slug for each in found})
    form = _AssignForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        person = form.cleaned_data["person"]
        results = [_assigned(gate, person, each) for each in found]
        results += [_told(slug[:40], "", "Not one of the clients that exist for you.") for slug in unknown]
        context = {"person": person, "results": results, "done": sum(bool(each["done"]) for each in results)}
        return render(request, "tenants/assigned_many.html", context)
    context = {"form": form, "clients": found, "unknown": unknown, "back": reverse("start")}
    return render(request, "tenants/assign_many.html", context, status=422 if form.is_bound else 200)


def _assigned(gate: Gate, person: User, client: Client) -> dict[str, str]:
    actor = gate.standing.principal
    assert isinstance(actor, User)
    if not gate.allows(person):
        if person == actor:
            return _told(client.name, "", "Nobody assigns themselves: another administrator does it.")
        return _told(client.name, "", refusal_words(gate.standing, "assignment.write"))
    try:
        new = assign_to(person, client, by=actor.pk, at=gate.at)
    except AssignmentRefused as refusal:
        return _told(client.name, "", str(refusal))
    return (
        _told(client.name, "Assigned", "")
        if new
        else _told(client.name, "", "Assigned already; nothing changed.")
    )


def _told(client: str, done: str, why: str) -> dict[str, str]:
    return {"client": client, "done": done, "why": why}
