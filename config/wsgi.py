"""The WSGI entry point."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.embedded")
application = get_wsgi_application()

from tenants.access.checks import refuse_undeclared  # noqa: E402  (after the apps are loaded)

refuse_undeclared()
