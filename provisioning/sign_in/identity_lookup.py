"""Finds the identity for the claims of a sign-in.

Usually it is the one with the claimed subject. Older identities of Windows providers have the
principal as subject, which a new hire may inherit. They are moved to the directory's id once it is
certain that the principal still belongs to the same account.
"""

from django.db.models import QuerySet
from django.utils import timezone

from people.models import Person
from provisioning.claims import Claims
from provisioning.models import GroupMembership, Identity, IdentityProvider
from provisioning.providers.issuers import authority_of
from provisioning.providers.paired_directories import sharing_with


def identity_of(provider: IdentityProvider, claims: Claims) -> Identity | None:
    """Return the identity for the claims. Its subject may still be the principal."""
    known = _identities(provider)
    identity = known.filter(subject=claims.subject).first()
    if identity and claims.subject == claims.principal and _has_another_account(identity, claims):
        return None
    if identity is None and claims.subject == claims.principal and claims.account:
        identity = known.filter(account=claims.account).first()
    if identity and identity.status and claims.is_unconfirmed:
        # The last check said that the account is unusable, and the directory is not available now.
        return None
    if claims.is_unconfirmed:
        return identity
    return identity or _by_principal(provider, claims)


def shared_identity(provider: IdentityProvider, claims: Claims) -> Identity | None:
    """Return the identity with the same subject at another provider of the same directory."""
    if not claims.subject or claims.subject == claims.principal:
        return None
    known = (
        _identities(other).filter(subject=claims.subject).first()
        for other in sharing_with(provider)
    )
    return next((identity for identity in known if identity), None)


def person_with_subject(provider: IdentityProvider, subject: str) -> Person | None:
    """Return the person who has this subject, for the log of a refused attempt."""
    identity = _identities(provider).filter(subject=subject).first() if subject else None
    return identity.person if identity else None


def retire_inherited(provider: IdentityProvider, claims: Claims) -> str:
    """Retire the identity of the person who had the principal before, and return a warning."""
    if not claims.principal:
        return ""
    earlier = _identities(provider).filter(subject=claims.principal).first()
    if earlier is None or earlier == identity_of(provider, claims):
        return ""
    earlier.retired_at = timezone.now()
    earlier.save(update_fields=["retired_at"])
    return (
        f"{claims.principal} was previously the name of {earlier.person.full_name}. It now belongs "
        "to another account in the directory, so this is a different person."
    )


def moved_to_subject(identity: Identity, claims: Claims) -> Identity:
    """Return the identity with the claimed subject. If it is new, the old one is retired.

    A trigger keeps the subject of an identity immutable, so a copy is needed.
    """
    if claims.subject in (identity.subject, claims.principal):
        return identity
    Identity.objects.filter(pk=identity.pk).update(retired_at=timezone.now())
    moved = Identity.objects.get(pk=identity.pk)
    moved.pk, moved.subject, moved.retired_at = None, claims.subject, None
    moved.save(force_insert=True)
    GroupMembership.objects.filter(identity=identity.pk).update(identity=moved)
    moved.person = identity.person
    return moved


def save_account(identity: Identity, claims: Claims) -> None:
    """Store the account of the ticket, and remove it from other identities."""
    if not claims.account or identity.account == claims.account:
        return
    others = Identity.objects.filter(provider=identity.provider_id, account=claims.account)
    others.exclude(pk=identity.pk).update(account="")
    identity.account = claims.account
    identity.save(update_fields=["account"])


def _identities(provider: IdentityProvider) -> QuerySet[Identity]:
    known = Identity.objects.select_related("person__tenant", "provider")
    # The authority of the settings that this sign-in used; they may have been changed since.
    return known.filter(provider=provider, authority=authority_of(provider), retired_at=None)


def _by_principal(provider: IdentityProvider, claims: Claims) -> Identity | None:
    """Return the identity with the principal as subject, if it certainly is the same account."""
    if not claims.principal:
        return None
    identity = _identities(provider).filter(subject=claims.principal).first()
    if identity is None or _has_another_account(identity, claims):
        return None
    shared = shared_identity(provider, claims)
    if shared:
        return identity if shared.person_id == identity.person_id else None
    created_at, email = claims.account_created_at, identity.stated_values.get("email", "")
    is_older = created_at is not None and created_at <= identity.first_seen_at
    is_same_address = not email or not claims.email or email == claims.email
    return identity if is_older and is_same_address else None


def _has_another_account(identity: Identity, claims: Claims) -> bool:
    """Tell whether the ticket has another relative id than the last one."""
    is_numbered = claims.account != claims.principal
    return is_numbered and identity.account not in ("", claims.account, claims.principal)
