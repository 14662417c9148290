"""Throwaway copies of the tree, to be started and damaged."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from config.devstack.environment import ROOT
from config.devstack.postgres import Cluster

LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv*", "var", "__pycache__", ".*_cache", ".hypothesis", "tests", "docs", "build"
)


@dataclass
class Tree:
    """A copy of the tree and commands run in it.

    Without `python`, commands run by the interpreter of these tests, whose packages are importable: the copy
    then makes no environment of its own, as in a container.
    """

    root: Path
    started: list["subprocess.Popen[str]"] = field(default_factory=list)

    @property
    def var(self) -> Path:
        return self.root / "var"

    @property
    def cluster(self) -> Cluster:
        return Cluster(self.var / "postgres", "")

    def start(
        self,
        *arguments: str,
        python: str = sys.executable,
        env: Mapping[str, str] | None = None,
        **options: object,
    ) -> "subprocess.Popen[str]":
        """Start `manage.py` with the arguments."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PROOFLINE_", "DJANGO_", "DATABASE_", "PYTEST_", "VIRTUAL_ENV"))
        }
        process = subprocess.Popen(
            [python, "manage.py", *arguments],
            cwd=self.root,
            env=kept | {"NO_COLOR": "1"} | dict(env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,  # type: ignore[call-overload]
        )
        self.started.append(process)
        return process

    def run(
        self,
        *arguments: str,
        python: str = sys.executable,
        env: Mapping[str, str] | None = None,
        **options: object,
    ) -> "subprocess.CompletedProcess[str]":
        """Run `manage.py` with the arguments to its end."""
        process = self.start(*arguments, python=python, env=env, **options)
        out, err = process.communicate(timeout=300)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def close(self) -> None:
        """End what was started, and remove the database, which root may keep elsewhere."""
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.communicate()
        assert self.cluster.wait_until_stopped()
        if (self.var / "postgres" / "cluster.json").exists():
            self.cluster.destroy()


def _tree() -> Iterator[Tree]:
    # Below the system's temporary folder and not below pytest's own, which no other account can enter.
    with tempfile.TemporaryDirectory(prefix="proofline-tree-") as folder:
        root = Path(folder) / "proofline"
        shutil.copytree(ROOT, root, ignore=LEFT_OUT)
        tree = Tree(root)
        try:
            yield tree
        finally:
            tree.close()


@pytest.fixture
def tree() -> Iterator[Tree]:
    """A fresh copy of the tree, without environment and state."""
    yield from _tree()


@pytest.fixture(scope="module")
def shared_tree() -> Iterator[Tree]:
    """A copy of the tree that the tests of a module use one after the other."""
    yield from _tree()


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Wait until something is so; fails the test after a minute."""

    def wait(so: Callable[[], bool]) -> None:
        until = time.monotonic() + 60
        while not so():
            assert time.monotonic() < until, "it did not come about within a minute"
            time.sleep(0.05)

    return wait
