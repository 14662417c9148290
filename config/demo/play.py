"""Playing a client's story into the product, through whatever takes files in."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from config.demo.story import SEED
from config.demo.write import write_client

SOURCE = "aws"


class Progress(NamedTuple):
    """How far the play is: files taken in of all, bytes taken in of all, and seconds since it began."""

    slug: str
    files: int
    of_files: int
    size: int
    of_size: int
    seconds: float


def play(
    slug: str,
    folder: Path,
    *,
    ingest: Callable[[Path], object],
    end: date,
    seed: int = SEED,
    progress: Callable[[Progress], None] = lambda progress: None,
) -> list[Path]:
    """Write the client's files into `folder` and give each to `ingest`, in order of delivery; return them.

    `ingest` is the ordinary intake for one file of source `SOURCE`; what it raises stops the play.
    `progress` is called once before the first file and once after each.
    """
    began = monotonic()
    paths = write_client(slug, folder, seed=seed, end=end)
    sizes = [path.stat().st_size for path in paths]
    done = 0
    progress(Progress(slug, 0, len(paths), 0, sum(sizes), monotonic() - began))
    for place, (path, size) in enumerate(zip(paths, sizes, strict=True), start=1):
        ingest(path)
        done += size
        progress(Progress(slug, place, len(paths), done, sum(sizes), monotonic() - began))
    return paths
