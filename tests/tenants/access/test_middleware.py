"""The policy at the door: who is signed in, for whom the client exists, what the role includes, what is logged."""

import datetime

import pytest
from django.db import DatabaseError
from django.test import override_settings

from tenants.access.gate import NotAskedError
from tenants.access.models import ReadLogEntry
from tenants.clients.models import Client
from tenants.members.models import Membership, User
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def test_pages():
    with override_settings(CLIENT_URLCONF="tests.tenants.pages"):
        yield


@pytest.fixture
def harbor() -> Client:
    return make.client("harbor")


@pytest.mark.parametrize("role", ["MA", "AN", "CA", "CO"])
def test_a_right_opens_the_page(harbor: Client, role: str) -> None:
    assert make.signed_in(make.member(role, harbor)).get("/c/harbor/where/").status_code == 200


def test_ones_own_client_without_the_right_answers_403_in_words(harbor: Client) -> None:
    answer = make.signed_in(make.member("CO", harbor)).get("/c/harbor/packages/")
    assert answer.status_code == 403
    assert "does not include “package: read”" in answer.content.decode()
    assert "client administrator" in answer.content.decode()


@pytest.mark.parametrize("role", ["MA", "AN"])
def test_a_client_that_is_not_assigned_does_not_exist(harbor: Client, role: str) -> None:
    assert (
        make.signed_in(make.member(role, harbor, assigned=False)).get("/c/harbor/where/").status_code == 404
    )


def test_a_foreign_client_does_not_exist(harbor: Client) -> None:
    answer = make.signed_in(make.member("CA", make.client("larkfield"))).get("/c/harbor/where/")
    assert answer.status_code == 404
    assert "Harbor" not in answer.content.decode()


def test_a_membership_that_ends_ends_at_once(harbor: Client) -> None:
    user = make.member("CA", harbor)
    browser = make.signed_in(user)
    assert browser.get("/c/harbor/where/").status_code == 200
    Membership.objects.filter(user=user).update(active=False)
    assert browser.get("/c/harbor/where/").status_code == 404


