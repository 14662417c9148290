"""My work: what waits for whom, over all clients from one table, at one client from its own."""

import datetime
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from controls.catalogue.models import Control
from controls.catalogue.services import instantiate
from controls.exceptions.models import ControlException
from controls.exceptions.services import act
from controls.exceptions.work import waiting
from controls.results.summary import refresh
from tenants.access.policy import allowed, standing
from tenants.clients.models import Client
from tenants.clients.switch import client as at_client
from tenants.clients.switch import public
from tenants.cockpit.models import ClientSummary
from tenants.members.models import Assignment, Membership, User
from tenants.mywork.models import WorkItem
from tenants.mywork.registry import Work, WorkKind, kinds, register
from tenants.mywork.selectors import concerns, work_here, work_of
from tenants.mywork.services import rebuild_work
from tests import make

pytestmark = pytest.mark.django_db
NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
HOUR = datetime.timedelta(hours=1)


def exception(
    number: int = 1, *, state: str = "open", due: datetime.datetime = NOW, **more: object
) -> ControlException:
    """An exception of the present client, detected a day before it is due."""
    given: dict[str, object] = {
        "number": f"EX-2026-{number:04}", "origin": "failed_member", "rule": "R01", "rule_version": "1",
        "group_key": f"g{number}", "bucket": "b", "control": "AC-01", "criteria": ["CC6.1"], "severity": "high",
        "facts": f"secret-facts-{number}", "state": state, "occurred_first": due - 24 * HOUR,
        "occurred_last": due - 24 * HOUR, "detected": due - 24 * HOUR, "opened": due - 24 * HOUR,
        "triage_due": due - HOUR, "fix_due": due,
    }  # fmt: skip
    return ControlException.objects.create(**given | more)


def beside(slug: str) -> Client:
    """A client without a schema, made while the test is at another."""
    with public():
        return make.bare_client(slug)


def item(client: Client, number: int, *, action: str = "exception.triage", **more: object) -> WorkItem:
    given: dict[str, object] = {
        "title": "Something",
        "url": f"exceptions/{number}/",
        "due": NOW + number * HOUR,
    }
    return WorkItem.objects.create(
        client=client, kind="exceptions", key=f"EX-{number}", action=action, **given | more
    )


def keys(user: User, query: str = "") -> list[str]:
    answer = make.signed_in(user).get(f"/work/{query}")
    assert answer.status_code == 200
    return [row["key"] for row in answer.context["rows"]]


def test_each_state_waits_for_one_act_of_whom_the_policy_lets_take_it(harbor: Client) -> None:
    analyst, fixer = make.member("AN", harbor), make.member("AN", harbor)
    owner, other = make.member("CO", harbor), make.member("CO", harbor)
    instantiate(on=NOW.date())
    Control.objects.filter(pk="AC-01").update(owner=owner.pk)
    exception(1, state="open")
    exception(2, state="triaged")
    exception(3, state="triaged", owner=other.pk)
    exception(4, state="triaged", control="AC-02")
    exception(5, state="fixed", fixed_by=fixer.pk)
    exception(6, state="retested", owner=analyst.pk)
    exception(7, state="closed")
    exception(8, state="accepted")

    def here(user: User) -> list[str]:
        return sorted(f"{work.key[-1]} {work.action}" for work in work_here(standing(user, harbor)))

    assert here(analyst) == ["1 exception.triage", "4 exception.fix", "5 exception.retest"]
    assert here(fixer) == ["1 exception.triage", "4 exception.fix", "6 exception.close"]
    assert here(owner) == ["2 exception.fix"], "the fix waits for the control's owner"
    assert here(other) == ["3 exception.fix"], "and for whom the triage named before"
    assert here(make.auditor(harbor)) == []
    assert here(make.member("EM", harbor)) == []


