"""The values that a provider's test suite asks for, to be copied into it."""

import secrets
from uuid import uuid4

from scim.models import Connection

# Addresses that no mail server delivers to (RFC 2606).
DOMAIN = "suite.invalid"


def suite_values(provider: str, base_url: str, token: str) -> dict[str, str]:
    """Return the suite's values by the names under which the suite asks for them.

    The people are new ones each time, because a suite fails if its people exist already. Without
    a token, the values that contain it are left out.
    """
    if provider == Connection.Provider.OKTA:
        # The initial variables of Okta's SPEC test, see
        # https://developer.okta.com/docs/guides/scim-provisioning-integration-test/main/.
        run = secrets.token_hex(3)
        address = f"dario.conti.{run}@{DOMAIN}"
        return {
            "SCIMBaseURL": base_url,
            **({"auth": f"Bearer {token}"} if token else {}),
            "InvalidUserEmail": f"nobody.{run}@{DOMAIN}",
            "UserIdThatDoesNotExist": str(uuid4()),
            "randomEmail": address,
            "randomUsername": address,
            "randomUsernameCaps": address.upper(),
            "randomGivenName": "Dario",
            "randomFamilyName": f"Conti {run.upper()}",
        }
    names = {
        Connection.Provider.ENTRA: ("SCIM Endpoint", "Bearer token"),
    }.get(Connection.Provider(provider), ("Base URL", "Token"))
    values = dict(zip(names, (base_url, token), strict=True))
    return {name: value for name, value in values.items() if value}
