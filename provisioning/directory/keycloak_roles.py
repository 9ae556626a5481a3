"""Keycloak's roles, where tokens list roles instead of groups.

The claim `realm_access.roles` lists a person's realm roles, and `resource_access.<client>.roles`
their roles of a client
(https://www.keycloak.org/docs/latest/server_admin/#assigning-permissions-using-roles-and-groups).
Both are names. The Admin REST API has them in the resources Roles, Role Mapper and Client Role
Mappings; the service account also needs the role view-realm, or view-clients, of the client
realm-management.
"""

import re
from typing import Final

from provisioning.claims import Group
from provisioning.directory.api import Api, Json, objects, segment, text
from provisioning.directory.base import DirectoryFailed, DirectoryPerson, Page, start_of
from provisioning.directory.keycloak_api import (
    MAX_REQUESTS,
    page_of,
    parameters,
    person_of,
    with_subgroups,
)
from provisioning.providers.config import OidcSettings

REALM_ROLES: Final = "realm_access.roles"
CLIENT_ROLES: Final = re.compile(r"resource_access\.(.+)\.roles")


class KeycloakRoles:
    """The realm roles, or the roles of a client, in place of the groups of a directory."""

    def __init__(self, api: Api, client: str = "") -> None:
        """Find the client; blank for realm roles.

        :raises DirectoryFailed: if the client cannot be found.
        """
        self.api = api
        self.path, self.mappings = "/roles", "realm"
        if client:
            found = objects(api.json("/clients", clientId=client))
            if not found:
                raise DirectoryFailed(
                    "no-directory",
                    f"The groups claim lists the roles of the client “{client}”, but Keycloak has "
                    "no such client. Correct the groups claim.",
                )
            key = segment(text(found[0], "id"))
            self.path, self.mappings = f"/clients/{key}/roles", f"clients/{key}"

    def all(self, sought: str, after: str) -> Page[Group]:
        return page_of(self.api.json(self.path, **parameters(sought, after)), after, _role)

    def of_person(self, key: str) -> list[Group] | None:
        """Return the person's roles, also those from groups and other roles; None if unknown."""
        answer = self.api.json(f"/users/{segment(key)}/role-mappings/{self.mappings}/composite")
        return None if answer is None else [_role(one) for one in objects(answer)]

    def people(self, name: str, after: str) -> Page[DirectoryPerson]:
        """Return the people who have the role themselves, then those of each group that has it.

        The cursor is the number of the list, a dot and the row. People who have the role only
        through a composite role are not found: the API does not say which roles contain a role.
        """
        lists = self._lists(name)
        number, _, row = after.partition(".")
        for place in range(start_of(number), len(lists)):
            found = page_of(self.api.json(lists[place], **parameters("", row)), row, person_of)
            if found.items:
                is_last = not found.next and place + 1 == len(lists)
                following = f"{place}.{found.next}" if found.next else f"{place + 1}."
                return Page(found.items, "" if is_last else following)
            row = ""
        return Page([])

    def _lists(self, name: str) -> list[str]:
        """Return the paths to the people with the role, and to the members of groups with it."""
        role = f"{self.path}/{segment(name)}"
        groups = objects(self.api.json(f"{role}/groups", first=0, max=MAX_REQUESTS))
        # Subgroups inherit the roles of their group.
        keys = [text(one, "id") for one in with_subgroups(self.api, groups, is_searched=False)]
        of_groups = [f"/groups/{segment(key)}/members" for key in dict.fromkeys(keys)]
        return [f"{role}/users", *of_groups[:MAX_REQUESTS]]


def roles_in(api: Api, settings: OidcSettings) -> KeycloakRoles | None:
    """Return the roles that the provider's tokens list; None if they list groups.

    :raises DirectoryFailed: as `KeycloakRoles`.
    """
    if settings.group_key == "role" or settings.groups_claim == REALM_ROLES:
        return KeycloakRoles(api)
    of_client = CLIENT_ROLES.fullmatch(settings.groups_claim)
    return KeycloakRoles(api, of_client[1]) if of_client else None


def _role(answer: Json) -> Group:
    name = text(answer, "name")
    return Group(name, name)
