"""The base of every admin class: the policy table decides, and Django's permissions decide nothing.

    class ControlAdmin(PolicyAdmin):
        view_action = "control.read"
        change_action = "control.edit"
        editable = {"statement": "control.edit", "owner": "control.assign_owner"}

        def save_model(self, request, obj, form, change): ...   # by the service that the pages use

What `editable` does not name is shown and never taken, whatever a request sends. A class that says no `view_action`,
or that would write without a `save_model` of its own, keeps the portal from starting (`tenants.access.checks`).
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib.admin.utils import unquote
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin

from tenants.access.gate import Gate
from tenants.access.policy import Refused, depends_on_object


class PolicyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form that remembers what it was filled from, so that a second person's change is not overwritten."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "seen" in self.fields:
            self.initial["seen"] = self._state_of(self.instance)

    def clean(self) -> dict[str, Any]:
        """Refuse what was filled from a state that is no longer there."""
        cleaned = super().clean() or {}
        if self.instance.pk is not None and not self.instance._state.adding:
            present = type(self.instance)._default_manager.get(pk=self.instance.pk)
            if cleaned.get("seen") != self._state_of(present):
                raise ValidationError(
                    f"{present} was changed by somebody else meanwhile. Your words stand below: look at it in another"
                    " tab, then open this page again and enter them once more."
                )
        return cleaned

    @staticmethod
    def _state_of(instance: Model) -> str:
        values = [getattr(instance, field.attname) for field in instance._meta.concrete_fields]
        return hashlib.sha256(json.dumps(values, cls=DjangoJSONEncoder, default=str).encode()).hexdigest()[
            :32
        ]

    @property
    def given(self) -> dict[str, Any]:
        """The fields that the person changed, with what they are to be."""
        return {name: self.cleaned_data[name] for name in self.changed_data if name != "seen"}


class PolicyAdmin(ModelAdmin):
    """See the module."""

    view_action: ClassVar[str] = ""
    change_action: ClassVar[str] = ""
    add_action: ClassVar[str] = ""
    # Field → the action that may change it.
    editable: ClassVar[Mapping[str, str]] = {}
    # A model of `public` names the field that holds its client: its rows are the present client's alone.
    client_field: ClassVar[str] = ""
    # How the kind is called in the list of kinds, where its model's name is not the field's word.
    title: ClassVar[str] = ""
    # What history calls such a thing (`tenants.history.tracking`), where it has one.
    history_word: ClassVar[str] = ""

    form = PolicyForm
    actions = None
    list_per_page = 50
    show_full_result_count = False
    compressed_fields = True
    list_filter_sheet = False

    # What may be done

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Ask the policy."""
        return _may(request, self.view_action, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Ask the policy."""
        return _may(request, self.change_action, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Ask the policy."""
        return _may(request, self.add_action, None)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is deleted in the admin: things retire, close or end by their own acts."""
        return False

    def has_module_permission(self, request: HttpRequest) -> bool:
        """The section shows where its list may be opened."""
        return self.has_view_permission(request)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """No act on many at once."""
        return {}

    # What is seen

    @property
    def kind(self) -> str:
        """The word for such things, as a heading."""
        return self.title or str(self.opts.verbose_name_plural).capitalize()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the client's rows, and of them those that the person may see."""
        found = super().get_queryset(request)
        if self.client_field:
            found = found.filter(**{self.client_field: request.client})
        gate: Gate = request.access
        if depends_on_object(gate.standing, self.view_action):
            gate.asked = True
            return self.allowed_rows(found, gate)
        return found

    def allowed_rows(self, found: QuerySet[Any], gate: Gate) -> QuerySet[Any]:
        """Return the rows that only the object decides about; a class with many rows answers by a query."""
        return found.filter(pk__in=[each.pk for each in gate.only(found, self.view_action)])

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Every field that the class names, and the mark of what the form was filled from."""
        return [*super().get_fields(request, obj), *(["seen"] if self._writes(request, obj) else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Every field but those that the person may change."""
        shown = [name for name in super().get_fields(request, obj) if name != "seen"]
        return [name for name in shown if not self._may_edit(request, name, obj)]

    def _may_edit(self, request: HttpRequest, name: str, obj: Any) -> bool:
        return _may(request, self.editable.get(name, ""), obj)

    def _writes(self, request: HttpRequest, obj: Any) -> bool:
        return obj is not None and self.has_change_permission(request, obj)

    # What is done

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """A class that writes calls its service here."""
        raise ImproperlyConfigured(f"{type(self).__name__} has no service to save by.")

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Nothing beside the row is written."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """The admin's own log lies in `public`, across clients: history keeps what was done."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """See `log_addition`."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:
        """See `log_addition`."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Refuse in words what the person may see but not change."""
        if request.method == "POST" and object_id is not None:
            found = self.get_object(request, unquote(object_id))
            if found is None:
                raise Http404
            if not self.has_change_permission(request, found):
                raise Refused(request.access.standing, self.change_action)
        context = {"show_save_and_add_another": False, **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, context)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Lead to the object's part of the history."""
        found = self.get_object(request, unquote(object_id))
        if found is None:
            raise Http404
        request.access.check(found, self.view_action)
        return redirect(f"{reverse('history')}?thing={self.history_word}&ref={found.pk}")

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> Any:
        raise Http404

    # Where

    def get_urls(self) -> list[URLPattern]:
        """The pages that there are, each with its action: list, one, and where there is a service, adding."""
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        page = self.admin_site.page
        writing = {"POST": self.change_action} if self.change_action else {}
        found = [path("", page(self.changelist_view, GET=self.view_action), name=f"{name}_changelist")]
        if self.add_action:
            adding = page(self.add_view, GET=self.add_action, POST=self.add_action)
            found.append(path("add/", adding, name=f"{name}_add"))
        if self.history_word:
            history = page(self.history_view, GET="history.read")
            found.append(path("<path:object_id>/history/", history, name=f"{name}_history"))
        one = page(self.change_view, GET=self.view_action, **writing)
        found.append(path("<path:object_id>/change/", one, name=f"{name}_change"))
        return found


def _may(request: HttpRequest, action: str, obj: Any) -> bool:
    gate: Gate | None = getattr(request, "access", None)
    if not action or gate is None:
        return False
    return gate.may(action) if obj is None else gate.allows(obj, action)
