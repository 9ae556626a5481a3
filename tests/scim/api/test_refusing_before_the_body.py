"""A refusal that is sent before the body of the request has arrived …"""

import socket
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from tests.services.server import Server

PIECE = 64 * 1024
SIZES = {"a user": 2_000, "a large group": 1024 * 1024, "too much": 12 * 1024 * 1024}


@pytest.fixture
def client(server: Server) -> Iterator[socket.socket]:
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=30)) as client:
        yield client


def begin(client: socket.socket, size: int) -> None:
    lines = (
        *("POST /scim/v2/Users HTTP/1.1", "Host: 127.0.0.1", "Authorization: Bearer wrong"),
        *("Content-Type: application/scim+json", f"Content-Length: {size}", "", ""),
    )
    client.sendall("\r\n".join(lines).encode())


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_reaches_a_client_that_sends_all_of_it(client: socket.socket, size: int) -> None:
    begin(client, size)

    # The server may close the connection while the client still sends.
    with suppress(ConnectionError):
        for _ in range(0, size, PIECE):
            client.sendall(b" " * min(PIECE, size))
    answer = client.recv(PIECE)

    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"application/scim+json" in answer


def test_reaches_a_client_that_waits_before_it_sends_the_rest(client: socket.socket) -> None:
    begin(client, 12 * 1024 * 1024)
    client.sendall(b" " * PIECE)

    assert client.recv(PIECE).startswith(b"HTTP/1.1 401 ")
