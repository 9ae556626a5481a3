"""Builders for those who sign in: providers, and what these say."""

from typing import Any

from django.utils import timezone

from people import tenancy
from people.models import Person, Role
from people.values import normalize_key
from provisioning.claims import UNKNOWN, Claims, Group, Groups
from provisioning.group_roles.mappings import could_be_name
from provisioning.models import GroupMapping, Identity, IdentityProvider
from provisioning.providers.issuers import authority_of
from provisioning.sign_in.sign_in import sign_in

# What a provider needs who is never asked.
OIDC = {"issuer": "https://id.example", "client_id": "ramp"}


def provider(name: str = "Corp", **fields: Any) -> IdentityProvider:
    usual = {"tenant_id": tenancy.current_id(), "kind": IdentityProvider.Kind.OIDC}
    made = IdentityProvider(**usual | {"name": name, "name_key": normalize_key(name)} | fields)
    made.authority = authority_of(made)
    made.save()
    return made


def groups(*names: str) -> Groups:
    return Groups(frozenset(Group(name, name) for name in names))


def claims(subject: str = "ada", groups: Groups = UNKNOWN, **values: Any) -> Claims:
    usual = {
        "email": f"{subject}@corp.example",
        "given_name": "Ada",
        "family_name": "Lovelace",
    }
    return Claims(subject=subject, groups=groups, **usual | values)


def come_in(
    provider: IdentityProvider, name: str = "ada", given_groups: Groups = UNKNOWN
) -> Person:
    person = sign_in(provider, claims(name, given_groups)).person
    assert person
    return person


def again(person: Person) -> Person:
    found: Person = Person.objects.get(pk=person.pk)
    return found


def mapping(provider: IdentityProvider, group: str, role: Role | str) -> GroupMapping:
    return GroupMapping.objects.create(
        tenant_id=provider.tenant_id,
        provider=provider,
        external_id=group,
        group_name=group,
        by_name=could_be_name(provider, group),
        base_role="" if isinstance(role, Role) else role,
        role=role if isinstance(role, Role) else None,
    )


def role(name: str = "Auditor", *, is_elevated: bool = False) -> Role:
    return Role.objects.create(
        tenant_id=tenancy.current_id(),
        name=name,
        name_key=normalize_key(name),
        is_elevated=is_elevated,
    )


def roles_of(person: Person) -> list[str]:
    return sorted(grant.role_name for grant in person.grants.filter(role__isnull=False))


def identity(
    provider: IdentityProvider, person: Person, how: Identity.How = Identity.How.CREATED
) -> Identity:
    now = timezone.now()
    return Identity.objects.create(
        tenant_id=provider.tenant_id,
        provider=provider,
        subject=f"subject of {person.email}",
        authority=provider.authority,
        person=person,
        how=how,
        first_seen_at=now,
        last_seen_at=now,
    )
