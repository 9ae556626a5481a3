"""Compiles querysets to LDAP searches, one search for each query."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import ldap
from django.db import NotSupportedError
from django.db.models.sql.constants import SINGLE

from provisioning.directory.backend import importable

assert importable.fields, "django-ldapdb is importable from here on"

from ldapdb.backends.ldap import compiler as ldapdb  # noqa: E402  not before that

Found = tuple[str, dict[str, list[bytes]]]


class SQLCompiler(ldapdb.SQLCompiler):
    def execute_sql(self, result_type: str = SINGLE, **_: Any) -> None:
        """Prepare the columns. django-ldapdb would run a search here whose result is not used."""
        if result_type != SINGLE:
            raise NotSupportedError("A directory is searched, and nothing else.")
        self.pre_sql_setup()

    def results_iter(self, *_: Any, **__: Any) -> Iterator[list[Any]]:
        self.pre_sql_setup()
        fields = [expression.target for expression, *_ in self.select]
        names = [field.db_column for field in fields if field.db_column]
        for dn, attributes in self._found(names or ["1.1"]):
            yield [self._value(field, dn, attributes) for field in fields]

    def has_results(self) -> bool:
        self.query.set_limits(high=1)
        return any(True for _ in self._found(["1.1"]))

    def _found(self, names: list[str]) -> Iterable[Found]:
        query = self.query
        if query.order_by or query.extra_order_by or query.distinct or query.combinator:
            raise NotSupportedError("A directory answers in the order that it likes.")
        sought = ldapdb.query_as_ldap(query, compiler=self, connection=self.connection)
        if sought is None:
            return ()
        entries = self.connection.search_s(
            sought.base, sought.scope, sought.filterstr, names, limit=query.high_mark
        )
        return islice(_existing(entries), query.low_mark, query.high_mark)

    def _value(self, field: Any, dn: str, attributes: dict[str, list[bytes]]) -> Any:
        if field.attname == "dn":
            return dn
        named = {name.lower(): values for name, values in attributes.items()}
        return field.from_ldap(named.get(field.db_column.lower(), []), connection=self.connection)


def _existing(found: Iterator[Found]) -> Iterator[Found]:
    """Yield the entries, or nothing if the base does not exist."""
    try:
        yield from found
    except ldap.NO_SUCH_OBJECT:
        return


class SQLAggregateCompiler(SQLCompiler):
    def execute_sql(self, *_: Any, **__: Any) -> None:
        raise NotSupportedError("A directory is not counted: that would read all of it.")


class SQLInsertCompiler(SQLCompiler):
    def execute_sql(self, *_: Any, **__: Any) -> None:
        raise NotSupportedError("Directories are read, and never written.")


SQLUpdateCompiler = SQLDeleteCompiler = SQLInsertCompiler
