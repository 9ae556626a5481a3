"""Confirming that a provider's new issuer or directory knows the same people.

After its address has changed, nobody can sign in through a provider: whoever controls the new
address could claim any subject and any group. An administrator has to see the affected people and
mappings, and decide whether they are the same at the new address.
"""

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from people.models import Person
from people.operations import ranks
from people.operations.roles import group_mappings
from people.operations.roles.group_mappings import Author
from people.values import PeopleError
from provisioning import locks
from provisioning.models import GroupMapping, Identity, IdentityProvider
from provisioning.providers import issuers, manage


class NothingMoved(PeopleError):
    code = "nothing-moved"

    def __init__(self) -> None:
        super().__init__("The address of this provider is already confirmed.")


class MoveChanged(PeopleError):
    code = "move-changed"

    def __init__(self) -> None:
        super().__init__(
            "The address or the affected people have changed since you opened this page. Review "
            "it again before you confirm."
        )


@dataclass(frozen=True)
class Move:
    """An unconfirmed change of address, with the affected identities and mappings."""

    before: str
    now: str
    identities: list[Identity]
    mappings: list[GroupMapping]

    @property
    def digest(self) -> str:
        """Return a digest that changes with the address and with everything that is affected."""
        parts = [
            *(self.before, self.now),
            *(f"{one.pk} {one.person_id} {one.person.role}" for one in self.identities),
            *(f"{one.pk} {one.external_id} {one.base_role} {one.role_id}" for one in self.mappings),
        ]
        return salted_hmac(
            "provisioning.providers.address_change", "\n".join(parts), algorithm="sha256"
        ).hexdigest()


def pending(provider: IdentityProvider) -> Move | None:
    """Return the unconfirmed change of address, if there is one."""
    now = issuers.authority_of(provider)
    if now == provider.authority:
        return None
    identities = provider.identities.filter(retired_at=None).select_related("person__tenant")
    by_name = ("person__family_name", "person__given_name", "pk")
    mappings = provider.mappings.select_related("role", "provider").order_by("group_name", "pk")
    return Move(provider.authority, now, list(identities.order_by(*by_name)), list(mappings))


@transaction.atomic
def confirm(provider: IdentityProvider, *, are_same: bool, seen: str, author: Author) -> int:
    """Confirm the new address, and return how many people stay linked.

    If the people there are not the same, all identities are retired and the mappings are deleted.
    Nobody loses a role by that: mapped roles become manual ones.

    :param seen: the digest of the `Move` that the administrator has seen.
    :raises NothingMoved: if there is nothing to confirm.
    :raises MoveChanged: if `seen` does not match the present move.
    :raises PersonAboveRank, RoleAboveRank: if a person or a mapped role is above the author's rank.
    """
    # Role syncs in progress end first. Otherwise a mapping that is deleted here could still grant.
    locks.lock_provider_exclusive(provider)
    provider.refresh_from_db()
    move = pending(provider)
    if move is None:
        raise NothingMoved
    if move.digest != seen:
        raise MoveChanged
    for identity in move.identities:
        if identity.person.role == Person.Role.OWNER:
            ranks.check_rank_over(author.actor, identity.person)
    for mapping in move.mappings:
        group_mappings.check_mappable(mapping.any_role, author, is_owner_confirmed=True)
    identities = provider.identities.filter(retired_at=None)
    if are_same:
        identities.update(authority=move.now)
    else:
        identities.update(retired_at=timezone.now())
        group_mappings.detach_mapped_roles(
            origin=provider.mapping_origin, because="which moved", actor=author.actor
        )
        provider.mappings.all().delete()
    provider.authority = move.now
    provider.save(update_fields=["authority"])
    kept = len(move.identities) if are_same else 0
    facts = {"from": move.before, "to": move.now, "people": len(move.identities)}
    what = "confirmed the new address of" if are_same else "unlinked all people of"
    manage.record_provider_event(what, provider, actor=author.actor, move=facts)
    return kept
