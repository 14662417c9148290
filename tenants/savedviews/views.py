"""Saving the present filters under a name; renaming, deleting a view, making it what its page opens with."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from tenants.access.declare import action
from tenants.access.gate import Gate
from tenants.members.models import User
from tenants.savedviews.models import SavedView
from tenants.savedviews.services import Refused, change_view, save_view, tidied
from tenants.savedviews.showing import PAGES, address_of, can_keep


class _ViewForm(forms.Form):
    name = forms.CharField(label="Name", max_length=60)
    default = forms.BooleanField(
        label="Open the page with this view", required=False, help_text="When it is opened without a filter."
    )


class _NewForm(forms.Form):
    name = forms.CharField(label="Name", max_length=60)
    page = forms.CharField(widget=forms.HiddenInput)
    query = forms.CharField(widget=forms.HiddenInput, required=False)


@action("saved_view.write")
def save(request: HttpRequest) -> HttpResponseBase:
    """Keep the filters and the order of a page under a name."""
    user = _writer(request)
    form = _NewForm(request.POST)
    back = _address(request.POST.get("page", ""))
    if form.is_valid():
        given = form.cleaned_data
        try:
            view = save_view(
                user,
                page=given["page"],
                client=request.client,
                name=given["name"],
                query=given["query"],
                at=timezone.now(),
            )
        except Refused as refusal:
            form.add_error("name", str(refusal))
        else:
            messages.success(request, f"Kept as “{view.name}”.")
            return redirect(address_of(view))
    query = tidied(request.POST.get("query", ""))
    context = {
        "form": form,
        "heading": "Save this view",
        "back": f"{back}?{query}" if query else back,
        "new": True,
    }
    return render(request, "tenants/saved_view.html", context, status=422)


@action(GET="saved_view.write", POST="saved_view.write")
def change(request: HttpRequest, view: int) -> HttpResponseBase:
    """Show one of one's own views, rename it, make it the default, delete it."""
    gate: Gate = request.access
    found = SavedView.objects.select_related("user").filter(pk=view, client=request.client).first()
    if found is None:
        raise Http404
    gate.check(found)
    _address(found.page)
    known = {"name": found.name, "default": found.is_default}
    form = _ViewForm(request.POST if request.method == "POST" else None, initial=known)
    if request.method != "POST":
        return _page(request, found, form)
    _writer(request)
    if "delete" in request.POST:
        found.delete()
        messages.success(request, f"The view “{known['name']}” is gone.")
        return redirect(PAGES[found.page])
    if form.is_valid():
        try:
            change_view(found, **form.cleaned_data)
        except Refused as refusal:
            form.add_error("name", str(refusal))
        else:
            messages.success(request, f"Kept as “{found.name}”.")
            return redirect(address_of(found))
    return _page(request, found, form, status=422)


def _page(request: HttpRequest, view: SavedView, form: forms.Form, *, status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {"form": form, "heading": "Saved view", "back": address_of(view), "view": view}
    return render(request, "tenants/saved_view.html", context, status=status)


def _writer(request: HttpRequest) -> User:
    """Return who writes, or refuse in words where nothing can be written."""
    gate: Gate = request.access
    user = request.user
    assert isinstance(user, User)
    gate.check(user)
    if not can_keep(gate):
        raise PermissionDenied("An auditor's requests at a client write nothing, so no view is kept here.")
    return user


def _address(page: str) -> str:
    """Return the address of a page that has saved views here."""
    try:
        return reverse(PAGES[page])
    except (KeyError, NoReverseMatch) as error:
        raise BadRequest("Views are kept of pages that have filters, and this is none.") from error
