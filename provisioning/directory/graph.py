"""Microsoft Entra's directory: Microsoft Graph v1.0, as the client that people sign in with.

https://learn.microsoft.com/graph/api/user-list, …/user-list-transitivememberof, …/group-list
and …/group-list-transitivemembers. `$search` needs `ConsistencyLevel: eventual`, and so does a
cast such as `…/microsoft.graph.user`, together with `$count=true`
(https://learn.microsoft.com/graph/aad-advanced-queries). The client needs the application
permissions User.Read.All and GroupMember.Read.All. With Directory.Read.All it also finds out who
is not assigned to it.
"""

import re
from contextlib import suppress
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

from provisioning.claims import Group
from provisioning.directory.api import (
    Api,
    ApiDirectory,
    Json,
    Parameters,
    client_token,
    named_group,
    objects,
    segment,
    text,
)
from provisioning.directory.base import (
    PAGE,
    AccountProblem,
    DirectoryFailed,
    DirectoryPerson,
    Page,
)
from provisioning.models import IdentityProvider
from provisioning.providers.config import OidcSettings, settings_of
from provisioning.providers.restrictions import is_shared, restrictions_of

DEFAULT_URL: Final = "https://graph.microsoft.com"
OF_PERSON: Final = (
    "id,displayName,mail,userPrincipalName,department,jobTitle,officeLocation,accountEnabled"
)
OF_GROUP: Final = "id,displayName"
MAX_GROUPS: Final = 999
TENANT_ID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class GraphDirectory(ApiDirectory):
    def __init__(self, provider: IdentityProvider) -> None:
        settings: OidcSettings = settings_of(provider)
        base = settings.directory_url or DEFAULT_URL
        # The id of the organization whose directory is browsed; blank if the issuer has none.
        if is_shared(provider.settings):
            tenants = restrictions_of(provider).entra_tenants
            if len(tenants) != 1:
                raise DirectoryFailed(
                    "no-directory",
                    "People of several organizations sign in through this provider, and only the "
                    "directory of one can be browsed. Add a provider for each organization.",
                )
            self.tenant = tenants[0].casefold()
        else:
            parts = urlsplit(settings.issuer).path.split("/")
            ids = (part.casefold() for part in parts if TENANT_ID.fullmatch(part))
            self.tenant = next(ids, "")
        token = client_token(provider, scope=f"{base}/.default", tenant=self.tenant)
        headers = {"Authorization": f"Bearer {token}", "ConsistencyLevel": "eventual"}
        self.api = Api(f"{base}/v1.0", headers)
        self.client_id = settings.client_id

    def people(self, text: str, after: str = "") -> Page[DirectoryPerson]:
        search = _search(text, "displayName", "mail", "userPrincipalName")
        answer = self.api.json("/users", **_parameters(OF_PERSON, search, after))
        return Page([self._person(one) for one in _values(answer)], _next(answer))

    def person(self, key: str) -> DirectoryPerson | None:
        answer = self.api.json(f"/users/{segment(key)}", **{"$select": OF_PERSON})
        return self._person(answer) if isinstance(answer, dict) else None

    def key_of(self, subject: str) -> str:
        tenant, _, key = subject.rpartition("/")
        return key if tenant == self.tenant else ""

    def named(self, name: str) -> list[DirectoryPerson]:
        plain = name.replace("'", "''")
        sought = f"userPrincipalName eq '{plain}' or mail eq '{plain}'"
        parameters: Parameters = {
            "$select": OF_PERSON,
            "$filter": sought,
            "$count": "true",
            # Enough to see that the name is ambiguous.
            "$top": 2,
        }
        return [self._person(one) for one in _values(self.api.json("/users", **parameters))]

    def further_problem(self, person: DirectoryPerson) -> str:
        """Return whether the client requires an assignment that the person does not have.

        https://learn.microsoft.com/graph/api/user-list-approleassignments also lists assignments of
        the groups that the person is a direct member of; others do not count for a sign-in.
        """
        # It is not known if the client may not read applications.
        with suppress(DirectoryFailed):
            client = quote(self.client_id.replace("'", "''"), safe="")
            wanted = {"$select": "id,appRoleAssignmentRequired"}
            app = self.api.json(f"/servicePrincipals(appId='{client}')", **wanted)
            if isinstance(app, dict) and app.get("appRoleAssignmentRequired") is True:
                path = f"/users/{segment(person.id)}/appRoleAssignments"
                sought = f"resourceId eq {text(app, 'id')}"
                parameters: Parameters = {"$filter": sought, "$count": "true", "$top": 1}
                found = self.api.json(path, **parameters)
                if isinstance(found, dict) and not _values(found):
                    return AccountProblem.NOT_ASSIGNED
        return ""

    def groups_of(self, key: str) -> list[Group] | None:
        path = f"/users/{segment(key)}/transitiveMemberOf/microsoft.graph.group"
        parameters: Parameters = {"$select": OF_GROUP, "$top": MAX_GROUPS, "$count": "true"}
        answer = self.api.json(path, **parameters)
        if answer is None or _next(answer):
            return None
        return [named_group(one) for one in _values(answer)]

    def groups(self, text: str, after: str = "") -> Page[Group]:
        parameters = _parameters(OF_GROUP, _search(text, "displayName"), after)
        answer = self.api.json("/groups", **parameters)
        return Page([named_group(one) for one in _values(answer)], _next(answer))

    def members(self, group_id: str, after: str = "") -> Page[DirectoryPerson]:
        # Also those in nested groups, because tokens list these groups too.
        path = f"/groups/{segment(group_id)}/transitiveMembers/microsoft.graph.user"
        answer = self.api.json(path, **_parameters(OF_PERSON, "", after), **{"$count": "true"})
        return Page([self._person(one) for one in _values(answer)], _next(answer))

    def _person(self, answer: Json) -> DirectoryPerson:
        details = {
            "department": text(answer, "department"),
            "title": text(answer, "jobTitle"),
            "location": text(answer, "officeLocation"),
        }
        key = text(answer, "id")
        is_disabled = answer.get("accountEnabled") is False
        return DirectoryPerson(
            id=key,
            # As `oidc.token_claims` builds it.
            subject=f"{self.tenant}/{key}" if self.tenant else "",
            name=text(answer, "displayName", "userPrincipalName"),
            email=text(answer, "mail"),
            login=text(answer, "userPrincipalName"),
            problem=AccountProblem.DISABLED if is_disabled else "",
            details={name: value for name, value in details.items() if value},
        )


def _parameters(select: str, search: str, after: str) -> dict[str, str | int]:
    parameters: dict[str, str | int] = {"$select": select, "$top": PAGE}
    return (
        parameters
        | ({"$search": search} if search else {})
        | ({"$skiptoken": after} if after else {})
    )


def _search(words: str, *names: str) -> str:
    """Return a search of these attributes for the words, without quotes and backslashes."""
    plain = words.replace("\\", " ").replace('"', " ").strip()
    return " OR ".join(f'"{name}:{plain}"' for name in names) if plain else ""


def _values(answer: Any) -> list[Json]:
    return objects(answer.get("value")) if isinstance(answer, dict) else []


def _next(answer: Any) -> str:
    """Return the token of the next page. The rest of the link could lead to another server."""
    link = answer.get("@odata.nextLink") if isinstance(answer, dict) else None
    query = parse_qs(urlsplit(link).query) if isinstance(link, str) else {}
    return next(iter(query.get("$skiptoken", [])), "")
