"""The MSSP's people: roles, ends, and who is assigned to which client."""

import re

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tenants.access.policy import allowed
from tenants.clients.models import Client
from tenants.members.assignments import AssignmentRefused, assign_to
from tenants.members.changes import seen_of
from tenants.members.models import Assignment, Membership, User
from tests import make
from tests.tenants.reading import acts_of, text_of

pytestmark = pytest.mark.django_db


def acts(client: Client) -> list[str]:
    return [each["act"] for each in acts_of(client)]


def staff(user: User) -> Membership:
    return user.memberships.get(client=None)


def act(browser: Browser, membership: Membership, what: str, **form: str):
    return browser.post(f"/staff/{membership.pk}/{what}/", {"seen": seen_of(membership), **form})


def assign(browser: Browser, person: User, *clients: Client, do: str = "assign", query: str = ""):
    form = {"person": str(person.pk), "client": [each.slug for each in clients], "do": do}
    return browser.post(f"/staff/assignments/{query}", form, follow=True)


def test_only_mssp_administrators_read_the_staff_page() -> None:
    harbor = make.client("harbor")
    administrator, analyst = make.member("MA"), make.member("AN", harbor)
    page = text_of(make.signed_in(administrator).get("/staff/"))
    assert re.search(rf"{analyst.email}.{{0,60}}MSSP analyst.{{0,80}}enrolled 1 ", page)
    for role in ("AN", "CA", "CO", "EM"):
        browser = make.stepped_up(make.member(role, harbor))
        for path in ("/staff/", "/staff/assignments/", "/staff/invitations/", f"/staff/{staff(analyst).pk}/"):
            assert browser.get(path).status_code == 403, (role, path)
        assert act(browser, staff(analyst), "role", role="MA").status_code == 403
        assert "enrolled" not in text_of(browser.get("/staff/"))
    auditor = make.stepped_up(make.auditor(harbor))
    assert auditor.get("/staff/").status_code == 403


@pytest.mark.parametrize("what", ["role", "deactivate"])
def test_a_change_asks_for_a_fresh_factor_and_never_concerns_oneself(what: str) -> None:
    administrator, analyst = make.member("MA"), make.member("AN")
    make.member("MA")
    asked = act(make.signed_in(administrator), staff(analyst), what, role="MA")
    assert "/accounts/second-factor/again/" in asked["Location"]
    assert staff(analyst).active
    assert staff(analyst).role == "AN"
    own = act(make.stepped_up(administrator), staff(administrator), what, role="AN")
    assert own.status_code == 403
    assert "about themselves" in text_of(own)
    assert act(make.stepped_up(administrator), staff(analyst), what, role="MA").status_code == 302
    assert (staff(analyst).role, staff(analyst).active) == (("MA", True) if what == "role" else ("AN", False))


def test_a_role_of_a_client_is_no_role_of_staff() -> None:
    analyst = make.member("AN")
    answer = act(make.stepped_up(make.member("MA")), staff(analyst), "role", role="CA")
    assert answer.status_code == 409
    assert staff(analyst).role == "AN"


def test_a_member_of_a_client_is_not_on_the_staff_pages() -> None:
    owner = make.member("CO", make.client("harbor")).memberships.get()
    browser = make.stepped_up(make.member("MA"))
    assert browser.get(f"/staff/{owner.pk}/").status_code == 404
    assert act(browser, owner, "deactivate").status_code == 404


def test_the_last_mssp_administrator_stays() -> None:
    first, second = make.member("MA"), make.member("MA")
    User.objects.filter(pk=first.pk).update(is_active=True)
    browser = make.stepped_up(first)
    assert act(browser, staff(second), "deactivate").status_code == 302
    # Another browser of the one who left can do nothing; the last one cannot be brought down by anybody.
    assert act(make.stepped_up(second), staff(first), "deactivate").status_code == 403
    assert staff(first).active


def test_deactivating_ends_the_assignments_and_tells_each_client() -> None:
    harbor, larkfield = make.client("harbor"), make.client("larkfield")
    analyst = make.member("AN", harbor)
    assign_to(analyst, larkfield, by=analyst.pk, at=timezone.now())
    theirs = make.signed_in(analyst)
    assert theirs.get("/c/harbor/").status_code == 200
    browser = make.stepped_up(make.member("MA"))
    assert act(browser, staff(analyst), "deactivate").status_code == 302
    assert theirs.get("/c/harbor/").status_code == 404
    assert acts(harbor) == ["member deactivated", "assignment ended"]
    assert acts(larkfield) == ["assigned", "member deactivated", "assignment ended"]
    assert act(browser, staff(analyst), "reactivate").status_code == 302
    assert theirs.get("/c/harbor/").status_code == 404, "comes back without clients"
    assert not Assignment.objects.exists()


