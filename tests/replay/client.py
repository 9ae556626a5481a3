"""A minimal HTTP client: a new connection for each request, paths and bodies sent unchanged."""

import http.client
import ssl
import time
import urllib.parse
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    def __init__(self, base: str, token: str, *, timeout: float = 15) -> None:
        self.address = urllib.parse.urlsplit(base)
        self.prefix = self.address.path.rstrip("/")
        self.token = token
        self.timeout = timeout

    def wait(self, seconds: float) -> None:
        """Wait until the port is open, for at most this many seconds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with closing(self._connection()) as connection:
                try:
                    connection.connect()
                except OSError:
                    time.sleep(0.1)
                else:
                    return

    def send(
        self, method: str, path: str, headers: Mapping[str, str | None], payload: bytes | None
    ) -> Answer:
        with closing(self._connection()) as connection:
            sent = self._headers(headers, payload)
            connection.request(method, self.prefix + path, body=payload, headers=sent)
            answer = connection.getresponse()
            received = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, received, answer.read())

    def _headers(self, headers: Mapping[str, str | None], payload: bytes | None) -> dict[str, str]:
        sent = {"Authorization": f"Bearer {self.token}", "Accept": "application/scim+json"}
        if payload is not None:
            sent["Content-Type"] = "application/scim+json"
        overridden = {name.lower() for name in headers}
        kept = {name: value for name, value in sent.items() if name.lower() not in overridden}
        return kept | {name: value for name, value in headers.items() if value is not None}

    def _connection(self) -> http.client.HTTPConnection:
        if self.address.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(
                self.address.netloc, timeout=self.timeout, context=context
            )
        return http.client.HTTPConnection(self.address.netloc, timeout=self.timeout)
