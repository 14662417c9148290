"""The database keeps each change of a tracked row with who made it, and lets nobody change what it kept."""

import json

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from controls.catalogue.models import Control
from controls.models import ControlHistory
from controls.results.models import RuleSetting
from tenants.clients.models import Client
from tenants.clients.switch import client as at_client
from tenants.database.catalog import describe
from tenants.database.reader import role_of
from tenants.database.recording import migrate_here
from tenants.engagements.models import Engagement
from tenants.history.context import changing
from tenants.history.tracking import things
from tenants.members.models import Membership
from tenants.models import EngagementHistory, IdentityProviderHistory, MembershipHistory
from tenants.tasks.envelope import client_task
from tests import make
from tests.tenants.database.round_trips import round_trips


def run(text: str, params: list | None = None) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(text, params)
        return cursor.fetchall() if cursor.description else []


def last() -> ControlHistory:
    return ControlHistory.objects.latest("pgh_id")


def test_a_change_is_kept_with_what_it_was_before(harbor: Client) -> None:
    Control.objects.filter(pk="AC-01").update(statement="Another statement")
    kept = last()
    assert (kept.pgh_label, kept.pgh_obj_id, kept.statement) == ("update", "AC-01", "Another statement")
    assert kept.pgh_before["statement"] != "Another statement"
    assert kept.pgh_before["id"] == "AC-01"


def test_a_change_that_changes_nothing_is_not_kept(harbor: Client) -> None:
    before = ControlHistory.objects.count()
    Control.objects.get(pk="AC-01").save()
    assert ControlHistory.objects.count() == before


def test_a_deletion_and_a_new_row_are_kept(harbor: Client) -> None:
    row = RuleSetting.objects.create(rule="R01", valid_from=make.NOON)
    key = row.pk
    row.delete()
    labels = run(
        "select pgh_label from controls_rulesettinghistory where pgh_obj_id = %s order by pgh_id", [key]
    )
    assert labels == [("insert",), ("delete",)]


@pytest.mark.parametrize(
    "attempt",
    [
        "update controls_controlhistory set pgh_context = '{}'",
        "delete from controls_controlhistory",
        "truncate controls_controlhistory",
        "set local pgtrigger.ignore = '{all}'; delete from controls_controlhistory",
        "update public.tenants_membershiphistory set role = 'CA'",
        "delete from public.tenants_membershiphistory",
        "truncate public.tenants_membershiphistory",
    ],
)
def test_what_was_kept_cannot_be_changed_by_sql(harbor: Client, attempt: str) -> None:
    make.member("CA", harbor)
    before = (ControlHistory.objects.count(), MembershipHistory.objects.count())
    with pytest.raises(DatabaseError, match="history rows are only ever added"), transaction.atomic():
        run(attempt)
    assert (ControlHistory.objects.count(), MembershipHistory.objects.count()) == before


def test_every_table_of_history_is_append_only(harbor: Client) -> None:
    triggers = {
        (table, name)
        for table, name in run(
            "select tgrelid::regclass::text, tgname from pg_trigger where not tgisinternal and tgname like 'pgtrigger%'"
        )
    }
    assert len(things()) >= 11
    for thing in things():
        table = thing.history._meta.db_table
        names = [name for found, name in triggers if found == table]
        assert sum("append_only" in name for name in names) == 1, table
        assert sum("never_emptied" in name for name in names) == 1, table
        kept = [name for found, name in triggers if found == thing.model._meta.db_table]
        assert sum("kept_" in name for name in kept) == 3, thing.word


def test_sql_past_the_portal_has_no_context(harbor: Client) -> None:
    run("update controls_control set key = not key where id = 'AC-01'")
    assert last().pgh_context is None


def test_sql_that_names_the_schema_itself_is_kept_beside_its_table(harbor: Client) -> None:
    connection.set_schema_to_public()
    run("update harbor.controls_control set statement = 'From public' where id = 'AC-01'")
    connection.set_tenant(harbor)
    assert last().statement == "From public"


def test_a_context_is_kept_with_each_change_in_it_and_with_none_after_it(harbor: Client) -> None:
    with changing(way="task", path="some.task", user=None):
        Control.objects.filter(pk="AC-01").update(statement="One")
        first = last()
        Control.objects.filter(pk="AC-02").update(statement="Two")
        second = last()
    run("update controls_control set statement = 'Three' where id = 'AC-01'")
    assert first.pgh_context == {"way": "task", "path": "some.task", "user": None}
    assert first.pgh_context_id == second.pgh_context_id is not None
    assert last().pgh_context is None


