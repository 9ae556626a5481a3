"""The causes why somebody cannot sign in, or has not signed in through a provider."""

from people import hooks, tenancy
from people.models import Person
from people.presentation.diagnosis import Diagnosis, Link, Priority, day
from people.presentation.times import clock_text
from provisioning.diagnosis.data import SignInData, page_url, sign_in_url
from provisioning.diagnosis.sentences import REFUSALS
from provisioning.models.attempt import UNSUCCESSFUL
from provisioning.passwords import lockout
from provisioning.passwords.login import password_counts
from provisioning.sign_in import fresh_sign_in


def locked_out(data: SignInData) -> Diagnosis | None:
    ends = [lockout.waits_until(name) for name in data.names]
    # The general sign-in page counts attempts across companies.
    with tenancy.across_tenants():
        ends += [lockout.waits_until(name) for name in data.names]
    until = max(filter(None, ends), default=None)
    if until is None:
        return None
    return Diagnosis(
        Priority.TURNED_AWAY,
        "locked-out",
        f"Too many incorrect passwords were entered for {data.who}. Sign-in is locked until "
        f"{clock_text(until)}.",
        "The lock ends automatically. If they did not enter these passwords, have them "
        "choose a new password.",
        Link("Internal users", page_url("internal_users", data.tenant)),
    )


def needs_fresh_sign_in(data: SignInData) -> Diagnosis | None:
    person = data.person
    required = fresh_sign_in.required_of(person) if person and person.is_active else None
    if required is None:
        return None
    return Diagnosis(
        Priority.TURNED_AWAY,
        "fresh-sign-in-required",
        f"{data.who} has to sign in at {required.provider} again, because it reported on "
        f"{day(required.since)}: {required.because}. Until then, nothing else signs them in.",
        f"Have them sign in through {required.provider}. If the report was wrong, end the "
        f"requirement on the page of its signals.",
        Link(
            f"Signals of {required.provider}",
            page_url("shared_signals", data.tenant, required.provider_id),
        ),
    )


def refused(data: SignInData) -> Diagnosis | None:
    latest = data.attempts[0] if data.attempts else None
    if latest is None or latest.outcome not in UNSUCCESSFUL:
        return None
    provider = latest.provider.name if latest.provider else "the sign-in page"
    usual = "{who} tried to sign in through {provider}, but the sign-in failed."
    sentence = REFUSALS.get(latest.reason, usual).format(who=data.who, provider=provider)
    return Diagnosis(
        Priority.TURNED_AWAY,
        latest.reason or "sign-in-failed",
        sentence,
        latest.detail or "See the provider log for details.",
        Link("View provider log", data.log),
    )


def no_sign_in_method(data: SignInData) -> Diagnosis | None:
    """Report a person who has no sign-in method left."""
    person = data.person
    if person is None or not person.is_active:
        return None
    if person.has_usable_password():
        return None if password_counts(person) or data.identities else _passwords_off(data)
    providers = [identity.provider for identity in data.identities]
    if not providers or any(one.is_enabled and not one.removed_at for one in providers):
        return None
    [last, *_] = providers
    if last.removed_at:
        return Diagnosis(
            Priority.TURNED_AWAY,
            "provider-removed",
            f"{data.who} signed in through {last}, which was removed on {day(last.removed_at)}.",
            "Invite them again, or have them link another provider while they are signed in.",
            Link("Auth providers", page_url("auth_providers", data.tenant)),
        )
    return Diagnosis(
        Priority.TURNED_AWAY,
        "provider-disabled",
        f"{data.who} signs in through {last}, which is disabled.",
        "Enable it again, or give them another sign-in method.",
        Link(f"Settings of {last}", page_url("auth_provider", data.tenant, last.pk)),
    )


def _passwords_off(data: SignInData) -> Diagnosis:
    return Diagnosis(
        Priority.TURNED_AWAY,
        "passwords-off",
        f"{data.who} has a password, but only Owners can sign in with a password.",
        "Have them sign in through a provider, or allow passwords.",
        Link("Auth settings", page_url("auth_settings", data.tenant)),
    )


def no_provisioned_member(data: SignInData) -> Diagnosis | None:
    person = data.person
    if person is None or person.state != Person.State.ACTIVE or data.identities:
        return None
    if not data.offered or not person.has_usable_password():
        return None
    return Diagnosis(
        Priority.ROLES_AMISS,
        "came-with-password",
        f"{data.who} signs in with a password, so they are not a provisioned member.",
        "People become provisioned members by signing in through a provider. They can link "
        "one on their profile.",
        Link("View their attempts", data.log),
    )


def never_signed_in(data: SignInData) -> Diagnosis | None:
    person = data.person
    if person is None or person.state != Person.State.ACTIVE or data.identities or data.attempts:
        return None
    if not data.offered or person.has_usable_password():
        return None
    return Diagnosis(
        Priority.ROLES_AMISS,
        "never-signed-in",
        f"{data.who} has an account, but has never signed in through a provider.",
        f"They become a provisioned member when they first sign in at {sign_in_url(data.tenant)}.",
        Link("Provisioned members", page_url("provisioned_members", data.tenant)),
    )


def never_tried(data: SignInData) -> Diagnosis | None:
    if data.person or data.attempts or not data.offered or hooks.pairing().connections():
        return None
    names = " or ".join(str(one) for one in data.offered)
    return Diagnosis(
        Priority.NEVER_TRIED,
        "never-tried",
        f"Nobody has tried to sign in as {data.query.text}.",
        f"Have them sign in through {names} at {sign_in_url(data.tenant)}. If they already did, "
        "search the log for their other email addresses.",
        Link("View provider log", page_url("provider_log", data.tenant)),
    )
