"""The command `add_identity_provider`."""

import base64
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from people import tenancy
from people.models import Event, Tenant
from provisioning.models import IdentityProvider
from provisioning.providers import manage
from tests.factories.scim import scim_connection

pytestmark = pytest.mark.django_db

OIDC = {
    "kind": "oidc",
    "name": "Okta",
    "issuer": "https://acme.okta.example",
    "client_id": "ramp",
    "client_secret": "secret",
}
LDAP = {"kind": "ldap", "name": "Corp", "uri": "ldap://ldap.example", "base_dn": "dc=corp"}
WINDOWS = {"kind": "windows", "name": "Windows", "keytab": "", "realms": ["CORP.EXAMPLE"]}


def add(folder: Path, document: Any, slug: str = "acme") -> dict[str, str]:
    file = folder / "provider.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    out = StringIO()
    call_command("add_identity_provider", slug, "--file", str(file), stdout=out)
    answer: dict[str, str] = json.loads(out.getvalue())
    return answer


def the_provider() -> IdentityProvider:
    with tenancy.across_tenants():
        return IdentityProvider.objects.select_related("tenant").get()


def test_prints_the_sign_in_and_redirect_urls(acme: Tenant, tmp_path: Path) -> None:
    answer = add(tmp_path, OIDC)

    assert answer["id"] == str(the_provider().pk)
    assert answer["sign_in_url"] == f"http://127.0.0.1:8000/sign-in/acme/{answer['id']}/"
    assert answer["redirect_uri"] == f"{answer['sign_in_url']}callback/"


def test_stores_the_settings_of_the_file(acme: Tenant, tmp_path: Path) -> None:
    more = {"provision_people": False, "directory_browsing": "live", "scopes": ["openid", "x"]}

    add(tmp_path, OIDC | more)

    provider = the_provider()
    assert not provider.provisions_people
    assert provider.browsing == IdentityProvider.Browsing.LIVE
    assert provider.settings["scopes"] == "openid x"


def test_pairs_with_the_only_connection(acme: Tenant, tmp_path: Path) -> None:
    with tenancy.use(acme):
        connection = scim_connection("entra")

    add(tmp_path, OIDC | {"paired_with_scim": {"claim": "oid", "equals": "externalId"}})

    provider = the_provider()
    assert provider.paired_connection == str(connection.pk)
    assert (provider.paired_claim, provider.paired_attribute) == ("oid", "externalId")


def test_accepts_aliases_of_attribute_names(acme: Tenant, tmp_path: Path) -> None:
    add(tmp_path, LDAP | {"attributes": {"first_name": "givenName", "mail": "mail"}})

    assert the_provider().settings["attributes"] == {"given_name": "givenName", "email": "mail"}


def test_reads_a_keytab_next_to_the_file(acme: Tenant, tmp_path: Path) -> None:
    (tmp_path / "http.keytab").write_bytes(b"\5\2keys")

    add(tmp_path, WINDOWS | {"keytab": "http.keytab"})

    with tenancy.use(acme):
        assert base64.b64decode(manage.secret_of(the_provider())) == b"\5\2keys"


def test_history_has_the_command_as_actor(acme: Tenant, tmp_path: Path) -> None:
    add(tmp_path, LDAP)

    with tenancy.use(acme):
        event = Event.objects.get()
    assert event.actor == "command:add_identity_provider"
    assert event.facts["what"] == "added sign-in through Corp"


@pytest.mark.parametrize(
    ("document", "text"),
    [
        pytest.param("{", "is not JSON", id="no JSON"),
        pytest.param("[]", "one JSON object", id="no object"),
        pytest.param({}, "oidc, ldap or windows", id="no kind"),
        pytest.param(OIDC | {"kind": "saml"}, "oidc, ldap or windows", id="an unknown kind"),
        pytest.param(OIDC | {"tenant": "x", "id": 1}, "Unknown: id, tenant", id="unknown keys"),
        pytest.param({"kind": "oidc"}, "Missing: client_id, client_secret, issuer, name", id="few"),
        pytest.param(OIDC | {"issuer": ""}, "Missing: issuer", id="a blank issuer"),
        pytest.param(OIDC | {"issuer": 7}, "“issuer” must be text", id="a number"),
        pytest.param(OIDC | {"provision_people": "yes"}, "true or false", id="no truth"),
        pytest.param(OIDC | {"directory_browsing": "on"}, "cached_only", id="no such browsing"),
        pytest.param(OIDC | {"paired_with_scim": "oid"}, "null or", id="no pairing"),
        pytest.param(
            OIDC | {"paired_with_scim": {"claim": "email", "equals": "email"}},
            "externalId or userName",
            id="pairing by address",
        ),
        pytest.param(
            OIDC | {"paired_with_scim": {"claim": "oid", "equals": "externalId"}},
            "Connect SCIM first",
            id="nothing to pair with",
        ),
        pytest.param(LDAP | {"user_filter": "(uid=ada)"}, "must contain {0}", id="a fixed filter"),
        pytest.param(LDAP | {"attributes": {"role": "x"}}, "not role", id="an unknown attribute"),
        pytest.param(WINDOWS, "Missing: keytab", id="no keytab"),
        pytest.param(WINDOWS | {"keytab": "?"}, "keytab cannot be read", id="no such keytab"),
        pytest.param(
            WINDOWS | {"keytab": "AA==", "realms": "X"}, "list of strings", id="not a list"
        ),
    ],
)
def test_explains_an_invalid_file(acme: Tenant, tmp_path: Path, document: Any, text: str) -> None:
    with pytest.raises(CommandError, match=text.replace("{", r"\{")):
        add(tmp_path, document)

    with tenancy.across_tenants():
        assert not IdentityProvider.objects.exists()


def test_refuses_a_duplicate_name(acme: Tenant, tmp_path: Path) -> None:
    add(tmp_path, OIDC)

    with pytest.raises(CommandError, match="An identity provider named “OKTA” already exists"):
        add(tmp_path, OIDC | {"name": "OKTA"})


def test_refuses_an_unknown_tenant_or_file(acme: Tenant, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no tenant “globex”"):
        add(tmp_path, OIDC, slug="globex")
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        call_command("add_identity_provider", "acme", "--file", str(tmp_path / "none.json"))
