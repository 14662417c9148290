"""Settings of a second process of one test installation: its state folder and keys, nothing made anew."""

import os

os.environ["PROOFLINE_VAR"] = os.environ["PROOFLINE_TEST_VAR"]

from config.settings.base import *  # noqa: F403