def test_the_list_over_clients_says_for_everybody_what_the_policy_says_of_each_thing(harbor: Client) -> None:
    """The query over `public` and the policy, asked thing by thing, must agree for every person."""
    elsewhere = beside("elsewhere")
    people = [make.member(role, at) for role in ("MA", "AN", "CA", "CO", "EM") for at in (harbor, elsewhere)]
    people += [make.member("AN", assigned=False), make.auditor(harbor), make.person()]
    both = make.auditor(harbor)
    Membership.objects.create(user=both, client=harbor, role="CA")
    gone = make.member("CA", harbor)
    Membership.objects.filter(user=gone).update(active=False)
    people += [both, gone]
    ids = [None, *(person.pk for person in people)]
    n = 0
    actions = [action for kind in kinds() for action in kind.verbs]
    for client in (harbor, elsewhere):
        for action in actions:
            for person in ids:
                n += 1
                owners = [person] if person else []
                item(client, n, action=action, owners=owners, assignee=person if n % 2 else None)
                n += 1
                item(client, n, action=action, parties=owners)
    asked = 0
    for person in people:
        found = set(work_of(person).values_list("pk", flat=True))
        for each in WorkItem.objects.select_related("client"):
            thing = Work(
                kind=each.kind, key=each.key, title="", url="", action=each.action, due=None, assignee=each.assignee,
                owners=frozenset(each.owners), parties=frozenset(each.parties),
            )  # fmt: skip
            asked += 1
            assert concerns(standing(person, each.client), thing) == (each.pk in found), (person, each.action)
    assert asked > 1000


def test_what_was_opened_is_listed_after_the_sweep_and_what_was_done_at_once(harbor: Client) -> None:
    analyst = make.member("AN", harbor)
    found = exception(1)
    assert keys(analyst) == []
    refresh(at=NOW)
    assert keys(analyst) == ["EX-2026-0001"]
    given = {"severity": "high", "cause": "person", "harm": "none seen", "words": "x"}
    act(found, "triage", by=analyst.pk, at=NOW, given=given, version=1)
    assert WorkItem.objects.get().action == "exception.fix"
    found.refresh_from_db()
    act(found, "call_false", by=analyst.pk, at=NOW, given={"code": "test account", "words": "x"}, version=2)
    assert keys(analyst) == []


def test_rebuilding_twice_changes_nothing_and_mends_what_differs(harbor: Client) -> None:
    for n in range(4):
        exception(n, state="triaged", owner=uuid.uuid4())
    assert rebuild_work() == 4
    assert rebuild_work() == 0
    WorkItem.objects.filter(key="EX-2026-0001").update(action="exception.close")
    WorkItem.objects.filter(key="EX-2026-0002").delete()
    item(harbor, 77)
    assert rebuild_work() == 3
    assert {work.key for work in waiting(9)} == set(WorkItem.objects.values_list("key", flat=True))


def test_no_content_of_a_client_leaves_its_schema(harbor: Client) -> None:
    exception(1)
    rebuild_work()
    (row,) = WorkItem.objects.values()
    assert "secret-facts" not in str(row)


def test_foreign_clients_and_ended_assignments_never_appear() -> None:
    mine, foreign, former = (make.bare_client(slug) for slug in ("mine", "foreign", "former"))
    analyst = make.member("AN", mine)
    Assignment.objects.create(user=analyst, client=former)
    for n, each in enumerate((mine, foreign, former)):
        item(each, n, title=f"title-{each.slug}")
    assert keys(analyst) == ["EX-0", "EX-2"]
    Assignment.objects.filter(client=former).delete()
    page = make.signed_in(analyst).get("/work/?client=foreign&client=former&client=mine").content.decode()
    assert "title-mine" in page
    assert "title-foreign" not in page
    assert "title-former" not in page
    administrator = make.member("MA", assigned=False)
    assert keys(administrator) == [], "who sees that a client exists has no work there"


