"""The cockpit: what needs me first, one query for the table, 500 clients like 50."""

import datetime

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from evidence.ledger.models import LedgerEntry
from tenants.clients.models import Client
from tenants.clients.switch import client as at_client
from tenants.cockpit.models import ClientSummary
from tenants.cockpit.services import about_tokens, record_summary
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
    assert len(table) == 3, "the filters' counts, the rules to choose from, and the table itself"
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


@pytest.mark.parametrize("query", ["q=%01", "q=%25%27", "page=-1", "page=x", "show=%01", "q=" + "x" * 5000])
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


def test_what_a_later_feature_measures_is_shown_and_nothing_stands_in_for_it_before() -> None:
    analyst = make.member("AN")
    one, two = clients(2, analyst)
    record_summary(one, exceptions_critical=0)
    record_summary(two, posture=71, posture_cap="Critical open 9 d", sources_silent=3, duties_overdue=4)
    page = make.signed_in(analyst).get("/?sort=name")
    first, second = page.context["rows"]
    assert first.count("not collected") == 7
    assert second.count("not collected") == 5
    text = page.content.decode()
    assert "Critical open 9 d" in text
    assert page.context["figures"][2]["value"] == 4
    record_summary(two, duties_overdue=None)
    assert make.signed_in(analyst).get("/").context["figures"][2]["value"] is None


def test_figures_that_are_too_old_say_so_on_the_row_and_over_the_page() -> None:
    analyst = make.member("AN")
    one, two = clients(2, analyst)
    record_summary(one, exceptions_critical=0)
    record_summary(two, exceptions_critical=0)
    browser = make.signed_in(analyst)
    fresh = browser.get("/").content.decode()
    assert "Old figures" not in fresh
    ClientSummary.objects.filter(client=one).update(updated_at=timezone.now() - datetime.timedelta(hours=3))
    page = browser.get("/")
    assert "figures 3 h old" in page.content.decode()
    assert (page.context["old"]["count"], len(browser.get("/?show=old").context["rows"])) == (1, 1)
    ClientSummary.objects.filter(client=one).update(
        updated_at=timezone.now() - datetime.timedelta(minutes=14)
    )
    assert "Old figures" not in browser.get("/").content.decode()


def test_clients_are_found_by_what_their_open_exceptions_are_about() -> None:
    analyst = make.member("AN")
    one, two, three, _ = clients(4, analyst)
    record_summary(one, open_about=about_tokens([("R01", "critical"), ("AC-01", "critical"), ("R10", "low")]))
    record_summary(two, open_about=about_tokens([("R01", "high")]))
    record_summary(three, open_about=about_tokens([("R10", "critical")]))
    browser = make.signed_in(analyst)

    def shown(**asked: str) -> list[str]:
        return names(browser.get("/", {"sort": "name", **asked}).content.decode())

    assert shown(about="R01") == ["Client 000", "Client 001"]
    assert shown(about="AC-01") == ["Client 000"]
    assert shown(severity="critical") == ["Client 000", "Client 002"]
    assert shown(about="R10", severity="critical") == ["Client 002"], "one exception is both, not two of them"
    assert shown(about="R99") == []
    assert len(shown(about="x'; drop", severity="worst")) == 4, "what is not understood narrows nothing"
    choices = browser.get("/").context["search"]["selects"][1]["options"]
    assert [value for value, _ in choices] == ["", "AC-01", "R01", "R10"]
    assert any("R01 · " in words for _, words in choices), "a rule has its title beside its id"


def test_an_administrator_narrows_to_what_is_assigned_to_them() -> None:
    mine, _ = clients(2)
    administrator = make.member("MA", mine)
    browser = make.signed_in(administrator)
    assert names(browser.get("/?mine=1").content.decode()) == [mine.name]
    assert len(names(browser.get("/").content.decode())) == 2


def test_an_administrator_is_told_no_content_of_a_client_that_is_not_assigned_to_them() -> None:
    mine, other = clients(2)
    administrator = make.member("MA", mine)
    record_summary(other, open_about=["R77"], posture=40, posture_cap="words-of-theirs")
    browser = make.signed_in(administrator)
    page = browser.get("/").content.decode()
    assert "R77" not in page
    assert "words-of-theirs" not in page
    assert names(browser.get("/?about=R77").content.decode()) == []


def test_choices_tell_nothing_of_clients_that_are_not_mine() -> None:
    mine, other = clients(2)
    record_summary(other, open_about=about_tokens([("R77", "low")]))
    page = make.signed_in(make.member("AN", mine)).get("/").content.decode()
    assert "R77" not in page


