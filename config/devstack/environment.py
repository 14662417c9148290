"""Makes, checks and mends the virtual environment that `manage.py` runs in. Standard library only.

The environment is right when its mark holds the SHA-256 of `requirements.lock`. A missing mark means that
making it was interrupted, another hash that the lock has changed: either way the lock is installed again,
which costs nothing for what is already there. In a container, where the packages are importable without
an environment of ours, nothing here runs.
"""

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from config.devstack import interpreter
from config.devstack.refusal import Refusal, disk_full, is_disk_full, need_room

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"
MARK = "proofline-lock"

# Packages without which nothing starts; looked for on every start because finding them costs microseconds.
KEY_MODULES = ("django", "django_tenants", "psycopg", "celery", "granian", "cryptography", "msgspec")
ROOM_MIB = 1300  # what the environment with the tests' packages takes, with uv's own downloads

_NETWORK = re.compile(
    r"resolution|resolve host|dns error|unreachable|refused|timed? ?out|error sending request|failed to fetch"
    r"|ConnectionError|NewConnectionError|Could not connect|no versions of|from versions: none|offline",
    re.IGNORECASE,
)


class _InstallFailed(Refusal):
    """pip or uv failed for a reason other than the network or the disk: a new environment may help."""


def folder() -> Path:
    """Where the environment is: `PROOFLINE_VENV`, or `.venv` in the tree."""
    return Path(os.environ.get("PROOFLINE_VENV") or ROOT / ".venv").absolute()


def enter(argv: Sequence[str]) -> None:
    """Return if this interpreter can run Proofline; otherwise make it so and start over inside.

    Raises:
        Refusal: this machine lacks something that only a person can add.
    """
    venv = folder()
    inside = _inside(venv)
    if not inside and _missing_modules() == []:
        return  # a container, or another environment somebody prepared
    if inside and _mark_is_right(venv) and _missing_modules() == []:
        _keep_bytecode(venv)
        return
    if not inside and _python_of(venv) is not None and _mark_is_right(venv):
        _start_over(venv, argv)
    with _only_one():
        # Another process may have done it while this one waited.
        if inside or _python_of(venv) is None or not _mark_is_right(venv):
            mend(venv)
    _start_over(venv, argv)


def mend(venv: Path, *, reinstall: bool = False) -> None:
    """Make the environment, or bring what is there to the state that the lock describes.

    `reinstall` replaces every file of every package: for an environment whose record of what is installed
    is right and whose files are not.
    """
    began = time.monotonic()
    if _python_of(venv) is None:
        _say(f"Making the environment {venv.name} (once; needs a package index) …")
        _make(venv)
        _install(venv, reinstall=False)
    else:
        _say(f"Bringing the environment {venv.name} to the state of {LOCK.name} …")
        try:
            _install(venv, reinstall=reinstall or _lacks_files(venv))
        except (_InstallFailed, OSError) as error:
            if is_disk_full(error):
                raise disk_full(venv) from error
            _say(f"{error}\nIt is damaged beyond mending; making it anew …")
            _make(venv)
            _install(venv, reinstall=False)
    _say(f"Environment ready after {time.monotonic() - began:.1f} s.")


def mend_after(error: ImportError, argv: Sequence[str]) -> None:
    """Reinstall the environment after an import failed inside it, and start over; once per command.

    Does nothing when the failing module is Proofline's own, when the environment is not ours, or when it
    has just been mended: the error is then somebody's mistake and must be seen.
    """
    venv = folder()
    own = (error.name or "").split(".")[0] in {
        "config",
        "tenants",
        "evidence",
        "controls",
        "reports",
        "tests",
    }
    if not _inside(venv) or own or os.environ.get("PROOFLINE_MENDED") == "1":
        return
    _say(f"The environment {venv.name} is damaged ({error}).")
    with _only_one():
        mend(venv, reinstall=True)
    os.environ["PROOFLINE_MENDED"] = "1"
    _start_over(venv, argv)


def _keep_bytecode(venv: Path) -> None:
    """Where Python was told to write no bytecode beside the sources, keep it in the environment instead.

    Without any, every process compiles all of Django again, which takes most of a second.
    """
    if sys.dont_write_bytecode and os.access(venv, os.W_OK):
        sys.dont_write_bytecode = False
        sys.pycache_prefix = str(venv / "bytecode")
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix


def _inside(venv: Path) -> bool:
    return Path(sys.prefix).resolve() == venv.resolve()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _missing_modules() -> list[str]:
    return [name for name in KEY_MODULES if importlib.util.find_spec(name) is None]


def _lock_hash() -> str:
    return hashlib.sha256(LOCK.read_bytes()).hexdigest()


def _mark_is_right(venv: Path) -> bool:
    try:
        return (venv / MARK).read_text().strip() == _lock_hash()
    except FileNotFoundError:
        return False


