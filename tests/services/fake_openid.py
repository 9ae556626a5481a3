"""An OpenID provider that says what it is told to, the truth or not; a server on loopback."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

Json = dict[str, Any]
CLIENT_ID, CLIENT_SECRET = "ramp", "the client's secret"


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


KEY, FOREIGN_KEY = new_key(), new_key()


def public(key: rsa.RSAPrivateKey, kid: str = "one") -> Json:
    document: Json = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return document | {"kid": kid, "use": "sig", "alg": "RS256"}


@dataclass
class OpenIdProvider:
    """`user` is who signs in next; each other field changes what is said about them."""

    user: Json = field(default_factory=lambda: {"sub": "ada"})
    # Changes the claims of the next ID tokens; None takes one out.
    claims: Json = field(default_factory=dict)
    # Makes the whole token instead.
    forge: Callable[[Json], str] | None = None
    userinfo: Json | None = None
    access_token: str = "at"
    discovery: Json = field(default_factory=dict)
    keys: list[Json] = field(default_factory=lambda: [public(KEY)])
    # By path: a status and a body in place of what is usual.
    instead: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    # The latest address, with its query.
    asked_for: str = ""

    def __post_init__(self) -> None:
        self.codes: dict[str, Json] = {}
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=[0.01], daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def token(self, nonce: str = "", **claims: Any) -> str:
        now = int(time.time())
        usual = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            **self.user,
            **self.claims,
            **claims,
        }
        values = {name: value for name, value in usual.items() if value is not None}
        return self.forge(values) if self.forge else signed(values)

    def authorize(self, address: str) -> str:
        """Sign `user` in, as a browser would be sent here; return where it is sent back to."""
        asked = dict(parse_qsl(urlsplit(address).query))
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def answer(self, path: str, form: Json, headers: Any) -> tuple[int, Any]:
        match path:
            case "/authorize":
                return 302, self.authorize(self.asked_for)
            case "/.well-known/openid-configuration":
                return 200, self._document()
            case "/keys":
                return 200, {"keys": self.keys}
            case "/token":
                return self._exchange(form, headers)
            case "/userinfo":
                return 200, self.userinfo if self.userinfo is not None else self.user
        return 404, {}

    def content_type(self, path: str) -> str:
        return "application/json"

    def _document(self) -> Json:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "end_session_endpoint": f"{self.url}/end",
            **self.discovery,
        }

    def _exchange(self, form: Json, headers: Any) -> tuple[int, Json]:
        asked = self.codes.pop(form.get("code", ""), None)
        shown = base64.b64encode(b"ramp:the%20client%27s%20secret").decode()
        if headers.get("Authorization") != f"Basic {shown}":
            return 401, {"error": "invalid_client"}
        if asked is None or asked["redirect_uri"] != form.get("redirect_uri"):
            return 400, {"error": "invalid_grant"}
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != asked["code_challenge"]:
            return 400, {"error": "invalid_grant", "error_description": "PKCE"}
        return 200, {
            "access_token": self.access_token,
            "id_token": self.token(asked.get("nonce", "")),
        }

    def _handler(provider) -> type[BaseHTTPRequestHandler]:  # noqa: N805  the handler has a self
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._say({})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self._say({name: values[0] for name, values in parse_qs(body).items()})

            def _say(self, form: Json) -> None:
                path = urlsplit(self.path).path
                provider.asked.append(path)
                provider.asked_for = self.path
                if path in provider.instead:
                    status, body = provider.instead[path]
                else:
                    status, result = provider.answer(path, form, self.headers)
                    body = (
                        result.encode() if isinstance(result, str) else json.dumps(result).encode()
                    )
                self.send_response(status)
                self.send_header("Content-Type", provider.content_type(path))
                if 300 <= status < 400:
                    self.send_header("Location", body.decode())
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        return Handler


def signed(claims: Json, key: Any = KEY, *, kid: str | None = "one", alg: str = "RS256") -> str:
    return jwt.encode(claims, key, algorithm=alg, headers={"kid": kid} if kid else None)