def test_a_closed_account_is_signed_out_at_once(harbor: Client) -> None:
    user = make.member("CA", harbor)
    browser = make.signed_in(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert browser.get("/c/harbor/where/").status_code == 302


def test_an_undeclared_view_answers_nobody(harbor: Client) -> None:
    assert make.signed_in(make.member("CA", harbor)).get("/c/harbor/undeclared/").status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_a_reading_action_answers_no_other_method(harbor: Client, method: str) -> None:
    browser = make.signed_in(make.member("CA", harbor))
    assert getattr(browser, method)("/c/harbor/where/").status_code == 405


def test_another_method_asks_for_its_own_action(harbor: Client) -> None:
    assert make.signed_in(make.member("CA", harbor)).post("/c/harbor/sources/").content == b"POST"
    auditor = make.signed_in(make.auditor(harbor))
    assert auditor.get("/c/harbor/sources/").status_code == 200
    assert auditor.post("/c/harbor/sources/").status_code == 403


@pytest.mark.parametrize("role", ["MA", "AN", "CA"])
def test_a_role_that_needs_a_second_factor_gets_no_page_before_it_is_set_up(
    harbor: Client, role: str
) -> None:
    browser = make.signed_in(make.member(role, harbor, second_factor=False))
    answer = browser.get("/c/harbor/where/")
    assert (answer.status_code, answer["Location"]) == (
        302,
        "/c/harbor/accounts/second-factor/authenticator/",
    )
    assert browser.get("/c/harbor/mine/").status_code == 200


def test_an_auditor_needs_a_second_factor_too(harbor: Client) -> None:
    user = make.person()
    make.engagement_of(harbor, user)
    assert make.signed_in(user).get("/c/harbor/where/").status_code == 302


def test_an_employee_needs_none(harbor: Client) -> None:
    user = make.member("CO", harbor, second_factor=False)
    assert make.signed_in(user).get("/c/harbor/where/").status_code == 200


def test_a_part_of_a_page_is_told_to_load_the_sign_in_page_as_a_whole(harbor: Client) -> None:
    answer = make.signed_in(None).get("/c/harbor/where/", headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert answer["HX-Redirect"].startswith("/c/harbor/accounts/login/?next=")


def test_a_page_that_forgot_its_objects_does_not_answer_those_whom_only_they_decide_for(
    harbor: Client,
) -> None:
    assert make.signed_in(make.member("CA", harbor)).get("/c/harbor/forgetful/").status_code == 200
    with pytest.raises(NotAskedError, match=r"pages\.forgetful answered"):
        make.signed_in(make.auditor(harbor)).get("/c/harbor/forgetful/")
    with pytest.raises(NotAskedError, match=r"pages\.forgetful_of_owners answered"):
        make.signed_in(make.member("CO", harbor)).get("/c/harbor/owners/")


def test_a_token_of_an_absent_client_is_refused_like_one_that_is_not_known(harbor: Client) -> None:
    known = make.signed_in(None).post("/c/harbor/pushed/")
    absent = make.signed_in(None).post("/c/nowhere/pushed/")
    assert known.status_code == absent.status_code == 401
    assert known.content == absent.content


# Auditors ───────────────────────────────────────────────────────────────────────────────────────────


def test_an_auditor_reads_and_each_read_is_logged(harbor: Client) -> None:
    user = make.auditor(harbor)
    browser = make.signed_in(user)
    answers = [
        browser.get("/c/harbor/where/?page=2"),
        browser.get("/c/harbor/renders/"),
        browser.get("/c/harbor/packages/x"),
    ]
    logged = list(ReadLogEntry.objects.order_by("id"))
    assert [entry.path for entry in logged] == [
        "/c/harbor/where/?page=2",
        "/c/harbor/renders/",
        "/c/harbor/packages/x",
    ]
    assert [entry.status for entry in logged] == [answer.status_code for answer in answers] == [200, 200, 404]
    assert [entry.size for entry in logged[:2]] == [len(answer.content) for answer in answers[:2]]
    assert {entry.user for entry in logged} == {user}
    assert {entry.engagement.client for entry in logged} == {harbor}
    assert [entry.action for entry in logged] == ["control.read", "control.read", ""]


def test_the_period_of_the_engagement_is_what_a_page_is_given(harbor: Client) -> None:
    period = (datetime.date(2026, 1, 1), datetime.date(2026, 6, 30))
    browser = make.signed_in(make.auditor(harbor, period=period))
    assert str(period) in browser.get("/c/harbor/where/").content.decode()


@pytest.mark.parametrize("page", ["writes", "loosens"])
def test_the_database_refuses_an_auditors_write(harbor: Client, page: str) -> None:
    user = make.auditor(harbor)
    with pytest.raises(
        DatabaseError,
        match=r"permission denied|read-only transaction|must be set before any query|must be called before",
    ):
        make.signed_in(user).get(f"/c/harbor/{page}/")
    user.refresh_from_db()
    assert user.full_name != "Changed"


def test_what_others_write_is_not_touched_by_an_auditors_request(harbor: Client) -> None:
    make.signed_in(make.auditor(harbor)).get("/c/harbor/where/")
    user = make.member("CA", harbor)
    assert make.signed_in(user).get("/c/harbor/writes/").status_code == 200
    user.refresh_from_db()
    assert user.full_name == "Changed"


def test_an_answer_that_cannot_be_logged_is_not_sent(harbor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = make.signed_in(make.auditor(harbor))

    def refuse(**fields: object) -> None:
        raise DatabaseError("no room")

    monkeypatch.setattr(ReadLogEntry.objects, "create", refuse)
    answer = browser.get("/c/harbor/where/")
    assert answer.status_code == 500
    assert "the access log could not be written" in answer.content.decode()
    assert "harbor" not in answer.content.decode()


def test_an_auditors_stream_is_read_whole_in_the_read_only_transaction(harbor: Client) -> None:
    answer = make.signed_in(make.auditor(harbor)).get("/c/harbor/streams/")
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert [line.split()[1] for line in lines] == ["harbor"] * 3
    assert all(" on " in line for line in lines)
    assert ReadLogEntry.objects.count() == 1


def test_an_auditor_may_take_a_file(harbor: Client) -> None:
    answer = make.signed_in(make.auditor(harbor)).get("/c/harbor/file/")
    assert b"sends_a_file" in b"".join(answer.streaming_content)
    assert ReadLogEntry.objects.count() == 1


@pytest.mark.parametrize("days", [(1, 30), (-30, -1)])
def test_outside_the_access_dates_the_client_does_not_exist(harbor: Client, days: tuple[int, int]) -> None:
    today = datetime.datetime.now(datetime.UTC).date()
    access = (today + datetime.timedelta(days=days[0]), today + datetime.timedelta(days=days[1]))
    browser = make.signed_in(make.auditor(harbor, access=access))
    assert browser.get("/c/harbor/where/").status_code == 404
    assert ReadLogEntry.objects.count() == 0


def test_the_page_says_that_it_is_read_only(harbor: Client) -> None:
    page = make.signed_in(make.auditor(harbor)).get("/c/harbor/renders/").content.decode()
    assert "Read only" in page
    assert "Type II · Okafor &amp; Lind" in page
