"""Passkeys beside a password (W3C Web Authentication Level 2), checked by python-fido2.

Ramp's identity for passkeys is the host name of PUBLIC_BASE_URL, so they end with that name.
The challenge of a page is kept in the session, and an answer uses it up.
"""

import json
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from fido2.server import Fido2Server
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    AuthenticatorData,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from people.models import Passkey, Person
from people.operations.passkeys import passkeys_of, use_passkey
from provisioning.passwords.second_factor import log_refusal
from provisioning.sign_in.errors import SignInRefused

# The key of the session that keeps the challenge of the page.
CHALLENGE: Final = "passkey_challenge"
# The password was the other factor, so devices need not ask for a PIN or a fingerprint.
VERIFICATION: Final = UserVerificationRequirement.PREFERRED


class PasskeyRefused(SignInRefused):
    def __init__(self) -> None:
        super().__init__("Ramp could not check the passkey. Try again.")


def are_possible() -> bool:
    """Tell whether browsers offer passkeys for Ramp's address: not without TLS or for an IP."""
    host = urlsplit(settings.PUBLIC_BASE_URL).hostname or ""
    is_name = any(letter.isalpha() for letter in host.rpartition(".")[2]) and ":" not in host
    return is_name and (settings.PUBLIC_BASE_URL.startswith("https:") or host == "localhost")


def begin_registration(request: HttpRequest, person: Person) -> dict[str, Any]:
    """Return the options with which the browser creates a passkey."""
    user = PublicKeyCredentialUserEntity(
        name=person.email, id=person.pk.bytes, display_name=person.full_name
    )
    options, request.session[CHALLENGE] = _server().register_begin(
        user,
        # The browser refuses to create a second passkey on the same device.
        _credentials(passkeys_of(person)),
        resident_key_requirement=ResidentKeyRequirement.PREFERRED,
        user_verification=VERIFICATION,
    )
    return dict(dict(options)["publicKey"])


def finish_registration(request: HttpRequest, answer: str) -> AuthenticatorData:
    """Check what the browser answered when it created a passkey.

    :param answer: `RegistrationResponseJSON` (W3C Web Authentication Level 3 section 5.1.8).
    :raises PasskeyRefused: if it does not belong to the page that asked for it.
    """
    state = request.session.pop(CHALLENGE, None)
    try:
        return _server().register_complete(state, json.loads(answer))
    # The answer is JSON and CBOR of strangers, which fails in many ways.
    except Exception as error:
        raise PasskeyRefused from error


def ask(request: HttpRequest, person: Person) -> dict[str, Any] | None:
    """Return the options with which the browser uses a passkey; None if the person has none."""
    credentials = _credentials(passkeys_of(person)) if are_possible() else []
    if not credentials:
        return None
    options, request.session[CHALLENGE] = _server().authenticate_begin(
        credentials, user_verification=VERIFICATION
    )
    return dict(dict(options)["publicKey"])


def check(request: HttpRequest, person: Person, answer: str) -> None:
    """Check what the browser answered when it used a passkey.

    :param answer: `AuthenticationResponseJSON` (W3C Web Authentication Level 3 section 5.1.8).
    :raises PasskeyRefused: if no passkey of the person has signed this page's challenge.
    """
    state = request.session.pop(CHALLENGE, None)
    try:
        response = AuthenticationResponse.from_dict(json.loads(answer))
        own = {passkey.credential_id: passkey for passkey in passkeys_of(person)}
        used = _server().authenticate_complete(state, _credentials(own.values()), response)
        passkey = own[id_of(used)]
        count = response.response.authenticator_data.counter
    # The answer is JSON and CBOR of strangers, which fails in many ways.
    except Exception as error:
        log_refusal(person, "wrong-passkey", "The password was correct, and the passkey was not.")
        raise PasskeyRefused from error
    if not use_passkey(passkey, count):
        log_refusal(
            person,
            "passkey-copied",
            f"The passkey “{passkey.name}” counted backwards, so it may have been copied.",
        )
        raise PasskeyRefused


def id_of(credential: AttestedCredentialData) -> str:
    return websafe_encode(credential.credential_id)


def _credentials(passkeys: Iterable[Passkey]) -> list[AttestedCredentialData]:
    return [AttestedCredentialData(bytes(one.credential)) for one in passkeys]


def _server() -> Fido2Server:
    host = urlsplit(settings.PUBLIC_BASE_URL).hostname or ""
    return Fido2Server(
        PublicKeyCredentialRpEntity(id=host, name="Ramp"),
        verify_origin=lambda origin: origin == settings.PUBLIC_BASE_URL,
    )
