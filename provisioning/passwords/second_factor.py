"""The second factor beside a password: codes of an authenticator app (RFC 6238), recovery codes.

Tries are counted like those of passwords. The name for which they are counted belongs to no known
device, so a browser that knows the password gets no further tries.
"""

import secrets
from datetime import datetime
from hmac import compare_digest
from typing import Final

import pyotp
from django.utils import timezone

from people.models import Person
from people.operations import second_factors
from people.presentation.times import exact_clock_text
from people.secrets import SecretLost
from people.tokens import token_digest
from provisioning.passwords import lockout
from provisioning.passwords.lockout import NOWHERE, GuessedTooOften, Source
from provisioning.providers import second_factor_secrets
from provisioning.sign_in import attempt_log
from provisioning.sign_in.attempt_log import Outcome
from provisioning.sign_in.errors import SignInRefused

SECONDS: Final = 30
DIGITS: Final = 6
# How many time steps a clock may be ahead or behind (RFC 6238 section 5.2).
DRIFT: Final = 1
RECOVERY_CODES: Final = 10
# Base32, without letters and digits that look alike. Four groups of four hold 80 random bits, which
# nobody can guess from a digest.
ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
GROUPS: Final = 4


class CodesGuessedTooOften(GuessedTooOften):
    def __init__(self, until: datetime) -> None:
        message = (
            f"Too many incorrect codes were entered. Try again after {exact_clock_text(until)}."
        )
        SignInRefused.__init__(self, message)
        self.until = until


class WrongCode(SignInRefused):
    def __init__(self) -> None:
        super().__init__("Incorrect code, or a code that was already used. Enter the next one.")


def is_asked_for(person: Person) -> bool:
    """Tell whether a password alone does not sign in the person."""
    return person.needs_second_factor or second_factors.second_factor_of(person) is not None


def new_secret() -> str:
    """Return a new secret of 160 bits for an authenticator app."""
    return pyotp.random_base32()


def app_link(person: Person, secret: str) -> str:
    """Return the otpauth: link that sets up an authenticator app."""
    issuer = f"Ramp {person.tenant.name}".replace(":", " ")
    return pyotp.TOTP(secret).provisioning_uri(name=person.email, issuer_name=issuer)


def new_recovery_codes() -> list[str]:
    """Return new recovery codes."""
    codes = []
    for _ in range(RECOVERY_CODES):
        groups = ("".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(GROUPS))
        codes.append("-".join(groups))
    return codes


def digest_of(recovery_code: str) -> str:
    return token_digest(_plain(recovery_code))


def matching_step(secret: str, code: str) -> int | None:
    """Return the time step of a code that is valid now; None if it is not."""
    now, app = int(timezone.now().timestamp()) // SECONDS, pyotp.TOTP(secret)
    typed = _plain(code).encode()
    for step in range(now - DRIFT, now + DRIFT + 1):
        if compare_digest(app.generate_otp(step).encode(), typed):
            return step
    return None


def check_code(person: Person, code: str, source: Source = NOWHERE) -> None:
    """Use up a code of the person's authenticator app, or a recovery code.

    :raises GuessedTooOften: while the source has to wait.
    :raises SignInRefused: if the code is incorrect or was used before.
    """
    name = f"second factor {person.pk}"
    try:
        lockout.check(name, source)
    except GuessedTooOften as error:
        log_refusal(person, "codes-guessed", str(CodesGuessedTooOften(error.until)))
        raise CodesGuessedTooOften(error.until) from error
    if not _use(person, code):
        log_refusal(person, "wrong-code", "The password was correct, and the code was not.")
        raise WrongCode
    lockout.record_success(name, source)


def _use(person: Person, code: str) -> bool:
    factor = second_factors.second_factor_of(person)
    if factor is None:
        return False
    if len(_plain(code)) != DIGITS:
        return second_factors.use_recovery_code(person, digest_of(code))
    try:
        step = matching_step(second_factor_secrets.opened(person, factor.secret), code)
    except SecretLost:
        log_refusal(person, "secret-lost", SecretLost.message)
        raise SignInRefused(
            "Codes of your authenticator app cannot be checked any more. Enter a recovery code, or "
            "ask an administrator to reset your second factor."
        ) from None
    return step is not None and second_factors.use_time_step(person, step)


def log_refusal(person: Person, reason: str, detail: str) -> None:
    attempt_log.log_attempt(
        Outcome.REFUSED, None, person=person, email=person.email, reason=reason, detail=detail
    )


def _plain(code: str) -> str:
    return "".join(one for one in code.upper() if one.isalnum())
