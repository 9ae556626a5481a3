"""System checks of the deployment settings. `check --deploy` and `serve` run them."""

from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.x509 import load_pem_x509_certificate
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import OperationalError, connection

from people.client_address import HEADERS
from people.db import app_role, row_policies

Network = IPv4Network | IPv6Network

LOOPBACK: Final = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
# Metadata services, from which cloud machines get credentials.
METADATA: Final = (
    *(ip_network("169.254.0.0/16"), ip_network("fe80::/10")),
    *(ip_network("168.63.129.16/32"), ip_network("fd00:ec2::254/128")),
    ip_network("100.100.100.200/32"),
)

_ROLES: Final = "Create the two roles of docs/operating.md, “Install”, and use that of Ramp."
_FOR_NOW: Final = "DATABASE_ROLE_MAY_BYPASS=true lets Ramp run with this one."


@register(Tags.security, deploy=True)
def check_secret_key(**_: Any) -> list[CheckMessage]:
    if not settings.SECRET_KEY_IS_GENERATED:
        return []
    return [
        Warning(
            "SECRET_KEY is one that this machine made for itself, and keeps in VAR_DIR.",
            hint="Set SECRET_KEY to 50 random characters or more, the same on every machine.",
            id="ramp.W001",
        )
    ]


@register(Tags.database, deploy=True)
def check_persistent_connections(**_: Any) -> list[CheckMessage]:
    if settings.DATABASES["default"]["CONN_MAX_AGE"] != 0:
        return []
    return [
        Error(
            "Each request would open a database connection of its own.",
            hint="Unset CONN_MAX_AGE; twelve times fewer requests fit otherwise.",
            id="ramp.E002",
        )
    ]


@register(Tags.security, deploy=True)
def hosts_are_named(**_: Any) -> list[CheckMessage]:
    if "*" not in settings.ALLOWED_HOSTS:
        return []
    return [
        Warning(
            "ALLOWED_HOSTS accepts every host name.",
            hint="Unset ALLOWED_HOSTS, or list the names that PUBLIC_BASE_URL and probes use.",
            id="ramp.W003",
        )
    ]


@register(Tags.database, deploy=True)
def database_is_a_server(**_: Any) -> list[CheckMessage]:
    if not settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        return []
    return [
        Warning(
            "SQLite allows one writer at a time and has no row locks.",
            hint="Set DATABASE_URL to a PostgreSQL database; docs/running.md says what it costs.",
            id="ramp.W004",
        )
    ]


@register(Tags.security, deploy=True)
def role_is_limited(**_: Any) -> list[CheckMessage]:
    """Check that PostgreSQL can keep companies apart, for the role of DATABASE_URL.

    No superuser is limited by row-level security, and none needs to run Ramp. An owner of the
    tables may run it until row-level security is on. A database that does not answer is reported by
    others.
    """
    if connection.vendor != "postgresql" or settings.DATABASE_ROLE_MAY_BYPASS:
        return []
    with suppress(OperationalError):
        role, reasons = app_role.current()
        if {app_role.SUPERUSER, app_role.BYPASSRLS} & {*reasons}:
            return [
                Error(
                    f"The role “{role}” of DATABASE_URL {reasons[0]}, so PostgreSQL would show it "
                    "the rows of all companies.",
                    hint=f"{_ROLES} {_FOR_NOW}",
                    id="ramp.E015",
                )
            ]
        if reasons and row_policies.is_on():
            return [
                Error(
                    f"Row-level security is on, but the role “{role}” of DATABASE_URL "
                    f"{reasons[0]}, so it bypasses the policies.",
                    hint=f"Use the role that `manage.py row_security` names. {_FOR_NOW}",
                    id="ramp.E013",
                )
            ]
    return []


