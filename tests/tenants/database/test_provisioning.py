"""A client is made from the template in one round trip, and is what migrations would have made."""

from __future__ import annotations

import uuid

import pytest
from django.db import DatabaseError, connection, transaction

from tenants.clients.models import Client
from tenants.clients.switch import client as at_client
from tenants.database.catalog import describe
from tenants.database.ddl import dump
from tenants.database.errors import NotProvisioned
from tenants.database.models import SchemaTemplate, SpareSchema
from tenants.database.provision import provision
from tenants.database.reader import grants, role_of
from tenants.database.recording import migrate_here
from tenants.database.release import client_release
from tenants.database.spares import refill_spares
from tenants.database.template import PROOF_SCHEMA, TEMPLATE_SCHEMA, creation, make_template
from tests import make
from tests.tenants.database.round_trips import round_trips


def run(*texts: str) -> list[tuple]:
    with connection.cursor() as cursor:
        for text in texts:
            cursor.execute(text)
        return cursor.fetchall() if cursor.description else []


def migrated_schema(name: str) -> str:
    """Make a schema by Django's own executor, without any template."""
    run(f'create schema "{name}"')
    connection.set_schema(name)
    try:
        migrate_here()
    finally:
        connection.set_schema_to_public()
    return name


def new(slug: str) -> Client:
    return Client(slug=slug, schema_name=slug, name=slug.title())


@pytest.fixture(params=["from a spare", "from the template"])
def way(request: pytest.FixtureRequest, settings) -> str:
    """Both ways in which a schema is had; asked for after the database."""
    settings.PROOFLINE_SPARE_SCHEMAS = 1 if request.param == "from a spare" else 0
    refill_spares()
    assert SpareSchema.objects.count() == settings.PROOFLINE_SPARE_SCHEMAS
    return str(request.param)


