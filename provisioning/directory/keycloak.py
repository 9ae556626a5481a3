"""Keycloak's directory: the Admin REST API, as the service account of our client.

https://www.keycloak.org/docs-api/latest/rest-api/index.html, resources Users and Groups. The
service account needs the roles view-users and query-groups of the client realm-management.
"""

from typing import Any

from provisioning.claims import Group
from provisioning.directory.api import Api, Json, client_token, objects, segment, text
from provisioning.directory.base import PAGE, DirectoryPerson, Page, start_of
from provisioning.models import IdentityProvider
from provisioning.providers.config import OidcSettings, settings_of


class KeycloakDirectory:
    is_live = True

    def __init__(self, provider: IdentityProvider) -> None:
        settings: OidcSettings = settings_of(provider)
        # https://host/realms/acme is administered at https://host/admin/realms/acme.
        base = settings.directory_url or settings.issuer.replace("/realms/", "/admin/realms/", 1)
        self.api = Api(base, {"Authorization": f"Bearer {client_token(provider)}"})

    def people(self, text: str, after: str = "") -> Page[DirectoryPerson]:
        answer = self.api.json("/users", **_parameters(text, after))
        return _page(answer, after, _person)

    def person(self, key: str) -> DirectoryPerson | None:
        answer = self.api.json(f"/users/{segment(key)}")
        return _person(answer) if isinstance(answer, dict) else None

    def groups_of(self, key: str) -> list[Group] | None:
        answer = self.api.json(f"/users/{segment(key)}/groups")
        return None if answer is None else [_group(one) for one in objects(answer)]

    def groups(self, text: str, after: str = "") -> Page[Group]:
        answer = self.api.json("/groups", **_parameters(text, after))
        return _page(answer, after, _group)

    def members(self, group_id: str, after: str = "") -> Page[DirectoryPerson]:
        found = objects(self.api.json("/groups", search=group_id.rpartition("/")[2], exact="true"))
        key = next((text(one, "id") for one in found if _group(one).id == group_id), group_id)
        answer = self.api.json(f"/groups/{segment(key)}/members", **_parameters("", after))
        return _page(answer, after, _person)


def _parameters(sought: str, after: str) -> dict[str, str | int]:
    first = start_of(after)
    return {"first": first, "max": PAGE + 1} | ({"search": sought} if sought else {})


def _page(answer: Any, after: str, how: Any) -> Page[Any]:
    found = objects(answer)
    first = start_of(after)
    following = str(first + PAGE) if len(found) > PAGE else ""
    return Page([how(one) for one in found[:PAGE]], following)


def _person(answer: Json) -> DirectoryPerson:
    name = f"{text(answer, 'firstName')} {text(answer, 'lastName')}".strip()
    return DirectoryPerson(
        id=text(answer, "id"),
        name=name or text(answer, "username"),
        email=text(answer, "email"),
        login=text(answer, "username"),
    )


def _group(answer: Json) -> Group:
    # Tokens list groups by their path, and that is what mappings compare.
    return Group(text(answer, "path", "name"), text(answer, "path", "name"))
