"""The database connection to a directory: one bind, and one search for each page."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import ldap
from django.db import NotSupportedError, connections
from ldap.controls import SimplePagedResultsControl
from ldap.controls.sss import SSSRequestControl

from provisioning.directory.backend import importable
from provisioning.ldap.connection import SECONDS
from provisioning.providers.config import LdapSettings

assert importable.fields, "django-ldapdb is importable from here on"

from ldapdb.backends.ldap import base as ldapdb  # noqa: E402  not before that

# Entries in one page of results. Some directories limit it.
ENTRIES: Final = 100


class DatabaseOperations(ldapdb.DatabaseOperations):
    compiler_module = "provisioning.directory.backend.compiler"


class DatabaseFeatures(ldapdb.DatabaseFeatures):
    minimum_database_version = None
    supports_over_clause = False


class DatabaseWrapper(ldapdb.DatabaseWrapper):
    ops_class = DatabaseOperations
    features_class = DatabaseFeatures
    connection: Any

    def get_new_connection(self, parameters: Any) -> Any:
        """Return the bound connection, which has the same checks and timeouts as at a sign-in."""
        return self.settings_dict["CONNECTION"]

    def ensure_connection(self) -> None:
        """Connect once, without wrapping errors. django-ldapdb would bind for each query."""
        if self.connection is None:
            self.connect()

    def close(self) -> None:
        # The code that has bound the connection also closes it.
        self.connection = None

    def search_s(
        self, base: str, scope: int, filterstr: str, attrlist: Any = None, limit: int | None = None
    ) -> Iterator[tuple[str, dict[str, list[bytes]]]]:
        """Yield entries page by page, at most as many as needed."""
        self.ensure_connection()
        filterstr = f"(&{filterstr}{self.settings_dict['WITHIN']})"
        where = base if scope == ldap.SCOPE_BASE else self.settings_dict["DIRECTORY"].base_dn
        size = ENTRIES if limit is None else max(1, min(ENTRIES, limit))
        page = SimplePagedResultsControl(criticality=False, size=size, cookie="")
        order = self.settings_dict["ORDER"]
        # RFC 2891. A server that cannot sort ignores it.
        controls = [
            page,
            *([SSSRequestControl(criticality=False, ordering_rules=[order])] if order else []),
        ]
        while True:
            message = self.connection.search_ext(
                where, scope, filterstr, attrlist, serverctrls=controls, timeout=SECONDS
            )
            _, rows, _, answered = self.connection.result3(message, timeout=SECONDS)
            yield from ((dn, attributes) for dn, attributes in rows if dn is not None)
            page.cookie = next(
                (one.cookie for one in answered if one.controlType == page.controlType), b""
            )
            if not page.cookie:
                return

    def add_s(self, *_: Any) -> None:
        raise NotSupportedError("Directories are read, and never written.")

    modify_s = delete_s = rename_s = add_s


@contextmanager
def opened(
    alias: str, connection: Any, settings: LdapSettings, within: str, order: str = ""
) -> Iterator[str]:
    """Make the directory a database of this thread under the alias, until the block ends.

    Queries only find entries that match the filter `within`, sorted by the attribute `order` if the
    server can. settings.DATABASES is not changed, because Django checks every database in it with
    each request.
    """
    configured = connections.configure_settings(
        {"default": {}, alias: {"ENGINE": __package__, "NAME": settings.uri}}
    )[alias]
    more = {"CONNECTION": connection, "DIRECTORY": settings, "WITHIN": within, "ORDER": order}
    wrapper = DatabaseWrapper(configured | more, alias)
    connections[alias] = wrapper
    try:
        yield alias
    finally:
        wrapper.close()
        del connections[alias]
