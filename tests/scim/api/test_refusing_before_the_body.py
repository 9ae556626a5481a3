"""Refusals that the server sends before it has received the whole body."""

import socket
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from tests.services.server import Server

PIECE = 64 * 1024
# Above 4 MiB, the server does not read the rest; a body above 1 MiB is refused with 413.
SIZES = {
    "a user": (2_000, 401),
    "a large group": (1024 * 1024, 401),
    "far too much": (12 << 20, 413),
}


@pytest.fixture
def client(server: Server) -> Iterator[socket.socket]:
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=30)) as client:
        yield client


def send_headers(client: socket.socket, size: int, *headers: str) -> None:
    lines = (
        *("POST /scim/v2/Users HTTP/1.1", "Host: 127.0.0.1", "Authorization: Bearer wrong"),
        *("Content-Type: application/scim+json", f"Content-Length: {size}", *headers, "", ""),
    )
    client.sendall("\r\n".join(lines).encode())


@pytest.mark.parametrize(("size", "status"), SIZES.values(), ids=SIZES)
def test_client_that_sends_the_whole_body_receives_the_refusal(
    client: socket.socket, size: int, status: int
) -> None:
    send_headers(client, size)

    # The server may close the connection while the client still sends.
    with suppress(ConnectionError):
        for start in range(0, size, PIECE):
            client.sendall(b" " * min(PIECE, size - start))
    answer = client.recv(PIECE)

    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"application/scim+json" in answer


def test_client_that_expects_100_continue_receives_the_refusal(client: socket.socket) -> None:
    """RFC 9110 section 10.1.1."""
    send_headers(client, PIECE, "Expect: 100-continue")

    answer = client.recv(PIECE)
    if answer.startswith(b"HTTP/1.1 100 "):
        client.sendall(b" " * PIECE)
        answer = client.recv(PIECE)

    assert answer.startswith(b"HTTP/1.1 401 ")
