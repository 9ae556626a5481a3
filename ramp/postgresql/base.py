"""A PostgreSQL backend that tells the server the tenant in force.

Its checks of persistent connections are cheaper than Django's.
"""

import os
import select
from threading import local
from typing import TYPE_CHECKING, Any

from django.db.backends.postgresql import base
from psycopg import Connection

if TYPE_CHECKING:
    from people.db.tenant_setting import TenantSetting


class DatabaseWrapper(base.DatabaseWrapper):
    # None if row-level security does not limit the role of the connection.
    tenant_setting: "TenantSetting | None" = None

    def connect(self) -> None:
        # Not at the top: Django loads this module while it loads the models.
        from people.db import tenant_setting  # noqa: PLC0415

        self.tenant_setting = None
        super().connect()
        with self.wrap_database_errors:
            self.tenant_setting = tenant_setting.setting_of(self.connection)

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection[Any]:
        connection: Connection[Any] = super().get_new_connection(conn_params)
        _of_thread.lasting[id(self)] = _ClosedAtTheEnd(connection)
        return connection

    def is_usable(self) -> bool:
        """Tell whether the persistent connection is still usable. Django checks once per request.

        Django runs a SELECT, which takes as long as the query after it. Here the socket is checked
        instead: if the server has closed the connection, there is data or an end of stream to read.
        """
        connection = self.connection
        if connection is None or connection.closed:
            return False
        waiting, _, _ = select.select([connection.fileno()], [], [], 0)
        return not waiting

    def create_cursor(self, name: str | None = None) -> Any:
        """Create a cursor. Django creates one for each statement, just before it runs."""
        if self.tenant_setting:
            with self.wrap_database_errors:
                self.tenant_setting.update()
        return super().create_cursor(name)

    def _rollback(self) -> None:
        super()._rollback()  # type: ignore[misc]
        if self.tenant_setting:
            self.tenant_setting.forget()

    def _savepoint_rollback(self, sid: str) -> None:
        super()._savepoint_rollback(sid)  # type: ignore[misc]
        if self.tenant_setting:
            self.tenant_setting.forget()


class _ClosedAtTheEnd:
    """Closes a thread's connection when the thread ends. Idle threads of the web server end.

    Django's connection objects are part of reference cycles, which Python may not collect for
    hours. A forked process has a copy of this object, and must not close its parent's connection.
    """

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection, self._process = connection, os.getpid()

    def __del__(self) -> None:
        if os.getpid() == self._process:
            self._connection.close()


class _OfThread(local):
    def __init__(self) -> None:
        self.lasting: dict[int, _ClosedAtTheEnd] = {}


_of_thread = _OfThread()