def _python_of(venv: Path) -> Path | None:
    """The environment's interpreter, or None if there is none that could run Proofline."""
    python = venv / "bin" / "python"
    if not os.access(python, os.X_OK):  # also a link to an interpreter that was removed
        return None
    try:
        settings = dict(
            [part.strip() for part in line.split("=", 1)]
            for line in (venv / "pyvenv.cfg").read_text().splitlines()
            if "=" in line
        )
    except OSError:
        return None
    stated = settings.get("version") or settings.get("version_info") or ""
    version = tuple(int(part) for part in re.findall(r"\d+", stated)[:2])
    return python if version and interpreter.supported(version) else None


def _lacks_files(venv: Path) -> bool:
    """Whether a key package's folder is gone although it is recorded as installed."""
    found = list(venv.glob("lib/python3.*/site-packages"))
    return any(
        not (site / name).exists() and any(site.glob(f"{name}-*.dist-info"))
        for site in found
        for name in KEY_MODULES
    )


@contextmanager
def _only_one() -> Iterator[None]:
    # The lock file itself carries the file lock: it is always there, and nothing has to be made or removed.
    with LOCK.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _make(venv: Path) -> None:
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise Refusal(
            f"This Python {version} ({sys.executable}) cannot make a virtual environment: its venv module is "
            "incomplete. On Debian and Ubuntu it is a package of its own: "
            f"apt-get install python3-venv (or python{version}-venv), then run the same command again."
        )
    need_room(venv, ROOM_MIB)
    if venv.is_symlink() or venv.is_file():
        raise Refusal(f"{venv} is not a folder. Move it away; the environment is made there.")
    if venv.exists():
        if any(venv.iterdir()) and not (venv / "pyvenv.cfg").exists() and not (venv / "bin").exists():
            raise Refusal(
                f"{venv} exists and is no virtual environment. Move it away, or set PROOFLINE_VENV to another "
                "folder; the environment is made there."
            )
        shutil.rmtree(venv)
    base = getattr(sys, "_base_executable", sys.executable)
    _run([base, "-m", "venv", str(venv)], what="Making the virtual environment failed")


def _install(venv: Path, *, reinstall: bool) -> None:
    python = _python_of(venv)
    if python is None:
        raise OSError(f"{venv} has no interpreter")
    need_room(venv, 100)
    (venv / MARK).unlink(missing_ok=True)
    wanted = ["--require-hashes", "-r", str(LOCK)]
    uv = _uv(venv, python)
    if uv is None:
        again = ["--force-reinstall"] if reinstall else []
        _run(
            [str(python), "-m", "pip", "install", "--quiet", "--no-deps", *again, *wanted],
            what="Installing the packages failed",
        )
    else:
        again = ["--reinstall"] if reinstall else []
        _run(
            [str(uv), "pip", "install", "--quiet", "--python", str(python), *again, *wanted],
            what="Installing the packages failed",
        )
    temporary = venv / (MARK + ".new")
    temporary.write_text(_lock_hash() + "\n")
    temporary.replace(venv / MARK)


def _uv(venv: Path, python: Path) -> Path | None:
    """The uv inside the environment (it installs the lock many times faster), or None where it cannot be had."""
    uv = venv / "bin" / "uv"
    if _works(uv):
        return uv
    pinned = _lines_of("uv")
    if pinned is None:
        return None
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(pinned)
        file.flush()
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
        command = [*pip, "--force-reinstall", "--only-binary", "uv", "--require-hashes", "-r", file.name]
        _run(command, what="Installing uv failed")
    return uv if _works(uv) else None


def _works(program: Path) -> bool:
    if not os.access(program, os.X_OK):
        return False
    try:
        return subprocess.run([program, "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _lines_of(package: str) -> str | None:
    """The lock's lines for one package, with its hashes."""
    match = re.search(rf"^{package}==.*\n(?:[ \t].*\n)*", LOCK.read_text(), re.MULTILINE)
    return match.group(0) if match else None


def _run(command: list[str], *, what: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment.pop("VIRTUAL_ENV", None)
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode == 0:
        return
    output = (done.stderr + "\n" + done.stdout).strip()
    last = "\n".join(f"  {line}" for line in _telling(output)[-6:])
    if "No space left" in output or "os error 28" in output:
        raise disk_full(folder().parent)
    if _NETWORK.search(output):
        raise Refusal(
            f"{what}: no package index could be reached. The first start downloads the packages that "
            f"{LOCK.name} names, later ones need no network. Check the connection, or pip's and uv's own "
            f"settings for an index or proxy, and run the same command again. The last lines were:\n{last}"
        )
    raise _InstallFailed(f"{what} (exit {done.returncode}). The last lines were:\n{last}")


def _telling(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.strip() and not line.startswith("WARNING")]


def _start_over(venv: Path, argv: Sequence[str]) -> None:
    python = venv / "bin" / "python"
    os.environ["VIRTUAL_ENV"] = str(venv)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(python, [str(python), *argv])
