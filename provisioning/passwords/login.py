"""Signing in with an email address and a Ramp password."""

from django.contrib.auth.hashers import check_password, make_password

from people import tenancy
from people.models import Person
from people.values import normalize_key
from provisioning.passwords import lockout, second_factor
from provisioning.passwords.lockout import NOWHERE, Source
from provisioning.sign_in import attempt_log
from provisioning.sign_in.attempt_log import Outcome
from provisioning.sign_in.errors import SignInRefused, deactivated_message


def person_with_password(
    email: str, password: str, *, slug: str = "", source: Source = NOWHERE
) -> Person:
    """Return the person with this email address and password.

    Only a visitor with the correct password learns why the person may not sign in. For everybody
    else, an unknown address and an incorrect password look the same and take the same time.
    Attempts are counted across companies, because the general sign-in page serves all of them.

    :raises GuessedTooOften: while the source has to wait.
    :raises SignInRefused: if there is no such person, or they may not sign in.
    """
    with tenancy.across_tenants():
        lockout.check(email, source)
        people = Person.objects.in_lists().select_related("tenant")
        people = people.filter(email_key=normalize_key(email), tenant__is_sandbox=False)
        candidates: list[Person] = list(people.filter(tenant__slug=slug) if slug else people)
    matching = [person for person in candidates if check_password(password, person.password)]
    if not candidates:
        # Takes as long as check_password, so that the time does not reveal known addresses.
        make_password(password)
    if not matching:
        raise SignInRefused("Incorrect email or password.")
    with tenancy.across_tenants():
        lockout.record_success(email, source)
    if len(matching) > 1:
        raise SignInRefused(
            "Several companies use this email address. Use your company's own sign-in page."
        )
    [person] = matching
    with tenancy.use(person.tenant_id):
        _admit(person)
    return person


def confirm_password(person: Person, password: str, source: Source = NOWHERE) -> None:
    """Check the password of a signed-in person. Attempts count as at sign-in.

    :raises GuessedTooOften: while the source has to wait.
    :raises SignInRefused: if the password is incorrect, or the company does not allow passwords.
    """
    with tenancy.across_tenants():
        lockout.check(person.email, source)
    if not check_password(password, person.password):
        message = "Incorrect password."
        attempt_log.log_attempt(
            Outcome.REFUSED,
            None,
            person=person,
            email=person.email,
            reason="wrong-password",
            detail=f"{person.full_name} was asked to confirm who they are. {message}",
        )
        raise SignInRefused(message)
    with tenancy.across_tenants():
        lockout.record_success(person.email, source)
    check_password_counts(person)
    attempt_log.log_attempt(Outcome.CONFIRMED, None, person=person, email=person.email)


def password_problem(person: Person, password: str) -> str:
    """Return why the password of a signed-in person is refused; blank if it is correct.

    Attempts count as at sign-in.
    """
    try:
        confirm_password(person, password)
    except SignInRefused as refused:
        return str(refused)
    return ""


def has_password(person: Person) -> bool:
    """Tell whether the person can sign in with a password."""
    return person.has_usable_password() and password_counts(person)


def _admit(person: Person) -> None:
    """Check that a person with a correct password may sign in with it, and log the attempt."""
    try:
        check_can_sign_in(person)
        check_password_counts(person)
    except SignInRefused as refused:
        attempt_log.log_attempt(
            Outcome.REFUSED,
            None,
            person=person,
            email=person.email,
            reason="password-refused",
            detail=str(refused),
        )
        raise
    is_asked = second_factor.is_asked_for(person)
    outcome = Outcome.PASSWORD_ACCEPTED if is_asked else Outcome.SIGNED_IN
    attempt_log.log_attempt(outcome, None, person=person, email=person.email)


def check_can_sign_in(person: Person) -> None:
    """Check that the company and the person are active.

    :raises SignInRefused: if one of them is not.
    """
    if not person.tenant.is_active:
        raise SignInRefused(f"{person.tenant.name} is suspended. Ask your administrator.")
    if not person.is_active:
        raise SignInRefused(deactivated_message(person))


def check_password_counts(person: Person) -> None:
    """Check that the person may sign in with a password. Owners always may.

    :raises SignInRefused: if their company has turned off passwords.
    """
    if not password_counts(person):
        raise SignInRefused(
            f"{person.tenant.name} does not allow passwords. Sign in through your company's "
            "identity provider."
        )


def password_counts(person: Person) -> bool:
    return person.tenant.allows_passwords or person.role == Person.Role.OWNER
