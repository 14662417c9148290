"""Who is changing things now, from where and by which way: what the triggers write beside each change.

    with changing(way="task", what="evidence.seal"): ...

The context reaches the database with the statement that needs it and no further: it is set for its transaction, before
a statement that writes a tracked table, and taken back when the block ends. What is changed outside any context has
none, and its history says so.
"""

import contextvars
import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from django.db import connection, transaction

from tenants.database.backend.guard import OwnPath
from tenants.history.tracking import things

# page, admin, api: a request; command: manage.py; task: a worker.
WAYS: Final = ("page", "admin", "api", "command", "task")

_WRITE: Final = re.compile(r"\s*(?:insert|update|delete|merge|with|truncate)\b", re.IGNORECASE)
# The table of a writing statement stands near its head.
_HEAD: Final = 400
_SET: Final = (
    "select set_config('pghistory.context_metadata', %s, true), set_config('pghistory.context_id', %s, true)"
)

Facts = Mapping[str, str | None]


class _Context:
    """One block's context; its facts are asked for at the first write, when sign-in is known."""

    def __init__(self, facts: Callable[[], Facts]) -> None:
        self.id = str(uuid.uuid4())
        self.facts = facts
        self.sent = False

    def send(self) -> None:
        self.sent = True
        _send(json.dumps(dict(self.facts())), self.id)

    def take_back(self) -> None:
        if self.sent and connection.in_atomic_block and not connection.needs_rollback:
            _send("", "")


_present: Final[contextvars.ContextVar[_Context | None]] = contextvars.ContextVar("changing", default=None)


def _send(facts: str, key: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_SET, [facts, key])


@contextmanager
def changing(facts: Callable[[], Facts] | None = None, **more: str | None) -> Iterator[None]:
    """Have what is changed in this block known as this person's or machine's.

    Inside another such block the outer one stays: a request that runs a command is a request.
    """
    if _present.get() is not None:
        yield
        return
    context = _Context(facts or (lambda: more))
    token = _present.set(context)
    try:
        with connection.execute_wrapper(_with_context):
            yield
            context.take_back()
    finally:
        _present.reset(token)


def amend(**facts: str | None) -> None:
    """Add to the present context, if there is one: who a command acts as."""
    context = _present.get()
    if context is not None:
        before = context.facts
        context.facts = lambda: {**before(), **facts}


def _with_context(execute: Any, sql: Any, params: Any, many: bool, given: Any) -> Any:
    context = _present.get()
    if context is None or not _needs_context(sql):
        return execute(sql, params, many, given)
    if connection.in_atomic_block:
        context.send()
        return execute(sql, params, many, given)
    if isinstance(sql, OwnPath):  # a text that is a transaction by itself
        return execute(sql, params, many, given)
    with transaction.atomic():
        context.send()
        return execute(sql, params, many, given)


def _needs_context(sql: Any) -> bool:
    if isinstance(sql, OwnPath):
        return True
    text = str(sql)[:_HEAD]
    return bool(_WRITE.match(text)) and any(table in text for table in _tables())


def _tables() -> list[str]:
    return [thing.model._meta.db_table for thing in things()]