@register(Tags.security, deploy=True)
def tenant_setting_is_not_shared(**_: Any) -> list[CheckMessage]:
    """Check that no pool of transactions shares `ramp.tenant` among companies."""
    if connection.vendor != "postgresql" or not settings.BEHIND_PGBOUNCER:
        return []
    with suppress(OperationalError):
        if row_policies.is_on():
            return [
                Error(
                    "Row-level security is on, and BEHIND_PGBOUNCER says that PgBouncer pools "
                    "transactions. Companies would share the setting `ramp.tenant`.",
                    hint="Set `pool_mode = session` in PgBouncer and BEHIND_PGBOUNCER=false, or "
                    "turn row-level security off.",
                    id="ramp.E014",
                )
            ]
    return []


@register(deploy=True)
def mail_is_sent(**_: Any) -> list[CheckMessage]:
    if settings.EMAIL_IS_SENT:
        return []
    return [
        Warning(
            "Mail is not sent: invites and confirmations go to the log.",
            hint="Set EMAIL_URL, such as smtp+tls://user:password@mail.example.com:587.",
            id="ramp.W006",
        )
    ]


@register(deploy=True)
def broker_is_a_server(**_: Any) -> list[CheckMessage]:
    if settings.REDIS_URL:
        return []
    return [
        Warning(
            "Jobs wait in a folder. If a worker is killed, its jobs are lost until beat finds "
            "them.",
            hint="Set REDIS_URL.",
            id="ramp.W005",
        )
    ]


@register(Tags.security)
def certificate_is_readable(**_: Any) -> list[CheckMessage]:
    """Check the certificate for channel binding. Without it, all Windows sign-ins would fail."""
    if not settings.TLS_CERTIFICATE and not settings.TLS_KEY:
        return []
    try:
        load_pem_x509_certificate(Path(settings.TLS_CERTIFICATE).read_bytes())
    except (OSError, ValueError):
        return [
            Error(
                f"TLS_CERTIFICATE: no certificate can be read from “{settings.TLS_CERTIFICATE}”.",
                hint="Name the PEM file that browsers are served, which Ramp's user may read.",
                id="ramp.E010",
            )
        ]
    return []


@register(Tags.security)
def proxies_are_known(**_: Any) -> list[CheckMessage]:
    """Check which proxies are trusted for the client's address."""
    found: list[CheckMessage] = []
    if settings.PROXY_HEADER not in HEADERS:
        names = " or ".join(HEADERS)
        message = f"PROXY_HEADER: “{settings.PROXY_HEADER}” is not supported."
        found.append(Error(message, hint=f"Use {names}.", id="ramp.E012"))
    networks = [] if isinstance(settings.TRUSTED_PROXIES, int) else settings.TRUSTED_PROXIES
    for network in networks:
        try:
            ip_network(network, strict=False)
        except ValueError:
            hint = "Use a number of proxies, or networks such as 10.20.0.0/16 with commas."
            message = f"TRUSTED_PROXIES: “{network}” is neither a number nor a network."
            found.append(Error(message, hint=hint, id="ramp.E011"))
    return found


@register(Tags.security)
def outbound_networks_are_narrow(**_: Any) -> list[CheckMessage]:
    """Check to which networks tenants' administrators can make this machine connect."""
    found: list[CheckMessage] = []
    is_here = urlsplit(settings.PUBLIC_BASE_URL).hostname in ("127.0.0.1", "localhost")
    advice = "List just the networks that your identity providers and directories are in."
    for text in settings.OUTBOUND_ALLOW:
        try:
            network = ip_network(text)
        except ValueError:
            hint = "Write networks such as 10.20.0.0/16, separated by commas."
            message = f"OUTBOUND_ALLOW: “{text}” is not a network."
            found.append(Error(message, hint=hint, id="ramp.E007"))
            continue
        if _overlaps(network, METADATA):
            message = (
                f"OUTBOUND_ALLOW: {text} includes addresses where clouds give out credentials."
            )
            found.append(Error(message, hint=advice, id="ramp.E008"))
        elif _overlaps(network, LOOPBACK) and not is_here:
            message = (
                f"OUTBOUND_ALLOW: {text} lets tenants' administrators reach this very machine."
            )
            found.append(Warning(message, hint=advice, id="ramp.W009"))
    return found


def _overlaps(network: Network, others: tuple[Network, ...]) -> bool:
    return any(network.version == other.version and network.overlaps(other) for other in others)
