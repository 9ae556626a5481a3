"""Makes many people by SQL, and measures the pages with them; tests.bench.pages runs it."""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import django
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

django.setup()

from people import tenancy  # noqa: E402
from people.models import ApiToken, Department, Person, Scope  # noqa: E402
from people.operations.api_tokens import create_api_token  # noqa: E402
from people.presentation.page_links import COUNTED_AT_MOST  # noqa: E402
from people.tenancy import across_tenants  # noqa: E402
from scim.models import Connection, Token  # noqa: E402
from scim.models.connection import issue_token  # noqa: E402
from tests.bench import company, cpu  # noqa: E402
from tests.bench.pages import BARS_MS, PAGES  # noqa: E402
from tests.bench.walk import connected, send, user  # noqa: E402

HEAD = """\
| | server ms | of these the database | bar | queries | kB |
|---|---|---|---|---|---|
"""


def measure(people: int, rounds: int, only: str) -> None:
    """Make the company unless it is there, and print how long each page takes."""
    if "people_person" not in connection.introspection.table_names():
        scim = connected()
        send(scim, "POST", "/Users", user("template"))
        began = perf_counter()
        company.copy_template(people)
        sys.stdout.write(f"{people:,} people were made in {perf_counter() - began:.0f} s\n")
    clients, facts = _visitors()
    wanted = {name: path for name, path in PAGES.items() if re.search(only, name)}
    rows = []
    sys.stdout.write(f"{_disk_mb():,} MB of disk\n\n{HEAD}")
    for name, path in wanted.items():
        client = clients[path.partition("?")[0].format(**facts).split("/")[1]]
        rows.append(_row(name, partial(client.get, path.format(**facts)), rounds))
        sys.stdout.write(_line(rows[-1]))
        sys.stdout.flush()
    slow = [row["page"] for row in rows if row["is_slow"]]
    sys.stdout.write(json.dumps({"people": people, "slow": slow, "pages": rows}) + "\n")


def _visitors() -> tuple[Mapping[str, Client], dict[str, Any]]:
    """Return the clients by the first part of the path, and the parameters of the paths."""
    with across_tenants():
        owner = Person.objects.get(email="owner@acme.example.com")
        with tenancy.use(owner.tenant_id):
            scim = Connection.objects.get()
            # An earlier measurement of the same database left its tokens.
            Token.objects.all().delete()
            ApiToken.objects.all().delete()
            tokens = {
                "scim": issue_token(scim),
                "api": create_api_token(owner, "pages", scopes=Scope.values, actor=owner.actor),
            }
        facts = {
            "connection": scim.pk,
            "department": Department.objects.latest("pk").pk,
            "person": Person.objects.get(email="p47@acme.example.com").pk,
            "manager": Person.objects.get(email="p11@acme.example.com").pk,
            "users": "/scim/v2/Users?filter=",
            "last": min(Person.objects.in_lists().count(), COUNTED_AT_MOST) // 50,
        }
    browser = Client(raise_request_exception=False)
    browser.force_login(owner)
    clients: dict[str, Client] = defaultdict(lambda: browser)
    for name, token in tokens.items():
        clients[name] = Client(
            headers={"Authorization": f"Bearer {token}"}, raise_request_exception=False
        )
    return clients, facts


def _disk_mb() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database()) / 1000000")
        [size] = cursor.fetchone()
    return int(size)


def _line(row: dict[str, Any]) -> str:
    """Return the measurement as a line of a table, in bold if it is over its bar."""
    name = f"**{row['page']}**" if row["is_slow"] else row["page"]
    columns = (row[one] for one in ("server_ms", "database_ms", "bar", "queries", "kb"))
    return " | ".join([f"| {name}", *map(str, columns)]) + " |\n"


def _row(name: str, read: Callable[[], Any], rounds: int) -> dict[str, Any]:
    """Read it several times, and return what a time costs on average.

    The server's time is the CPU time of this process and of PostgreSQL with its parallel workers,
    so that other processes of the machine do not count. Fast pages are read more often, because
    Linux counts in hundredths of a second.
    """
    with CaptureQueriesContext(connection) as captured:
        began = perf_counter()
        answer = read()
        content = _first_part(answer)
        queries = len(captured)
        times = 10 * rounds if perf_counter() - began < 0.1 else rounds
    database, web = cpu.seconds_of(_postgres()), process_time()
    for _ in range(times):
        _first_part(read())
    web_ms = 1000 * (process_time() - web) / times
    database_ms = 1000 * (cpu.seconds_of(_postgres()) - database) / times
    kind, bar = next((kind, ms) for kind, ms in BARS_MS.items() if name.startswith(kind))
    is_ok = answer.status_code == 200
    return {
        "page": name if is_ok else f"{name} (status {answer.status_code})",
        "server_ms": round(web_ms + database_ms),
        "database_ms": round(database_ms, 1),
        "bar": f"{bar} of the database" if kind else f"{bar}",
        "is_slow": not is_ok or (database_ms if kind else web_ms + database_ms) > bar,
        "queries": queries,
        "kb": round(len(content) / 1000, 1),
    }


@cache
def _postgres() -> int:
    """Return the process that started the one which serves the connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _first_part(answer: Any) -> bytes:
    """Return the content; of a stream its first part, because the rest takes as long as it is."""
    if not answer.streaming:
        return bytes(answer.content)
    first = next(iter(answer.streaming_content))
    answer.close()
    return bytes(first)
