"""TLS to a directory with Python's ssl, because libldap waits forever if a server freezes in TLS.

libldap gets one end of a socket pair, and a thread relays the data over TLS. This also keeps the
connection on the address that was checked, and gives better errors for invalid certificates.
"""

import selectors
import socket
import ssl
import threading
from contextlib import suppress
from typing import Final

SECONDS: Final = 3
# Longer than any sign-in or page takes. A forgotten connection is closed after it.
IDLE_SECONDS: Final = 30
MAX_BYTES: Final = 16 * 1024
# RFC 4511 section 4.14: the BER-encoded StartTLS request, and parts of a successful response.
_START_TLS: Final = bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"
_ANSWER: Final = bytes.fromhex("02010178")
_SUCCESS: Final = bytes.fromhex("0a0100")


class StartTlsRefused(OSError):
    """The server does not accept StartTLS."""


def start(reached: socket.socket) -> None:
    """Send a StartTLS request.

    :raises StartTlsRefused: if the server refuses it.
    :raises OSError: if the server does not respond.
    """
    try:
        reached.sendall(_START_TLS)
        answer = reached.recv(4096)
        # Message id 1, extended response. Only these bytes: servers encode lengths differently.
        if _ANSWER not in answer[:16] or _SUCCESS not in answer[:32]:
            raise StartTlsRefused
    except OSError:
        reached.close()
        raise


def secured(reached: socket.socket, host: str) -> socket.socket:
    """Return a socket whose data is relayed to the server over TLS.

    :raises ssl.SSLCertVerificationError: if the certificate is not valid for the host.
    :raises OSError: if the TLS handshake fails or takes too long.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    reached.settimeout(SECONDS)
    secure = context.wrap_socket(reached, server_hostname=host)
    local, remote = socket.socketpair()
    threading.Thread(target=_relay, args=(local, secure), daemon=True).start()
    return remote


def _relay(plain: socket.socket, secure: ssl.SSLSocket) -> None:
    """Copy data in both directions, until one end closes or both are idle for too long."""
    plain.settimeout(IDLE_SECONDS)
    with plain, secure, selectors.DefaultSelector() as selector, suppress(OSError):
        selector.register(plain, selectors.EVENT_READ)
        selector.register(secure, selectors.EVENT_READ)
        while ready := {key.fileobj for key, _ in selector.select(IDLE_SECONDS)}:
            if plain in ready and not _send(plain, secure):
                return
            if secure in ready and not _receive(plain, secure):
                return


def _send(plain: socket.socket, secure: ssl.SSLSocket) -> bool:
    data = plain.recv(MAX_BYTES)
    secure.settimeout(SECONDS)
    secure.sendall(data)
    return bool(data)


def _receive(plain: socket.socket, secure: ssl.SSLSocket) -> bool:
    """Copy what the server has sent; return False at the end of the connection."""
    secure.settimeout(0)
    # SSLWantReadError: TLS records without data, such as a session ticket, or no more data yet.
    with suppress(ssl.SSLWantReadError):
        while data := secure.recv(MAX_BYTES):
            plain.sendall(data)
        return False
    return True
