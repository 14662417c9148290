"""A client's people: who sees whom, who changes whom, and what a change does at once."""

import re
from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tenants.clients.models import Client
from tenants.invitations import services
from tenants.members.changes import seen_of
from tenants.members.models import Membership, User
from tests import make
from tests.tenants.reading import acts_of, text_of

pytestmark = pytest.mark.django_db

PEOPLE = "/c/harbor/settings/"


@pytest.fixture(autouse=True)
def fresh_limits() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def harbor() -> Client:
    return make.client("harbor", name="Harbor Ledger", host="harbor.example")


def here(user: User) -> Membership:
    return user.memberships.get(client__slug="harbor")


def act(browser: Browser, membership: Membership, what: str, **form: str):
    return browser.post(f"{PEOPLE}people/{membership.pk}/{what}/", {"seen": seen_of(membership), **form})


def test_everybody_is_listed_with_role_sign_in_and_factor(harbor: Client) -> None:
    administrator, owner = make.member("CA", harbor), make.member("CO", harbor, second_factor=False)
    analyst = make.member("AN", harbor)
    User.objects.filter(pk=owner.pk).update(last_login=timezone.now())
    page = text_of(make.signed_in(administrator).get(PEOPLE))
    assert re.search(rf"{owner.email}.{{0,60}}Control owner.{{0,80}}none", page)
    assert re.search(rf"{administrator.email}.{{0,60}}Client administrator.{{0,80}}enrolled", page)
    assert re.search(rf"From the MSSP.*{analyst.email}", page)


def test_an_employee_sees_only_themselves(harbor: Client) -> None:
    employee, owner = make.member("EM", harbor), make.member("CO", harbor)
    analyst = make.member("AN", harbor)
    browser = make.signed_in(employee)
    page = text_of(browser.get(PEOPLE))
    assert employee.email in page
    for other in (owner, analyst):
        assert other.email not in page
    assert browser.get(f"{PEOPLE}people/{here(employee).pk}/").status_code == 200
    assert browser.get(f"{PEOPLE}people/{here(owner).pk}/").status_code == 404
    assert browser.get(f"{PEOPLE}?q={owner.email}").status_code == 200
    assert owner.full_name not in text_of(browser.get(f"{PEOPLE}?q={owner.email}"))


def test_an_auditor_sees_nobody(harbor: Client) -> None:
    assert make.signed_in(make.auditor(harbor)).get(PEOPLE).status_code == 403


@pytest.mark.parametrize("what", ["role", "deactivate", "reactivate"])
@pytest.mark.parametrize(
    ("role", "assigned", "status"),
    [("CA", True, 302), ("MA", True, 302), ("MA", False, 404), ("AN", True, 403), ("CO", True, 403),
     ("EM", True, 403), ("AU", True, 403), ("elsewhere", True, 404)],
)  # fmt: skip
def test_who_may_change_whom(harbor: Client, role: str, assigned: bool, status: int, what: str) -> None:
    owner = make.member("CO", harbor)
    if what == "reactivate":
        Membership.objects.filter(user=owner).update(active=False)
    if role == "AU":
        user = make.auditor(harbor)
    elif role == "elsewhere":
        user = make.member("CA", make.client("larkfield"))
    else:
        user = make.member(role, harbor, assigned=assigned)
    before = here(owner)
    answer = act(make.signed_in(user), before, what, role="EM")
    assert answer.status_code == status
    assert (seen_of(here(owner)) != seen_of(before)) == (status == 302)
    assert len(acts_of(harbor)) == (status == 302)


def test_nobody_changes_their_own_role(harbor: Client) -> None:
    administrator = make.member("CA", harbor)
    make.member("CA", harbor)
    answer = act(make.signed_in(administrator), here(administrator), "role", role="CO")
    assert answer.status_code == 403
    assert "about themselves" in text_of(answer)
    assert here(administrator).role == "CA"
    page = text_of(make.signed_in(administrator).get(f"{PEOPLE}people/{here(administrator).pk}/"))
    assert "Nobody changes their own role" in page


def test_a_member_of_elsewhere_is_not_there(harbor: Client) -> None:
    larkfield = make.client("larkfield")
    theirs = make.member("CO", larkfield).memberships.get()
    staff = make.member("AN", harbor).memberships.get()
    browser = make.signed_in(make.member("CA", harbor))
    for membership in (theirs, staff):
        assert browser.get(f"{PEOPLE}people/{membership.pk}/").status_code == 404
        for what in ("role", "deactivate", "reactivate"):
            assert act(browser, membership, what, role="EM").status_code == 404
    assert browser.get(f"{PEOPLE}people/{2**70}/").status_code == 404


def test_a_role_is_changed_at_the_very_next_request_and_told_in_the_ledger(harbor: Client) -> None:
    administrator, owner = make.member("CA", harbor), make.member("CO", harbor)
    theirs = make.signed_in(owner)
    assert theirs.get("/c/harbor/sources/").status_code == 200
    assert act(make.signed_in(administrator), here(owner), "role", role="EM").status_code == 302
    assert theirs.get("/c/harbor/sources/").status_code == 403
    (told,) = acts_of(harbor)
    assert told == {
        "act": "role changed", "user": str(owner.pk), "before": "CO", "role": "EM",
        "ref": f"membership:{here(owner).pk}", "actor": str(administrator.pk),
    }  # fmt: skip


