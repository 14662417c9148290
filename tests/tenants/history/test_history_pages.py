"""The page of history: who, when, from where, from what to what; for those whom the policy names."""

import csv
import datetime
import io

import pytest
from django.db import connection
from django.utils import timezone

from controls.catalogue.models import Control
from controls.results.models import RuleSetting
from tenants.clients.models import Client
from tenants.clients.switch import client as at_client
from tenants.history.context import changing
from tenants.members.models import Membership, User
from tests import make

PAGE = "/c/harbor/history/"


def changed_by(user: User, control: str = "AC-01", **values: object) -> None:
    with changing(way="page", path="/c/harbor/x/", user=str(user.pk), role="CA", address="198.51.100.7"):
        Control.objects.filter(pk=control).update(**values)


def text_of(harbor: Client, query: str = "", role: str = "CA") -> str:
    answer = make.signed_in(make.member(role, harbor)).get(f"{PAGE}{query}")
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize(
    ("role", "status"), [("MA", 200), ("AN", 200), ("CA", 200), ("CO", 403), ("EM", 403)]
)
def test_who_may_read_it(harbor: Client, role: str, status: int) -> None:
    browser = make.signed_in(make.member(role, harbor))
    assert browser.get(PAGE).status_code == browser.get("/c/harbor/history.csv").status_code == status


def test_an_auditor_does_not(harbor: Client) -> None:
    assert make.signed_in(make.auditor(harbor)).get(PAGE).status_code == 403


def test_a_change_says_who_from_where_and_from_what_to_what(harbor: Client) -> None:
    dana = make.person("Dana Whitlock")
    owner = make.person("Miles Okoro")
    changed_by(dana, owner=owner.pk, status="retired", in_operation_from=datetime.date(2026, 3, 1))
    page = text_of(harbor, "?thing=control&ref=AC-01")
    for words in (
        "Control changed", "AC-01", "Dana Whitlock", "Client administrator", "198.51.100.7", "by a page",
        "/c/harbor/x/", "<ins>Miles Okoro</ins>", "<ins>retired</ins>", "<ins>2026-03-01</ins>", "<del>—</del>",
    ):  # fmt: skip
        assert words in page
    assert "Statement</dt>" not in page.split("Control changed")[1].split("</tr>")[0]


def test_sql_past_the_portal_is_named_so(harbor: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("update controls_control set statement = 'By SQL' where id = 'AC-01'")
    page = text_of(harbor, "?person=outside")
    assert "outside the portal" in page
    assert "<ins>By SQL</ins>" in page


def test_filters_by_person_thing_and_day(harbor: Client) -> None:
    dana, miles = make.person("Dana Whitlock"), make.person("Miles Okoro")
    changed_by(dana, statement="By Dana")
    changed_by(miles, "AC-02", statement="By Miles")
    with changing(way="task", path="t", user=None):
        RuleSetting.objects.create(rule="R01", values={"second_factors": ["totp"]}, valid_from=timezone.now())
    assert "By Miles" not in text_of(harbor, f"?person={dana.pk}")
    assert "By Dana" in text_of(harbor, f"?person={dana.pk}")
    assert "By Dana" not in text_of(harbor, "?person=system")
    assert "second factors: totp" in text_of(harbor, "?person=system")
    assert "second factors" not in text_of(harbor, "?thing=control")
    assert "By Dana" in text_of(harbor)
    assert "second factors" not in text_of(harbor)
    assert "second factors" in text_of(harbor, "?person=all")
    today = timezone.localdate(timezone=harbor.tzinfo)
    tomorrow = today + datetime.timedelta(days=1)
    assert "By Dana" in text_of(harbor, f"?from={today}&to={today}")
    assert "By Dana" not in text_of(harbor, f"?from={tomorrow}")


@pytest.mark.parametrize(
    "query",
    [
        "?person=nobody",
        "?thing=nothing",
        "?from=yesterday&to=9999-12-31",
        "?page=x",
        "?ref=%01",
        "?person=%01",
        "?from=2026-02-31",
    ],
)
def test_nonsense_is_no_error(harbor: Client, query: str) -> None:
    text_of(harbor, query)


def test_what_another_client_changed_is_not_in_it(db: None) -> None:
    harbor, larkfield = make.client("harbor"), make.client("larkfield")
    there = make.member("CO", larkfield)
    User.objects.filter(pk=there.pk).update(full_name="Somebody Else")
    Membership.objects.filter(user=there).update(role="EM")
    make.engagement_of(larkfield, firm="Their firm")
    with at_client(harbor):
        page = (
            text_of(harbor)
            + make.signed_in(make.member("CA", harbor)).get("/c/harbor/history.csv").getvalue().decode()
        )
    assert "Somebody Else" not in page
    assert "Their firm" not in page
    assert "Larkfield" not in page


def test_csv_has_a_line_per_field(harbor: Client) -> None:
    dana = make.person("Dana Whitlock")
    changed_by(dana, statement="=cmd()", key=False)
    answer = make.signed_in(make.member("CA", harbor)).get("/c/harbor/history.csv?thing=control&ref=AC-01")
    rows = [row for row in csv.DictReader(io.StringIO(answer.getvalue().decode())) if row["act"] == "changed"]
    assert [row["field"] for row in rows] == ["Statement", "Key"]
    assert rows[0]["after"] == "'=cmd()"
    assert (rows[1]["before"], rows[1]["after"], rows[1]["who"]) == ("yes", "no", "Dana Whitlock")
    assert rows[0]["address"] == "198.51.100.7"


def test_it_asks_as_much_for_a_thousand_changes_as_for_ten(
    harbor: Client, django_assert_num_queries, django_assert_max_num_queries
) -> None:
    browser = make.signed_in(make.member("CA", harbor))
    with django_assert_max_num_queries(30) as first:
        browser.get(PAGE)
    for number in range(12):
        RuleSetting.objects.bulk_create(
            RuleSetting(
                rule=f"R{number}", valid_from=make.NOON + datetime.timedelta(hours=hour), by=make.person().pk
            )
            for hour in range(80)
        )
    with django_assert_num_queries(len(first)):
        browser.get(PAGE)
