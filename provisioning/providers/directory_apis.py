"""The APIs of directories that can be browsed live, for OpenID Connect providers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class DirectoryApi:
    title: str
    # The import path of the class.
    directory: str
    # Whether the API needs its own token. Otherwise the client's secret is exchanged for one.
    takes_token: bool = False


# By the value of `directory_kind` in the settings of a provider.
DIRECTORY_APIS: Final[Mapping[str, DirectoryApi]] = {
    "graph": DirectoryApi(
        title="Microsoft Graph", directory="provisioning.directory.graph.GraphDirectory"
    ),
    "okta": DirectoryApi(
        title="Okta", directory="provisioning.directory.okta.OktaDirectory", takes_token=True
    ),
    "keycloak": DirectoryApi(
        title="Keycloak", directory="provisioning.directory.keycloak.KeycloakDirectory"
    ),
    "scim": DirectoryApi(
        title="A SCIM 2.0 server",
        directory="provisioning.directory.scim.ScimDirectory",
        takes_token=True,
    ),
}

# The string that tokens have for a group, which is what mappings compare. Okta and Keycloak can be
# set up to send any of these.
GROUP_KEYS: Final[Mapping[str, str]] = {
    "": "As in earlier sign-ins",
    "name": "By name",
    "path": "By path, such as /staff/finance",
    "id": "By ID",
    "role": "By realm role (Keycloak)",
}
