"""Secrets planted wherever one can be entered, and looked for wherever one could be left.

They are searched for in a dump of the database, in Redis, in the log, on pages and in the API,
as they are, in base64 and in hexadecimal.
"""

import argparse
import base64
import re
import subprocess
from collections.abc import Callable
from typing import Any, Final
from uuid import uuid4

import redis

from tests.faults.cast import PASSWORD, Company, furnish
from tests.faults.outcome import Outcome, finish
from tests.faults.provider import USER, patch, replace
from tests.faults.routes import address, routes
from tests.faults.stack import Stack, load_django
from tests.faults.visitor import Visitor, signed_in, with_token
from tests.services.postgres_redis_smtp import POSTGRES, program

VALUE: Final = re.compile(r'<input[^>]*\bname="([^"]+)"[^>]*?\bvalue="([^"]*)"')
TOKEN: Final = re.compile(r"ramp_api_[A-Za-z0-9_-]+")


class Planted:
    """Makes up secrets, and remembers them by what they are."""

    def __init__(self) -> None:
        self.run = uuid4().hex[:8]
        self.secrets: dict[str, str] = {}

    def __call__(self, what: str) -> str:
        return self.secrets.setdefault(what, f"{what.replace(' ', '-')}-{self.run}")


def run(stack: Stack) -> Outcome:
    """Plant the secrets, look for them, and print where they were found."""
    company, _ = furnish(stack)
    planted = Planted()
    planted.secrets |= {"SCIM token": company.scim_token, "password": PASSWORD}
    planted.secrets |= {f"API token of {who}": key for who, key in company.api_tokens.items()}
    owner = signed_in(stack.server.url, company, "owner")
    _plant_in_forms(owner, company, planted)
    _plant_in_requests(stack, company, planted)
    _plant_at_sign_in(stack, company, planted)
    places = {
        "dump": _dump(stack),
        "Redis": _redis(stack),
        "log": stack.server.log.read_text(errors="replace"),
        "pages": "".join(owner.get(path).text for path in _pages(stack, company)),
    }
    owner.close()
    found = [
        f"{what} in {place}"
        for what, secret in planted.secrets.items()
        for place, text in places.items()
        if any(form in text for form in _forms(secret))
    ]
    print(*found, sep="\n")
    size = f"{len(planted.secrets)} secrets, {sum(map(len, places.values())) // 1024:,} KiB read"
    return Outcome("Secrets at rest", size, f"{len(found)} found", not found)


def _plant_in_forms(owner: Visitor, company: Company, planted: Planted) -> None:
    """Add sign-in providers with secrets, and make an API token."""
    tenant = f"/tenants/{company.slug}/auth-providers/add"
    secrets = {
        "client_secret": planted("client secret"),
        "directory_token": planted("directory token"),
        "bind_password": planted("bind password"),
    }
    common = {"name": planted.run, "issuer": "https://id.example", "client_id": "ramp"}
    directory = {
        "uri": "ldaps://ldap.example",
        "base_dn": "dc=example",
        "bind_dn": "cn=reader",
        "directory_kind": "okta",
        "directory_url": "https://id.example",
    }
    for preset in ("okta", "ldap"):
        page = owner.get(f"{tenant}/{preset}/")
        form = dict(VALUE.findall(page.text)) | common | directory | secrets
        owner.post(f"{tenant}/{preset}/", form | {"name": f"{preset} {planted.run}"})
    form = {"name": planted.run, "scopes": "people:read", "days": "90"}
    made = TOKEN.findall(owner.post("/api-tokens/", form).text)
    assert made, "no API token was made"
    planted.secrets |= {f"new API token {number}": token for number, token in enumerate(made)}


def _plant_in_requests(stack: Stack, company: Company, planted: Planted) -> None:
    """Put secrets into bodies, whole and broken, into headers, queries and filters."""
    scim = with_token(stack.server.url, company.scim_token)
    body: dict[str, Any] = {
        "schemas": [USER],
        "userName": f"{planted.run}@acme.example",
        "password": planted("password in a body"),
        "urn:x:y:User": {"password": planted("password in an extension")},
        "clientSecret": planted("unknown secret in a body"),
    }
    post: Callable[..., Any] = scim.http.post
    post("/scim/v2/Users", json=body)
    post("/scim/v2/Users", content=f'{{"password": "{planted("password in a broken body")}", ')
    for path in ("password", "Password", f"{USER}:password"):
        secret = planted(f"password in a PATCH of {path[:8]}")
        address = f"/scim/v2/Users/{company.objects['scim_scimuser']}"
        scim.http.patch(address, json=patch(replace(path, secret)))
    scim.get("/scim/v2/Users", params={"filter": f'password eq "{planted("filter")}"'})
    post("/scim/v2/Users", json=body, params={"access_token": planted("query")})
    post(
        "/scim/v2/Users",
        json={},
        headers={
            "X-Api-Key": planted("key in a header"),
            "Cookie": f"sessionid={planted('cookie')}",
            "Proxy-Authorization": f"Basic {planted('proxy password')}",
        },
    )
    post("/scim/v2/Users", json=body, headers={"Authorization": f"Bearer {planted('dead token')}"})
    basic = base64.b64encode(f"user:{planted('basic password')}".encode()).decode()
    post("/scim/v2/Users", json=body, headers={"Authorization": f"Basic {basic}"})
    scim.close()


def _plant_at_sign_in(stack: Stack, company: Company, planted: Planted) -> None:
    stranger = Visitor(stack.server.url)
    stranger.sign_in(company.slug, company.emails["employee"], planted("wrong password"))
    stranger.sign_in(company.slug, planted("password typed as a name"), "x")
    stranger.close()


def _pages(stack: Stack, company: Company) -> list[str]:
    """Return every page, and each request of the log."""
    requests = stack.rows("SELECT id FROM scim_requestlog ORDER BY received_at DESC LIMIT 40")
    scim = f"/integrations/scim/{company.objects['scim_connection']}"
    logged = [f"{scim}/requests/{key}/" for (key,) in requests]
    pages = [address(route, company) for route in sorted(set(routes()))]
    return logged + [page for page in pages if not page.startswith(("/sign-out", "/setup/"))]


def _dump(stack: Stack) -> str:
    pg_dump = program("pg_dump", folders=POSTGRES)
    done = subprocess.run([pg_dump, stack.database_url], capture_output=True, check=True)
    return done.stdout.decode(errors="replace")


def _redis(stack: Stack) -> str:
    client = redis.Redis(port=stack.redis.port)
    readers: dict[Any, Callable[[Any], Any]] = {
        b"string": client.get,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1),
    }
    texts = [f"{key} {readers[client.type(key)](key)}" for key in client.scan_iter(count=1000)]
    client.close()
    return "".join(texts)


def _forms(secret: str) -> tuple[str, ...]:
    data = secret.encode()
    return secret, base64.b64encode(data).decode().rstrip("="), data.hex()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.secrets_found", description=__doc__
    )
    parser.parse_args()
    with Stack() as stack:
        load_django(stack)
        finish(run(stack))


if __name__ == "__main__":
    main()
