"""For the tests: real PostgreSQL, fast hashing, no collected static files."""

from config.devstack import testing

testing.set_environment()  # before the next line reads it

from config.settings.base import *  # noqa: E402, F403

PROOFLINE_API_REQUESTS_PER_MINUTE = 1_000_000  # tests ask faster than anybody; the limit has its own
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
PORTAL_HOSTS = [*PORTAL_HOSTS, "testserver"]  # noqa: F405
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
WHITENOISE_AUTOREFRESH = True
WHITENOISE_USE_FINDERS = True
