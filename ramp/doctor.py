"""The checks of the command `doctor`: what an operator should know about this installation."""

import http.client
import json
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import django
from celery import current_app
from django.apps import apps
from django.conf import settings
from django.core.checks import WARNING, run_checks
from django.core.mail import get_connection
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from django.utils.module_loading import import_string

from people import tenancy
from people.db import app_role, row_policies, tenant_references
from people.db.statements import query
from people.models import Delivery, Installation, Mail
from people.operations.signals import keys
from people.operations.webhooks import key_rotation
from ramp import __version__, watchdogs

MIN_POSTGRESQL: Final = 15
MIN_REDIS: Final = 7
# The limits that settings.py sets; a proxy such as PgBouncer may drop them.
TIMEOUTS: Final = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
MAX_CLOCK_DIFFERENCE: Final = timedelta(seconds=5)
MAX_MAIL_AGE: Final = timedelta(minutes=10)
MIN_FREE_SHARE: Final = 0.1
MIN_FREE_BYTES: Final = 1024**3


class Level(StrEnum):
    OK = "OK"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    check: str
    level: Level
    text: str
    # What to do about it; blank if it is OK.
    advice: str = ""


def findings() -> Iterator[Finding]:
    """Run all checks. One that fails is a finding, and the others continue."""
    for name, check in CHECKS.items():
        try:
            for level, text, advice in check():
                yield Finding(name, level, text, advice)
        except Exception as error:
            # Each library raises its own errors, and the checks must all run.
            text = f"{type(error).__name__}: {' '.join(str(error).split())}"
            yield Finding(name, Level.PROBLEM, text, ADVICE[name])


Result = Iterator[tuple[Level, str, str]]


def _versions() -> Result:
    text = f"Ramp {__version__}, Django {django.__version__}, Python {platform.python_version()}"
    yield Level.OK, text, ""


def _settings() -> Result:
    found = [one for one in run_checks(include_deployment_checks=True) if one.level >= WARNING]
    for one in found:
        level = Level.PROBLEM if one.is_serious() else Level.WARNING
        yield level, f"{one.id}: {' '.join(one.msg.split())}", " ".join((one.hint or "").split())
    if not found:
        yield Level.OK, "nothing to report", ""


def _key() -> Result:
    if not apps.is_installed("provisioning"):
        return
    with tenancy.across_tenants():
        providers, factors = import_string("provisioning.providers.rotate_secrets.without_key")()
        endpoints = key_rotation.without_key()
        signing_keys = keys.without_secret_key()
    if providers:
        advice = (
            "Add the key with which they were entered to SECRET_KEY_FALLBACKS, or enter the "
            "secrets again. `manage.py rotate_secrets` names the providers."
        )
        yield Level.PROBLEM, f"no key for the secrets of {providers} sign-in providers", advice
    if factors:
        advice = (
            "Add the key with which they were set up to SECRET_KEY_FALLBACKS. Until then, these "
            "people sign in with recovery codes."
        )
        yield Level.PROBLEM, f"no key for the secrets of {factors} second factors", advice
    if endpoints:
        advice = (
            "Add the key with which they were created to SECRET_KEY_FALLBACKS, or replace the "
            "secrets on the pages of the endpoints. Nothing is sent to them until then."
        )
        yield Level.PROBLEM, f"no key for the secrets of {endpoints} webhook endpoints", advice
    if signing_keys:
        advice = (
            "Add the key with which they were created to SECRET_KEY_FALLBACKS, or create new ones "
            "on the page Signal streams of each company. No security events are sent until then."
        )
        yield Level.PROBLEM, f"no key for {signing_keys} signing keys of signal streams", advice
    if not (providers or factors or endpoints or signing_keys):
        yield Level.OK, "there is a key for every stored secret", ""


