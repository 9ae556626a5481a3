"""Okta's directory: the Users and Groups APIs, with an API token of a read-only administrator.

https://developer.okta.com/docs/api/openapi/okta-management/management/tag/User and …/Group;
pages are linked by the Link header (https://developer.okta.com/docs/api/#pagination). The
statuses are those of
https://help.okta.com/en-us/Content/Topics/users-groups-profiles/usgp-end-user-states.htm.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Final
from urllib.parse import parse_qs, urlsplit

from people.net.safe_http import HttpAnswer
from provisioning.claims import Group
from provisioning.directory.api import Api, ApiDirectory, Json, objects, read, segment, text
from provisioning.directory.base import (
    PAGE,
    AccountProblem,
    DirectoryFailed,
    DirectoryPerson,
    Page,
)
from provisioning.directory.group_keys import group_key_of
from provisioning.models import IdentityProvider
from provisioning.providers import manage
from provisioning.providers.config import OidcSettings, settings_of

# Groups of which one is sought by its name; Okta finds those whose names begin with it.
MAX_NAMESAKES: Final = 100
# By status. Somebody ACTIVE can sign in, and a status that is not listed says nothing.
PROBLEMS: Final[Mapping[str, str]] = {
    "STAGED": AccountProblem.NOT_ACTIVATED,
    "PROVISIONED": AccountProblem.NOT_ACTIVATED,
    "RECOVERY": AccountProblem.PASSWORD_RESET,
    "PASSWORD_EXPIRED": AccountProblem.PASSWORD_EXPIRED,
    "LOCKED_OUT": AccountProblem.LOCKED,
    "SUSPENDED": AccountProblem.SUSPENDED,
    "DEPROVISIONED": AccountProblem.DEACTIVATED,
}


class OktaDirectory(ApiDirectory):
    def __init__(self, provider: IdentityProvider) -> None:
        settings: OidcSettings = settings_of(provider)
        parts = urlsplit(settings.issuer)
        base = settings.directory_url or f"{parts.scheme}://{parts.netloc}"
        token = manage.directory_token_of(provider)
        self.api = Api(f"{base}/api/v1", {"Authorization": f"SSWS {token}"})
        self.client_id = settings.client_id
        # Okta's tokens list groups by name, unless an expression sends their ids.
        self.key = group_key_of(provider, "name")

    def people(self, text: str, after: str = "") -> Page[DirectoryPerson]:
        answer = self.api.get("/users", **_parameters(text, after))
        return Page([_person(one) for one in _listed(answer)], _next(answer))

    def person(self, key: str) -> DirectoryPerson | None:
        answer = self.api.json(f"/users/{segment(key)}")
        return _person(answer) if isinstance(answer, dict) else None

    def named(self, name: str) -> list[DirectoryPerson]:
        """Return the accounts with this login or address; a login also counts without its domain.

        Only a search also finds deactivated people.
        """
        exact = json.dumps(name, ensure_ascii=False)
        sought = f"profile.login eq {exact} or profile.email eq {exact}"
        if "@" not in name:
            sought += f" or profile.login sw {json.dumps(f'{name}@', ensure_ascii=False)}"
        # Two are enough to see that the name is ambiguous.
        return [_person(one) for one in _listed(self.api.get("/users", search=sought, limit=2))]

    def further_problem(self, person: DirectoryPerson) -> str:
        """Return whether the person is not assigned to the client's application.

        The id of an OpenID application is its client id. Nobody has to be assigned to one with
        federation broker mode (`implicitAssignment`), which is called *Immediate access*.
        """
        # It is not known if the token may not read applications.
        with suppress(DirectoryFailed):
            path = f"/apps/{segment(self.client_id)}"
            if self.api.get(f"{path}/users/{segment(person.id)}") is None:
                app = self.api.json(path)
                settings = app.get("settings") if isinstance(app, dict) else None
                is_implicit = isinstance(settings, dict) and settings.get("implicitAssignment")
                return "" if app is None or is_implicit else AccountProblem.NOT_ASSIGNED
        return ""

    def groups_of(self, key: str) -> list[Group] | None:
        answer = self.api.json(f"/users/{segment(key)}/groups")
        return None if answer is None else [self._group(one) for one in objects(answer)]

    def groups(self, text: str, after: str = "") -> Page[Group]:
        answer = self.api.get("/groups", **_parameters(text, after))
        return Page([self._group(one) for one in _listed(answer)], _next(answer))

    def members(self, group_id: str, after: str = "") -> Page[DirectoryPerson]:
        key = group_id if self.key == "id" else self._id_of(group_id)
        answer = self.api.get(f"/groups/{segment(key)}/users", **_parameters("", after))
        return Page([_person(one) for one in _listed(answer)], _next(answer))

    def _id_of(self, name: str) -> str:
        """Return the id of the group with this name.

        :raises DirectoryFailed: if there are several, which tokens do not tell apart.
        """
        answer = self.api.get("/groups", q=name, limit=MAX_NAMESAKES)
        named = [text(one, "id") for one in _listed(answer) if self._group(one).id == name]
        if len(named) > 1:
            raise DirectoryFailed(
                "ambiguous-group",
                f"Okta has several groups named “{name}”: {', '.join(named)}. Tokens do not tell "
                "them apart. Rename one of them.",
            )
        return named[0] if named else name

    def _group(self, group: Json) -> Group:
        profile = group.get("profile")
        name = text(profile, "name") if isinstance(profile, dict) else ""
        key = text(group, "id")
        return Group(key if self.key == "id" else name or key, name or key)


def _parameters(sought: str, after: str) -> dict[str, str | int]:
    parameters: dict[str, str | int] = {"limit": PAGE}
    return parameters | ({"q": sought} if sought else {}) | ({"after": after} if after else {})


def _listed(answer: HttpAnswer | None) -> list[Json]:
    return objects(read(answer)) if answer else []


def _next(answer: HttpAnswer | None) -> str:
    """Return the cursor of the next page. The rest of the link could lead to another server."""
    headers = answer.headers if answer else {}
    links = next((value for name, value in headers.items() if name.lower() == "link"), "")
    for link in links.split(","):
        address, _, relation = link.partition(";")
        if 'rel="next"' in relation:
            query = parse_qs(urlsplit(address.strip(" <>")).query)
            return next(iter(query.get("after", [])), "")
    return ""


def _person(user: Json) -> DirectoryPerson:
    profile = user.get("profile") if isinstance(user.get("profile"), dict) else {}
    assert isinstance(profile, dict)
    name = f"{text(profile, 'firstName')} {text(profile, 'lastName')}".strip()
    details = {name: text(profile, name) for name in ("department", "title", "city")}
    status = text(user, "status")
    return DirectoryPerson(
        id=text(user, "id"),
        name=text(profile, "displayName") or name or text(profile, "login"),
        email=text(profile, "email"),
        login=text(profile, "login"),
        problem=PROBLEMS.get(status, ""),
        status=status,
        details={name: value for name, value in details.items() if value},
    )
