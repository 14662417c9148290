"""SQL is read just far enough to know what it does to the path."""

import pytest

from tenants.database.backend import statements


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("select 1", 1),
        ("select 1;", 1),
        ("select 1; ;\n select 2", 2),
        ("select ';'; select \";\"", 2),
        ("select E'\\';' ; select 2", 2),
        ("select 'it''s; one'", 1),
        ("-- ; \n select 1", 1),
        ("/* ; /* ; */ ; */ select 1; select 2", 2),
        ("create function f() returns void as $$ begin perform 1; end $$ language plpgsql; select f()", 2),
        ("select $tag$ ; $$ ; $tag$, $1", 1),
        ("select 'open; select 2", 2),
    ],
)
def test_statements_are_told_apart_through_quotes_and_comments(text: str, count: int) -> None:
    assert len(statements.split(text)) == count


@pytest.mark.parametrize(
    "text",
    [
        "rollback; select 1",
        "select 1; ROLLBACK ; select 1",
        "commit; select 1",
        "/* x */ end; select 1",
        "abort; select 1",
        "discard all; select 1",
        "reset all; select 1",
        "prepare transaction 'x'; select 1",
        "set search_path = beta; select 1",
        "set session search_path to beta; select 1",
        'set local "search_path" to beta; select 1',
        "set schema 'beta'; select 1",
        "set role other; select 1",
        "select set_config('search_path', 'beta', false); select 1",
    ],
)
def test_a_text_that_loses_its_path_midway_is_found(text: str) -> None:
    assert statements.loses_path_midway(text)


@pytest.mark.parametrize(
    "text",
    [
        "rollback",
        "rollback;",
        "select 1; rollback",
        "set constraints all immediate; set constraints all deferred; select 1",
        "set local lock_timeout = '1s'; alter table t add column c text",
        "insert into t values ('rollback; x'); select 1",
        "create function f() returns void as $$ begin rollback; end $$ language plpgsql; select 1",
        "prepare q as select 1; execute q",
    ],
)
def test_a_text_that_keeps_its_path_is_let_through(text: str) -> None:
    assert not statements.loses_path_midway(text)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("ROLLBACK TO SAVEPOINT s1", True),
        (' rollback transaction to savepoint "a b";', True),
        ("rollback to s1; select 1", False),
        ("rollback", False),
        ("rollback work", False),
        ("select 'rollback to s1'", False),
    ],
)
def test_a_rollback_to_a_savepoint_is_told_from_a_rollback(text: str, is_one: bool) -> None:
    assert statements.is_rollback_to(text) is is_one


@pytest.mark.parametrize(
    "text", ["do $$ begin end $$", "call p()", "set x.y = 1", "commit", "select 1; select 2"]
)
def test_after_some_statements_nothing_is_remembered(text: str) -> None:
    assert not statements.leaves_path_alone(text)


@pytest.mark.parametrize("text", ["select 1", "(select 1)", "\n update t set a = 1", "copy t from stdin"])
def test_ordinary_statements_leave_the_path_alone(text: str) -> None:
    assert statements.leaves_path_alone(text)
