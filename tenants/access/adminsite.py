"""The admin site of a client, at `/c/SLUG/admin/`: its own views alone, each with its action.

What Django's has besides does not exist here: sign-in, sign-out and password are the portal's; there is no search over
everything, no pop-up, no list of recent actions. For whom the policy has no `admin.read`, none of it exists.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from csp.decorators import csp_update
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, include, path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from unfold.sites import UnfoldAdminSite

from tenants.access.declare import action
from tenants.clients.context import theme_of

ADMIN_ACTION: Final = "admin.read"
# unfold's pages need these; every other page keeps the strict policy.
_LOOSER: Final = {"script-src": ["'unsafe-eval'"], "style-src": ["'unsafe-inline'"]}


class ClientAdminSite(UnfoldAdminSite):
    """See the module."""

    final_catch_all_view = False
    index_title = "Administration"

    def has_permission(self, request: HttpRequest) -> bool:
        """Ask the policy, not whether somebody is called staff."""
        gate = getattr(request, "access", None)
        return gate is not None and gate.may(ADMIN_ACTION)

    def page(self, view: Callable[..., Any], **by_method: str) -> Callable[..., HttpResponseBase]:
        """Make a view of the site: declared, behind `admin.read`, with the policy that unfold needs."""

        @wraps(view)
        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            # A NUL stands in no key and no filter, and PostgreSQL takes none.
            if not self.has_permission(request) or "%00" in request.get_full_path():
                raise Http404
            return view(request, *args, **kwargs)

        made = csp_update(_LOOSER)(csrf_protect(never_cache(inner)))
        return action(within=ADMIN_ACTION, **by_method)(made)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """A view that did not come by `page` declares nothing, so that the portal does not start with it."""
        return view

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """The start page, and the pages of each class."""
        models = [
            path(f"{model._meta.app_label}/{model._meta.model_name}/", include(registered.get_urls()))
            for model, registered in self._registry.items()
        ]
        return [path("", self.page(self.index, GET=ADMIN_ACTION), name="index"), *models]

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
        """Return one group: the kinds of things that the person may see."""
        kinds = [
            self._kind(request, *each)
            for each in self._registry.items()
            if each[1].has_view_permission(request)
        ]
        if not kinds:
            return []
        group = {
            "name": "Records",
            "app_label": "records",
            "app_url": reverse("admin:index"),
            "has_module_perms": True,
        }
        return [{**group, "models": sorted(kinds, key=lambda kind: kind["name"])}]

    def _kind(self, request: HttpRequest, model: Any, registered: Any) -> dict[str, Any]:
        opts = model._meta
        name = f"admin:{opts.app_label}_{opts.model_name}"
        perms = registered.get_model_perms(request)
        return {
            "model": model,
            "name": registered.kind,
            "object_name": opts.object_name,
            "perms": perms,
            "admin_url": reverse(f"{name}_changelist"),
            "add_url": reverse(f"{name}_add") if perms["add"] else None,
            "view_only": not perms["change"],
        }

    def get_log_entries(self, request: HttpRequest) -> list[Any]:
        """None are written, so there are none."""
        return []

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Call the site as the client is called, and lead back to its pages."""
        name = request.client.name
        return {
            **super().each_context(request),
            "site_title": f"{name} · Proofline",
            "site_header": name,
            "site_subheader": "Administration",
            "site_url": reverse("home"),
            "theme": theme_of(request) or None,
            "available_apps": self.get_app_list(request),
        }


site: Final = ClientAdminSite(name="admin")
