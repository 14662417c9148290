"""A client's settings; at the portal, making a client, suspending and resuming it."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from tenants.access.acts import record_act
from tenants.access.declare import action
from tenants.access.gate import Gate
from tenants.clients.addresses import address_of
from tenants.clients.changes import ChangedMeanwhile, change_settings, resume, seen_of, suspend
from tenants.clients.forms import ChangeForm, NewClientForm, values_of
from tenants.clients.models import Client, Host
from tenants.clients.services import ClientRefused, create_client
from tenants.database.errors import NotProvisioned


@action("client.settings_read", POST="client.settings_write")
def client_settings(request: HttpRequest) -> HttpResponse:
    """Show a client's name, zone, paper and hosts; change the first three."""
    gate: Gate = request.access
    found: Client = request.client
    form = ChangeForm(request.POST or None, initial={**values_of(found), "seen": seen_of(found)})
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                change_settings(found, **form.cleaned_data, by=request.access.person.pk, at=gate.at)
            except ChangedMeanwhile as refusal:
                status, found = 409, Client.objects.get(pk=found.pk)
                form.add_error(
                    None,
                    f"{refusal} It is now: {found.name}, {found.zone}, {found.paper}. "
                    "What you typed is still below; save again to put it in place of that.",
                )
                form.show_again(seen=seen_of(found))
            except ClientRefused as refusal:
                form.add_error(None, str(refusal))
            else:
                messages.success(request, "The settings are saved.")
                return redirect("client_settings")
    hosts = [host.domain for host in Host.objects.filter(tenant=found).order_by("-is_primary", "domain")]
    context = {
        "form": form if gate.may("client.settings_write") else None,
        "facts": [
            ("Name", found.name),
            ("Time zone", found.zone),
            ("Paper", found.paper),
            ("Slug", found.slug),
            ("Address", address_of(found)),
            ("Hosts of its own", ", ".join(hosts) or "none"),
            ("Client since", f"{found.created_at.astimezone(found.tzinfo):%Y-%m-%d}"),
            ("State", "suspended" if found.suspended_at else "open"),
        ],
        "suspend_href": address_of(None, f"clients/{found.slug}/suspend/")
        if gate.could("client.suspend")
        else "",
        "suspended": found.suspended_at is not None,
    }
    return render(request, "tenants/client_settings.html", context, status=status)


@action(GET="client.create", POST="client.create")
def client_new(request: HttpRequest) -> HttpResponse:
    """Make a client, by the same service as the command; its ledger begins with who made it."""
    form = NewClientForm(request.POST or None, initial={"zone": "UTC"})
    if form.is_valid():
        given = form.cleaned_data
        try:
            with transaction.atomic():
                made = create_client(
                    given["slug"],
                    name=given["name"],
                    zone=given["zone"],
                    paper=given["paper"],
                    host=given["host"] or None,
                )
                record_act(
                    made,
                    "settings",
                    f"client:{made.pk}",
                    actor=request.user.pk,
                    at=request.access.at,
                    facts={"act": "client made", "slug": made.slug, "name": made.name, "zone": made.zone},
                )
        except (ClientRefused, NotProvisioned) as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request, f"{made.name} is made. Nobody is assigned to it yet: choose who works for it."
            )
            return redirect(f"{reverse('staff_assignments')}?{urlencode({'q': made.slug})}")
    context = {"form": form, "crumbs": [("Clients", reverse("start"))]}
    return render(request, "tenants/client_new.html", context, status=400 if form.errors else 200)


@action(GET="client.suspend", POST="client.suspend")
def client_suspend(request: HttpRequest, slug: str) -> HttpResponse:
    """Suspend a client, or resume one that is suspended, after saying what that does."""
    found = get_object_or_404(Client, slug=slug)
    refusal = ""
    if request.method == "POST":
        do = resume if request.POST.get("do") == "resume" else suspend
        try:
            found = do(
                found, seen=request.POST.get("seen", ""), by=request.access.person.pk, at=request.access.at
            )
        except ChangedMeanwhile as changed:
            refusal, found = str(changed), Client.objects.get(pk=found.pk)
        else:
            state = "open to its people again" if do is resume else "suspended"
            messages.success(request, f"{found.name} is {state}.")
            return redirect(f"{reverse('staff_assignments')}?{urlencode({'q': found.slug})}")
    context = {
        "found": found,
        "seen": seen_of(found),
        "refusal": refusal,
        "crumbs": [("Staff", reverse("staff")), ("Assignments", reverse("staff_assignments"))],
    }
    return render(request, "tenants/client_suspend.html", context, status=409 if refusal else 200)
