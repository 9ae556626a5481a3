"""A session that was ended at one web server is ended at all others.

Two servers share a database, as on two machines; each has several processes.
"""

import re
from collections.abc import Callable, Iterator

import pytest

from tests.conftest import StartServer
from tests.faults.visitor import Visitor
from tests.services.server import Server

PASSWORD = "correct horse battery"
END = re.compile(r"/account/sessions/\d+/end/")
KEY = {"SECRET_KEY": "a key of the tests"}

Visit = Callable[..., Visitor]
Ending = Callable[[Server, Visitor], object]


def create_company(server: Server, slug: str) -> None:
    owner = ("--owner-email", f"owner@{slug}.example.com", "--owner-password", PASSWORD)
    server.manage("create_tenant", slug, "--name", slug, *owner)


@pytest.fixture(scope="module")
def first(start_server: StartServer) -> Server:
    server = start_server("postgresql", "serve", **KEY)
    create_company(server, "acme")
    return server


@pytest.fixture(scope="module")
def second(first: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(
        tmp_path_factory.mktemp("second"),
        first.database_url,
        first.redis_url,
        settings=KEY,
        command=("serve", "--beat", "0", "--migrate", "0"),
    )
    yield server
    server.end()


@pytest.fixture
def visit(first: Server, second: Server) -> Iterator[Visit]:
    """Sign in at the first server, and use the session at both."""
    visitors: list[Visitor] = []

    def visit(slug: str = "acme") -> Visitor:
        visitor = Visitor(first.url)
        visitors.append(visitor)
        visitor.sign_in(slug, f"owner@{slug}.example.com", PASSWORD)
        assert is_signed_in(visitor, first)
        assert is_signed_in(visitor, second)
        return visitor

    yield visit
    for visitor in visitors:
        visitor.close()


def is_signed_in(visitor: Visitor, server: Server) -> bool:
    return visitor.get(f"{server.url}/home/").status_code == 200


def sign_out(server: Server, visitor: Visitor) -> None:
    assert visitor.post(f"{server.url}/sign-out/").status_code == 302


def end_other_session(server: Server, visitor: Visitor) -> None:
    [address] = END.findall(visitor.get(f"{server.url}/account/").text)
    assert visitor.post(f"{server.url}{address}").status_code == 302


def sign_out_everywhere(server: Server, visitor: Visitor) -> None:
    assert visitor.post(f"{server.url}/account/sign-out-everywhere/").status_code == 302


def change_password(server: Server, visitor: Visitor) -> None:
    new = {"current": PASSWORD, "password": PASSWORD, "again": PASSWORD}
    answer = visitor.post(f"{server.url}/home/password/", new)
    assert answer.status_code == 302, answer.text


@pytest.mark.parametrize("at", ["first", "second"])
@pytest.mark.parametrize("end", [end_other_session, sign_out_everywhere, change_password])
def test_other_sessions_are_ended_at_both_servers(
    first: Server, second: Server, visit: Visit, end: Ending, at: str
) -> None:
    here, lost = visit(), visit()
    ending, asked = (first, second) if at == "first" else (second, first)

    end(ending, here)

    assert not is_signed_in(lost, asked)
    assert not is_signed_in(lost, ending)
    assert is_signed_in(here, asked)
    assert is_signed_in(here, ending)
    sign_out(first, here)


def test_signed_out_session_is_ended_at_both_servers(
    first: Server, second: Server, visit: Visit
) -> None:
    visitor = visit()
    kept = dict(visitor.http.cookies)

    sign_out(first, visitor)
    visitor.http.cookies.update(kept)

    assert not is_signed_in(visitor, second)
    assert not is_signed_in(visitor, first)


def test_closing_a_company_ends_its_sessions_at_both_servers(
    first: Server, second: Server, visit: Visit
) -> None:
    create_company(first, "globex")
    visitors = visit("globex"), visit("globex")

    first.manage("close_tenant", "globex", "--yes")

    assert not any(is_signed_in(one, server) for one in visitors for server in (first, second))
