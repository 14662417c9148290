"""The start-up check: every view and every command of ours says which action of the policy it is.

`manage.py` runs it before any command, `config.wsgi` before the first request. A fault names the view or command.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.core.management import get_commands, load_command_class
from django.urls import URLPattern, URLResolver, get_resolver

from tenants.access.command import Tooling
from tenants.access.declare import METHODS, Declaration, declaration_of, faults
from tenants.access.policy import POLICY, PORTAL_ACTIONS

OUR_APPS: Final = frozenset({"tenants", "evidence", "controls", "reports", "config"})


@dataclass(frozen=True, slots=True)
class Route:
    """One address that the portal answers: which URL conf, its pattern, its name, the view, what it declared."""

    urlconf: str
    pattern: str
    name: str | None
    view: Any
    declared: Declaration | None
    url_pattern: URLPattern

    @property
    def view_name(self) -> str:
        """The view's dotted name."""
        view = getattr(self.view, "view_class", None) or getattr(self.view, "cls", None) or self.view
        return f"{view.__module__}.{getattr(view, '__qualname__', view)}"


def routes(urlconf: str) -> Iterator[Route]:
    """Yield every route of a URL conf, in order."""
    yield from _walk(urlconf, get_resolver(urlconf).url_patterns, "")


def _walk(urlconf: str, patterns: Iterable[URLPattern | URLResolver], prefix: str) -> Iterator[Route]:
    for pattern in patterns:
        whole = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(urlconf, pattern.url_patterns, whole)
        else:
            view = pattern.callback
            yield Route(urlconf, whole, pattern.name, view, declaration_of(view), pattern)


@register(Tags.urls)
def views_declare_an_action(**kwargs: Any) -> list[CheckMessage]:
    """Refuse a view without a declaration, with an unknown action, or with one that its URL conf cannot judge."""
    found: list[CheckMessage] = []
    for urlconf in (settings.ROOT_URLCONF, settings.CLIENT_URLCONF):
        for route in routes(urlconf):
            where = f"{route.view_name} (/{route.pattern} in {urlconf})"
            if route.declared is None:
                hint = "Decorate it: @action, @own_session, @token_view or @public_view (tenants/access/declare.py)."
                found.append(Error(f"{where} declares no action.", hint=hint, id="access.E001"))
                continue
            wrong = [*faults(route.declared), *_methods_without(route)]
            found += [Error(f"{where}: {fault}.", id="access.E002") for fault in wrong]
            if urlconf == settings.ROOT_URLCONF:
                found += [
                    Error(
                        f'{where}: "{name}" needs a client, and the portal\'s own pages have none.',
                        id="access.E003",
                    )
                    for name in route.declared.names
                    if name in POLICY and name not in PORTAL_ACTIONS
                ]
    return found


def _methods_without(route: Route) -> list[str]:
    """Return what is wrong with an endpoint that has a method without an action, or an action without a method."""
    endpoint = getattr(route.view, "cls", None)
    assert route.declared is not None
    if endpoint is None or route.declared.kind != "action":
        return []
    has = {method for method in METHODS - {"HEAD", "OPTIONS"} if hasattr(endpoint, method.lower())}
    says = set(route.declared.actions) - {"HEAD"}
    return [f'it has a method for "{each}" that no action declares' for each in sorted(has - says)] + [
        f'it declares an action for "{each}" and has no such method' for each in sorted(says - has)
    ]


@register(Tags.commands)
def commands_declare_an_action(**kwargs: Any) -> list[CheckMessage]:
    """Refuse a command of our apps that says neither an action nor why it needs none."""
    found: list[CheckMessage] = []
    for name, app in sorted(get_commands().items()):
        if not isinstance(app, str) or app not in OUR_APPS:
            continue
        command = load_command_class(app, name)
        declared = getattr(command, "action", None)
        where = f"`manage.py {name}` ({type(command).__module__})"
        for each in declared.values() if isinstance(declared, Mapping) and declared else [declared]:
            if isinstance(each, Tooling) and each.reason.strip():
                continue
            if not isinstance(each, str):
                hint = 'Set `action = "package.build"` or `action = tooling("why none")` (tenants/access/command.py).'
                found.append(Error(f"{where} declares no action.", hint=hint, id="access.E004"))
            elif each not in POLICY:
                found.append(Error(f'{where}: "{each}" is not in the policy table.', id="access.E005"))
    return found


@register(Tags.urls)
def admin_classes_ask_the_policy(**kwargs: Any) -> list[CheckMessage]:
    """Refuse an admin class that declares no action, a wrong one, or a way to write past the services."""
    from tenants.access.adminsite import site

    list(routes(settings.CLIENT_URLCONF))  # the URL conf registers the classes
    found: list[CheckMessage] = []
    for model, registered in site._registry.items():
        where = f"{type(registered).__module__}.{type(registered).__qualname__} of {model._meta.label}"
        found += [Error(f"{where}: {fault}.", id=code) for code, fault in _admin_faults(model, registered)]
    return found


def _admin_faults(model: Any, registered: Any) -> Iterator[tuple[str, str]]:
    from tenants.access.admin import PolicyAdmin

    if not isinstance(registered, PolicyAdmin):
        yield "access.E006", "it is no PolicyAdmin (tenants/access/admin.py), so nothing asks the policy"
        return
    if not registered.view_action:
        yield "access.E006", "it declares no action (view_action)"
    declared = (registered.view_action, registered.change_action, registered.add_action)
    for name in dict.fromkeys((*declared, *registered.editable.values())):
        if name and name not in POLICY:
            yield "access.E007", f'"{name}" is not in the policy table'
    writes = registered.change_action or registered.add_action
    if writes and type(registered).save_model is PolicyAdmin.save_model:
        yield "access.E008", "it writes without a service: give it a save_model that calls one"
    if registered.inlines or registered.list_editable or registered.actions:
        yield "access.E008", "inlines, list_editable and actions would write past the services"
    shared = model._meta.app_label not in {app.rpartition(".")[2] for app in settings.TENANT_APPS}
    if shared and not registered.client_field:
        yield (
            "access.E009",
            "its rows lie in public, and it does not say which field holds their client (client_field)",
        )


def refuse_undeclared() -> None:
    """Raise `ImproperlyConfigured` naming every view that declares nothing: what a server calls before it serves."""
    wrong = [*views_declare_an_action(), *admin_classes_ask_the_policy()]
    if wrong:
        raise ImproperlyConfigured("\n".join(str(each.msg) for each in wrong))
