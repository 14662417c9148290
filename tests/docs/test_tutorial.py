"""The tutorial's blocks that are marked as runnable, run one after the other in a folder that looks like a clone."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pypdfium2
import pytest

from config.devstack import testing
from config.devstack.environment import ROOT
from tests.docs.pages import CodeBlock, code_blocks
from tests.docs.phrases import denied_in

TUTORIAL = ROOT / "docs" / "tutorial.md"
TIMEOUT = 240

pytestmark = pytest.mark.slow


@pytest.fixture
def clone(tmp_path: Path, own_database: str) -> tuple[Path, dict[str, str]]:
    """A folder with the repository's entries, and an environment with a database and a state of its own."""
    folder = tmp_path / "clone"
    folder.mkdir()
    for entry in ROOT.iterdir():
        if not entry.name.startswith(".") and entry.name not in {"var", "build"}:
            (folder / entry.name).symlink_to(entry)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PROOFLINE", "DJANGO"))
    }
    environment |= {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PROOFLINE_VAR": str(tmp_path / "var"),
        "PROOFLINE_VENV": sys.prefix,
        "DATABASE_URL": testing.database_url(own_database),
    }
    return folder, environment


def test_every_runnable_block_of_the_tutorial_does_what_it_says(clone: tuple[Path, dict[str, str]]) -> None:
    folder, environment = clone
    blocks = code_blocks(TUTORIAL)
    ran = 0
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        if "runnable" not in block.words:
            continue
        output = _run(block, folder, environment)
        if following is not None and following.words == ("text",):
            _assert_says(output, following, block)
        ran += 1
    assert ran >= 9, "the tutorial has lost its runnable blocks"
    bundle = folder / "build" / "tutorial" / _only_bundle(folder)
    _assert_the_package_says_nothing_denied(bundle)
    _assert_the_auditors_own_code_finds_the_root(bundle)


def _run(block: CodeBlock, folder: Path, environment: dict[str, str]) -> str:
    expected = next((int(word.removeprefix("exit=")) for word in block.words if word.startswith("exit=")), 0)
    done = subprocess.run(
        ["/bin/bash", "-euc", block.text],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT,
    )
    assert done.returncode == expected, (
        f"docs/tutorial.md:{block.line} ended with {done.returncode}:\n{done.stdout}"
    )
    return done.stdout


def _assert_says(output: str, expected: CodeBlock, block: CodeBlock) -> None:
    said = _flat(output)
    for line in expected.text.splitlines():
        assert _flat(line) in said, f"docs/tutorial.md:{block.line} does not print “{line}”:\n{output}"


def _flat(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _only_bundle(folder: Path) -> str:
    (name,) = (entry.name for entry in (folder / "build" / "tutorial").iterdir() if entry.is_dir())
    return name


def _assert_the_package_says_nothing_denied(bundle: Path) -> None:
    document = pypdfium2.PdfDocument(bundle / "package.pdf")
    texts = {
        f"package.pdf, page {n + 1}": page.get_textpage().get_text_range() for n, page in enumerate(document)
    }
    for file in sorted(bundle.rglob("*")):
        if file.suffix in {".csv", ".txt", ".md", ".html"} or file.name == "assertion.json":
            texts[file.relative_to(bundle).as_posix()] = file.read_text(encoding="utf-8")
    figures = json.loads((bundle / "package.json").read_text(encoding="utf-8"))
    texts["package.json"] = json.dumps(figures, ensure_ascii=False)
    found = [
        f"{place}: {phrase}" for place, text in texts.items() for phrase in denied_in(text, place="package")
    ]
    assert found == []


def _assert_the_auditors_own_code_finds_the_root(bundle: Path) -> None:
    (block,) = (each for each in code_blocks(ROOT / "docs" / "auditor.md") if "runnable" in each.words)
    done = subprocess.run(
        [sys.executable, "-I", "-c", block.text], cwd=bundle, capture_output=True, text=True
    )
    head = (
        (bundle / "ledger" / "checkpoints.txt")
        .read_text(encoding="utf-8")
        .rsplit("\n\n— ", 1)[0]
        .splitlines()
    )
    assert done.stdout.strip() == head[-2], done.stderr
