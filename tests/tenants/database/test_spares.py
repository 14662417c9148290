"""Spare schemas: taken by one client each, only while they are of this release, and seen by nobody before."""

from __future__ import annotations

import re
import threading
import uuid

import pytest
from django.db import DatabaseError, connection, transaction

from controls.catalogue.models import Control
from evidence.events.models import Event
from tenants.clients.models import SLUG_PATTERN, Client
from tenants.clients.services import ClientRefused, create_client
from tenants.clients.switch import client as at_client
from tenants.database import spares
from tenants.database.catalog import describe
from tenants.database.models import SchemaTemplate, SpareSchema
from tenants.database.provision import provision
from tenants.database.reader import grants, role_of
from tenants.tasks import refill_spares
from tenants.tasks.envelope import each_client
from tests import make
from tests.tenants.database.round_trips import round_trips


def ask(text: str, *parameters: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(text, parameters)
        return cursor.fetchall() if cursor.description else []


def oid_of(schema: str) -> int | None:
    found = ask("select oid from pg_namespace where nspname = %s", schema)
    return found[0][0] if found else None


def new(slug: str) -> Client:
    return Client(slug=slug, schema_name=slug, name=slug.title())


@pytest.fixture
def pool(own_database: str, settings) -> list[str]:
    """The names of two spares."""
    settings.PROOFLINE_SPARE_SCHEMAS = 2
    spares.refill_spares()
    return list(SpareSchema.objects.order_by("made_at").values_list("schema_name", flat=True))


def test_a_client_takes_the_oldest_spare_by_renaming_it(pool: list[str]) -> None:
    oids = [oid_of(spare) for spare in pool]
    provision(new("harbor"))
    assert oid_of("harbor") == oids[0]
    assert oid_of(pool[0]) is None
    assert list(SpareSchema.objects.values_list("schema_name", flat=True)) == pool[1:]


def test_a_client_made_from_a_spare_works_as_any_other(pool: list[str], settings) -> None:
    bare, somebody = new("bare"), uuid.uuid4()
    provision(bare)
    with transaction.atomic():
        ask(grants(pool[1], somebody))
        assert describe("bare", role_of(bare.pk)) ^ describe(pool[1], role_of(somebody)) == frozenset()
        transaction.set_rollback(True)
    make.client("harbor")
    assert not SpareSchema.objects.exists()
    make.client("lumen")
    for slug in ("harbor", "lumen"):
        with at_client(slug):
            assert Control.objects.exists(), "the apps to the right filled it"
            make.take_in(make.log_file([make.record("CreateUser")]))
            assert Event.objects.count() == 1
            with pytest.raises(DatabaseError, match="only ever added"):
                ask("delete from evidence_ledgerentry")
    assert form("harbor") ^ form("lumen") == set()
    assert "evidence_event_2026_03" in {name for kind, name, _ in form("harbor") if kind == "table"}


def form(schema: str) -> set[tuple[str, str, str]]:
    facts = describe(schema, role_of(Client.objects.get(schema_name=schema).pk))
    return {(f.kind, f.name, f.definition) for f in facts if f.kind not in ("row", "sequence")}


def test_what_was_granted_in_a_spare_goes_with_it(pool: list[str]) -> None:
    spare = pool[0]
    ask(f'grant usage on schema "{spare}" to pg_monitor')
    ask(f'grant select on all tables in schema "{spare}" to pg_monitor')
    ask(f'alter default privileges in schema "{spare}" grant select on tables to pg_monitor')
    harbor = new("harbor")
    ask(grants(spare, harbor.pk))
    before = describe(spare)
    assert any("pg_monitor" in fact.definition for fact in before)
    provision(harbor)
    assert describe("harbor") ^ before == frozenset()


def test_two_creations_at_once_take_two_spares_and_a_third_waits_for_neither(pool: list[str]) -> None:
    oids = {oid_of(spare) for spare in pool}
    taken, both_hold = threading.Barrier(3), threading.Event()
    failures: list[BaseException] = []

    def take(slug: str) -> None:
        try:
            with transaction.atomic():
                provision(new(slug))
                taken.wait(30)
                assert both_hold.wait(30)
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=take, args=(slug,)) for slug in ("harbor", "lumen")]
    for thread in threads:
        thread.start()
    taken.wait(30)
    provision(new("quay"))  # both spares are locked: from the template
    both_hold.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert {oid_of("harbor"), oid_of("lumen")} == oids
    assert oid_of("quay") not in {None, *oids}
    assert not SpareSchema.objects.exists()
    assert form("quay") ^ form("harbor") == set()