def test_provisioning_is_one_round_trip_with_row_schema_and_migrations(own_database: str, way: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("select 1")
    harbor = new("harbor")
    with round_trips() as trips:
        provision(harbor)
    assert trips.count == 1
    assert Client.objects.get(slug="harbor").release == client_release()
    migrated = run('select app, name from "harbor".django_migrations order by id')
    assert ("evidence", "0001_initial") in migrated
    assert len(migrated) == len(SchemaTemplate.objects.get().steps)


def test_a_provisioned_schema_is_a_migrated_one(own_database: str, way: str) -> None:
    harbor = new("harbor")
    provision(harbor)
    assert not SpareSchema.objects.exists()
    migrated, somebody = migrated_schema("by-migrations"), uuid.uuid4()
    run(grants(migrated, somebody))
    by_template = describe("harbor", role_of(harbor.pk))
    by_migrations = describe(migrated, role_of(somebody))
    assert by_template ^ by_migrations == frozenset()
    kinds = {fact.kind for fact in by_template}
    assert kinds >= {
        "schema",
        "table",
        "column",
        "sequence",
        "constraint",
        "index",
        "trigger",
        "function",
        "row",
    }


# Each of these must be seen by the comparison, or the test above shows nothing.
CHANGES: dict[str, str] = {
    "table": "create table more (id integer)",
    "column type": "alter table evidence_batch alter column reason type varchar(80)",
    "default": "alter table evidence_batch alter column reason set default 'x'",
    "null": "alter table evidence_batch alter column reason drop not null",
    "column order": "alter table evidence_batch drop column reason;"
    " alter table evidence_batch add reason text not null",
    "sequence": "alter sequence evidence_batch_id_seq increment 2",
    "sequence position": "select nextval('evidence_batch_id_seq')",
    "identity": "alter table evidence_batch alter column id set generated always",
    "constraint": "alter table evidence_ledgerentry drop constraint ledger_without_holes",
    "constraint added": "alter table evidence_ledgerentry add constraint more check (seq < 9)",
    "index": "drop index event_time_brin",
    "trigger": "drop trigger evidence_ledger_append_only on evidence_ledgerentry",
    "trigger off": "alter table evidence_ledgerentry disable trigger evidence_ledger_append_only",
    "function": "create or replace function evidence_ledger_append_only() returns trigger language plpgsql"
    " as 'begin return new; end'",
    "function setting": "alter function evidence_ledger_append_only() security definer",
    "grant on table": "grant select on evidence_event to public",
    "grant on column": "grant select (uid) on evidence_event to public",
    "grant on sequence": "grant usage on sequence evidence_batch_id_seq to public",
    "grant on function": "revoke all on function evidence_ledger_append_only() from public",
    "grant on schema": 'grant usage on schema "harbor" to public',
    "grant to a reader": "grant select on evidence_event to proofline_reader",
    "default grant": 'alter default privileges in schema "harbor" grant select on tables to public',
    "partition": "create table more partition of evidence_event for values from ('2026-01-01') to ('2026-02-01')",
    "storage": "alter table evidence_batch set (fillfactor = 50)",
    "view": "create view more as select 1 as one",
    "type": "create type more as enum ('a', 'b')",
    "row": "insert into django_migrations (app, name, applied) values ('x', 'y', now())",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.django_db
def test_the_comparison_sees_every_kind_of_difference(change: str) -> None:
    make.client("harbor")
    before = describe("harbor")
    with at_client("harbor"):
        run(change)
    assert describe("harbor") != before


EVERYTHING = """
create type mood as enum ('calm', 'it''s "bad"');
create domain small as integer default 1 check (value < 10);
create sequence counter increment 5 start 100;
create function doubled(n integer) returns integer language sql immutable as $$ select n * 2; $$;
create procedure nothing() language plpgsql as $p$ begin perform 1; end $p$;
revoke all on function doubled(integer) from public;
create table parent (
    id bigint generated always as identity (start 7) primary key,
    "Mixed Case" text default 'a;b' collate "C" not null,
    mood mood default 'calm', small small, at timestamptz default now(), taken integer[] default '{1,2}',
    twice integer generated always as (doubled(3)) stored,
    number bigint not null default nextval('counter'),
    unique (number) deferrable initially deferred,
    constraint "odd name" check (number > 0),
    constraint not_valid_yet check (id < 100) not valid,
    constraint no_overlap exclude using btree (number with =)
) with (fillfactor = 70);
alter sequence counter owned by parent.number;
create unlogged table scratch (parent_id bigint references parent on delete cascade);
create table measured (at timestamptz not null, value integer, primary key (at)) partition by range (at);
create table measured_2026 partition of measured for values from ('2026-01-01') to ('2027-01-01');
create table measured_rest partition of measured default;
create index measured_value on measured (value desc nulls last) where value > 3;
create unique index lower_mixed on parent (lower("Mixed Case")) include (number);
create index only_rest on measured_rest (value);
create function touched() returns trigger language plpgsql as $$ begin new.at = now(); return new; end $$;
create trigger touch before update on parent for each row when (old.small is distinct from new.small)
    execute function touched();
create constraint trigger late after insert on parent deferrable initially deferred for each row
    execute function touched();
create trigger off_by_now after insert on measured for each row execute function touched();
alter table parent enable always trigger touch;
create view shown as select "Mixed Case", count(*) from parent group by 1;
create materialized view kept as select number from parent;
create function of_parent(p parent) returns bigint language sql as 'select p.number';
comment on table parent is 'it''s a parent';
comment on column parent."Mixed Case" is 'mixed';
grant select, insert on parent to public;
grant select ("Mixed Case") on parent to pg_monitor;
grant usage on sequence counter to pg_monitor with grant option;
insert into parent ("Mixed Case", small, taken) values ('x;y''z', null, null), (E'line\\nbreak', 3, '{}');
insert into measured values ('2026-05-05', 4), ('2030-01-01', 5);
refresh materialized view kept;
"""


@pytest.mark.django_db
def test_whatever_migrations_make_is_in_the_text() -> None:
    run("create schema source_of_all")
    connection.set_schema("source_of_all")
    run(EVERYTHING)
    connection.set_schema_to_public()
    text = dump("source_of_all")
    assert "source_of_all" not in text
    from tenants.database.backend.guard import OwnPath

    with connection.cursor() as cursor:
        cursor.execute(OwnPath(creation("copy of all", text)))
    assert describe("copy of all") ^ describe("source_of_all") == frozenset()


@pytest.mark.django_db
def test_what_the_text_cannot_express_stops_the_release_and_not_a_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tenants.database import template

    def with_a_policy(known: object) -> list:
        steps = template_steps(known)
        run(
            "alter table evidence_batch enable row level security",
            "create policy mine on evidence_batch using (true)",
        )
        return steps

    template_steps = template.migrate_and_record
    monkeypatch.setattr(template, "migrate_and_record", with_a_policy)
    with pytest.raises(NotProvisioned, match=r"policy evidence_batch\.mine"):
        make_template()


def test_a_template_leaves_nothing_behind(own_database: str) -> None:
    make_template()
    leftover = run(
        f"select nspname from pg_namespace where nspname in ('{TEMPLATE_SCHEMA}', '{PROOF_SCHEMA}')"
    )
    assert leftover == []


def test_a_failed_provisioning_leaves_neither_row_nor_schema(own_database: str, way: str) -> None:
    run('create schema "harbor"')
    harbor = new("harbor")
    with pytest.raises(DatabaseError, match="already exists"):
        provision(harbor)
    assert not Client.objects.exists()
    assert harbor._state.adding
    assert harbor.release == ""
    assert run("select count(*) from pg_class where relnamespace = '\"harbor\"'::regnamespace") == [(0,)]
    assert SpareSchema.objects.count() == (way == "from a spare")


@pytest.mark.django_db
def test_a_client_that_has_a_row_gets_its_schema(way: str) -> None:
    harbor = make.bare_client("harbor")
    provision(harbor)
    assert Client.objects.get().release == client_release()
    with at_client(harbor):
        assert run("select count(*) from evidence_batch") == [(0,)]


@pytest.mark.django_db
def test_provisioning_without_a_template_says_to_migrate(settings) -> None:
    settings.PROOFLINE_SPARE_SCHEMAS = 0
    refill_spares()
    SchemaTemplate.objects.all().delete()
    with pytest.raises(NotProvisioned, match=r"manage\.py migrate"):
        provision(new("harbor"))


@pytest.mark.django_db(transaction=False)
def test_the_path_after_provisioning_is_the_one_before(way: str) -> None:
    lumen = make.client("lumen")
    with at_client(lumen), transaction.atomic():
        before = run("select current_schemas(false)")
        provision(new("harbor"))
        assert run("select current_schemas(false)") == before
