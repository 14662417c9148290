"""Damaged states of a machine: each is produced in a copy of the tree, and answered by a sentence and exit 2."""

import hashlib
import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import psycopg
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from config.devstack import environment, interpreter
from config.devstack.postgres import find_binaries

BASE = getattr(sys, "_base_executable", sys.executable)

# Nothing listens on the discard port: what a machine without a network looks like to pip and uv.
NO_NETWORK = {
    "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
    "PIP_EXTRA_INDEX_URL": "",
    "PIP_FIND_LINKS": "",
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_RETRIES": "0",
    "PIP_NO_CACHE_DIR": "1",
    "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple",
    "UV_HTTP_RETRIES": "0",
    "UV_NO_CACHE": "1",
}


def _refused(done: "subprocess.CompletedProcess[str]") -> str:
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done.stderr


def _old_pythons() -> list[str]:
    """Interpreters of this machine that are out of range, as far as it has some."""
    found = {
        shutil.which(name) for name in ("python2.7", "python3.7", "python3.8", "python3.9", "python3.10")
    }
    found |= {str(path) for path in Path.home().glob(".pyenv/versions/*/bin/python")}
    old = []
    for python in sorted(path for path in found if path):
        asked = subprocess.run(
            [python, "-c", "import sys; print('%d %d' % sys.version_info[:2])"],
            capture_output=True,
            text=True,
            check=False,
        )
        if asked.returncode == 0 and not interpreter.supported([int(part) for part in asked.stdout.split()]):
            old.append(python)
    return old


@pytest.mark.parametrize("version", [(2, 7), (3, 10), (3, 14)])
def test_another_python_is_refused_with_the_range(tree: Any, version: tuple[int, int]) -> None:
    # The interpreter of these tests, made to believe that it is another one.
    code = (
        f"import sys, runpy; sys.version_info = {(*version, 0, 'final', 0)}; sys.argv = ['manage.py', 'version'];"
        " sys.path.insert(0, '.'); runpy.run_path('manage.py', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tree.root, capture_output=True, text=True, check=False
    )
    said = f"Proofline needs Python 3.11 to 3.13; this is Python {version[0]}.{version[1]}."
    assert said in _refused(done)


@pytest.mark.parametrize("python", _old_pythons() or [None])
def test_an_old_interpreter_gets_that_far(tree: Any, python: str | None) -> None:
    if python is None:
        pytest.skip("this machine has no Python out of range")
    assert "Proofline needs Python 3.11 to 3.13" in _refused(tree.run("version", python=python))


def test_a_python_without_its_venv_module_names_debians_package(tree: Any, tmp_path: Path) -> None:
    # As Debian ships it: the whole standard library but ensurepip.
    library = Path(
        sysconfig.get_path("stdlib", vars={"base": sys.base_prefix, "installed_base": sys.base_prefix})
    )
    bare = tmp_path / "lib" / library.name
    bare.mkdir(parents=True)
    for entry in library.iterdir():
        if entry.name not in {"ensurepip", "site-packages", "dist-packages"}:
            (bare / entry.name).symlink_to(entry)
    said = _refused(tree.run("version", python=BASE, env={"PYTHONHOME": str(tmp_path)}))
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert "cannot make a virtual environment" in said
    assert f"apt-get install python3-venv (or python{version}-venv)" in said
    assert not (tree.root / ".venv").exists()


def test_no_network_at_the_first_start_is_explained(tree: Any) -> None:
    said = _refused(tree.run("version", python=BASE, env=NO_NETWORK))
    assert "no package index could be reached" in said
    assert "The first start downloads the packages that requirements.lock names" in said
    assert not (tree.root / ".venv" / environment.MARK).exists()


def test_a_folder_that_is_no_environment_is_left_alone(tree: Any) -> None:
    (tree.root / ".venv").mkdir()
    (tree.root / ".venv" / "thesis.txt").write_text("mine")
    assert "exists and is no virtual environment" in _refused(tree.run("version", python=BASE))
    assert (tree.root / ".venv" / "thesis.txt").read_text() == "mine"


@pytest.fixture
def small_disk() -> Iterator[Callable[[str], Path]]:
    """Make a folder on a file system of a given size of its own."""
    mounted: list[Path] = []

    def make(size: str) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="proofline-disk-"))
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            folder.rmdir()
            pytest.skip(f"this account may not mount a small file system ({done.stderr.strip()})")
        mounted.append(folder)
        return folder

    yield make
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)
        folder.rmdir()


