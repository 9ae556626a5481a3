"""Writes the provider log: every sign-in attempt with its outcome."""

from typing import Any, Final

from django.utils import timezone
from prometheus_client import Counter

from people import events, tenancy
from people.client_address import current_client_address
from people.models import Person
from provisioning.claims import readable
from provisioning.models import IdentityProvider, SignInAttempt

Outcome = SignInAttempt.Outcome
SIGN_INS: Final = Counter("ramp_sign_ins", "Sign-in attempts.", ["method", "outcome"])


def log_attempt(
    outcome: Outcome,
    provider: IdentityProvider | None,
    *,
    person: Person | None = None,
    subject: str = "",
    email: str = "",
    **details: Any,
) -> SignInAttempt:
    """Write a line for the tenant in force.

    Call it outside of a transaction that a refusal rolls back.

    :param details: further fields of SignInAttempt, such as reason, detail and warnings.
    """
    SIGN_INS.labels(provider.kind if provider else "password", outcome).inc()
    # They may quote claims.
    details["detail"] = readable(details.get("detail", ""))
    details["warnings"] = [readable(warning) for warning in details.get("warnings", ())]
    return SignInAttempt.objects.create(
        tenant_id=tenancy.current_id(),
        provider=provider,
        person=person,
        outcome=outcome,
        subject=readable(subject)[:255],
        email=readable(email)[:254],
        authority=provider.authority if provider else "",
        request_id=events.current_cause(),
        ip=current_client_address(),
        at=timezone.now(),
        **details,
    )


def log_late_refusal(
    provider: IdentityProvider, person: Person, *, reason: str, detail: str
) -> None:
    """Log that a person was refused who had been identified already.

    If a line of this request says that they signed in, it is corrected.
    """
    cause = events.current_cause()
    signed_in = SignInAttempt.objects.filter(
        person=person, request_id=cause, outcome__in=(Outcome.SIGNED_IN, Outcome.LINKED)
    )
    changes = {"outcome": Outcome.REFUSED, "reason": reason, "detail": detail}
    if cause is None or not signed_in.update(**changes):
        log_attempt(
            Outcome.REFUSED,
            provider,
            person=person,
            email=person.email,
            reason=reason,
            detail=detail,
        )
