"""Building packages in the background. A message is a hint; the sweep finds what none announced."""

from uuid import UUID

from reports.packages.services import build, hint, unfinished
from tenants.tasks.envelope import client_task


@client_task(name="reports.build_package")
def build_package(package: str) -> None:
    """Build one package that was asked for; doing it twice does it once."""
    build(UUID(package))


@client_task(name="reports.build_waiting")
def build_waiting() -> int:
    """Send what waits, or lost its worker, once more; return how many."""
    found = unfinished()
    for package in found:
        hint(package)
    return len(found)