def _database() -> Result:
    if connection.vendor != "postgresql":
        query("SELECT 1")
        yield Level.OK, "SQLite", ""
        return
    [(version,)] = query("SELECT current_setting('server_version_num')::int / 10000")
    if version < MIN_POSTGRESQL:
        advice = f"Upgrade to PostgreSQL {MIN_POSTGRESQL} or newer."
        yield Level.PROBLEM, f"PostgreSQL {version} is too old", advice
    else:
        yield Level.OK, f"PostgreSQL {version}", ""
    role, reasons = app_role.current()
    if {app_role.SUPERUSER, app_role.BYPASSRLS} & {*reasons}:
        advice = "Use the role of Ramp that docs/operating.md creates."
        yield Level.WARNING, f"the role “{role}” {reasons[0]}", advice
    else:
        yield Level.OK, f"the role “{role}” is neither a superuser nor has BYPASSRLS", ""
    if violated := tenant_references.missing():
        columns = ", ".join(f"{one.table}.{one.column}" for one in violated)
        advice = "Run `manage.py migrate` as the owner of the tables, and read what it says."
        yield Level.PROBLEM, f"references to other companies are not refused: {columns}", advice


def _row_security() -> Result:
    if connection.vendor != "postgresql":
        return
    if not row_policies.is_on():
        advice = "Turn it on with `manage.py row_security`, as docs/operating.md explains."
        yield Level.WARNING, "off: only Ramp itself keeps the companies apart", advice
        return
    if missing := sorted({policy.table for policy in row_policies.missing()}):
        advice = "As the owner of the tables, run `manage.py row_security --role …` again."
        yield Level.PROBLEM, f"no policy limits {', '.join(missing)}", advice
    if not app_role.is_limited():
        advice = "Set DATABASE_URL to the role that `row_security` names."
        yield Level.PROBLEM, "the policies do not limit the role of DATABASE_URL", advice
    elif connection.connection.info.backend_pid != query("SELECT pg_backend_pid()")[0][0]:
        advice = "Have it pool sessions: with transactions, companies would share a setting."
        yield Level.WARNING, "a proxy pools the connections", advice
    if leaky := app_role.leaky_functions():
        advice = "As a superuser, run `manage.py row_security --leakproof on`."
        text = f"no index is used for {', '.join(leaky)}, so searches are slow in large companies"
        yield Level.WARNING, text, advice
    if app_role.is_limited() and not missing:
        yield Level.OK, "the role of DATABASE_URL is limited to the tenant in force", ""


def _timeouts() -> Result:
    if connection.vendor != "postgresql":
        return
    values = {name: query(f"SHOW {name}")[0][0] for name in TIMEOUTS}
    if unlimited := [name for name, value in values.items() if value in ("0", "0ms")]:
        advice = (
            "A proxy such as PgBouncer may drop the options of the connection. Set them for the "
            "role: ALTER ROLE … SET statement_timeout = '10s'."
        )
        yield Level.WARNING, f"no limit for {', '.join(unlimited)}", advice
    else:
        yield Level.OK, ", ".join(f"{name} {value}" for name, value in values.items()), ""


def _clock() -> Result:
    if connection.vendor != "postgresql":
        return
    difference = abs(query("SELECT clock_timestamp()")[0][0] - timezone.now())
    seconds = f"{difference.total_seconds():.1f} s from the database's clock"
    if difference > MAX_CLOCK_DIFFERENCE:
        yield Level.PROBLEM, seconds, "Synchronize both clocks, for example with chrony."
    else:
        yield Level.OK, seconds, ""


def _migrations() -> Result:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        yield Level.PROBLEM, f"{len(plan)} are not applied, the first is {plan[0][0]}", _MIGRATE
    else:
        yield Level.OK, "all are applied", ""


def _broker() -> Result:
    with current_app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=1, interval_start=0, timeout=1)
        is_redis = bool(settings.REDIS_URL)
        version = broker.default_channel.client.info()["redis_version"] if is_redis else ""
    if version and int(version.partition(".")[0]) < MIN_REDIS:
        yield (
            Level.PROBLEM,
            f"Redis {version} is too old",
            f"Upgrade to Redis {MIN_REDIS} or newer.",
        )
    else:
        yield Level.OK, f"Redis {version}" if version else "a folder", ""
    count = watchdogs.waiting_jobs()
    yield Level.OK, f"{count} jobs wait", ""


