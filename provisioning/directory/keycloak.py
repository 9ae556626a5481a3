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
        said = self.api.json("/users", **_asked(text, after))
        return _page(said, after, _person)

    def person(self, key: str) -> DirectoryPerson | None:
        said = self.api.json(f"/users/{segment(key)}")
        return _person(said) if isinstance(said, dict) else None

    def groups_of(self, key: str) -> list[Group] | None:
        said = self.api.json(f"/users/{segment(key)}/groups")
        return None if said is None else [_group(one) for one in objects(said)]

    def groups(self, text: str, after: str = "") -> Page[Group]:
        said = self.api.json("/groups", **_asked(text, after))
        return _page(said, after, _group)

    def members(self, group_id: str, after: str = "") -> Page[DirectoryPerson]:
        found = objects(self.api.json("/groups", search=group_id.rpartition("/")[2], exact="true"))
        key = next((text(one, "id") for one in found if _group(one).id == group_id), group_id)
        said = self.api.json(f"/groups/{segment(key)}/members", **_asked("", after))
        return _page(said, after, _person)


def _asked(sought: str, after: str) -> dict[str, str | int]:
    first = start_of(after)
    return {"first": first, "max": PAGE + 1} | ({"search": sought} if sought else {})


def _page(said: Any, after: str, how: Any) -> Page[Any]:
    found = objects(said)
    first = start_of(after)
    following = str(first + PAGE) if len(found) > PAGE else ""
    return Page([how(one) for one in found[:PAGE]], following)


def _person(said: Json) -> DirectoryPerson:
    name = f"{text(said, 'firstName')} {text(said, 'lastName')}".strip()
    return DirectoryPerson(
        id=text(said, "id"),
        name=name or text(said, "username"),
        email=text(said, "email"),
        login=text(said, "username"),
    )


def _group(said: Json) -> Group:
    # Tokens list groups by their path, and that is what mappings compare.
    return Group(text(said, "path", "name"), text(said, "path", "name"))