def test_a_creation_that_is_undone_gives_its_spare_back(pool: list[str]) -> None:
    oids = [oid_of(spare) for spare in pool]
    with transaction.atomic():
        provision(new("harbor"))
        transaction.set_rollback(True)
    assert [oid_of(spare) for spare in pool] == oids
    assert oid_of("harbor") is None
    provision(new("harbor"))
    assert oid_of("harbor") == oids[0]


def test_a_spare_of_another_release_is_never_handed_out(pool: list[str]) -> None:
    SpareSchema.objects.update(release="of another time")
    oids = [oid_of(spare) for spare in pool]
    provision(new("harbor"))
    assert oid_of("harbor") not in oids
    assert SpareSchema.objects.count() == 2


def test_a_refill_replaces_what_is_of_no_use_and_makes_what_is_missing(pool: list[str]) -> None:
    SpareSchema.objects.filter(pk=pool[0]).update(release="of another time")
    ask(f'drop schema "{pool[1]}" cascade')
    found = spares.refill_spares()
    assert (found.made, found.removed) == (2, 2)
    assert oid_of(pool[0]) is None
    now = set(SpareSchema.objects.values_list("schema_name", flat=True))
    assert not now & set(pool)
    assert set(ask("select nspname from pg_namespace where nspname like 'spare\\_%%'")) == {
        (spare,) for spare in now
    }
    assert spares.refill_spares() == spares.Refilled()


def test_a_spare_whose_schema_is_gone_stops_no_client(pool: list[str]) -> None:
    for spare in pool:
        ask(f'drop schema "{spare}" cascade')
    provision(new("harbor"))
    assert oid_of("harbor") is not None


def test_a_smaller_pool_gives_up_the_newest(pool: list[str], settings) -> None:
    settings.PROOFLINE_SPARE_SCHEMAS = 1
    spares.refill_spares()
    assert list(SpareSchema.objects.values_list("schema_name", flat=True)) == pool[:1]
    settings.PROOFLINE_SPARE_SCHEMAS = 0
    spares.refill_spares()
    assert oid_of(pool[0]) is None
    provision(new("harbor"))
    assert oid_of("harbor") is not None


def test_a_second_refill_meanwhile_makes_none(pool: list[str]) -> None:
    SpareSchema.objects.all().delete()
    made: list[spares.Refilled] = []

    def refill() -> None:
        made.append(spares.refill_spares())
        connection.close()

    with transaction.atomic():
        ask("select pg_advisory_xact_lock(%s)", spares._ADVISORY_LOCK)
        second = threading.Thread(target=refill)
        second.start()
        second.join(60)
    assert made == [spares.Refilled()]
    assert spares.refill_spares().made == 2


def test_no_spare_is_made_before_its_release_is_migrated(pool: list[str]) -> None:
    SchemaTemplate.objects.all().delete()
    SpareSchema.objects.all().delete()
    assert spares.refill_spares() == spares.Refilled()


def test_the_scheduled_task_refills_the_pool(pool: list[str]) -> None:
    provision(new("harbor"))
    refill_spares()
    assert SpareSchema.objects.count() == 2


def test_a_spare_is_no_client_and_no_client_can_be_called_like_one(pool: list[str]) -> None:
    assert not Client.objects.exists()
    assert list(each_client()) == []
    for spare in pool:
        assert re.fullmatch(SLUG_PATTERN, spare) is None
        with pytest.raises(ClientRefused, match="cannot be a client's slug"):
            create_client(spare, name="Spare")


def test_taking_a_spare_is_one_round_trip_without_the_template(pool: list[str]) -> None:
    SchemaTemplate.objects.all().delete()
    ask("select 1")
    harbor = new("harbor")
    with round_trips() as trips:
        provision(harbor)
    assert trips.count == 1
