import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import hypothesis
import pytest
from django.conf import settings
from pytest_django import Settings

from tests.managing import Manager
from tests.people.racing import Racers
from tests.servers import EMPTY_DEMO, Server
from tests.services import HASTY, Postgres, Redis, Smtp, chromium

StartServer = Callable[..., Server]

# How fast the machine is at the moment says nothing about what is tested.
hypothesis.settings.register_profile(
    "ramp", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("ramp")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several processes share the files out, begin with those that run a whole Ramp.

    They take longest, and one of them left to the end would have the others wait.
    """
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: "start_server" not in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    # Tells in which order transactions committed.
    service = Postgres(HASTY | {"track_commit_timestamp": "on"})
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
    django_db_modify_db_settings_parallel_suffix: None,
    postgres: Postgres,
) -> None:
    """Tell Django where the tests' database is, now that one of them wants it."""
    settings.DATABASES["default"]["PORT"] = str(postgres.port)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database for servers on SQLite, which need not migrate one each."""
    folder = tmp_path_factory.mktemp("migrated")
    file = folder / "ramp.sqlite3"
    urls = {"DATABASE_URL": f"sqlite:///{file}", "VAR_DIR": str(folder / "var")}
    manager = Manager({"PATH": os.environ["PATH"], **urls})
    manager.run("migrate", "--verbosity", "0")
    manager.end()
    return file


@pytest.fixture(scope="session")
def start_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartServer]:
    """Start Ramp with a database of its own: start_server("sqlite", LOG_LEVEL="DEBUG").

    On "postgresql" jobs go through Redis; on "sqlite" through a folder, as by default.
    The latter's database is migrated already, unless told otherwise.
    """
    servers: list[Server] = []
    numbers = itertools.count(1)

    def start(database: str, *command: str, is_migrated: bool = True, **settings: str) -> Server:
        folder = tmp_path_factory.mktemp("server")
        if database == "sqlite":
            if is_migrated:
                shutil.copy(request.getfixturevalue("migrated_file"), folder)
            urls = (f"sqlite:///{folder}/ramp.sqlite3", "")
        else:
            postgres: Postgres = request.getfixturevalue("postgres")
            redis: Redis = request.getfixturevalue("redis")
            number = next(numbers)
            urls = (postgres.create(f"server_{number}"), redis.url(number))
        server = Server(folder, *urls, settings=settings, command=command or EMPTY_DEMO)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.process.terminate()
    for server in servers:
        server.end()


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, start_server: StartServer) -> Server:
    """Share a running Ramp among all tests of the session: each makes a tenant of its own."""
    return start_server(request.param)


@pytest.fixture
def racers(request: pytest.FixtureRequest, db: None) -> Iterator[Racers]:
    """Have as many threads as the parameter says; the test must really commit."""
    with closing(Racers(request.param)) as racers:
        yield racers