def test_1000_clients_ask_as_many_queries_as_10() -> None:
    analyst = make.member("AN")
    browser = make.signed_in(analyst)
    counts = []
    for count in (10, 990):
        made = Client.objects.bulk_create(
            Client(slug=f"n{count}-{n}", schema_name=f"n{count}_{n}", name=f"N {n:03}") for n in range(count)
        )
        Assignment.objects.bulk_create(Assignment(user=analyst, client=each) for each in made)
        ClientSummary.objects.bulk_create(
            ClientSummary(client=each, exceptions_critical=n % 3, open_about=["R01"])
            for n, each in enumerate(made)
        )
        browser.get("/")
        with CaptureQueriesContext(connection) as asked:
            browser.get("/?show=needs&about=R01&sort=-audit&page=2")
        counts.append(len(asked))
    assert counts[0] == counts[1]


# Several at once ────────────────────────────────────────────────────────────────────────────────────


def test_selected_clients_are_exported_and_what_is_left_out_is_told() -> None:
    analyst = make.member("AN")
    clients(3, analyst)
    Client.objects.create(slug="foreign", schema_name="foreign", name="Foreign Secrets")
    browser = make.signed_in(analyst)
    answer = browser.get("/clients.csv?selected=1&client=c0&client=c2&client=foreign&client=absent")
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert [line.split(",")[1] for line in lines[1:]] == ["c0", "c2", "absent", "foreign"]
    assert all(line.endswith("left out: not one of your clients") for line in lines[3:])
    assert "Foreign Secrets" not in "".join(lines)


def test_nothing_selected_is_said_and_nothing_done() -> None:
    analyst = make.member("AN")
    clients(1, analyst)
    page = make.signed_in(analyst).get("/clients.csv?selected=1", follow=True)
    assert "No client was selected" in page.content.decode()


def test_the_page_comes_with_every_box_checked_where_there_is_no_script() -> None:
    analyst = make.member("AN")
    clients(3, analyst)
    browser = make.signed_in(analyst)
    assert browser.get("/").content.decode().count(" checked") == 0
    assert browser.get("/?select=page").content.decode().count(" checked") == 3
    assert "Assign an analyst" not in browser.get("/").content.decode(), "an analyst assigns nobody"


def proven(user: User) -> Browser:
    """A browser that has just shown its second factor."""
    browser = make.signed_in(user)
    make.step_up(browser, user)
    return browser


def test_assigning_asks_for_a_fresh_second_factor_first() -> None:
    clients(1)
    administrator = make.member("MA")
    answer = make.signed_in(administrator).get("/clients/assign/?client=c0")
    assert answer.status_code == 302
    assert "second-factor/again" in answer["Location"]
    assert "client%3Dc0" in answer["Location"]
    assert make.signed_in(make.member("AN")).get("/clients/assign/?client=c0").status_code == 403


def test_each_selected_client_is_judged_for_itself_and_told() -> None:
    harbor = make.client("harbor")
    larkfield = make.client("larkfield")
    administrator, analyst = make.member("MA"), make.member("AN", harbor)
    browser = proven(administrator)
    form = browser.get("/clients/assign/?client=harbor&client=larkfield&client=absent")
    assert form.status_code == 200
    asked = {"client": ["harbor", "larkfield", "absent"], "person": analyst.pk}
    told = {each["client"]: each for each in browser.post("/clients/assign/", asked).context["results"]}
    assert "already" in told["Harbor"]["why"]
    assert told["Larkfield"]["done"] == "Assigned"
    assert "Not one of the clients" in told["absent"]["why"]
    assert set(analyst.assignments.values_list("client", flat=True)) == {harbor.pk, larkfield.pk}
    with at_client(larkfield):
        leaf = LedgerEntry.objects.filter(kind="settings").latest("seq")
    assert leaf.ref == f"assignment:{analyst.assignments.get(client=larkfield).pk}"


def test_nobody_assigns_themselves_nor_somebody_who_is_not_of_the_mssp() -> None:
    harbor = make.client("harbor")
    administrator, owner = make.member("MA"), make.member("CO", harbor)
    browser = proven(administrator)
    answer = browser.post("/clients/assign/", {"client": "harbor", "person": administrator.pk})
    assert "another administrator" in answer.content.decode()
    assert browser.post("/clients/assign/", {"client": "harbor", "person": owner.pk}).status_code == 422
    assert browser.post("/clients/assign/", {"client": "harbor", "person": "x\x07"}).status_code == 422
    assert not Assignment.objects.exists()
