"""The only way for a task to be at a client: it says which, and refuses to be sent or run without.

    @client_task()
    def record(batch: int) -> None: ...

    record.delay(client=client, batch=17)

`client` (a `Client`, slug or UUID; the UUID travels) is taken off before the function runs inside
`with client(...)`. A schedule has one entry per kind of work, which runs `tenants.fan_out` and so sends one
message per client. Messages are hints: whatever the tables say is unfinished is found without them.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

from celery import current_app, shared_task
from celery.contrib.django.task import DjangoTask
from django.db import connection

from tenants.clients.models import Client
from tenants.clients.switch import NoClient, client, find, public
from tenants.history.context import changing

CLIENTS_PER_BATCH = 100


class ClientNotNamed(TypeError):
    """A task for one client was sent or started without saying for which."""

    def __init__(self, task: str) -> None:
        super().__init__(f"The task {task} is for one client: say which, as in {task}.delay(client=...).")


class ClientTask(DjangoTask):
    """A Celery task whose body is at the client that its message names."""

    abstract = True

    def apply_async(self, args: Any = None, kwargs: Any = None, *more: Any, **options: Any) -> Any:
        """Send the message with the client's UUID in it; `ClientNotNamed` or `NoClient` before it is sent."""
        return super().apply_async(args, self._addressed(kwargs), *more, **options)

    def apply(self, args: Any = None, kwargs: Any = None, **options: Any) -> Any:
        """Run here and now, under the same rules."""
        return super().apply(args, self._addressed(kwargs), **options)

    def signature(self, args: Any = None, *more: Any, **options: Any) -> Any:
        """Make a signature (for groups and chains), under the same rules."""
        return super().signature(args, *more, **{**options, "kwargs": self._addressed(options.get("kwargs"))})

    def subtask(self, args: Any = None, *more: Any, **options: Any) -> Any:
        """Celery's older name for `signature`."""
        return self.signature(args, *more, **options)

    def s(self, *args: Any, **kwargs: Any) -> Any:
        """`signature` by its arguments."""
        return self.signature(args, kwargs=kwargs)

    def si(self, *args: Any, **kwargs: Any) -> Any:
        """An immutable `s`."""
        return self.signature(args, kwargs=kwargs, immutable=True)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the body at the client named, and nowhere without one."""
        which = kwargs.pop("client", None)
        if which is None:
            raise ClientNotNamed(self.name)
        with public(), client(which), changing(way="task", path=self.name, user=None):
            return super().__call__(*args, **kwargs)

    def _addressed(self, kwargs: Any) -> dict[str, Any]:
        which = (kwargs or {}).get("client")
        if which is None:
            raise ClientNotNamed(self.name)
        if not isinstance(which, uuid.UUID):
            with public():
                which = find(which).pk
        return {**kwargs, "client": str(which)}


def client_task(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Make a shared Celery task of a function that runs at one client; `options` are Celery's.

    The function does not take `client`; it asks `current_client()`.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        # Celery would check the call against the function's own signature, which has no `client`.
        return shared_task(**{"base": ClientTask, "typing": False, **options})(function)

    return decorate


@shared_task(name="tenants.fan_out", ignore_result=True)
def fan_out(
    task: str, kwargs: dict[str, Any] | None = None, after: str = "", queue: str | None = None
) -> int:
    """Send `task` once for each client with a schema, in the order of their slugs; return how many were sent.

    Sends one batch, and itself once more for the rest: so a thousand clients never hold a worker. `task` is a
    `client_task` by its name, `LookupError` if there is none.
    """
    receiver = current_app.tasks.get(task)
    if not isinstance(receiver, ClientTask):
        raise LookupError(f'"{task}" is no task for one client, so it cannot be sent to each.')
    with public():
        behind = Client.objects.filter(slug__gt=after).exclude(release="").order_by("slug")
        found = list(behind.values_list("slug", "pk")[:CLIENTS_PER_BATCH])
    where = {"queue": queue} if queue else {}
    with current_app.producer_or_acquire() as producer:
        for _, key in found:
            receiver.apply_async(kwargs={**(kwargs or {}), "client": key}, producer=producer, **where)
        if len(found) == CLIENTS_PER_BATCH:
            again = {"task": task, "kwargs": kwargs, "after": found[-1][0], "queue": queue}
            fan_out.apply_async(kwargs=again, producer=producer, **where)
    return len(found)


def each_client() -> Iterator[Client]:
    """Yield every client that has a schema, by slug, read in pages; it enters none of them.

    For a sweep that sends or does something at each: `for one in each_client(): record.delay(client=one)`.
    Between two clients the connection is closed when it has served many, unless that would break something:
    hold no cursor of your own over the loop.
    """
    after = ""
    while True:
        with public():
            page = list(
                Client.objects.filter(slug__gt=after).exclude(release="").order_by("slug")[:CLIENTS_PER_BATCH]
            )
        for one in page:
            yield one
            connection.close_if_crowded()
        if len(page) < CLIENTS_PER_BATCH:
            return
        after = page[-1].slug


__all__ = ["ClientNotNamed", "ClientTask", "NoClient", "client_task", "each_client", "fan_out"]