def test_it_is_sorted_filtered_and_paged_by_its_address() -> None:
    one, two = make.bare_client("one", name="Beta"), make.bare_client("two", name="Alpha")
    analyst = make.member("AN", one)
    Assignment.objects.create(user=analyst, client=two)
    item(one, 1, severity="low", due=NOW - HOUR)
    item(two, 2, severity="critical", action="exception.retest")
    item(two, 3, severity="high", due=None)
    assert keys(analyst) == ["EX-1", "EX-2", "EX-3"], "due first, what has no date last"
    assert keys(analyst, "?sort=severity") == ["EX-2", "EX-3", "EX-1"]
    assert keys(analyst, "?sort=client") == ["EX-2", "EX-3", "EX-1"]
    assert keys(analyst, "?show=exception.retest") == ["EX-2"]
    assert keys(analyst, "?show=late") == ["EX-1"]
    assert keys(analyst, "?client=one") == ["EX-1"]
    assert len(keys(analyst, "?show=x%01&sort=-nothing&page=-4&client=%27")) == 0
    page = make.signed_in(analyst).get("/work/")
    assert [chip["count"] for chip in page.context["chips"]] == [3, 1, 2, 1]
    assert 'href="/c/one/exceptions/1/"' in page.content.decode()


def test_1000_clients_ask_as_many_queries_as_10_and_visit_no_schema() -> None:
    analyst = make.member("AN")
    browser = make.signed_in(analyst)
    counts = []
    for count in (10, 990):
        made = Client.objects.bulk_create(
            Client(slug=f"n{count}-{n}", schema_name=f"n{count}_{n}", name=f"N {n:03}") for n in range(count)
        )
        Assignment.objects.bulk_create(Assignment(user=analyst, client=each) for each in made)
        WorkItem.objects.bulk_create(
            WorkItem(
                client=each,
                kind="exceptions",
                key=f"EX-{n}",
                title="T",
                url="x",
                action="exception.triage",
                due=NOW,
            )
            for each in made
            for n in range(6)
        )
        browser.get("/work/")
        with CaptureQueriesContext(connection) as asked:
            page = browser.get("/work/")
        counts.append(len(asked))
        assert not any("n990_" in query["sql"] for query in asked.captured_queries)
    assert counts[0] == counts[1]
    assert len(page.context["rows"]) == 50
    assert page.context["counts"]["all"] == 6000


def test_the_page_says_of_when_the_list_is() -> None:
    here = make.bare_client("here")
    analyst = make.member("AN", here)
    summary = ClientSummary.objects.create(client=here)
    assert "Old list" not in make.signed_in(analyst).get("/work/").content.decode()
    ClientSummary.objects.filter(pk=summary.pk).update(updated_at=timezone.now() - 2 * HOUR)
    assert "Old list" in make.signed_in(analyst).get("/work/").content.decode()


def test_a_control_owner_has_their_own_work_at_the_client(harbor: Client) -> None:
    owner = make.member("CO", harbor)
    exception(1, state="triaged", owner=owner.pk)
    exception(2, state="triaged", owner=uuid.uuid4())
    page = make.signed_in(owner).get("/c/harbor/work/")
    assert [row["key"] for row in page.context["rows"]] == ["EX-2026-0001"]
    assert 'href="/c/harbor/exceptions/EX-2026-0001/"' in page.content.decode()
    auditor = make.signed_in(make.auditor(harbor)).get("/c/harbor/work/")
    assert "Nothing waits for you" in auditor.content.decode()
    assert make.signed_in(make.member("CO", beside("there"))).get("/c/harbor/work/").status_code == 404


def test_members_of_two_clients_see_both_over_clients(harbor: Client) -> None:
    other = beside("other")
    owner = make.member("CO", harbor)
    Membership.objects.create(user=owner, client=other, role="CO")
    item(harbor, 1, action="exception.fix", owners=[owner.pk])
    item(other, 2, action="exception.fix", owners=[owner.pk])
    item(other, 3, action="exception.fix")
    assert keys(owner) == ["EX-1", "EX-2"]


def test_a_kind_is_registered_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        register(WorkKind("exceptions", "Exceptions", {}, lambda limit: []))


def test_what_is_listed_may_be_done_and_its_page_opens(harbor: Client) -> None:
    analyst = make.member("AN", harbor)
    found = exception(1)
    refresh(at=NOW)
    (row,) = make.signed_in(analyst).get("/work/").context["rows"]
    assert make.signed_in(analyst).get(row["href"]).status_code == 200
    with at_client(harbor):
        assert allowed(analyst, "exception.triage", harbor, found)