@pytest.mark.parametrize("role", ["MA", "AN", "AU", "SY", "", "co", "CO\u202e"])
def test_a_role_of_elsewhere_is_refused(harbor: Client, role: str) -> None:
    owner = make.member("CO", harbor)
    answer = act(make.signed_in(make.member("CA", harbor)), here(owner), "role", role=role)
    assert answer.status_code == 409
    assert "no such role" in text_of(answer)
    assert here(owner).role == "CO"


@pytest.mark.parametrize("at", ["/c/harbor/", "harbor.example"])
def test_an_open_session_of_a_former_member_finds_nothing_at_the_next_request(
    harbor: Client, at: str
) -> None:
    owner = make.member("CO", harbor)
    User.objects.filter(pk=owner.pk).update(full_name="Somebody")
    host, prefix = (None, at) if at.startswith("/") else (at, "/")
    theirs = make.signed_in(owner, host=host)
    assert theirs.get(prefix).status_code == 200
    assert act(make.signed_in(make.member("CA", harbor)), here(owner), "deactivate").status_code == 302
    absent = make.signed_in(owner).get("/c/nobody/")
    for path in ("", "controls/", "settings/", f"settings/people/{here(owner).pk}/", "no/such/page/"):
        answer = theirs.get(f"{prefix}{path}")
        assert answer.status_code == 404, path
        assert "Harbor" not in answer.content.decode()
        assert re.sub(r"\s+", " ", text_of(answer)) == re.sub(r"\s+", " ", text_of(absent))
    assert act(make.signed_in(make.member("CA", harbor)), here(owner), "reactivate").status_code == 302
    assert theirs.get(prefix).status_code == 200
    assert [each["act"] for each in acts_of(harbor)] == ["member deactivated", "member reactivated"]


def test_the_last_administrator_stays(harbor: Client) -> None:
    last = make.member("CA", harbor)
    mssp = make.signed_in(make.member("MA", harbor))
    for what in ("deactivate", "role"):
        answer = act(mssp, here(last), what, role="CO")
        assert answer.status_code == 409
        assert "last client administrator of Harbor Ledger" in text_of(answer)
    assert act(make.signed_in(last), here(last), "deactivate").status_code == 409
    closed = make.member("CA", harbor)
    User.objects.filter(pk=closed.pk).update(is_active=False)
    assert act(mssp, here(last), "deactivate").status_code == 409, "a closed account administers nothing"
    make.member("CA", harbor)
    assert act(mssp, here(last), "deactivate").status_code == 302


def test_two_browsers_that_change_one_person_do_not_undo_each_other(harbor: Client) -> None:
    owner = make.member("CO", harbor)
    first, second = (make.signed_in(make.member("CA", harbor)) for _ in range(2))
    stale = here(owner)
    assert act(first, stale, "role", role="EM").status_code == 302
    for what, form in (("role", {"role": "CA"}), ("deactivate", {}), ("role", {"role": "CA", "seen": ""})):
        answer = act(second, stale, what, **form)
        assert answer.status_code == 409
        assert "Somebody changed this person" in text_of(answer)
    page = act(second, stale, "role", role="CA")
    assert '<option value="CA" selected>' in page.content.decode(), "what was chosen stays chosen"
    assert here(owner).role == "EM"
    assert act(second, here(owner), "role", role="CA").status_code == 302


def test_a_former_member_has_no_role_to_change(harbor: Client) -> None:
    owner = make.member("CO", harbor)
    Membership.objects.filter(user=owner).update(active=False)
    answer = act(make.signed_in(make.member("CA", harbor)), here(owner), "role", role="EM")
    assert answer.status_code == 409
    assert "deactivated" in text_of(answer)


def test_the_page_needs_as_many_queries_for_a_thousand_people(harbor: Client) -> None:
    browser = make.signed_in(make.member("CA", harbor))

    def add(first: int, last: int) -> None:
        people = User.objects.bulk_create(
            User(email=f"p{n}@harbor.example", full_name=f"Person {n}") for n in range(first, last)
        )
        Membership.objects.bulk_create(Membership(user=each, client=harbor, role="EM") for each in people)
        for n in range(first, min(last, first + 40)):
            services.invite_member(
                harbor, email=f"i{n}@harbor.example", name="I", role="EM", by=None, at=timezone.now()
            )

    def asked() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert browser.get(PEOPLE).status_code == 200
            assert browser.get(f"{PEOPLE}people/invitations/").status_code == 200
        return len(queries)

    add(0, 10)
    few = asked()
    add(10, 1000)
    assert asked() == few


@pytest.mark.parametrize("query", ["q=%01", "q=%F0%9F%92%A3", "page=-1", "page=x", f"q={'x' * 5000}"])
def test_odd_filters_are_answered(harbor: Client, query: str) -> None:
    assert make.signed_in(make.member("CA", harbor)).get(f"{PEOPLE}?{query}").status_code == 200


def test_names_are_escaped(harbor: Client) -> None:
    owner = make.member("CO", harbor)
    User.objects.filter(pk=owner.pk).update(full_name="<script>alert(1)</script>")
    browser = make.signed_in(make.member("CA", harbor))
    for path in (PEOPLE, f"{PEOPLE}people/{here(owner).pk}/"):
        assert "<script>alert" not in browser.get(path).content.decode()
