"""Granian with one listening socket for all web processes, so that no connection is lost.

On Linux, Granian 2.8 gives each process its own socket (SO_REUSEPORT). When a process is replaced,
the connections that wait at its socket are reset. If the new process starts slowly, connections are
refused (https://github.com/emmett-framework/granian/issues/921). At a shared socket, they wait. On
other systems, Granian shares the socket itself.
"""

import multiprocessing
import socket
from typing import Any, Final

import granian.cli
from granian._granian import ListenerSpec
from granian.server.mp import MPServer

from ramp.environment import log_is_json

LINES: Final = {"()": "ramp.logs.line_formatter", "as_json": log_is_json()}


class WebServer(MPServer):
    """Overrides how Granian 2.8 opens its sockets, and the format of its log lines.

    The names of the attributes are Granian's.
    """

    def __init__(self: Any, *args: Any, **options: Any) -> None:
        lines = {"formatters": {"generic": LINES, "access": LINES}}
        super().__init__(*args, **options | {"log_dictconfig": lines})

    def _init_shared_socket(self: Any) -> None:
        self._shd = ListenerSpec(self.bind_addr, self.bind_port, self.backlog).build()
        self._sfd = self._shd.get_fd()
        self._ssp = None
        # Granian closes it when it ends.
        self._sso = socket.socket(fileno=self._sfd)
        self._sso.set_inheritable(True)


if __name__ == "__main__":
    # A forked process would keep the modules of this one, also those of the version before.
    multiprocessing.set_start_method("spawn")
    # The command line is that of granian.
    vars(granian.cli)["Server"] = WebServer
    granian.cli.cli()
