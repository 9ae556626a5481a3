"""PostgreSQL for a server that answers a thousand requests a second on one connection."""

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
        """Tell whether the persistent connection still stands; Django asks once a request.

        Its own way is a SELECT, which costs as much as the read it precedes. A server that
        went away leaves the end of the stream, or its farewell, in the socket: nothing may
        be waiting there between two statements.
        """
        connection = self.connection
        if connection is None or connection.closed:
            return False
        waiting, _, _ = select.select([connection.fileno()], [], [], 0)
        return not waiting


class _ClosedAtTheEnd:
    """Closes a thread's connection when the thread ends, as those of the web server do when idle.

    Django's own belong to circles of objects, which Python might not look at for hours. A
    process that was forked has a copy of this, and leaves the connection to whose it is.
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
