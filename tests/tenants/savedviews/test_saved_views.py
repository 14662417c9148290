"""Saved views: one's own, by name, and the one that a page opens with."""

import pytest
from django.utils import timezone

from tenants.clients.models import Client
from tenants.members.models import User
from tenants.savedviews.models import SavedView
from tenants.savedviews.services import MOST, Refused, change_view, save_view, tidied
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def analyst() -> User:
    return make.member("AN", make.bare_client("here"))


def kept(user: User, name: str = "Audits", query: str = "show=audit", **more: object) -> SavedView:
    page = str(more.get("page", "cockpit"))
    client = more.get("client")
    assert client is None or isinstance(client, Client)
    return save_view(user, page=page, client=client, name=name, query=query, at=timezone.now())


def test_present_filters_are_kept_under_a_name_and_come_back_as_a_chip(analyst: User) -> None:
    browser = make.signed_in(analyst)
    given = {"page": "cockpit", "query": "sort=name&show=audit&page=3&client=here", "name": " Audit  season "}
    answer = browser.post("/saved-views/", given, follow=True)
    assert answer.redirect_chain == [("/?show=audit&sort=name", 302)]
    (view,) = answer.context["saved"].views
    assert (view["name"], view["current"]) == ("Audit season", True)
    assert browser.get("/?show=late").context["saved"].current is None


def test_a_view_is_renamed_and_deleted(analyst: User) -> None:
    view, browser = kept(analyst), make.signed_in(analyst)
    assert browser.get(f"/saved-views/{view.pk}/").status_code == 200
    browser.post(f"/saved-views/{view.pk}/", {"name": "Soon"})
    assert SavedView.objects.get().name == "Soon"
    browser.post(f"/saved-views/{view.pk}/", {"name": "", "delete": "1"})
    assert not SavedView.objects.exists()


def test_a_page_opens_with_its_default_view_and_a_filter_of_ones_own_wins(analyst: User) -> None:
    browser = make.signed_in(analyst)
    first, second = kept(analyst, "One"), kept(analyst, "Two", "show=late")
    browser.post(f"/saved-views/{first.pk}/", {"name": "One", "default": "on"})
    browser.post(f"/saved-views/{second.pk}/", {"name": "Two", "default": "on"})
    assert list(SavedView.objects.filter(is_default=True)) == [second], "one page opens with one view"
    assert browser.get("/")["Location"] == "/?show=late"
    assert browser.get("/?show=all").status_code == 200
    SavedView.objects.filter(pk=second.pk).update(query="")
    assert browser.get("/").status_code == 200, "a view without a filter leads nowhere"


def test_views_of_others_and_of_other_places_do_not_exist(analyst: User) -> None:
    there = make.bare_client("there")
    other = make.member("AN", there)
    foreign, elsewhere = kept(other, "Theirs"), kept(analyst, page="exceptions", client=there)
    browser = make.signed_in(analyst)
    for view in (foreign.pk, elsewhere.pk, 987654):
        for answer in (
            browser.get(f"/saved-views/{view}/"),
            browser.post(f"/saved-views/{view}/", {"name": "Mine now"}),
            browser.post(f"/saved-views/{view}/", {"delete": "1"}),
        ):
            assert answer.status_code == 404
    assert set(SavedView.objects.values_list("name", flat=True)) == {"Theirs", "Audits"}
    assert "Theirs" not in browser.get("/").content.decode()


def test_the_same_name_twice_no_name_and_no_such_page_are_refused_in_words(analyst: User) -> None:
    kept(analyst)
    browser = make.signed_in(analyst)
    again = browser.post("/saved-views/", {"page": "cockpit", "query": "show=late", "name": "Audits"})
    assert again.status_code == 422
    assert "already" in again.content.decode()
    assert 'value="Audits"' in again.content.decode(), "what was typed stays"
    assert browser.post("/saved-views/", {"page": "cockpit", "query": "", "name": "  "}).status_code == 422
    assert browser.post("/saved-views/", {"page": "admin", "query": "", "name": "X"}).status_code == 400
    assert browser.post("/saved-views/", {"page": "exceptions", "name": "X"}).status_code == 400, (
        "a client's page"
    )
    assert SavedView.objects.count() == 1


def test_so_many_and_so_long_and_no_more(analyst: User) -> None:
    with pytest.raises(Refused, match="too long"):
        kept(analyst, query="q=" + "x" * 600)
    SavedView.objects.bulk_create(
        SavedView(user=analyst, page="cockpit", name=f"{n}", created_at=timezone.now()) for n in range(MOST)
    )
    with pytest.raises(Refused, match="Delete one"):
        kept(analyst)
    with pytest.raises(Refused, match="already"):
        change_view(SavedView.objects.get(name="1"), name="2", default=False)


def test_what_only_passes_is_not_kept() -> None:
    assert tidied("sort=-late&page=4&select=page&client=a&selected=1&q=a%26b&empty=") == "q=a%26b&sort=-late"


def test_a_view_of_the_exceptions_is_kept_at_the_client(harbor: Client) -> None:
    owner = make.member("CO", harbor)
    browser = make.signed_in(owner)
    given = {"page": "exceptions", "query": "show=late", "name": "Late ones"}
    answer = browser.post("/c/harbor/saved-views/", given, follow=True)
    assert answer.redirect_chain[-1][0] == "/c/harbor/exceptions/?show=late"
    assert "Late ones" in answer.content.decode()
    assert SavedView.objects.get().client == harbor


def test_an_auditor_is_told_that_nothing_is_kept_at_a_client(harbor: Client) -> None:
    browser = make.signed_in(make.auditor(harbor))
    answer = browser.post("/c/harbor/saved-views/", {"page": "exceptions", "query": "", "name": "Mine"})
    assert answer.status_code == 403
    assert "write nothing" in answer.content.decode()
    assert "Save this view" not in browser.get("/c/harbor/exceptions/").content.decode()
