"""A process beside the first one, in which a client's story is played. Imports nothing that needs Django set up."""

from multiprocessing.queues import Queue

# The queue to the process that shows progress; a playing process has it from its beginning.
_told: "Queue[str] | None" = None


def begin(told: "Queue[str]") -> None:
    """Set up Django in a process that just began, and remember whom to tell."""
    import django

    global _told
    _told = told
    django.setup()


def tell(text: str) -> None:
    """Tell the first process how far this one is."""
    if _told is not None:
        _told.put(text)
