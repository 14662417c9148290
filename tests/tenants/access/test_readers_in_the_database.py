"""What PostgreSQL itself lets an auditor's connection do: read one client, whatever is forged, and write nothing (T5).

The connections here are real ones, beside the ordinary one, and what they read is committed.
"""

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.test import override_settings
from django.utils import timezone
from django_tenants.utils import quote_schema_name
from psycopg import errors

from controls.catalogue.models import Control
from evidence.events.models import Event
from tenants.access import gate, middleware, policy
from tenants.access.checks import routes
from tenants.access.models import ReadLogEntry
from tenants.breakglass.services import open_breakglass
from tenants.clients.models import Client
from tenants.clients.switch import client as at_client
from tenants.database.errors import PathNotConfirmed
from tenants.database.reader import SECRETS, ensure_readers, reading_only, role_of
from tenants.members.models import User
from tests import make
from tests.probes import canaries
from tests.probes.reach import Person, fillings, ids_of, path_of

REFUSALS = (errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction)
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


@pytest.fixture(scope="module")
def two(module_database: str) -> tuple[Client, Client]:
    harbor, lumen = make.client("harbor"), make.client("lumen")
    for each in (harbor, lumen):
        with at_client(each):
            make.take_in(make.log_file([make.record("CreateUser")]))
    return harbor, lumen


