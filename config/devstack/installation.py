"""One installation's state folder and secrets, and the environment variables that hand them to Django."""

import base64
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from config.devstack.environment import ROOT
from config.devstack.refusal import Refusal, disk_full, is_disk_full

_SECRETS = ("secret_key", "master_key", "database_password")


@dataclass(frozen=True, slots=True)
class Installation:
    """A state folder with the secrets that were generated for it.

    Attributes:
        var: the folder; everything that Proofline writes lies in it.
        secret_key: Django's `SECRET_KEY`.
        master_key: a Fernet key; encrypts the clients' own keys.
        database_password: of the embedded database's owner.
    """

    var: Path
    secret_key: str
    master_key: str
    database_password: str


def state_folder() -> Path:
    """`PROOFLINE_VAR`, or `var` in the tree."""
    return Path(os.environ.get("PROOFLINE_VAR") or ROOT / "var").absolute()


def open_installation(var: Path | None = None) -> Installation:
    """Read the secrets of the installation, making folder and secrets on the first call.

    Raises:
        Refusal: the folder cannot be written, or what lies in it is half-written.
    """
    var = var or state_folder()
    file = var / "secrets.json"
    try:
        _make_folder(var)
        if not file.exists():
            _refuse_orphaned_database(var, file)
            _write_new(file)
        return _read(var, file)
    except OSError as error:
        if is_disk_full(error):
            raise disk_full(var, error) from error
        raise Refusal(
            f"The state folder {var} cannot be used: {error.strerror} ({error.filename}). Make it writable for "
            "this account, or set PROOFLINE_VAR to another folder."
        ) from error


def set_environment(installation: Installation) -> None:
    """Hand the installation to Django's settings; what the operator has set himself stays."""
    os.environ["PROOFLINE_VAR"] = str(installation.var)  # absolute, also where the operator's was not
    for name, value in (
        ("PROOFLINE_SECRET_KEY", installation.secret_key),
        ("PROOFLINE_MASTER_KEY", installation.master_key),
        ("DJANGO_SETTINGS_MODULE", "config.settings.embedded"),
    ):
        os.environ.setdefault(name, value)


def _make_folder(var: Path) -> None:
    """Make the state folder with the folders in it that hold clients' content: for this account alone."""
    # As root, the database's account must pass through to its own folder, and may see nothing on the way.
    var.mkdir(parents=True, exist_ok=True, mode=0o711 if os.geteuid() == 0 else 0o700)
    for name in ("broker", "mail", "objects"):
        (var / name).mkdir(exist_ok=True, mode=0o700)


def _refuse_orphaned_database(var: Path, file: Path) -> None:
    if (var / "postgres" / "cluster.json").exists():
        raise Refusal(
            f"{var} is half-written: it has a database, but {file.name} with its password is missing. Put the "
            f"file back from a backup, or move {var} away (or run: manage.py demo --reset) to start with an "
            "empty installation."
        )


def _write_new(file: Path) -> None:
    made = {
        "secret_key": secrets.token_urlsafe(50),
        "master_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "database_password": secrets.token_urlsafe(24),
    }
    # Written aside and linked into place: never half there, and of two commands at once one wins.
    aside = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as stream:
            json.dump(made, stream, indent=1)
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(aside, file)
        except FileExistsError:
            return
    finally:
        aside.unlink(missing_ok=True)


def _read(var: Path, file: Path) -> Installation:
    try:
        stored = json.loads(file.read_text())
        values = {name: stored[name] for name in _SECRETS}
        if not all(isinstance(value, str) and value for value in values.values()):
            raise ValueError("an empty value")
    except (ValueError, KeyError, TypeError) as error:
        raise Refusal(
            f"{var} is half-written: {file} cannot be read ({error}). Put the file back from a backup, or move "
            f"{var} away (or run: manage.py demo --reset) to start with an empty installation."
        ) from error
    return Installation(var=var, **values)
