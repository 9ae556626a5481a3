"""Tenants and SCIM connections on a running server, made as an administrator would make them."""

import json
import secrets
from dataclasses import dataclass

from tests.services.server import Server


@dataclass(frozen=True)
class Connected:
    """A new tenant's only connection."""

    tenant: str
    base: str
    token: str
    connection: str


def connect(server: Server, *options: str, provider: str = "generic") -> Connected:
    """Make a tenant and connect a provider to it; options go to connect_scim."""
    slug = f"tenant-{secrets.token_hex(4)}"
    owner = ("--owner-email", f"owner@{slug}.example.com", "--owner-password", "correct horse")
    server.manage("create_tenant", slug, "--name", "Acme", *owner)
    content = json.loads(server.manage("connect_scim", slug, "--provider", provider, *options))
    return Connected(slug, content["base_url"], content["token"], content["connection"])
