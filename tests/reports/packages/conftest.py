"""Bundles of the synthetic client, built once, and the verifier as a module."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from reports.packages.bundle import VERIFIER
from tests.reports.packages import synthetic
from tests.reports.packages.tamper import Files, read_zip


@pytest.fixture(scope="session")
def verify() -> ModuleType:
    """The verifier's file, imported as a module."""
    spec = importlib.util.spec_from_file_location("bundle_verifier", VERIFIER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def made() -> synthetic.Client:
    """The synthetic client with a gap, nothing frozen."""
    return synthetic.client()


@pytest.fixture(scope="session")
def frozen() -> synthetic.Client:
    """The synthetic client with its populations frozen."""
    return synthetic.client(frozen=True)


def _zip(folder: Path, client: synthetic.Client, **how: object) -> Path:
    with synthetic.package(client, **how) as bundle:  # type: ignore[arg-type]
        path = folder / f"{bundle.name}.zip"
        with path.open("wb") as out:
            bundle.write_zip(out)
    return path


@pytest.fixture(scope="session")
def draft(tmp_path_factory: pytest.TempPathFactory, made: synthetic.Client) -> Path:
    """A Type II draft as a zip."""
    return _zip(tmp_path_factory.mktemp("draft"), made)


@pytest.fixture(scope="session")
def issued(tmp_path_factory: pytest.TempPathFactory, frozen: synthetic.Client) -> Path:
    """A Type II with frozen populations and the status issued, as a zip."""
    return _zip(tmp_path_factory.mktemp("issued"), frozen, status="issued", split=True)


@pytest.fixture(scope="session")
def type_one(tmp_path_factory: pytest.TempPathFactory, made: synthetic.Client) -> Path:
    """A Type I draft as a zip."""
    return _zip(tmp_path_factory.mktemp("one"), made, kind=1)


@pytest.fixture(scope="session")
def draft_files(draft: Path) -> Files:
    """The draft's files by path. Copy before changing."""
    return read_zip(draft)


@pytest.fixture(scope="session")
def issued_files(issued: Path) -> Files:
    """The issued bundle's files by path. Copy before changing."""
    return read_zip(issued)
