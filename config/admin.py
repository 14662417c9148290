"""The client's admin site with the classes of all apps. A table of contents."""

import controls.admin  # noqa: F401
import evidence.admin  # noqa: F401
import tenants.admin  # noqa: F401
from tenants.access.adminsite import site

__all__ = ["site"]
