import gc
import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache

import hypothesis
import pytest
from django.conf import settings
from django.db import connection
from pytest_django import DjangoDbBlocker, Settings

from tests.services.migrated import DATABASE, copy_postgres_data, copy_sqlite_file
from tests.services.postgres_redis_smtp import HASTY, Postgres, Redis, Smtp, chromium
from tests.services.server import COVERAGE, EMPTY_DEMO, Server
from tests.support.concurrency import Racers
from tests.support.row_security import limit_to_tenant
from tests.support.template_lookups import refusing_unknown_attributes

StartServer = Callable[..., Server]
# Chooses how much a test does: size(200, full=2000).
Size = Callable[..., int]
# Names of databases, and of Redis's.
NUMBERS = itertools.count(1)

# What a test asks for that runs a whole Ramp.
RAMP_FIXTURES = {"session_servers", "start_server", "stack"}

# How fast the machine is at the moment says nothing about what is tested.
hypothesis.settings.register_profile(
    "ramp", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("ramp")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--full-size",
        action="store_true",
        help="run only the tests that otherwise do less than they could, and run them in full",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes minutes, so several processes begin with it")
    # pytest-xdist would begin with the files of many tests, most of which are fast ones.
    config.option.loadscopereorder = False


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests that `--full-size` is about, and order the tests for several processes.

    A slow file that is left to the end makes the other processes wait. The slow files run
    a whole Ramp or are marked as slow; of the others, those with many tests come first.
    """
    if config.getoption("full_size"):
        config.hook.pytest_deselected(items=[item for item in items if not _has_sizes(item)])
        items[:] = filter(_has_sizes, items)
    if not hasattr(config, "workerinput"):
        return
    tests_of_file = Counter(item.path for item in items)
    slow_files = {item.path for item in items if _is_slow(item)}
    items.sort(key=lambda item: (item.path not in slow_files, -tests_of_file[item.path], item.path))


def pytest_collection_finish() -> None:
    """Have the garbage collector, disabled by settings.py, look only at what the tests create."""
    gc.freeze()
    gc.enable()


def _is_slow(item: pytest.Item) -> bool:
    runs_ramp = RAMP_FIXTURES & {*getattr(item, "fixturenames", ())}
    return bool(runs_ramp) or item.get_closest_marker("slow") is not None


def _has_sizes(item: pytest.Item) -> bool:
    return "size" in getattr(item, "fixturenames", ())


@pytest.fixture(scope="session")
def size(pytestconfig: pytest.Config) -> Size:
    """Choose how much a test does: size(200, full=2000) is 2,000 with `--full-size`.

    The smaller number has to be enough for everything that the test looks at to happen.
    """
    is_full: bool = pytestconfig.getoption("full_size")
    return lambda small, *, full: full if is_full else small


@pytest.fixture(scope="session", autouse=True)
def _templates_know_what_they_show() -> Iterator[None]:
    """Fail a page whose template asks one of our objects for an attribute that it lacks."""
    with refusing_unknown_attributes():
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    # Tells in which order transactions committed.
    settings = HASTY | {"track_commit_timestamp": "on"}
    service = Postgres(settings, create_data=copy_postgres_data)
    yield service
    service.stop()


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    service = Redis()
    yield service
    service.stop()


@pytest.fixture(scope="session")
def smtp_service() -> Iterator[Smtp]:
    service = Smtp()
    yield service
    service.stop()


@pytest.fixture
def smtp(smtp_service: Smtp, settings: Settings) -> Smtp:
    """Empty the mail server, and have this process send through it."""
    smtp_service.empty()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", smtp_service.port
    return smtp_service


@pytest.fixture(scope="session")
def chromium_path() -> str:
    return chromium()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, request: pytest.FixtureRequest
) -> None:
    """Tell Django where the tests' database is, now that one of them wants it."""
    database = settings.DATABASES["default"]
    if not database["ENGINE"].endswith("sqlite3"):
        database["PORT"] = str(request.getfixturevalue("postgres").port)
        # PostgreSQL copies only a database that nobody is connected to, so no test is.
        database.setdefault("TEST", {})["TEMPLATE"] = DATABASE


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Have the tests of this process connect as a role that row-level security limits.

    Only if TESTS_ROLE is set: TESTS_ROLE=ramp_app pytest tests/people
    """
    role = os.environ.get("TESTS_ROLE")
    if not role:
        yield
        return
    options = connection.settings_dict["OPTIONS"]
    with django_db_blocker.unblock():
        limit_to_tenant(role)
        connection.close()
        options["assume_role"] = role
        yield
        connection.close()
        # The database is dropped by its owner.
        del options["assume_role"]


class Servers:
    """Starts servers, each with a database of its own; `close` ends them all."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._fixture = request.getfixturevalue
        self._folders: pytest.TempPathFactory = self._fixture("tmp_path_factory")
        self._started: list[Server] = []
        self.shared = cache(self.start)

    def start(
        self, database: str, *command: str, is_migrated: bool = True, **settings: str
    ) -> Server:
        folder = self._folders.mktemp("server")
        if database == "sqlite":
            if is_migrated:
                copy_sqlite_file(folder / "ramp.sqlite3")
            urls = (f"sqlite:///{folder}/ramp.sqlite3", "")
        else:
            postgres: Postgres = self._fixture("postgres")
            redis: Redis = self._fixture("redis")
            number = next(NUMBERS)
            template = DATABASE if is_migrated else "template1"
            urls = (postgres.create(f"server_{number}", template=template), redis.url(number))
        server = Server(folder, *urls, settings=settings, command=command or EMPTY_DEMO)
        self._started.append(server)
        return server

    def close(self) -> None:
        for server in self._started:
            # Ending in good order takes seconds of each. That it works, and that nothing survives
            # this, is shown by tests/ramp/test_processes.py. Only who ends so tells what it ran.
            if COVERAGE not in os.environ:
                server.process.kill()
        for server in self._started:
            server.end()


@pytest.fixture(scope="module")
def start_server(request: pytest.FixtureRequest) -> Iterator[StartServer]:
    """Start Ramp with a database of its own: start_server("sqlite", LOG_LEVEL="DEBUG").

    On "postgresql" jobs go through Redis; on "sqlite" through a folder, as by default. The
    database is migrated already, unless told otherwise. The server ends with the file's tests:
    one that does nothing still takes time from those that work.
    """
    with closing(Servers(request)) as servers:
        yield servers.start


@pytest.fixture(scope="session")
def session_servers(request: pytest.FixtureRequest) -> Iterator[Servers]:
    """Start servers that run until the session ends."""
    with closing(Servers(request)) as servers:
        yield servers


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, session_servers: Servers) -> Server:
    """Share a running Ramp among all tests of the session: each makes a tenant of its own.

    pytest forgets the value of one parameter when it comes to the other; the servers run on.
    """
    return session_servers.shared(request.param)


@pytest.fixture
def racers(request: pytest.FixtureRequest, db: None) -> Iterator[Racers]:
    """Have as many threads as the parameter says; the test must really commit."""
    with closing(Racers(request.param)) as racers:
        yield racers