def _processes() -> Result:
    try:
        status = _readiness()
    except (OSError, http.client.HTTPException, ValueError):
        yield (
            Level.PROBLEM,
            f"nothing answers on {settings.HOST}:{settings.PORT}",
            ADVICE["processes"],
        )
        return
    for name, why in status.get("missing", {}).items():
        yield Level.PROBLEM, f"{name}: {why}", "See the log of `serve`."
    for name, age in status.get("seconds_since_progress", {}).items():
        if name not in status.get("missing", {}):
            yield Level.OK, f"{name}: progress {age} s ago", ""
    yield Level.OK, "web processes answer", ""


def _readiness() -> dict[str, Any]:
    probe = watchdogs.local_connection()
    try:
        probe.request("GET", "/readyz", headers={"Host": settings.PUBLIC.hostname or ""})
        status: dict[str, Any] = json.loads(probe.getresponse().read())
    finally:
        probe.close()
    return status


def _disk() -> Result:
    folders = {tempfile.gettempdir()} | (
        {str(settings.VAR_DIR)} if settings.VAR_DIR.exists() else set()
    )
    for folder in sorted(folders):
        usage = shutil.disk_usage(folder)
        text = f"{usage.free / 1024**3:.1f} GiB free in {folder}"
        if usage.free < MIN_FREE_BYTES or usage.free < usage.total * MIN_FREE_SHARE:
            yield Level.WARNING, text, "Free some space."
        else:
            yield Level.OK, text, ""


def _mail_server() -> Result:
    if not settings.EMAIL_IS_SENT:
        return
    mailer = get_connection()
    mailer.open()
    mailer.close()
    yield Level.OK, f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT} accepts a sign-in", ""


def _mails() -> Result:
    now = timezone.now()
    with tenancy.across_tenants():
        due = Mail.objects.due(now).values_list("due_at", flat=True).first()
        given_up = Mail.objects.given_up().filter(given_up_at__gt=now - timedelta(days=1)).count()
    if due and now - due > MAX_MAIL_AGE and not Installation.current().held_since:
        advice = "Check the worker and the mail server."
        yield Level.PROBLEM, f"the oldest email has been due for {_age(due, now)}", advice
    else:
        yield Level.OK, "no email is late", ""
    if given_up:
        advice = "The pages of the people show what the mail server said; `person` as well."
        yield Level.WARNING, f"{given_up} were given up within a day", advice
    else:
        yield Level.OK, "none was given up within a day", ""


def _events() -> Result:
    with tenancy.across_tenants():
        stuck = Delivery.objects.stuck().count()
    if stuck:
        yield Level.PROBLEM, f"{stuck} deliveries are stuck", "`manage.py stuck` lists the reasons."
    else:
        yield Level.OK, "no delivery is stuck", ""


def _restore() -> Result:
    if since := Installation.current().held_since:
        advice = "`manage.py restored --status` shows what waits, `--release` ends it."
        yield Level.WARNING, f"jobs and emails have been held since {since.isoformat()}", advice
    else:
        yield Level.OK, "nothing is held", ""


def _age(since: datetime, now: datetime) -> str:
    return f"{(now - since).total_seconds() / 60:.0f} minutes"


_MIGRATE: Final = "Run `manage.py migrate`, or restart `serve` without --migrate 0."
_DATABASE: Final = "Check DATABASE_URL, and that the server runs and accepts this machine."
CHECKS: Final[dict[str, Callable[[], Result]]] = {
    "versions": _versions,
    "settings": _settings,
    "database": _database,
    "row security": _row_security,
    "key": _key,
    "timeouts": _timeouts,
    "clock": _clock,
    "migrations": _migrations,
    "broker": _broker,
    "processes": _processes,
    "disk": _disk,
    "mail server": _mail_server,
    "mails": _mails,
    "events": _events,
    "restore": _restore,
}
ADVICE: Final = {
    **dict.fromkeys(CHECKS, _DATABASE),
    "broker": "Check REDIS_URL, and that the server runs and accepts this machine.",
    "processes": "Start `manage.py serve`, or run this on the machine and with the PORT it uses.",
    "mail server": "Check EMAIL_URL, and that the server accepts this machine.",
}
