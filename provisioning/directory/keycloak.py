"""Keycloak's directory: the Admin REST API, as the service account of our client.

https://www.keycloak.org/docs-api/latest/rest-api/index.html, resources Users and Groups. The
service account needs the roles view-users and query-groups of the client realm-management.
"""

from contextlib import suppress
from functools import cached_property

from people.values import normalize_key
from provisioning.claims import Group
from provisioning.directory.api import (
    Api,
    ApiDirectory,
    Json,
    Parameters,
    client_token,
    objects,
    segment,
    text,
)
from provisioning.directory.base import AccountProblem, DirectoryFailed, DirectoryPerson, Page
from provisioning.directory.group_keys import group_key_of
from provisioning.directory.keycloak_api import page_of, parameters, person_of, with_subgroups
from provisioning.directory.keycloak_roles import KeycloakRoles, roles_in
from provisioning.models import IdentityProvider
from provisioning.providers.config import OidcSettings, settings_of


class KeycloakDirectory(ApiDirectory):
    # A pairwise subject (OpenID Connect Core section 8.1) is no id of an account.
    subject_is_id = False

    def __init__(self, provider: IdentityProvider) -> None:
        settings: OidcSettings = settings_of(provider)
        # https://host/realms/acme is administered at https://host/admin/realms/acme.
        base = settings.directory_url or settings.issuer.replace("/realms/", "/admin/realms/", 1)
        self.api = Api(base, {"Authorization": f"Bearer {client_token(provider)}"})
        self.settings = settings
        # The mapper “Group Membership” sends paths, unless “Full group path” is off.
        self.key = group_key_of(provider, "path")

    @cached_property
    def roles(self) -> KeycloakRoles | None:
        """The roles, if tokens list them in place of groups."""
        return roles_in(self.api, self.settings)

    def people(self, text: str, after: str = "") -> Page[DirectoryPerson]:
        answer = self.api.json("/users", **parameters(text, after))
        return page_of(answer, after, person_of)

    def person(self, key: str) -> DirectoryPerson | None:
        answer = self.api.json(f"/users/{segment(key)}")
        return person_of(answer) if isinstance(answer, dict) else None

    def named(self, name: str) -> list[DirectoryPerson]:
        for attribute in ("username", "email") if "@" in name else ("username",):
            exactly: Parameters = {attribute: name, "exact": "true", "max": 2}
            answer = self.api.json("/users", **exactly)
            if found := [person_of(one) for one in objects(answer)]:
                return found
        return []

    def further_problem(self, person: DirectoryPerson) -> str:
        """Return whether the account is locked after wrong passwords, for a time or until unlocked.

        The resource Attack Detection needs no more than view-users.
        """
        # It is not known if the service account may not read this.
        with suppress(DirectoryFailed):
            path = f"/attack-detection/brute-force/users/{segment(person.id)}"
            locked = self.api.json(path)
            if isinstance(locked, dict) and locked.get("disabled") is True:
                return AccountProblem.LOCKED
        return ""

    def groups_of(self, key: str) -> list[Group] | None:
        if self.roles:
            return self.roles.of_person(key)
        answer = self.api.json(f"/users/{segment(key)}/groups")
        return None if answer is None else [self._group(one) for one in objects(answer)]

    def groups(self, text: str, after: str = "") -> Page[Group]:
        if self.roles:
            return self.roles.all(text, after)
        page = page_of(self.api.json("/groups", **parameters(text, after)), after, dict)
        found = with_subgroups(self.api, page.items, is_searched=bool(text))
        groups = [self._group(one) for one in found]
        if text:
            # Keycloak also returns the groups above those that it found.
            groups = [one for one in groups if normalize_key(text) in normalize_key(one.name)]
        return Page(groups, page.next)

    def members(self, group_id: str, after: str = "") -> Page[DirectoryPerson]:
        if self.roles:
            return self.roles.people(group_id, after)
        key = group_id if self.key == "id" else self._id_of(group_id)
        answer = self.api.json(f"/groups/{segment(key)}/members", **parameters("", after))
        return page_of(answer, after, person_of)

    def _id_of(self, name: str) -> str:
        """Return the id of the group with this path or name.

        :raises DirectoryFailed: if several have the name, which tokens do not tell apart.
        """
        answer = self.api.json("/groups", search=name.rpartition("/")[2], exact="true")
        found = with_subgroups(self.api, objects(answer), is_searched=True)
        named = {text(one, "id"): one for one in found if self._group(one).id == name}
        if len(named) > 1:
            paths = ", ".join(sorted(text(one, "path") for one in named.values()))
            raise DirectoryFailed(
                "ambiguous-group",
                f"Keycloak has several groups named “{name}”: {paths}. Tokens do not tell them "
                "apart. Turn on “Full group path” in the mapper.",
            )
        return next(iter(named), name)

    def _group(self, answer: Json) -> Group:
        path = text(answer, "path", "name")
        keys = {"name": text(answer, "name") or path, "path": path, "id": text(answer, "id")}
        return Group(keys[self.key], path)
