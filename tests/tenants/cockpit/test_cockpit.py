"""The cockpit: what needs me first, one query for the table, 500 clients like 50."""

import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tenants.clients.models import Client
from tenants.cockpit.services import record_summary
from tenants.members.models import Assignment, User
from tests import make

pytestmark = pytest.mark.django_db


def clients(count: int, *users: User) -> list[Client]:
    made = Client.objects.bulk_create(
        Client(slug=f"c{n}", schema_name=f"c{n}", name=f"Client {n:03}") for n in range(count)
    )
    Assignment.objects.bulk_create(Assignment(user=user, client=each) for user in users for each in made)
    return made


def names(page: str) -> list[str]:
    import re

    return re.findall(r'<th scope="row">(?:<a[^>]*>)?([^<]+)', page)


def test_what_needs_me_comes_first() -> None:
    analyst = make.member("AN")
    calm, late, critical, _ = clients(4, analyst)
    record_summary(calm, exceptions_critical=0, exceptions_late=0)
    record_summary(late, exceptions_critical=0, exceptions_late=3)
    record_summary(critical, exceptions_critical=1, exceptions_late=0)
    page = make.signed_in(analyst).get("/").content.decode()
    assert names(page) == ["Client 002", "Client 001", "Client 000", "Client 003"]
    assert page.count('<tr class="act">') == 1, "red is only what a person must act on"


def test_what_nothing_measured_is_not_collected_and_never_zero() -> None:
    analyst = make.member("AN")
    clients(1, analyst)
    page = make.signed_in(analyst).get("/").content.decode()
    row = page[page.index("<tbody>") :]
    assert row.count("not collected") >= 6
    assert '<span class="zero">0</span>' not in row


def test_an_analyst_sees_only_what_is_assigned_and_an_administrator_that_the_rest_exists() -> None:
    mine, other = clients(2)
    analyst = make.member("AN", mine)
    administrator = make.member("MA", mine)
    assert names(make.signed_in(analyst).get("/").content.decode()) == [mine.name]
    page = make.signed_in(administrator).get("/").content.decode()
    assert names(page) == [mine.name, other.name]
    assert 'href="/c/c0/"' in page
    assert 'href="/c/c1/"' not in page
    assert "not assigned to you" in page


@pytest.mark.parametrize("show", ["all", "needs", "critical", "late", "unknown", "gaps", "audit"])
def test_a_filters_count_is_the_number_of_rows_it_shows(show: str) -> None:
    analyst = make.member("AN")
    made = clients(9, analyst)
    for n, each in enumerate(made[:8]):
        record_summary(
            each,
            exceptions_critical=n % 2,
            exceptions_late=n % 3,
            unknown_members_30d=n % 4,
            covered_days_30d=30 - n % 5,
        )
    today = datetime.datetime.now(datetime.UTC).date()
    make.engagement_of(
        made[0], access=(today + datetime.timedelta(days=90), today + datetime.timedelta(days=120))
    )
    make.engagement_of(
        made[1], access=(today + datetime.timedelta(days=91), today + datetime.timedelta(days=120))
    )
    page = make.signed_in(analyst).get(f"/?show={show}")
    (chip,) = (chip for chip in page.context["chips"] if chip["current"])
    assert chip["count"] == len(names(page.content.decode())) > 0
    csv = b"".join(make.signed_in(analyst).get(f"/clients.csv?show={show}").streaming_content).decode()
    assert len(csv.splitlines()) == chip["count"] + 1


@pytest.mark.parametrize(
    "sort",
    [
        "name",
        "-name",
        "critical",
        "-critical",
        "late",
        "-late",
        "unknown",
        "-unknown",
        "covered",
        "audit",
        "x'--",
    ],
)
def test_every_sorting_answers(sort: str) -> None:
    analyst = make.member("AN")
    for n, each in enumerate(clients(3, analyst)):
        record_summary(each, exceptions_critical=n)
    assert make.signed_in(analyst).get("/", {"sort": sort}).status_code == 200


