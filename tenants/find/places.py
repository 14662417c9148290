"""Finding clients, people and pages: what `tenants` itself lets people find."""

from collections.abc import Iterator

from django.urls import NoReverseMatch, reverse

from tenants.access.gate import Gate
from tenants.clients.models import Client
from tenants.clients.sections import CLIENT_SECTIONS, OWN_PAGES, PORTAL_SECTIONS, SETTINGS_PAGES
from tenants.find.asking import all_words
from tenants.find.registry import Finder, Found
from tenants.members.models import Membership, User
from tenants.members.selectors import clients_of


def _clients(gate: Gate, words: list[str], limit: int) -> Iterator[Found]:
    person = gate.standing.principal
    assert isinstance(person, User)
    # Always at the portal: a client's own host leads nowhere else.
    for each in clients_of(person, at=gate.at).filter(all_words(words, "name", "slug"))[:limit]:
        yield Found(each.name, f"Client · {each.slug}", _home(each))


def _home(client: Client) -> str:
    return f"/c/{client.slug}/"


def _people(gate: Gate, words: list[str], limit: int) -> Iterator[Found]:
    found = (
        Membership.objects.filter(client=gate.standing.client, active=True, user__is_active=True)
        .filter(all_words(words, "user__full_name", "user__email"))
        .select_related("user")
        .order_by("user__full_name", "pk")
    )
    href = _reversed("members")
    for each in gate.only(found[: 4 * limit], "member.read")[:limit] if href else ():
        yield Found(str(each.user), f"{each.get_role_display()} · {each.user.email}", href)


def _staff(gate: Gate, words: list[str], limit: int) -> Iterator[Found]:
    found = (
        Membership.objects.filter(client=None, active=True, user__is_active=True)
        .filter(all_words(words, "user__full_name", "user__email"))
        .select_related("user")
        .order_by("user__full_name", "pk")
    )
    href = _reversed("staff")
    for each in found[:limit] if href else ():
        yield Found(str(each.user), f"{each.get_role_display()} · {each.user.email}", href)


def _pages(gate: Gate, words: list[str], limit: int) -> Iterator[Found]:
    sections = CLIENT_SECTIONS if gate.standing.client is not None else PORTAL_SECTIONS
    left = limit
    seen = set()
    for page in (*sections, *SETTINGS_PAGES, *OWN_PAGES):
        href = _reversed(page.url)
        asked = all(word.casefold() in page.title.casefold() for word in words)
        if not (asked and href and left and page.url not in seen and gate.may(page.action)):
            continue
        seen.add(page.url)
        left -= 1
        yield Found(page.title, "Page", href)


def _reversed(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


FINDERS = (
    Finder("pages", "Pages", "find.read", _pages, at_portal=True),
    Finder("clients", "Clients", "find.read", _clients, at_client=False, at_portal=True),
    Finder("staff", "Staff", "staff.read", _staff, at_client=False, at_portal=True),
    Finder("people", "People", "member.read", _people),
)
