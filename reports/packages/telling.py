"""Telling who asked for a package that it was built, or could not be."""

from datetime import datetime
from typing import Final
from uuid import UUID

from reports.packages.models import Package
from tenants.clients.switch import current_client
from tenants.members.models import User
from tenants.notifications.kinds import AT_ONCE, Kind, register
from tenants.notifications.services import notify

register(
    Kind("package_built", "Package built", "package.read", AT_ONCE),
    Kind("package_failed", "Package not built", "package.read", AT_ONCE),
)
_ENDS: Final = {
    Package.State.BUILT: ("package_built", "is built"),
    Package.State.FAILED: ("package_failed", "could not be built"),
}


def tell_end(key: UUID, *, at: datetime) -> None:
    """Tell of the end of a build, once for each time that it was asked for; of one still running, nothing."""
    package = Package.objects.filter(pk=key, state__in=list(_ENDS)).first()
    if package is None or package.asked_by is None:
        return
    kind, words = _ENDS[Package.State(package.state)]
    notify(
        User.objects.filter(pk=package.asked_by),
        kind=kind,
        subject=f"The {package.get_kind_display()} package that you asked for {words}",
        url=f"packages/{package.pk}/",
        client=current_client(),
        at=at,
        dedup=f"{package.pk}:{package.asked_at:%Y%m%dT%H%M%S}",
    )