def test_a_context_does_not_outlive_an_error(harbor: Client) -> None:
    def fails() -> None:
        with transaction.atomic(), changing(way="task"):
            Control.objects.filter(pk="AC-01").update(statement="One")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    run("update controls_control set statement = 'Three' where id = 'AC-01'")
    assert last().pgh_context is None


def test_a_context_does_not_outlive_its_block_without_a_transaction(own_database: str) -> None:
    harbor = make.client("harbor")
    with at_client(harbor):
        with changing(way="task"):
            Control.objects.filter(pk="AC-01").update(statement="One")
        assert last().pgh_context == {"way": "task"}
        run("update controls_control set statement = 'Two' where id = 'AC-01'")
        assert last().pgh_context is None
        assert run("select current_setting('pghistory.context_metadata', true)") in ([("",)], [(None,)])


def test_a_write_of_nothing_tracked_costs_nothing_more(own_database: str) -> None:
    with at_client(make.client("harbor")):
        run("select 1")
        with changing(way="task"), round_trips() as trips:
            run("delete from controls_tally")
    assert trips.count == 1


def test_a_page_keeps_who_in_which_role_from_where(harbor: Client) -> None:
    user = make.member("CA", harbor)
    browser = make.signed_in(user)
    answer = browser.post("/c/harbor/changes/AC-01/", REMOTE_ADDR="198.51.100.7")
    assert answer.status_code == 200
    assert last().pgh_context == {
        "user": str(user.pk),
        "role": "CA",
        "address": "198.51.100.7",
        "path": "/c/harbor/changes/AC-01/",
        "way": "page",
    }


def test_a_secret_in_an_address_is_not_kept(harbor: Client) -> None:
    make.signed_in(make.member("CA", harbor)).post("/c/harbor/invitations/a-secret-token/")
    assert last().pgh_context["path"] == "/c/harbor/invitations/…/"


@pytest.fixture(autouse=True)
def changing_pages(settings) -> None:
    settings.CLIENT_URLCONF = "tests.tenants.history.pages"


@client_task()
def changes_a_control() -> None:
    Control.objects.filter(pk="AC-01").update(statement="By a task")


def test_a_task_is_kept_as_one(harbor: Client) -> None:
    changes_a_control.apply(kwargs={"client": harbor})
    assert last().pgh_context == {"way": "task", "path": changes_a_control.name, "user": None}


def test_a_command_is_kept_as_the_person_that_as_named(own_database: str) -> None:
    admin = make.member("MA")
    call_command("client", "create", "larkfield", "--name", "Larkfield")
    made = run("select pgh_context from tenants_clienthistory where slug = 'larkfield'")
    assert json.loads(made[0][0]) == {"way": "command", "path": "manage.py client", "user": None}
    with pytest.raises(Exception, match="second factor"):
        call_command("client", "create", "other", "--name", "Other", "--as", admin.email)


def test_a_secret_is_not_kept() -> None:
    assert "secret_encrypted" not in {field.name for field in IdentityProviderHistory._meta.fields}


def test_people_and_engagements_are_kept_in_public(harbor: Client) -> None:
    user = make.member("CO", harbor)
    Membership.objects.filter(user=user).update(role="EM")
    rows = MembershipHistory.objects.filter(user=user).order_by("pgh_id")
    assert [(row.pgh_label, row.role) for row in rows] == [("insert", "CO"), ("update", "EM")]
    engagement = make.engagement_of(harbor)
    Engagement.objects.filter(pk=engagement.pk).update(firm="Another firm")
    assert EngagementHistory.objects.filter(pgh_label="update").get().pgh_before["firm"] == "Okafor & Lind"


def test_a_client_migrated_from_before_has_the_triggers_of_a_new_one(own_database: str) -> None:
    old = make.client("old")
    with at_client(old):
        migrate_here([("evidence", "0005_fewer_indexes"), ("controls", "0004_fewer_indexes")])
    Client.objects.filter(pk=old.pk).update(release="behind")
    with at_client(old):
        Control.objects.filter(pk="AC-01").update(statement="Before there was a history")
    call_command("migrate", verbosity=0)
    fresh = make.client("fresh")
    kinds = ("trigger", "function", "table", "constraint", "index")

    def made(client: Client) -> set:
        return {fact for fact in describe(client.schema_name, role_of(client.pk)) if fact.kind in kinds}

    assert made(old) == made(fresh)
    with at_client(old):
        Control.objects.filter(pk="AC-01").update(statement="With a history")
        assert last().pgh_before["statement"] == "Before there was a history"


def test_intake_and_judging_are_not_tracked() -> None:
    tracked = {thing.model._meta.db_table for thing in things()}
    bulk = {
        "evidence_event",
        "controls_occurrence",
        "controls_tally",
        "evidence_batch",
        "controls_controlexception",
    }
    assert not tracked & bulk
