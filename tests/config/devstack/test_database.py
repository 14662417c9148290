"""The embedded database: one server shared by whoever uses it, and data folders it must not touch."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from config.devstack.environment import ROOT
from config.devstack.postgres import Cluster
from config.devstack.processes import lives
from config.devstack.refusal import Refusal

Eventually = Callable[[Callable[[], bool]], None]
PASSWORD = "a password: with/signs é"

# Uses the cluster until its standard input ends.
USER = """
import sys
from pathlib import Path
from config.devstack.postgres import Cluster
cluster = Cluster(Path(sys.argv[1]), sys.argv[2], durable=False)
print(cluster.use(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not below pytest's own folder, which no other account can enter.
    with tempfile.TemporaryDirectory(prefix="proofline-cluster-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder) / "postgres"


@pytest.fixture
def cluster(folder: Path) -> Iterator[Cluster]:
    cluster = Cluster(folder, PASSWORD, durable=False)  # the disk is not what most of these test
    yield cluster
    if (folder / "cluster.json").exists():
        cluster.destroy()


@pytest.fixture
def start_user(cluster: Cluster) -> Iterator[Callable[[], "subprocess.Popen[str]"]]:
    """Start a process that uses the database."""
    started: list[subprocess.Popen[str]] = []

    def start() -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", USER, str(cluster.folder), PASSWORD],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def _address(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _answer(url: str, query: str = "select 1") -> object:
    with psycopg.connect(url, connect_timeout=10) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return row[0]


def test_it_asks_for_the_password_on_loopback_alone(cluster: Cluster) -> None:
    url = cluster.use()
    assert _answer(url, "show listen_addresses") == "127.0.0.1"
    assert _answer(url, "show unix_socket_directories") == ""
    wrong = f"postgres://proofline:wrong@127.0.0.1:{cluster.port}/proofline"
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        _answer(wrong)


def test_text_sorts_by_bytes_and_letters_have_cases(cluster: Cluster) -> None:
    url = cluster.use()
    assert _answer(url, "select array_agg(t order by t) from unnest('{b,a,B,é,z}'::text[]) t") == list(
        "Babzé"
    )
    assert _answer(url, "select 'É' ilike 'é'") is True


def test_it_protects_data_against_a_crash_unless_told_not_to(cluster: Cluster, tmp_path: Path) -> None:
    assert _answer(cluster.use(), "show fsync") == "off"
    durable = Cluster(tmp_path / "durable", PASSWORD)
    try:
        assert _answer(durable.use(), "show fsync") == "on"
    finally:
        durable.destroy()


@pytest.mark.skipif(os.geteuid() != 0, reason="PostgreSQL runs as the account itself")
def test_root_runs_it_as_another_account(cluster: Cluster) -> None:
    cluster.use()
    running = cluster.running()
    assert running is not None
    status = Path(f"/proc/{running['server']}/status").read_text()
    uids = next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1:]
    assert "0" not in uids
    assert cluster._data().stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has an account to switch to")
def test_a_data_folder_that_root_keeps_elsewhere_goes_with_its_owner(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    cluster = Cluster(closed / "postgres", PASSWORD, durable=False)
    assert _answer(cluster.use()) == 1
    data = cluster._data()
    assert closed not in data.parents
    cluster.destroy()
    assert not data.exists()
    assert not data.parent.exists()


def test_several_users_share_one_server_and_the_last_ends_it(
    cluster: Cluster, start_user: Callable[[], "subprocess.Popen[str]"], eventually: Eventually
) -> None:
    first, second, third = start_user(), start_user(), start_user()  # all at once: one of them makes it
    addresses = {_address(process) for process in (first, second, third)}
    assert len(addresses) == 1
    (url,) = addresses
    before = cluster.running()
    assert before is not None

    first.kill()  # whoever started it
    first.wait()
    second.communicate()
    time.sleep(0.3)
    assert _answer(url) == 1
    assert cluster.running() == before

    third.kill()
    third.wait()
    eventually(lambda: cluster.running() is None)
    eventually(lambda: not lives(before["server"]))


def test_a_user_that_comes_while_the_server_stops_gets_a_new_one(
    start_user: Callable[[], "subprocess.Popen[str]"],
) -> None:
    for _ in range(5):
        leaving = start_user()
        _address(leaving)
        coming = start_user()
        leaving.kill()
        assert _answer(_address(coming)) == 1
        coming.kill()
        coming.wait()


def test_the_port_is_kept_from_start_to_start(cluster: Cluster) -> None:
    ports = set()
    for _ in range(2):
        cluster.use()
        ports.add(cluster.port)
        cluster.release()
        assert cluster.wait_until_stopped()
    assert len(ports) == 1


@pytest.mark.parametrize("victim", ["keeper", "server"])
def test_it_starts_again_after_a_kill_with_what_was_committed(
    cluster: Cluster, victim: str, eventually: Eventually
) -> None:
    cluster.durable = True
    with psycopg.connect(cluster.use()) as connection:
        connection.execute("create table kept as select 42 as n")
    before = cluster.running()
    assert before is not None
    os.kill(before[victim], signal.SIGKILL)
    eventually(lambda: cluster.running() is None)
    assert _answer(cluster.use(), "select n from kept") == 42
    after = cluster.running()
    assert after is not None
    assert after["server"] != before["server"]
    assert not lives(before["server"])


def test_what_an_interrupted_start_left_is_made_anew(cluster: Cluster) -> None:
    (cluster.folder / "data.new").mkdir(parents=True)
    (cluster.folder / "data.new" / "PG_VERSION").write_text("18")
    assert _answer(cluster.use()) == 1


def test_a_data_folder_of_another_version_is_refused(cluster: Cluster) -> None:
    _make(cluster)
    version = cluster._data() / "PG_VERSION"
    version.write_text("15\n")
    with pytest.raises(Refusal, match=r"was made by PostgreSQL 15; the one installed here is \d+"):
        cluster.use()


def test_a_data_folder_without_its_version_is_half_written(cluster: Cluster) -> None:
    _make(cluster)
    (cluster._data() / "PG_VERSION").unlink()
    with pytest.raises(Refusal, match="half-written: it has no PG_VERSION"):
        cluster.use()


def test_a_data_folder_without_its_record_is_half_written(folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "base").mkdir()
    with pytest.raises(Refusal, match=r"half-written: .* \(cluster.json\) is missing"):
        Cluster(folder, PASSWORD, durable=False).use()
    (folder / "data" / "base").rmdir()


def test_a_cut_record_is_half_written(cluster: Cluster) -> None:
    _make(cluster)
    record = cluster.folder / "cluster.json"
    whole = record.read_text()
    record.write_text(whole[:10])
    with pytest.raises(Refusal, match=r"half-written: cluster\.json cannot be read"):
        cluster.use()
    record.write_text(whole)


def test_a_server_that_does_not_start_is_reported_with_its_own_words(cluster: Cluster) -> None:
    _make(cluster)
    with (cluster._data() / "postgresql.conf").open("a") as configuration:
        configuration.write("no_such_setting = on\n")
    with pytest.raises(Refusal, match="no_such_setting"):
        cluster.use()


def _make(cluster: Cluster) -> None:
    cluster.use()
    cluster.release()
    assert cluster.wait_until_stopped()
    assert json.loads((cluster.folder / "cluster.json").read_text())["data"]
