"""A PostgreSQL backend with cheaper checks of persistent connections."""

import os
import select
from threading import local
from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection


class DatabaseWrapper(base.DatabaseWrapper):
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