def test_a_disk_too_small_for_the_environment(tree: Any, small_disk: Callable[[str], Path]) -> None:
    disk = small_disk("64m")
    said = _refused(tree.run("version", python=BASE, env={"PROOFLINE_VENV": str(disk / "venv")}))
    assert f"The disk that holds {disk} is full (64 MiB free)" in said
    assert "Free some space there" in said


def test_a_disk_too_small_for_the_database(tree: Any, small_disk: Callable[[str], Path]) -> None:
    var = small_disk("64m") / "var"
    said = _refused(tree.run("showmigrations", env={"PROOFLINE_VAR": str(var)}))
    assert "is full (6" in said
    assert "set PROOFLINE_VAR to a folder on another disk" in said
    assert not (var / "postgres" / "data").exists()


def test_a_disk_that_is_full_already(tree: Any, small_disk: Callable[[str], Path]) -> None:
    disk = small_disk("1m")
    (disk / "filler").write_bytes(bytes(shutil.disk_usage(disk).free))
    said = _refused(tree.run("showmigrations", env={"PROOFLINE_VAR": str(disk / "var")}))
    assert "is full (0 MiB free)" in said
    assert not (disk / "var" / "secrets.json").exists()


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_taken_port_is_named(tree: Any, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        said = _refused(tree.run(command, "--port", str(port)))
    assert f"Port {port} on 127.0.0.1 is taken by another program. Choose another one with --port" in said


def test_something_that_is_no_port(tree: Any) -> None:
    assert "'http' is no port" in _refused(tree.run("serve", "--port", "http"))


SECRETS = {"secret_key": "k" * 50, "master_key": "m" * 44, "database_password": "p"}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        json.dumps(SECRETS)[:-20],
        json.dumps(SECRETS | {"master_key": ""}),
        '{"secret_key": "only"}',
    ],
)
def test_secrets_that_were_half_written(tree: Any, content: str) -> None:
    tree.var.mkdir()
    (tree.var / "secrets.json").write_text(content)
    said = _refused(tree.run("showmigrations"))
    assert f"{tree.var} is half-written" in said
    assert "secrets.json cannot be read" in said
    assert "demo --reset" in said
    assert (tree.var / "secrets.json").read_text() == content


def test_a_database_whose_secrets_are_gone(tree: Any) -> None:
    (tree.var / "postgres").mkdir(parents=True)
    (tree.var / "postgres" / "cluster.json").write_text('{"data": "somewhere"}')
    said = _refused(tree.run("showmigrations"))
    assert "is half-written: it has a database, but secrets.json with its password is missing" in said
    assert not (tree.var / "secrets.json").exists()


def _with_database_folder(tree: Any, version: str | None) -> None:
    data = tree.var / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "base").mkdir()
    if version is not None:
        (data / "PG_VERSION").write_text(version)
    (tree.var / "postgres" / "cluster.json").write_text(json.dumps({"data": str(data)}))
    (tree.var / "secrets.json").write_text(json.dumps(SECRETS))


def test_a_database_folder_of_another_version(tree: Any) -> None:
    _with_database_folder(tree, "13\n")
    said = _refused(tree.run("showmigrations"))
    assert "was made by PostgreSQL 13; the one installed here is 18 and cannot read it" in said


def test_a_database_folder_that_was_half_written(tree: Any) -> None:
    _with_database_folder(tree, None)
    assert "is half-written: it has no PG_VERSION" in _refused(tree.run("showmigrations"))


def test_a_reset_clears_what_was_half_written(tree: Any) -> None:
    _with_database_folder(tree, None)
    with socket.create_server(("127.0.0.1", 0)) as server:
        _refused(tree.run("demo", "--reset", "--port", str(server.getsockname()[1])))
    assert (tree.var / "secrets.json").exists(), "a demo that cannot start removes nothing"
    done = tree.run(
        "shell", "-c", "from config.devstack.demo import reset; reset()", env={"DATABASE_URL": "x://"}
    )
    assert done.returncode == 0, done.stderr
    assert list(tree.var.iterdir()) == []


