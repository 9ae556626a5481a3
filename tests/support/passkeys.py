"""An authenticator in software, which answers the pages as a browser does."""

import json
import re
from html import unescape
from secrets import token_bytes
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from django.test import Client
from fido2.cose import ES256
from fido2.utils import sha256, websafe_decode, websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

ADD, USE = "/account/passkeys/add/", "/second-factor/passkey/"
ORIGIN = "https://ramp.example.com"
PRESENT = AuthenticatorData.FLAG.UP


def options_on(response: Any) -> dict[str, Any]:
    page = unescape(response.content.decode())
    found = re.search(r'<script id="passkey-options"[^>]*>(.*?)</script>', page)
    assert found, page
    options: dict[str, Any] = json.loads(found[1])
    return options


class Authenticator:
    """Holds one passkey, and counts its signatures unless told otherwise."""

    def __init__(self, *, counts: bool = True, origin: str = ORIGIN) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = token_bytes(16)
        self.count = 0
        self.step = int(counts)
        self.origin = origin

    def create(self, options: dict[str, Any]) -> str:
        point = self.key.public_key().public_numbers()
        # A COSE key (RFC 9053 section 7.1.1): elliptic curve, ES256, P-256, x and y.
        key = ES256({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)})
        data = AttestedCredentialData.create(Aaguid.NONE, self.id, key)
        client = self._client_data("webauthn.create", options)
        flags = PRESENT | AuthenticatorData.FLAG.AT
        made = self._authenticator_data(options["rp"]["id"], flags, data)
        attested = AttestationObject.create("none", made, {})
        return self._answer(clientDataJSON=client, attestationObject=attested)

    def use(self, options: dict[str, Any]) -> str:
        client = self._client_data("webauthn.get", options)
        made = self._authenticator_data(options["rpId"], PRESENT)
        signature = self.key.sign(made + client.hash, ec.ECDSA(SHA256()))
        return self._answer(clientDataJSON=client, authenticatorData=made, signature=signature)

    def _client_data(self, kind: str, options: dict[str, Any]) -> CollectedClientData:
        challenge = websafe_decode(options["challenge"])
        return CollectedClientData.create(kind, challenge, self.origin)

    def _authenticator_data(
        self, host: str, flags: AuthenticatorData.FLAG, data: bytes = b""
    ) -> AuthenticatorData:
        self.count += self.step
        made: AuthenticatorData = AuthenticatorData.create(
            sha256(host.encode()), flags, self.count, data
        )
        return made

    def _answer(self, **parts: bytes) -> str:
        response = {name: websafe_encode(part) for name, part in parts.items()}
        name = websafe_encode(self.id)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})


def add_passkey(client: Client, authenticator: Authenticator, name: str = "Phone") -> Any:
    answer = authenticator.create(options_on(client.get(ADD)))
    return client.post(ADD, {"name": name, "credential": answer}, follow=True)
