"""Ramp's settings for tests inside this process; only pytest uses them.

conftest.py starts PostgreSQL when the first test wants a database, and fills its port in.
"""

import gc
import os

# test_apps_stand_alone.py runs some tests on SQLite, because these start sooner.
os.environ["DATABASE_URL"] = os.environ.get(
    "TESTS_DATABASE_URL", "postgres://postgres@127.0.0.1:1/ramp"
)
# Nothing listens there: what a test publishes is lost, and each test says what runs.
os.environ["REDIS_URL"] = "redis://127.0.0.1:1/0"
os.environ["SECRET_KEY"] = "of the tests"
os.environ.pop("PUBLIC_BASE_URL", None)

from ramp.settings import *  # noqa: F403
from ramp.settings import INSTALLED_APPS

# Gives manage.py the command that tests/lint_migrations.py runs.
INSTALLED_APPS = [*INSTALLED_APPS, "django_migration_linter"]

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Nothing waits for the Redis that is not there.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
# A thread with a connection of its own would not see what a test has not committed.
TOKEN_USE_SECONDS = 0
# Requests of tests tell no other process of themselves.
SCIM_LIMITS_URL = ""
# Each test's client would otherwise read the list of all static files at its first request.
WHITENOISE_AUTOREFRESH = True

# Imports and collected tests are hundreds of thousands of objects, which the garbage collector
# would look through again and again. conftest.py enables it for the tests.
gc.disable()
