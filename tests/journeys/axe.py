"""axe-core, taken from npm when the tests run: the rules of WCAG 2.0 to 2.2, levels A and AA."""

import fcntl
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from playwright.sync_api import Page

VERSION = "4.14.1"
# Rules that ask nothing of colors need not be asked again when only the colors change.
COLOR_RULES = ("color-contrast", "link-in-text-block")
TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa")

_RUN = """async ([part, tags, rules]) => {
  const only = rules.length ? {type: "rule", values: rules} : {type: "tag", values: tags};
  const options = {runOnly: only, resultTypes: ["violations"], elementRef: false};
  const result = await axe.run(part || document, options);
  return result.violations.flatMap((rule) => rule.nodes.map(
    (node) => `${rule.id}: ${node.target.join(" ")} ${(node.failureSummary || "").replace(/\\s+/g, " ")}`));
}"""


def script() -> str:
    """Return axe-core's source from the cache, fetched by npm the first time; skip, outside CI, where npm cannot."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "proofline-tests"
    kept = cache / f"axe-core-{VERSION}.min.js"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "axe.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            _fetch(cache, kept)
    return kept.read_text(encoding="utf-8")


def _fetch(cache: Path, kept: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        _missing("npm is not installed (Debian's package npm), so axe-core cannot be fetched")
        return
    packed = subprocess.run(
        [npm, "pack", f"axe-core@{VERSION}", "--silent"],
        cwd=cache,
        capture_output=True,
        text=True,
        timeout=120,
    )
    if packed.returncode:
        _missing(f"npm could not fetch axe-core: {packed.stderr.strip()[-400:]}")
    archive = cache / f"axe-core-{VERSION}.tgz"
    with tarfile.open(archive) as opened:
        member = opened.extractfile("package/axe.min.js")
        assert member is not None
        unfinished = kept.with_suffix(".unfinished")
        unfinished.write_bytes(member.read())
    unfinished.rename(kept)
    archive.unlink()


def _missing(why: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"{why}.")
    pytest.skip(f"{why}; the pages' access is not tested.")


def violations(page: Page, source: str, *, part: str = "", rules: tuple[str, ...] = ()) -> list[str]:
    """What axe-core finds wrong on the page as it is now: in one part (a selector), by some rules, or altogether."""
    if not page.evaluate("typeof axe !== 'undefined'"):
        page.evaluate(source)
    return list(page.evaluate(_RUN, [part, list(TAGS), list(rules)]))
