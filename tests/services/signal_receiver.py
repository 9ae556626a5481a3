"""A server on loopback that receives security events, and verifies them with joserfc.

Ramp signs with another library (PyJWT).
"""

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, cast

from joserfc import jwt
from joserfc.jwk import KeySet, KeySetSerialization

Claims = dict[str, Any]


def verified(token: str, jwks: Claims) -> Claims:
    """Return the claims of a security event token whose signature is valid."""
    opened = jwt.decode(
        token, KeySet.import_key_set(cast(KeySetSerialization, jwks)), algorithms=["RS256"]
    )
    assert opened.header["typ"] == "secevent+jwt"
    claims: Claims = opened.claims
    # RFC 8417 and the CAEP interoperability profile.
    assert {"iss", "jti", "iat", "aud", "sub_id", "events"} <= set(claims)
    assert not {"sub", "exp"} & set(claims)
    assert len(claims["events"]) == 1
    return claims


def type_of(claims: Claims) -> str:
    """Return the last part of the event's type, such as session-revoked."""
    [uri] = claims["events"]
    return str(uri).rpartition("/")[2]


@dataclass
class SignalReceiver:
    """Use as a context manager. `keys` are those that the transmitter publishes."""

    keys: Claims = field(default_factory=dict)
    status_of: Callable[[Claims], int] = lambda _: 202
    # All that came, and what was answered with 2xx.
    received: list[Claims] = field(default_factory=list)
    accepted: list[Claims] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    unverified: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/events"
        self.thread = threading.Thread(target=self.server.serve_forever, args=[0.05], daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)

    @property
    def types(self) -> list[str]:
        return [type_of(one) for one in self.accepted]

    def _take(self, token: str, headers: dict[str, str]) -> int:
        self.tokens.append(token)
        self.headers.append(headers)
        try:
            claims = verified(token, self.keys)
        except Exception as error:
            self.unverified.append(repr(error))
            return 400
        self.received.append(claims)
        status = self.status_of(claims)
        if 200 <= status < 300:
            self.accepted.append(claims)
        return status

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                headers = {name.lower(): value for name, value in self.headers.items()}
                status = receiver._take(self.rfile.read(length).decode(), headers)
                body = b"" if status < 300 else json.dumps({"err": "invalid_request"}).encode()
                # Whoever sent it may have been killed.
                with suppress(OSError):
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Keep stderr for what goes wrong."""

        return Handler
