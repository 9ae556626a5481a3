"""Which identity the claims of a sign-in mean.

Usually that is the one with their subject. The identities of Windows providers used to have the
principal as subject, which a new hire may inherit: they are moved to the directory's id when it is
certain that the name still means the same account.
"""

from django.db.models import QuerySet
from django.utils import timezone

from provisioning.claims import Claims
from provisioning.models import GroupMembership, Identity, IdentityProvider
from provisioning.providers.issuers import authority_of
from provisioning.providers.paired_directories import sharing_with


def identity_of(provider: IdentityProvider, claims: Claims) -> Identity | None:
    """Return the identity that the claims mean; `Identity.subject` may still be the principal."""
    known = _identities(provider)
    identity = known.filter(subject=claims.subject).first()
    if identity and claims.subject == claims.principal and _has_another_account(identity, claims):
        return None
    if identity is None and claims.subject == claims.principal and claims.account:
        identity = known.filter(account=claims.account).first()
    if identity and identity.status and claims.is_unconfirmed:
        # The directory said that this account is gone, and cannot be asked again.
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


def retire_inherited(provider: IdentityProvider, claims: Claims) -> str:
    """Retire the identity of the person who had the principal before, and return a warning."""
    if not claims.principal:
        return ""
    past = _identities(provider).filter(subject=claims.principal).first()
    if past is None or past == identity_of(provider, claims):
        return ""
    past.retired_at = timezone.now()
    past.save(update_fields=["retired_at"])
    return (
        f"{claims.principal} was previously the name of {past.person.full_name}. It now belongs "
        "to another account in the directory, so this is a different person."
    )


def moved_to_subject(identity: Identity, claims: Claims) -> Identity:
    """Return the identity under the subject of the claims; the earlier one stays as history."""
    if claims.subject in (identity.subject, claims.principal):
        return identity
    Identity.objects.filter(pk=identity.pk).update(retired_at=timezone.now())
    moved = Identity.objects.get(pk=identity.pk)
    moved.pk, moved.subject, moved.retired_at = None, claims.subject, None
    moved.save(force_insert=True)
    GroupMembership.objects.filter(identity=identity.pk).update(identity=moved)
    moved.person = identity.person
    return moved


def note_account(identity: Identity, claims: Claims) -> None:
    """Remember how the ticket named the account, which nobody else has from now on."""
    if not claims.account or identity.account == claims.account:
        return
    others = Identity.objects.filter(provider=identity.provider_id, account=claims.account)
    others.exclude(pk=identity.pk).update(account="")
    identity.account = claims.account
    identity.save(update_fields=["account"])


def _identities(provider: IdentityProvider) -> QuerySet[Identity]:
    known = Identity.objects.select_related("person__tenant", "provider")
    # The provider as it was asked: its settings may have been changed since.
    return known.filter(provider=provider, authority=authority_of(provider), retired_at=None)


def _by_principal(provider: IdentityProvider, claims: Claims) -> Identity | None:
    """Return the identity that has the principal as subject, if it is of this very account."""
    if not claims.principal:
        return None
    identity = _identities(provider).filter(subject=claims.principal).first()
    if identity is None or _has_another_account(identity, claims):
        return None
    shared = shared_identity(provider, claims)
    if shared:
        return identity if shared.person_id == identity.person_id else None
    created_at, email = claims.account_created_at, identity.said.get("email", "")
    is_older = created_at is not None and created_at <= identity.first_seen_at
    is_same_address = not email or not claims.email or email == claims.email
    return identity if is_older and is_same_address else None


def _has_another_account(identity: Identity, claims: Claims) -> bool:
    """Tell whether the ticket names an account by another number than the last one did."""
    is_numbered = claims.account != claims.principal
    return is_numbered and identity.account not in ("", claims.account, claims.principal)