def test_no_other_account_reads_the_state_folder(tree: Any) -> None:
    tree.root.parent.chmod(0o755)
    assert tree.run("showmigrations").returncode == 0
    assert tree.var.stat().st_mode & 0o066 == 0
    open_to_others = {
        path.relative_to(tree.var).parts[0]
        for path in tree.var.rglob("*")
        if path.stat().st_mode & 0o044 and not any(up.stat().st_mode & 0o007 == 0 for up in path.parents)
    }
    assert open_to_others <= {"postgres"}  # lock files, and the port
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tree.var / "postgres").glob("*.log"))
    assert (tree.var / "postgres" / "data").stat().st_mode & 0o077 == 0


def test_a_state_folder_that_cannot_be_written(tree: Any) -> None:
    tree.var.write_text("a file where the folder should be")
    assert f"The state folder {tree.var} cannot be used" in _refused(tree.run("showmigrations"))


def test_a_command_without_need_of_the_database_starts_none(tree: Any) -> None:
    assert tree.run("version").returncode == 0
    assert not (tree.var / "postgres").exists()


def test_an_operators_database_is_used_and_no_other_started(tree: Any) -> None:
    done = tree.run(
        "shell", "-c", "import os; print(os.environ['DATABASE_URL'])", env={"DATABASE_URL": "postgres://h/d"}
    )
    assert done.stdout.strip().endswith("postgres://h/d")
    assert not (tree.var / "postgres").exists()


def test_a_command_starts_the_database_and_stops_it(tree: Any) -> None:
    ask = "from django.db import connection as c; u = c.cursor(); u.execute('select 6*7'); print(u.fetchone()[0])"
    done = tree.run("shell", "-c", ask)
    assert done.stdout.strip().endswith("42"), done.stderr
    assert tree.cluster.wait_until_stopped()


# One environment, made and damaged again and again; needs the package index or uv's cache. The lock of the copy is
# cut to what a start needs: the whole one is installed by every CI run, and only costs time here.


def _needed_to_start() -> set[str]:
    """The distributions behind the key modules, uv, and all that these require."""
    provided = metadata.packages_distributions()
    wanted = ["uv", *(provided[module][0] for module in environment.KEY_MODULES)]
    found: set[str] = set()
    while wanted:
        name = canonicalize_name(wanted.pop())
        if name in found:
            continue
        found.add(name)
        try:
            requirements = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # for another platform or Python
        wanted += [Requirement(text).name for text in requirements if "extra ==" not in text]
    return found


def _cut_lock(tree: Any) -> None:
    lock = tree.root / "requirements.lock"
    blocks = re.split(r"^(?=\S)", lock.read_text(), flags=re.MULTILINE)
    needed = _needed_to_start()
    lock.write_text("".join(block for block in blocks if re.split(r"[=\[ ]", block)[0] in needed))


@pytest.fixture(scope="module")
def made(shared_tree: Any) -> Any:
    _cut_lock(shared_tree)
    done = shared_tree.run("version", python=BASE)
    assert done.returncode == 0, done.stderr
    assert "Making the environment" in done.stderr
    return shared_tree


def _site(tree: Any) -> Path:
    (site,) = tree.root.glob(".venv/lib/python3.*/site-packages")
    return Path(site)


def _mended(tree: Any) -> str:
    """Run a command, which mends the environment, and another, which finds nothing to mend; what was said."""
    done = tree.run("version", python=BASE)
    assert done.returncode == 0, done.stderr
    mark = (tree.root / ".venv" / environment.MARK).read_text().strip()
    assert mark == hashlib.sha256((tree.root / "requirements.lock").read_bytes()).hexdigest()
    assert tree.run("version", python=BASE).stderr == ""
    return str(done.stderr)


@pytest.mark.slow
def test_an_interrupted_installation_is_finished(made: Any) -> None:
    (made.root / ".venv" / environment.MARK).unlink()
    shutil.rmtree(_site(made) / "psycopg")
    assert "Environment ready" in _mended(made)


@pytest.mark.slow
def test_a_changed_lock_is_installed(made: Any) -> None:
    with (made.root / "requirements.lock").open("a") as lock:
        lock.write("# one more line\n")
    assert "Bringing the environment" in _mended(made)


