"""The default: everything on one machine, on loopback, state under `var/`."""

from config.settings.base import *  # noqa: F403
from config.settings.base import env

DEBUG = env.bool("PROOFLINE_DEBUG", default=False)
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = VAR_DIR / "mail"  # noqa: F405
