"""Playing gives every file to the intake once, in order, and says how far it is."""

from datetime import date
from pathlib import Path

import pytest

from config.demo.play import Progress, play


def test_every_file_is_given_once_in_order_with_progress(tmp_path: Path) -> None:
    given: list[Path] = []
    said: list[Progress] = []
    paths = play("larkfield", tmp_path, ingest=given.append, end=date(2026, 11, 24), progress=said.append)
    assert given == paths
    assert len(set(paths)) == len(paths)
    assert [progress.files for progress in said] == list(range(len(paths) + 1))
    assert said[-1].size == said[-1].of_size == sum(path.stat().st_size for path in paths)


def test_what_the_intake_raises_stops_the_play(tmp_path: Path) -> None:
    def refuse(path: Path) -> None:
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        play("larkfield", tmp_path, ingest=refuse, end=date(2026, 11, 24))
