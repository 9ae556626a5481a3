"""The people and groups that were seen at sign-ins."""

from typing import Any

from django.db.models import Q, QuerySet

from provisioning.claims import Group
from provisioning.directory.base import PAGE, DirectoryPerson, Page, start_of
from provisioning.models import ExternalGroup, Identity, IdentityProvider


class CachedDirectory:
    is_live = False

    def __init__(self, provider: IdentityProvider) -> None:
        self.provider = provider

    def people(self, text: str, after: str = "") -> Page[DirectoryPerson]:
        identities = self._identities()
        for word in text.split():
            identities = identities.filter(
                Q(person__given_name__icontains=word)
                | Q(person__family_name__icontains=word)
                | Q(person__email__icontains=word)
            )
        return _people(identities, after)

    def person(self, key: str) -> DirectoryPerson | None:
        identity = self._identities().filter(subject=key).first()
        return _person(identity) if identity else None

    def groups_of(self, key: str) -> list[Group] | None:
        identity = self._identities().filter(subject=key).first()
        if identity is None or identity.groups_seen_at is None:
            return None
        return [_group(group) for group in identity.groups.order_by("name", "pk")]

    def groups(self, text: str, after: str = "") -> Page[Group]:
        groups = ExternalGroup.objects.filter(provider=self.provider, name__icontains=text)
        rows, following = _page(groups.order_by("name", "pk"), after)
        return Page([_group(group) for group in rows], following)

    def members(self, group_id: str, after: str = "") -> Page[DirectoryPerson]:
        in_group = self._identities().filter(
            groups__external_id=group_id, groups__provider=self.provider
        )
        return _people(in_group, after)

    def _identities(self) -> QuerySet[Identity]:
        identities = Identity.objects.filter(provider=self.provider, retired_at=None)
        return identities.select_related("person")


def _people(identities: QuerySet[Identity], after: str) -> Page[DirectoryPerson]:
    names = ("person__family_name", "person__given_name", "pk")
    rows, following = _page(identities.order_by(*names), after)
    return Page([_person(identity) for identity in rows], following)


def _page(rows: QuerySet[Any], after: str) -> tuple[list[Any], str]:
    start = start_of(after)
    found = list(rows[start : start + PAGE + 1])
    return found[:PAGE], str(start + PAGE) if len(found) > PAGE else ""


def _person(identity: Identity) -> DirectoryPerson:
    person = identity.person
    return DirectoryPerson(id=identity.subject, name=person.full_name, email=person.email)


def _group(group: ExternalGroup) -> Group:
    return Group(group.external_id, group.name)
