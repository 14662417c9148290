"""The demo's two clients: made, and their story played in through the ordinary intake.

The story has a clock of its own: a file is received at the time at which it was delivered in the story, so
that exceptions are found, mended and closed in their month. Nothing else in Proofline sets a clock.
"""

import re
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from queue import Empty

from django.utils import timezone

from config.demo import side
from config.demo.accounts import CLIENTS
from config.demo.acts import act_out
from config.demo.months import story_months
from config.demo.people import PORTAL_LOGINS
from config.demo.play import SOURCE, Progress, play
from controls.catalogue.models import Control
from controls.catalogue.services import instantiate, put_in_place
from controls.results.summary import refresh
from evidence.intake.ingest import ingest
from evidence.intake.models import Delivery, Source
from evidence.intake.sources import connect
from evidence.ledger.services import checkpoint
from tenants.clients.models import Client
from tenants.clients.services import create_client
from tenants.clients.switch import client
from tenants.history.context import changing
from tenants.members.models import User

# What each client chose beside Security.
CATEGORIES = {"harbor": ("CC", "A", "C"), "larkfield": ("CC", "PI", "P")}
# Controls that people run are planned until their month; what rules judge is in place from the first day.
IN_PLACE = ("AC-01",)
# The time of delivery as the file's name has it: of a log file, a stream, or the last day of an answer.
DELIVERED = re.compile(
    r"(?<![0-9a-f])(?P<day>20\d{2}-?[01]\d-?[0-3]\d)(?:[T-](?P<hour>[0-2]\d)-?(?P<minute>[0-5]\d))?"
)


def make_clients() -> str:
    """Make the two demo clients unless they are there; return a note."""
    made = []
    for slug, demo in CLIENTS.items():
        if not Client.objects.filter(slug=slug).exists():
            with changing(way="command", path="manage.py demo", user=None):
                create_client(slug, name=demo.name, zone=demo.zone, paper=demo.paper)
            made.append(slug)
    return f"made {' and '.join(made)}" if made else "there already"


def play_months(progress: Callable[[str], None]) -> str:
    """Write each client's twelve months and take them in, the clients side by side; return a note.

    A client that has them all is left as it is; one whose play was broken off is taken up again.
    """
    today = timezone.now().date()
    waiting = [slug for slug in CLIENTS if not _has_played(slug, today)]
    if not waiting:
        return "there already"
    context = get_context("spawn")
    told = context.Queue()
    with ProcessPoolExecutor(
        len(waiting), mp_context=context, initializer=side.begin, initargs=(told,)
    ) as pool:
        plays = [pool.submit(_play_client, slug, today) for slug in waiting]
        while not all(each.done() for each in plays):
            try:
                progress(told.get(timeout=0.2))
            except Empty:
                continue
        for each in plays:
            each.result()
    return f"played {' and '.join(waiting)}"


def _has_played(slug: str, today: date) -> bool:
    with client(slug):
        return Source.objects.filter(slug=SOURCE, in_scope_from=story_months(today)[0].first).exists()


def _play_client(slug: str, today: date) -> None:
    playing = changing(way="command", path="manage.py demo", user=None)
    with client(slug) as found, playing, tempfile.TemporaryDirectory() as folder:
        begin = story_months(today)[0].first
        opening = datetime.combine(begin, datetime.min.time(), UTC)
        instantiate(on=begin, categories=CATEGORIES[slug])
        put_in_place(IN_PLACE, since=begin)
        owner = User.objects.get(
            email=next(one.email for one in PORTAL_LOGINS if one.role == "CO" and slug in one.clients)
        )
        Control.objects.filter(pk__in=IN_PLACE).update(owner=owner.pk)
        source = connect(SOURCE, at=opening)
        clock = _Clock(opening)

        def take(path: Path) -> None:
            at = clock.of(path)
            with path.open("rb") as stream:
                ingest(source, stream, name=path.name, way=Delivery.Way.INGEST, at=at)
            act_out(slug, at=at)
            checkpoint(at=at)

        def told(where: Progress) -> None:
            side.tell(f"{found.name}: {where.files} of {where.of_files} files, {clock.now:%B %Y}")

        play(slug, Path(folder), ingest=take, end=today, progress=told)
        # Set last: a play that was broken off is taken up again, and repeats nothing that is there.
        Source.objects.filter(pk=source.pk).update(in_scope_from=begin)
        refresh(at=timezone.now())


class _Clock:
    """The story's time: that of the file last delivered; it never goes back."""

    def __init__(self, opening: datetime) -> None:
        self.now = opening

    def of(self, path: Path) -> datetime:
        """Return when a file was delivered, by the time in its name."""
        found = list(DELIVERED.finditer(path.name))
        if found:
            last = found[-1]
            clock = f"{last['hour'] or '23'}{last['minute'] or '55'}"
            delivered = datetime.strptime(last["day"].replace("-", "") + clock, "%Y%m%d%H%M").replace(
                tzinfo=UTC
            )
            self.now = max(self.now, delivered + timedelta(minutes=5))
        return self.now