def test_one_person_is_assigned_to_many_clients_at_once_and_each_ledger_tells() -> None:
    clients = [make.client(slug) for slug in ("harbor", "larkfield", "newcomer")]
    administrator, analyst = make.member("MA"), make.member("AN", clients[0])
    browser = make.stepped_up(administrator)
    assert "assigned to 2 clients. At 1 it was so already" in text_of(assign(browser, analyst, *clients))
    assert set(analyst.assignments.values_list("client__slug", flat=True)) == {each.slug for each in clients}
    assert [acts(each) for each in clients] == [[], ["assigned"], ["assigned"]]
    page = text_of(browser.get("/staff/assignments/"))
    assert re.search(rf"newcomer (Suspend )?{re.escape(str(analyst))}", page)
    assert "taken off 3 clients" in text_of(assign(browser, analyst, *clients, do="take_off"))
    assert acts(clients[0]) == ["assignment ended"]
    assert not allowed(analyst, "control.read", clients[0])


def test_nobody_assigns_themselves() -> None:
    harbor = make.client("harbor")
    administrator = make.member("MA")
    answer = assign(make.stepped_up(administrator), administrator, harbor)
    assert answer.status_code == 403
    assert "about themselves" in text_of(answer)
    assert not Assignment.objects.exists()
    assert (
        f'value="{administrator.pk}"'
        not in make.stepped_up(administrator).get("/staff/assignments/").content.decode()
    )


def test_assigning_asks_for_a_fresh_factor_and_belongs_to_administrators() -> None:
    harbor = make.client("harbor")
    analyst = make.member("AN")
    asked = make.signed_in(make.member("MA")).post(
        "/staff/assignments/", {"person": str(analyst.pk), "client": ["harbor"]}
    )
    assert "/accounts/second-factor/again/" in asked["Location"]
    for role in ("AN", "CA"):
        assert assign(make.stepped_up(make.member(role, harbor)), analyst, harbor).status_code == 403
    assert not Assignment.objects.filter(user=analyst).exists()


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"person": "", "client": ["harbor"]}, "Choose who is meant"),
        ({"person": "x\x01", "client": ["harbor"]}, "Choose who is meant"),
        ({"client": ["harbor"]}, "Choose who is meant"),
        ({"person": "analyst"}, "at least one client"),
        ({"person": "analyst", "client": ["nobody", "\x01"]}, "at least one client"),
        ({"person": "owner", "client": ["harbor"]}, "Choose who is meant"),
    ],
)
def test_what_is_not_chosen_is_told_in_words(form: dict[str, object], words: str) -> None:
    harbor = make.client("harbor")
    people = {"analyst": make.member("AN"), "owner": make.member("CO", harbor)}
    sent = {**form}
    if form.get("person") in people:
        sent["person"] = str(people[form["person"]].pk)  # type: ignore[index]
    answer = make.stepped_up(make.member("MA")).post("/staff/assignments/", sent, follow=True)
    assert words in text_of(answer)
    assert not Assignment.objects.exists()


def test_only_the_mssps_people_are_assigned() -> None:
    harbor = make.client("harbor")
    owner = make.member("CO", harbor)
    with pytest.raises(AssignmentRefused, match="not of the MSSP"):
        assign_to(owner, harbor, by=owner.pk, at=timezone.now())


def test_clients_are_found_by_name_and_by_person() -> None:
    harbor = make.bare_client("harbor", name="Harbor Ledger")
    make.bare_client("larkfield", name="Larkfield")
    analyst = make.member("AN", harbor)
    browser = make.signed_in(make.member("MA"))
    for query, found in (("q=ledg", ["harbor"]), ("q=LARK", ["larkfield"]), (f"person={analyst.pk}", ["harbor"]),
                         ("q=zzz", []), ("person=x", []), ("q=", ["harbor", "larkfield"])):  # fmt: skip
        page = browser.get(f"/staff/assignments/?{query}").content.decode()
        assert re.findall(r'<span class="sub">(\w+)</span>', page) == found, query


def test_the_pages_need_as_many_queries_for_many_people_and_clients() -> None:
    browser = make.signed_in(make.member("MA"))

    def add(first: int, last: int) -> None:
        people = User.objects.bulk_create(
            User(email=f"s{n}@soc.example", full_name=f"Staff {n}") for n in range(first, last)
        )
        Membership.objects.bulk_create(Membership(user=each, role="AN") for each in people)
        clients = [make.bare_client(f"c-{n}") for n in range(first, last)]
        Assignment.objects.bulk_create(
            Assignment(user=person, client=client) for person, client in zip(people, clients, strict=True)
        )

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert browser.get("/staff/").status_code == 200
            assert browser.get("/staff/assignments/").status_code == 200
        return len(queries)

    add(0, 10)
    few = asked()
    add(10, 600)
    assert asked() == few
