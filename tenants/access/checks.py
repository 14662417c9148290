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
from tenants.access.declare import Declaration, declaration_of, faults
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
            found += [Error(f"{where}: {fault}.", id="access.E002") for fault in faults(route.declared)]
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


def refuse_undeclared() -> None:
    """Raise `ImproperlyConfigured` naming every view that declares nothing: what a server calls before it serves."""
    wrong = views_declare_an_action()
    if wrong:
        raise ImproperlyConfigured("\n".join(str(each.msg) for each in wrong))