def test_500_clients_ask_as_many_queries_as_5_and_come_in_pages() -> None:
    analyst = make.member("AN")
    for each in clients(5, analyst):
        record_summary(each, exceptions_critical=0, daily_events=[1, 2])
    browser = make.signed_in(analyst)
    browser.get("/")
    with CaptureQueriesContext(
        connection,
    ) as few:
        browser.get("/")
    made = Client.objects.bulk_create(
        Client(slug=f"d{n}", schema_name=f"d{n}", name=f"D {n:03}") for n in range(495)
    )
    Assignment.objects.bulk_create(Assignment(user=analyst, client=each) for each in made)
    for each in made:
        record_summary(each, exceptions_critical=1, daily_events=[1, 2])
    with CaptureQueriesContext(connection) as many:
        page = browser.get("/")
    assert len(many) == len(few)
    table = [q["sql"] for q in many.captured_queries if "tenants_clientsummary" in q["sql"]]
    assert len(table) == 2, "the filters' counts, and the table itself"
    assert len(names(page.content.decode())) == 50
    assert "1–50 of 500 clients" in page.content.decode()
    assert len(names(browser.get("/?page=10").content.decode())) == 50
    assert browser.get("/?page=999").status_code == 200


def test_a_name_that_is_a_formula_or_markup_stays_a_name() -> None:
    analyst = make.member("AN")
    Client.objects.create(slug="evil", schema_name="evil", name='=cmd|"/c calc"!A1')
    Client.objects.create(slug="evil2", schema_name="evil2", name="<script>alert(1)</script>")
    Assignment.objects.bulk_create(Assignment(user=analyst, client=each) for each in Client.objects.all())
    csv = b"".join(make.signed_in(analyst).get("/clients.csv").streaming_content).decode()
    assert "'=cmd" in csv
    assert "<script>alert" not in make.signed_in(analyst).get("/").content.decode()


@pytest.mark.parametrize("query", ["q=%00", "q=%25%27", "page=-1", "page=x", "show=%00", "q=" + "x" * 5000])
def test_bad_input_is_answered_calmly(query: str) -> None:
    analyst = make.member("AN")
    clients(1, analyst)
    assert make.signed_in(analyst).get(f"/?{query}").status_code == 200


def test_an_empty_cockpit_says_what_fills_it() -> None:
    assert "client create" in make.signed_in(make.member("AN")).get("/").content.decode()


def test_an_employee_is_told_that_nothing_waits() -> None:
    (here,) = clients(1)
    answer = make.signed_in(make.member("EM", here)).get("/")
    assert answer.status_code == 200
    assert "Nothing is asked of you here now." in answer.content.decode()


@pytest.mark.parametrize("role", ["CA", "CO"])
def test_people_of_one_client_are_led_to_it(role: str) -> None:
    (here,) = clients(1)
    answer = make.signed_in(make.member(role, here)).get("/")
    assert (answer.status_code, answer["Location"]) == (302, "/c/c0/")
    assert (
        make.signed_in(make.member(role, Client.objects.create(slug="z", schema_name="z", name="Z")))
        .get("/clients.csv")
        .status_code
        == 403
    )


def test_an_auditor_of_two_clients_chooses_among_the_open_ones() -> None:
    one, two, three = clients(3)
    user = make.auditor(one)
    make.engagement_of(two, user, firm="Brandt Audit")
    past = timezone.localdate() - datetime.timedelta(days=9)
    make.engagement_of(three, user, access=(past, past))
    page = make.signed_in(user).get("/").content.decode()
    assert "Client 000" in page
    assert "Type II · Brandt Audit" in page
    assert "Client 002" not in page


def test_somebody_without_a_place_is_told_what_opens_one() -> None:
    answer = make.signed_in(make.person()).get("/")
    assert answer.status_code == 403


def test_a_summary_takes_only_figures_that_exist() -> None:
    (here,) = clients(1)
    with pytest.raises(TypeError, match="no mood"):
        record_summary(here, mood=1)
