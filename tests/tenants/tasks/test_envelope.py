"""A task for a client says which, and refuses without; a schedule fans out to all in batches."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import kombu.pools
import pytest
from celery import Celery, group
from celery.contrib.testing.worker import start_worker
from django.db import connection

from config.celery import app as proofline
from tenants.clients.models import Client
from tenants.clients.switch import NoClient, current_client, public
from tenants.clients.switch import client as at_client
from tenants.tasks import envelope
from tenants.tasks.envelope import ClientNotNamed, client_task, each_client, fan_out
from tests import make


@client_task(name="tests.note")
def note(folder: str, word: str = "") -> str:
    """Leave a file that names the client this ran at, and the schema the database was at."""
    with connection.cursor() as cursor:
        cursor.execute("select current_schema()")
        schema = cursor.fetchone()[0]
    at = current_client()
    (Path(folder) / f"{at.slug}-{schema}{word}").touch()
    return at.slug


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Celery]:
    """The product's own Celery, on a file-system broker of its own."""
    messages, processed = tmp_path / "messages", tmp_path / "processed"
    messages.mkdir()
    processed.mkdir()
    before = (proofline.conf.broker_url, proofline.conf.broker_transport_options)
    proofline.conf.broker_url = "filesystem://"
    proofline.conf.broker_transport_options = {
        "data_folder_in": str(messages),
        "data_folder_out": str(messages),
        "control_folder": str(tmp_path / "control"),
        "store_processed": True,
        "processed_folder": str(processed),
        "polling_interval": 0.05,
    }
    _forget_connections()
    yield proofline
    proofline.conf.broker_url, proofline.conf.broker_transport_options = before
    _forget_connections()


def _forget_connections() -> None:
    """As in a new process: open connections to the broker know its folders."""
    kombu.pools.reset()
    proofline._after_fork()


@pytest.fixture
def harbor(own_database: str) -> Client:
    return make.client("harbor")


def notes(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def messages(folder: Path) -> int:
    return len(list((folder / "messages").iterdir()))


@pytest.mark.parametrize(
    "send",
    [
        lambda: note.delay("x"),
        lambda: note.apply_async(["x"]),
        lambda: note.apply_async(args=["x"], kwargs={"client": None}),
        lambda: note.apply(["x"]),
        lambda: note.s("x"),
        lambda: note.signature(["x"]),
        lambda: group(note.si("x")),
        lambda: note("x"),
    ],
)
def test_a_task_without_a_client_is_refused_before_it_is_sent(send, broker: Celery, tmp_path: Path) -> None:
    with pytest.raises(ClientNotNamed, match=r"tests\.note is for one client: say which"):
        send()
    assert messages(tmp_path) == 0


def test_being_at_a_client_does_not_name_it_for_a_task(harbor: Client, broker: Celery) -> None:
    with at_client(harbor), pytest.raises(ClientNotNamed):
        note.delay("x")


def test_a_client_that_does_not_exist_is_refused_before_it_is_sent(
    own_database: str, broker: Celery, tmp_path: Path
) -> None:
    with pytest.raises(NoClient, match="ghost"):
        note.delay("x", client="ghost")
    assert messages(tmp_path) == 0


def test_the_worker_runs_it_at_the_client_that_the_message_names(
    harbor: Client, broker: Celery, tmp_path: Path
) -> None:
    lumen = make.client("lumen")
    place = tmp_path / "notes"
    place.mkdir()
    with at_client(lumen):
        note.delay(str(place), client=harbor)
        note.delay(str(place), client="harbor", word="-by-slug")
        note.delay(str(place), client=harbor.pk, word="-by-uuid")
        group(note.s(str(place), client=lumen, word="-grouped")).apply_async()
        note.apply([str(place)], {"client": lumen})
    assert messages(tmp_path) == 4
    with start_worker(broker, pool="solo", perform_ping_check=False, shutdown_timeout=30, loglevel="error"):
        _wait_for(place, 5)
    assert notes(place) == [
        "harbor-harbor",
        "harbor-harbor-by-slug",
        "harbor-harbor-by-uuid",
        "lumen-lumen",
        "lumen-lumen-grouped",
    ]


@client_task(name="tests.process")
def process(folder: str) -> None:
    """Leave a file that names the database's process for this connection."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        pid = cursor.fetchone()[0]
    (Path(folder) / f"{current_client().slug}-{pid}").touch()


def test_a_worker_keeps_its_connection_until_it_served_many_clients_or_lost_it(
    own_database: str, broker: Celery, tmp_path: Path, settings
) -> None:
    settings.PROOFLINE_CLIENTS_PER_CONNECTION = 3
    clients = [make.client(f"c{number}") for number in range(5)]
    place = tmp_path / "notes"
    place.mkdir()
    with start_worker(broker, pool="solo", perform_ping_check=False, shutdown_timeout=30, loglevel="error"):
        for count, one in enumerate(clients, 1):
            process.delay(str(place), client=one)
            _wait_for(place, count)
        pids = [int(name.partition("-")[2]) for name in notes(place)]
        assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 2]
        with connection.cursor() as cursor:
            cursor.execute("select pg_terminate_backend(%s, 5000)", [pids[-1]])
        process.delay(str(place), client=clients[4])
        _wait_for(place, 6)


def test_a_message_without_a_client_fails_in_the_worker_too(own_database: str) -> None:
    """Whoever put it on the queue: what counts is that it does not run anywhere."""
    with pytest.raises(ClientNotNamed):
        note("anywhere")
    with pytest.raises(NoClient):
        note("anywhere", client=str(uuid.uuid4()))


def test_a_task_leaves_nobody_at_its_client(harbor: Client, tmp_path: Path) -> None:
    assert note(str(tmp_path), client=harbor) == "harbor"
    with pytest.raises(NoClient):
        current_client()


def test_a_schedule_fans_out_to_every_client_in_batches(
    own_database: str, broker: Celery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(envelope, "CLIENTS_PER_BATCH", 2)
    for slug in ("a1", "b2", "c3"):
        make.client(slug)
    make.bare_client("d4")
    assert [client.slug for client in each_client()] == ["a1", "b2", "c3"]
    place = tmp_path / "notes"
    place.mkdir()
    with public():
        assert fan_out("tests.note", {"folder": str(place)}) == 2
    assert messages(tmp_path) == 3  # two clients, and the fan-out for the rest
    with start_worker(broker, pool="solo", perform_ping_check=False, shutdown_timeout=30, loglevel="error"):
        _wait_for(place, 3)
    assert notes(place) == ["a1-a1", "b2-b2", "c3-c3"]


def test_only_a_task_for_one_client_can_be_fanned_out(own_database: str) -> None:
    for name in ("tests.no_such_task", "tenants.fan_out"):
        with pytest.raises(LookupError, match="no task for one client"):
            fan_out(name)


def _wait_for(place: Path, count: int) -> None:
    import time

    for _ in range(600):
        if len(list(place.iterdir())) >= count:
            return
        time.sleep(0.05)
