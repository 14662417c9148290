"""Says which Pythons can run Proofline. Compiles on any Python, so that an old one gets a sentence."""

import os

OLDEST = (3, 11)
NEWEST = (3, 13)


def supported(version):
    """Whether a `sys.version_info` lies within the Pythons that the lock was resolved for."""
    return OLDEST <= tuple(version[:2]) <= NEWEST


def refusal(version):
    """The sentence for an interpreter outside the range, naming one on PATH that would do."""
    said = "Proofline needs Python %d.%d to %d.%d; this is Python %d.%d." % (
        OLDEST + NEWEST + tuple(version[:2])
    )
    found = _on_path()
    if found:
        return said + " Run the same command with %s, which is installed here." % found
    return said + " Install one of them (on Debian 12: apt-get install python3 python3-venv)."


def _on_path():
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        for folder in os.environ.get("PATH", "").split(os.pathsep):
            path = os.path.join(folder, "python3.%d" % minor)
            # pyenv's shims exist for versions that are not switched on, and only say so.
            if os.access(path, os.X_OK) and os.sep + "shims" not in folder:
                return path
    return None
