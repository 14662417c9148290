"""How a view says which action of the policy it is. What says nothing does not start (`tenants.access.checks`).

    @action("control.read")                             answers GET and HEAD
    @action("source.read", POST="intake.upload")        another action for another method
    @own_session("…")                                   any signed-in person, about nothing but their own session
    @token_view("intake.push")                          the caller is a token, which the view itself checks; what it
                                                        does not know it answers with `tenants.access.tokens`
    @action(GET="control.read", within="admin.read")    absent (404) for whoever has not the second action at all
    @public_view("…")                                   anyone, signed in or not; the reason is printed by the check

The middleware asks the policy before the view runs, with no object in hand. A view then asks `request.access` about
what it shows:

    request.access.check(exception)          404 or 403 unless this object may be seen
    request.access.only(sources)             those of a list that may be seen
    request.access.period                    an auditor's Period (None for everybody else): bound every query by it

For an auditor, and for whoever sees only what is their own, a page that answers 200 without having asked one of
these is stopped with an error that names the view: forgetting is not a way in.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar

from tenants.access.policy import POLICY, is_read

View = TypeVar("View", bound=Callable[..., Any])
METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_SAFE: Final = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a view declared: its kind, its action by method, and the reason where it has no action."""

    kind: Literal["action", "session", "token", "public"]
    actions: Mapping[str, str]
    reason: str = ""
    # An action without which the view does not exist for a person: 404 where it would be 403.
    within: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Every action once, in order."""
        return tuple(dict.fromkeys([*self.actions.values(), *([self.within] if self.within else [])]))


def _declare(declaration: Declaration) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.access = declaration
        return view

    return mark


def action(name: str | None = None, *, within: str = "", **by_method: str) -> Callable[[View], View]:
    """Declare a view's action, and others for methods named in capitals.

    A reading action answers GET and HEAD; another action given first answers POST. Every other method is refused
    with 405 unless it has an action of its own. `within` is an action without which the view does not exist.
    """
    actions: dict[str, str] = {}
    if name is not None:
        actions = dict.fromkeys(_SAFE if is_read(name) else ("POST",), name)
    for method, other in by_method.items():
        actions |= dict.fromkeys(_SAFE, other) if method == "GET" else {method: other}
    return _declare(Declaration("action", MappingProxyType(actions), within=within))


def own_session(reason: str) -> Callable[[View], View]:
    """Declare a view that any signed-in person may use and that touches only their own session and credentials."""
    return _declare(Declaration("session", MappingProxyType({}), reason))


def token_view(name: str) -> Callable[[View], View]:
    """Declare a view whose caller shows a token instead of a session; the view checks it, action by action."""
    return _declare(Declaration("token", MappingProxyType({"POST": name})))


def public_view(reason: str) -> Callable[[View], View]:
    """Declare a view that answers anyone; it must not touch a client's schema."""
    return _declare(Declaration("public", MappingProxyType({}), reason))


def declaration_of(callback: Callable[..., Any]) -> Declaration | None:
    """Return what a URL pattern's callback (function, `as_view()` or DRF view) declared, or None."""
    for holder in (callback, getattr(callback, "view_class", None), getattr(callback, "cls", None)):
        found = getattr(holder, "access", None)
        if isinstance(found, Declaration):
            return found
    return None


def faults(declaration: Declaration) -> list[str]:
    """Return what is wrong with a declaration, in words."""
    wrong = [f'"{name}" is not in the policy table' for name in declaration.names if name not in POLICY]
    wrong += [f'"{method}" is no HTTP method' for method in declaration.actions if method not in METHODS]
    if declaration.kind in ("public", "session") and not declaration.reason.strip():
        wrong.append("no reason is given")
    return wrong