def ask(text: str, *parameters: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(text, parameters)
        return cursor.fetchall() if cursor.description else []


def refused(text: str, role: str = "") -> type[BaseException]:
    """Send a statement, as another role if one is named, and return what the server refused it with."""
    sid = transaction.savepoint()
    if role:
        ask(f"set local role {role}")
    with pytest.raises(DatabaseError) as raised:
        ask(text)
    transaction.savepoint_rollback(sid)
    return type(raised.value.__cause__)


def counted(schema: str) -> dict[str, tuple[int, str]]:
    """Return rows and checksum of every table of a schema, as the owner sees them."""
    tables = ask(
        "select relname from pg_class where relnamespace = %s::regnamespace and relkind in ('r', 'p')"
        " and not relispartition",
        quote_schema_name(schema),
    )
    found = {}
    for (table,) in tables:
        name = f'{quote_schema_name(schema)}."{table}"'
        found[table] = ask(
            f"select count(*), md5(coalesce(string_agg(md5(t::text), '' order by md5(t::text)), '')) from {name} t"
        )[0]
    return found


def test_the_reader_reads_its_client_as_any_other_connection(two: tuple[Client, Client]) -> None:
    harbor, _ = two
    with at_client(harbor):
        events, controls = Event.objects.count(), list(Control.objects.values_list("pk", flat=True))
        with reading_only(harbor):
            assert ask("select session_user::text, current_user::text") == [
                (settings.PROOFLINE_READER_ROLE, role_of(harbor.pk))
            ]
            assert Event.objects.count() == events == 1
            assert list(Control.objects.values_list("pk", flat=True)) == controls
            assert list(Event.objects.iterator()), "by a server-side cursor as well"
        assert ask("select current_user::text") != [(role_of(harbor.pk),)]


def test_neither_role_holds_any_right_to_write_anywhere(two: tuple[Client, Client]) -> None:
    for role in (settings.PROOFLINE_READER_ROLE, *(role_of(each.pk) for each in two)):
        held = ask(
            "select c.oid::regclass::text, p.privilege from pg_class c join pg_namespace n on n.oid = relnamespace,"
            " unnest(array['insert', 'update', 'delete', 'truncate', 'references', 'trigger', 'maintain']) p(privilege)"
            " where relkind in ('r', 'p', 'v', 'm') and nspname not in ('pg_catalog', 'information_schema')"
            " and not starts_with(nspname, 'pg_t') and has_table_privilege(%s, c.oid, p.privilege)",
            role,
        )
        assert held == []
        flags = ask(
            "select rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls from pg_roles"
            " where rolname = %s",
            role,
        )
        assert flags == [(False,) * 5]
        assert (
            ask("select nspname from pg_namespace where has_schema_privilege(%s, oid, 'create')", role) == []
        )


def test_a_clients_role_uses_its_own_schema_alone(two: tuple[Client, Client]) -> None:
    for each in two:
        usable = ask(
            "select nspname from pg_namespace where has_schema_privilege(%s, oid, 'usage')"
            " and nspname not in ('public', 'pg_catalog', 'information_schema')",
            role_of(each.pk),
        )
        assert usable == [(each.schema_name,)]
    usable = ask(
        "select nspname from pg_namespace where has_schema_privilege(%s, oid, 'usage')"
        " and nspname not in ('public', 'pg_catalog', 'information_schema')",
        settings.PROOFLINE_READER_ROLE,
    )
    assert usable == [], "without a client's role it has no schema at all"


def test_another_clients_schema_is_refused(two: tuple[Client, Client]) -> None:
    harbor, lumen = two
    with at_client(harbor), reading_only(harbor):
        assert refused('select * from "lumen".evidence_event') is errors.InsufficientPrivilege
        with pytest.raises(PathNotConfirmed), at_client(lumen), transaction.atomic():
            Event.objects.count()


@pytest.mark.parametrize("forged", ["reset role", "set local role none", "set session authorization default"])
def test_giving_up_the_clients_role_gains_nothing(two: tuple[Client, Client], forged: str) -> None:
    harbor, _ = two
    with at_client(harbor), reading_only(harbor):
        ask(forged)
        assert ask("select current_user::text") == [(settings.PROOFLINE_READER_ROLE,)]
        assert refused('select * from "harbor".evidence_event') is errors.InsufficientPrivilege
        assert ask("select id from public.tenants_client") == []
        assert refused("update public.tenants_user set full_name = 'Changed'") in REFUSALS
        for table in ("tenants_apitoken", "django_session", "mfa_authenticator"):
            assert refused(f"select * from public.{table}") is errors.InsufficientPrivilege


@pytest.mark.parametrize(
    "forged",
    [
        ["set transaction read write"],
        ["commit", "begin read write", "reset role"],
        ["set session characteristics as transaction read write", "commit", "begin"],
        ["commit", "set default_transaction_read_only = off", "begin"],
    ],
    ids=["in it", "a new one", "by default", "by setting"],
)
def test_loosening_the_transaction_gains_nothing(two: tuple[Client, Client], forged: list[str]) -> None:
    harbor, _ = two
    before = {schema: counted(schema) for schema in ("harbor", "lumen", "public")}

    def write() -> None:
        for text in (*forged, "update public.tenants_user set full_name = 'Changed'"):
            ask(text)

    with at_client(harbor), pytest.raises(DatabaseError) as raised, reading_only(harbor):
        write()
    assert isinstance(raised.value.__cause__, (*REFUSALS, errors.ActiveSqlTransaction)), raised.value
    assert {schema: counted(schema) for schema in before} == before


def test_no_table_can_be_written_in_any_way(two: tuple[Client, Client]) -> None:
    """Every table of the client and of `public`, by every statement that writes, with and without the client's role."""
    harbor, _ = two
    tables = ask(
        "select nspname, relname, (select attname from pg_attribute where attrelid = c.oid and attnum = 1)"
        " from pg_class c join pg_namespace n on n.oid = relnamespace"
        " where nspname in ('harbor', 'lumen', 'public') and relkind in ('r', 'p')"
    )
    tried, refusals = 0, 0
    before = {schema: counted(schema) for schema in ("harbor", "lumen", "public")}
    with at_client(harbor), reading_only(harbor):
        for role in (role_of(harbor.pk), "none"):
            for schema, table, column in tables:
                name = f'"{schema}"."{table}"'
                for text in (
                    f"insert into {name} default values",
                    f'update {name} set "{column}" = "{column}"',
                    f"delete from {name}",
                    f"truncate {name}",
                    f"drop table {name}",
                    f"alter table {name} add column forged integer",
                ):
                    tried += 1
                    refusals += issubclass(refused(text, role), REFUSALS)
    assert {schema: counted(schema) for schema in before} == before
    print(f"{tried} statements on {len(tables)} tables, {refusals} refused by PostgreSQL, 0 rows changed")
    assert refusals == tried > 1000


def test_of_public_it_reads_no_secret_and_only_its_own_client(two: tuple[Client, Client]) -> None:
    harbor, _ = two
    somebody = make.auditor(harbor)
    other = make.member("AN")
    for each in two:
        with at_client(each):
            open_breakglass(other, each, reason="To see whose entries are seen.", at=timezone.now())
    readable = ask(
        "select attrelid::regclass::text, attname from pg_attribute join pg_class c on c.oid = attrelid"
        " where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and attnum > 0 and not attisdropped"
        " and has_column_privilege(%s, attrelid, attnum, 'select')",
        role_of(harbor.pk),
    )
    assert not set(readable) & SECRETS
    for table, column in readable:
        assert not any(word in column for word in ("password", "secret", "private", "encrypted", "token")), (
            table,
            column,
        )
    assert {table for table, _ in readable if "session" in table} == set()
    with at_client(harbor), reading_only(harbor):
        assert ask("select client_id from public.tenants_breakglass") == [(harbor.pk,)]
        user = User.objects.get(pk=somebody.pk)
        assert user.email == somebody.email
        assert "password" in user.get_deferred_fields()
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            user.password  # noqa: B018


def test_what_is_made_later_is_read_as_well(two: tuple[Client, Client]) -> None:
    harbor, _ = two
    ask('create table "harbor".made_later as select 1 as one')
    try:
        with at_client(harbor), reading_only(harbor):
            assert ask("select one from made_later") == [(1,)]
    finally:
        ask('drop table "harbor".made_later')


def test_what_is_missing_is_made_by_migrate(two: tuple[Client, Client]) -> None:
    harbor, _ = two
    ask(f"drop owned by {role_of(harbor.pk)}; drop role {role_of(harbor.pk)}")
    with pytest.raises(DatabaseError), at_client(harbor), reading_only(harbor):
        pass
    ensure_readers()
    with at_client(harbor), reading_only(harbor):
        assert Event.objects.count() == 1


def test_a_password_that_changed_is_set_anew(two: tuple[Client, Client]) -> None:
    harbor, _ = two
    with override_settings(
        PROOFLINE_READER_ROLE="proofline_reader_of_a_test", PROOFLINE_READER_PASSWORD="one of them"
    ):
        try:
            ensure_readers()
            with override_settings(PROOFLINE_READER_PASSWORD="and another"):
                with (
                    pytest.raises(DatabaseError, match="password authentication failed"),
                    reading_only(harbor),
                ):
                    pass
                ensure_readers()
                with reading_only(harbor):
                    assert ask("select session_user::text") == [("proofline_reader_of_a_test",)]
            stored = ask("select rolpassword from pg_authid where rolname = 'proofline_reader_of_a_test'")[0][
                0
            ]
            assert stored.startswith("SCRAM-SHA-256$")
        finally:
            for each in two:
                ask(f"drop owned by {role_of(each.pk)}; drop role {role_of(each.pk)}")
            ask("drop role proofline_reader_of_a_test")
    ensure_readers()


# Requests ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def open_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    """An auditor's gate that allows everything: whatever refuses now is the database."""
    monkeypatch.setattr(middleware, "judged_some", lambda place, action: True)
    for name in ("judged", "judged_some"):
        monkeypatch.setattr(gate, name, lambda *args: True)
    monkeypatch.setattr(policy, "judged", lambda *args: True)
    monkeypatch.setattr(middleware, "OF_ONESELF", frozenset())


@pytest.mark.slow
def test_every_write_that_an_auditor_could_send_is_refused_by_the_database(
    two: tuple[Client, Client], open_gate: None
) -> None:
    harbor, _ = two
    planted = canaries.plant(harbor)
    with at_client(harbor):
        ids = ids_of(planted.values())
    user = make.auditor(harbor)
    person = Person("auditor", user)
    person.call("GET", "/c/harbor/")  # signs in, which writes
    watched = ("harbor", "lumen", "public")
    # What signing in and logging write themselves.
    aside = {
        "tenants_readlogentry",
        "django_session",
        "tenants_apiuse",
        "django_cache",
        "tenants_user",
        "usersessions_usersession",
    }

    def state() -> dict[tuple[str, str], tuple[int, str]]:
        return {(s, t): n for s in watched for t, n in counted(s).items() if t not in aside}

    before, logged = state(), ReadLogEntry.objects.filter(user=user).count()
    calls, answers = 0, {}
    for route in routes(settings.CLIENT_URLCONF):
        if route.declared is None or route.declared.kind != "action":
            continue
        for filling in fillings(route, ids):
            for method in UNSAFE:
                if method not in route.declared.actions:
                    continue
                answer = person.call(method, f"/c/harbor/{path_of(route, filling)}")
                calls += 1
                answers[answer.status_code] = answers.get(answer.status_code, 0) + 1
            break
    written = ReadLogEntry.objects.filter(user=user).count() - logged
    print(f"{calls} forged writes, answers {answers}, {written} logged, 0 rows changed")
    changed = {name: (before.get(name), n) for name, n in state().items() if before.get(name) != n}
    assert changed == {}
    assert written == calls > 10
    assert answers.get(500, 0) > 0, "none of them reached the database"
