"""Servers on loopback that count who connects, and say what they are told to, bad or good."""

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

GOOD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@dataclass
class Listener:
    """Use as a context manager. `says` answers what has been asked; None says nothing at all."""

    host: str = "127.0.0.1"
    port: int = 0
    says: bytes | Callable[[socket.socket], None] | None = GOOD
    tls: ssl.SSLContext | None = None
    connections: int = 0
    asked: list[bytes] = field(default_factory=list)

    def __enter__(self) -> Self:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self.server = socket.create_server((self.host, self.port), family=family)
        self.port = self.server.getsockname()[1]
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        # Closing alone would not wake up who accepts.
        with suppress(OSError):
            self.server.shutdown(socket.SHUT_RDWR)
        self.thread.join(10)
        self.server.close()

    def _serve(self) -> None:
        while not self.over.is_set():
            with suppress(OSError):
                connection, _ = self.server.accept()
                self.connections += 1
                with connection:
                    self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        if self.tls:
            connection = self.tls.wrap_socket(connection, server_side=True)
        self.asked.append(connection.recv(65536))
        if isinstance(self.says, bytes):
            connection.sendall(self.says)
        elif self.says:
            self.says(connection)
        else:
            self.over.wait(10)
        connection.close()
