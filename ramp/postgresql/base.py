"""PostgreSQL for a server that answers a thousand requests a second on one connection."""

import select

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
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
