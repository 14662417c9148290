"""The one error that the person at the terminal can mend."""

import errno
import os
from pathlib import Path


class Refusal(Exception):
    """A state of this machine that Proofline cannot go on from.

    Its text is one or two sentences: what, where, why, what next. `manage.py` prints it and exits 2.
    """


def disk_full(path: Path, error: OSError | None = None) -> Refusal:
    """The sentence for a disk without room, naming the folder and what is left there."""
    free = ""
    try:
        stats = os.statvfs(path)
        free = f" ({stats.f_bavail * stats.f_frsize // 2**20} MiB free)"
    except OSError:
        # The folder may be gone; the sentence stands without the figure.
        free = ""
    why = f": {error.strerror}" if error is not None and error.strerror else ""
    return Refusal(
        f"The disk that holds {path} is full{free}{why}. Free some space there, or set PROOFLINE_VAR to a "
        "folder on another disk, and run the command again."
    )


def is_disk_full(error: BaseException) -> bool:
    """Whether an error, or one it came from, says that a disk or quota is used up."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def need_room(folder: Path, mebibytes: int) -> None:
    """Refuse unless the disk that holds `folder` (or its nearest existing parent) has that much free."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    stats = os.statvfs(place)
    if stats.f_bavail * stats.f_frsize < mebibytes * 2**20:
        raise disk_full(place) from None
