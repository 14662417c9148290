"""What the database rooms refuse with."""

from django.db.utils import OperationalError


class PathNotConfirmed(OperationalError):
    """The server did not confirm the search path, so the statement was not sent.

    It is Django's `OperationalError` and not the driver's: the driver's errors lose their class on the way
    through Django. The cause, if there is one, is chained (`__cause__`).
    """


class NotProvisioned(RuntimeError):
    """There is no template for this release of the code, so no client can be made or migrated by it."""


class NoReader(RuntimeError):
    """The role that auditors read under is missing or cannot sign in; the sentence says what to do."""
