"""A Shared Signals transmitter on loopback: stream management, push, poll, verification, keys.

It signs with joserfc, which Ramp does not use.
"""

import base64
import json
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit
from uuid import uuid4

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

Json = dict[str, Any]
CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
RISC = "https://schemas.openid.net/secevent/risc/event-type/"
SSF = "https://schemas.openid.net/secevent/ssf/event-type/"
TOKEN = "the management token"
# The client ID and the secret, as they are in the header.
CLIENT = ("ramp", "a%2Fsecret")
PUSH, POLL = "urn:ietf:rfc:8935", "urn:ietf:rfc:8936"


def rsa_key(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})


def ec_key(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": "ES256"})


RSA, FOREIGN_RSA, EC = rsa_key("one"), rsa_key("one"), ec_key("curve")


def over_http(url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Json]:
    parts = urlsplit(url)
    with closing(HTTPConnection(parts.netloc, timeout=10)) as connection:
        connection.request("POST", parts.path, body, dict(headers))
        response = connection.getresponse()
        content = response.read()
    return response.status, json.loads(content) if content else {}


@dataclass
class Transmitter:
    """It says the truth unless a field makes it lie."""

    # Below the host, as the issuers of Keycloak are.
    path: str = "/realms/acme"
    audience: str = "https://ramp.example/receiver"
    keys: list[Any] = field(default_factory=lambda: [RSA, EC])
    key: Any = field(default_factory=lambda: RSA)
    # Sends a pushed token: (url, headers, body) -> (status, body).
    deliver: Callable[[str, Mapping[str, str], bytes], tuple[int, Json]] = over_http
    metadata: Json = field(default_factory=dict)
    # By path: a status and a body in place of what is usual.
    instead: dict[str, tuple[int, Any]] = field(default_factory=dict)
    streams: dict[str, Json] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    # Members of a stream's configuration that it refuses because it does not know them.
    unknown: list[str] = field(default_factory=list)
    # What waits for a poll, by jti; what was acknowledged, and what was refused.
    waiting: dict[str, str] = field(default_factory=dict)
    acknowledged: list[str] = field(default_factory=list)
    refused: Json = field(default_factory=dict)
    verifications: list[Json] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    # The tokens that its token endpoint issued to CLIENT and that are still good, how long they
    # last, and the requests for them: the header Authorization and the form.
    issued: list[str] = field(default_factory=list)
    expires_in: int | None = 3600
    token_requests: list[tuple[str, Json]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.host = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.issuer = f"{self.host}{self.path}"
        threading.Thread(target=self.server.serve_forever, args=[0.01], daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def claims(self, event: str, subject: Json | None, payload: Json | None = None) -> Json:
        """Return the claims of a token about an event, such as `CAEP + "session-revoked"`."""
        now = int(time.time())
        claims: Json = {
            "iss": self.issuer,
            "aud": self.audience,
            "iat": now,
            "jti": uuid4().hex,
            "events": {event: {"event_timestamp": now, **(payload or {})}},
        }
        return claims | ({"sub_id": subject} if subject else {})

    def sign(
        self, claims: Json | bytes, *, key: Any = None, algorithm: str = "", **header: Any
    ) -> str:
        key = key or self.key
        values = {
            "typ": "secevent+jwt",
            "alg": algorithm or key.alg or "RS256",
            "kid": key.kid,
            **header,
        }
        protected = {name: value for name, value in values.items() if value is not None}
        content = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
        return jws.serialize_compact(protected, content, key, [protected["alg"]])

    def push(self, token: str | bytes, **headers: str) -> tuple[int, Json]:
        """Push the token to the only stream, and return the answer."""
        [stream] = self.streams.values()
        delivery = stream["delivery"]
        usual = {
            "Content-Type": "application/secevent+jwt",
            "Accept": "application/json",
            "Authorization": delivery.get("authorization_header", ""),
        }
        body = token if isinstance(token, bytes) else token.encode()
        return self.deliver(delivery["endpoint_url"], usual | headers, body)

    def send(self, event: str, subject: Json | None, **payload: Any) -> tuple[int, Json]:
        return self.push(self.sign(self.claims(event, subject, payload)))

    def queue(self, token: str, jti: str = "") -> str:
        """Have the token wait for the next poll."""
        jti = jti or uuid4().hex
        self.waiting[jti] = token
        return jti

    def verification(self, asked: Json) -> str:
        """Return the verification event that was asked for."""
        subject = {"format": "opaque", "id": asked["stream_id"]}
        claims = self.claims(f"{SSF}verification", subject)
        claims["events"] = {f"{SSF}verification": {"state": asked["state"]}}
        return self.sign(claims)

    def respond(self, method: str, address: str, bearer: str, body: Json) -> tuple[int, bytes]:
        parts = urlsplit(address)
        self.asked.append(f"{method} {parts.path}")
        is_managed = parts.path in ("/stream", "/status", "/verify", "/poll")
        if parts.path in self.instead:
            status, result = self.instead[parts.path]
        elif parts.path == "/token":
            status, result = self._issue(bearer, body)
        elif is_managed and bearer.removeprefix("Bearer ") not in (TOKEN, *self.issued):
            status, result = 401, {}
        else:
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            status, result = self.answer(method, parts.path, query, body)
        if result is None or isinstance(result, bytes):
            return status, result or b""
        return status, json.dumps(result).encode()

    def answer(self, method: str, path: str, query: Json, body: Json) -> tuple[int, Any]:
        found: tuple[int, Any] = (404, {})
        stream = query.get("stream_id") or body.get("stream_id")
        if path == f"/.well-known/ssf-configuration{self.path}":
            found = 200, self._metadata()
        elif path == "/keys":
            found = 200, {"keys": [key.as_dict(private=False) for key in self.keys]}
        elif path == "/stream":
            found = self._manage(method, query, body)
        elif path == "/poll" and self.streams:
            found = self._poll(body)
        elif path == "/status" and stream in self.streams:
            found = 200, {"stream_id": stream, "status": self.statuses.get(stream, "enabled")}
        elif path == "/verify" and stream in self.streams:
            self.verifications.append(body)
            found = 204, None
        return found

    def _issue(self, authorization: str, form: Json) -> tuple[int, Json]:
        """Answer as RFC 6749 sections 4.4 and 5 specify."""
        self.token_requests.append((authorization, form))
        basic = base64.b64encode(":".join(CLIENT).encode()).decode()
        if authorization != f"Basic {basic}":
            return 401, {"error": "invalid_client"}
        if form.get("grant_type") != "client_credentials":
            return 400, {"error": "unsupported_grant_type"}
        self.issued.append(f"issued-{uuid4().hex}")
        values = {"access_token": self.issued[-1], "token_type": "Bearer"}
        return 200, values | ({} if self.expires_in is None else {"expires_in": self.expires_in})

    def _metadata(self) -> Json:
        return {
            "spec_version": "1_0",
            "issuer": self.issuer,
            "jwks_uri": f"{self.host}/keys",
            "delivery_methods_supported": [PUSH, POLL],
            "configuration_endpoint": f"{self.host}/stream",
            "status_endpoint": f"{self.host}/status",
            "verification_endpoint": f"{self.host}/verify",
            **self.metadata,
        }

    def _manage(self, method: str, query: Json, body: Json) -> tuple[int, Any]:
        if method == "DELETE":
            return (204, None) if self.streams.pop(query["stream_id"], None) else (404, {})
        if {*self.unknown} & {*body}:
            return 400, {}
        stream = {
            "stream_id": f"stream-{uuid4().hex[:8]}",
            "iss": self.issuer,
            "aud": self.audience,
            "events_supported": body["events_requested"],
            "events_requested": body["events_requested"],
            "events_delivered": body["events_requested"],
            "delivery": dict(body["delivery"]),
            "format": body.get("format"),
        }
        if stream["delivery"]["method"] == POLL:
            stream["delivery"]["endpoint_url"] = f"{self.host}/poll"
        self.streams[stream["stream_id"]] = stream
        return 201, stream

    def _poll(self, body: Json) -> tuple[int, Any]:
        self.acknowledged += body.get("ack", [])
        self.refused |= body.get("setErrs", {})
        for jti in [*body.get("ack", []), *body.get("setErrs", {})]:
            self.waiting.pop(jti, None)
        first = dict(list(self.waiting.items())[: body["maxEvents"]])
        return 200, {"sets": first, "moreAvailable": len(first) < len(self.waiting)}

    def _handler(transmitter) -> type[BaseHTTPRequestHandler]:  # noqa: N805  the handler has a self
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._say()

            def do_POST(self) -> None:
                self._say()

            def do_DELETE(self) -> None:
                self._say()

            def _say(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                is_form = "form" in self.headers.get("Content-Type", "")
                body = (
                    dict(parse_qsl(content.decode())) if is_form else json.loads(content or b"{}")
                )
                bearer = self.headers.get("Authorization", "")
                status, result = transmitter.respond(self.command, self.path, bearer, body)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(result)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        return Handler
