"""A person's sign-in methods, and those they may link, for the pages of people."""

from django.urls import reverse

from people import hooks
from people.models import Person
from people.presentation.sign_in_methods import SignInMethod
from provisioning.models import Identity, IdentityProvider, SignInAttempt
from provisioning.passwords.login import has_password
from provisioning.sign_in.confirmed_links import CONFIRMABLE, linkable_among

# How many of a person's newest refused sign-ins are read.
ATTEMPTS_READ = 50


def of_person(person: Person, *, may_link: bool) -> list[SignInMethod]:
    """Return the person's sign-in methods, then those that could be linked.

    With `may_link` these are the providers that the person may link themselves, otherwise the
    refused sign-ins that an administrator may link.
    """
    identities = Identity.objects.filter(person=person, retired_at=None)
    linked = list(identities.select_related("provider").order_by("first_seen_at"))
    change = reverse("admin:change_password") if may_link else ""
    password = [
        SignInMethod("Ramp password", known_as=person.email, how="managed in Ramp", change=change)
    ]
    providers = []
    for identity in linked:
        how = identity.get_how_display()
        providers.append(
            SignInMethod(
                identity.provider.name,
                known_as=identity.subject,
                how=f"{how}; the provider was removed" if identity.provider.removed_at else how,
                last_used_at=identity.last_seen_at,
            )
        )
    return [
        *(password if has_password(person) else []),
        *providers,
        *(_linkable(person, linked) if may_link else _refused(person)),
    ]


def _refused(person: Person) -> list[SignInMethod]:
    """Return the refused sign-ins that an administrator can link to the person, each once."""
    attempts = SignInAttempt.objects.filter(person=person, reason__in=CONFIRMABLE)
    attempts = attempts.select_related("provider", "person", "person__tenant").order_by("-pk")
    newest: dict[tuple[object, str], SignInAttempt] = {}
    for attempt in attempts[:ATTEMPTS_READ]:
        newest.setdefault((attempt.provider_id, attempt.subject), attempt)
    return [
        SignInMethod(
            str(attempt.provider),
            known_as=attempt.subject,
            last_used_at=attempt.at,
            confirm=reverse("admin:confirm_same_person", args=[person.tenant.slug, attempt.pk]),
        )
        for attempt in linkable_among(newest.values())
    ]


def _linkable(person: Person, linked: list[Identity]) -> list[SignInMethod]:
    """Return the other enabled providers; people owned by SCIM are linked only by the pairing."""
    if hooks.pairing().is_provisioned(person):
        return []
    known = [identity.provider_id for identity in linked]
    offered = IdentityProvider.objects.offered().select_related("tenant").exclude(pk__in=known)
    return [
        SignInMethod(one.name, link=reverse("admin:link_provider", args=[one.tenant.slug, one.pk]))
        for one in offered
    ]