@pytest.mark.slow
def test_a_package_with_missing_files_is_installed_again(made: Any) -> None:
    # Removed, never written to: the files are linked with uv's cache.
    shutil.rmtree(_site(made) / "django" / "db")
    assert "is damaged (No module named 'django.db')" in _mended(made)


@pytest.mark.slow
def test_a_missing_key_package_is_installed_again(made: Any) -> None:
    shutil.rmtree(_site(made) / "celery")
    assert "Bringing the environment" in _mended(made)


@pytest.mark.slow
def test_an_environment_without_its_interpreter_is_made_anew(made: Any) -> None:
    for name in ("python", "python3"):
        link = made.root / ".venv" / "bin" / name
        link.unlink()
        link.symlink_to("/nonexistent/python")
    assert "Making the environment" in _mended(made)


@pytest.mark.slow
def test_an_environment_without_its_configuration_is_made_anew(made: Any) -> None:
    (made.root / ".venv" / "pyvenv.cfg").unlink()
    assert "Making the environment" in _mended(made)


@pytest.fixture
def as_user() -> dict[str, Any]:
    """How to run a program as an ordinary user of this machine, when the tests run as root."""
    if os.geteuid() != 0:
        pytest.skip("the other tests run as an ordinary user already")
    account = next(
        (entry for entry in pwd.getpwall() if 1000 <= entry.pw_uid < 60000), pwd.getpwnam("nobody")
    )
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _python_for(as_user: dict[str, Any]) -> str:
    for path in (
        BASE,
        "/usr/bin/python3",
        "/usr/bin/python3.11",
        "/usr/bin/python3.12",
        "/usr/bin/python3.13",
    ):
        ask = "import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))"
        try:
            done = subprocess.run([path, "-c", ask], cwd="/", capture_output=True, check=False, **as_user)
        except OSError:
            continue
        if done.returncode == 0:
            return path
    pytest.skip("no Python in range that an ordinary user of this machine can run")


@pytest.mark.slow
def test_an_ordinary_user_gets_an_environment(tree: Any, as_user: dict[str, Any]) -> None:
    python = _python_for(as_user)
    _cut_lock(tree)
    home = tree.root / "home"
    home.mkdir()
    tree.root.parent.chmod(0o755)
    for path in (tree.root, *tree.root.rglob("*")):
        os.chown(path, as_user["user"], as_user["group"], follow_symlinks=False)
    done = tree.run(
        "version", python=python, env={"HOME": str(home), "UV_CACHE_DIR": str(home / "uv")}, **as_user
    )
    assert done.returncode == 0, done.stderr
    assert (tree.root / ".venv" / environment.MARK).stat().st_uid == as_user["user"]


def test_an_ordinary_user_gets_a_database_of_his_own(tree: Any, as_user: dict[str, Any]) -> None:
    code = (
        "import os, sys; from config.devstack import installation, postgres;"
        "os.environ['PROOFLINE_VAR'] = 'var'; opened = installation.open_installation();"
        "postgres.ensure_database(opened.var, opened.database_password);"
        "print(os.environ['DATABASE_URL'], flush=True); sys.stdin.read()"
    )
    tree.root.parent.chmod(0o755)
    os.chown(tree.root, as_user["user"], as_user["group"])
    # The binaries alone are wanted of the package: copied, since the environment may be closed to the user.
    site = Path(find_binaries().folder.parent)
    for folder in (site, *find_binaries().companions):
        shutil.copytree(folder, tree.root / "packages" / folder.name, symlinks=True)
    process = subprocess.Popen(
        [_python_for(as_user), "-c", code],
        cwd=tree.root,
        env={"PYTHONPATH": f"{tree.root}:{tree.root / 'packages'}", "PATH": os.environ["PATH"]},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **as_user,
    )
    tree.started.append(process)
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    assert url, process.communicate()[1]
    with psycopg.connect(url) as connection:
        assert connection.execute("select 6 * 7").fetchone() == (42,)
    running = tree.cluster.running()
    assert running is not None
    assert Path(f"/proc/{running['server']}").stat().st_uid == as_user["user"]
    assert (tree.var / "postgres" / "data").stat().st_uid == as_user["user"]
    assert (tree.var / "secrets.json").stat().st_mode & 0o777 == 0o600
    process.communicate()
    assert tree.cluster.wait_until_stopped()
