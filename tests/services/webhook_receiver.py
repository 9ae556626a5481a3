"""A server on loopback that receives webhooks, and verifies them with a library of others."""

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from standardwebhooks import Webhook


@dataclass(frozen=True)
class Message:
    """A message that was verified."""

    webhook_id: str
    signatures: list[str]
    type: str
    data: dict[str, Any]
    text: str


@dataclass
class Receiver:
    """Use as a context manager. `status_of` tells with which status it answers a message."""

    status_of: Callable[[Message], int] = lambda _: 200
    # Tells which of the secrets of several endpoints a path has.
    secrets: dict[str, str] = field(default_factory=dict)
    answer: bytes = b"thank you"
    headers: dict[str, str] = field(default_factory=dict)
    # All that came, and what was answered with 2xx.
    received: list[Message] = field(default_factory=list)
    accepted: list[Message] = field(default_factory=list)
    unverified: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hooks"
        self.thread = threading.Thread(target=self.server.serve_forever, args=[0.05], daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)

    @property
    def types(self) -> list[str]:
        return [one.type for one in self.accepted]

    def _take(self, path: str, body: bytes, headers: dict[str, str]) -> int:
        try:
            result = Webhook(self.secrets[path]).verify(body, headers)
        except Exception as error:
            self.unverified.append(repr(error))
            return 401
        message = Message(
            headers["webhook-id"],
            headers["webhook-signature"].split(),
            result["type"],
            result["data"],
            body.decode(),
        )
        assert json.loads(message.text) == result
        self.received.append(message)
        status = self.status_of(message)
        if 200 <= status < 300:
            self.accepted.append(message)
        return status

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                headers = {name.lower(): value for name, value in self.headers.items()}
                status = receiver._take(self.path, self.rfile.read(length), headers)
                # Whoever sent it may have been killed.
                with suppress(OSError):
                    self.send_response(status)
                    for name, value in receiver.headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(receiver.answer)))
                    self.end_headers()
                    self.wfile.write(receiver.answer)

            def log_message(self, *_: object) -> None:
                """Keep stderr for what goes wrong."""

        return Handler
