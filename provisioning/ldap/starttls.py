"""TLS to a directory, by Python's ssl: libldap waits for ever where a server freezes in it.

libldap speaks to one end of a pair of sockets; what it says there is carried on over TLS. So
the connection stays on the address that was checked, and a bad certificate says what is bad.
"""

import selectors
import socket
import ssl
import threading
from contextlib import suppress
from typing import Final

SECONDS: Final = 3
# No sign-in and no page takes longer; whoever forgets a connection loses it.
IDLE_SECONDS: Final = 30
MOST_BYTES: Final = 16 * 1024
# RFC 4511 section 4.14: an extended request of that name, and what is in its answer.
_START_TLS: Final = bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"
_ANSWER: Final = bytes.fromhex("02010178")
_SUCCESS: Final = bytes.fromhex("0a0100")


class StartTlsRefused(OSError):
    """The server does not take StartTLS."""


def start(reached: socket.socket) -> None:
    """Ask the server to take TLS from here on.

    :raises StartTlsRefused: if it does not.
    :raises OSError: if it does not answer.
    """
    try:
        reached.sendall(_START_TLS)
        answer = reached.recv(4096)
        # Message id 1 and an extended response; how lengths are written differs by server.
        if _ANSWER not in answer[:16] or _SUCCESS not in answer[:32]:
            raise StartTlsRefused
    except OSError:
        reached.close()
        raise


def secured(reached: socket.socket, host: str) -> socket.socket:
    """Return a socket; what is said to it goes to the server over TLS.

    :raises ssl.SSLCertVerificationError: if the certificate is not one for the host.
    :raises OSError: if TLS does not come about in time.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    reached.settimeout(SECONDS)
    secure = context.wrap_socket(reached, server_hostname=host)
    ours, theirs = socket.socketpair()
    threading.Thread(target=_carry, args=(ours, secure), daemon=True).start()
    return theirs


def _carry(plain: socket.socket, secure: ssl.SSLSocket) -> None:
    """Tell each end what the other says, until one of them has nothing more to say."""
    plain.settimeout(IDLE_SECONDS)
    with plain, secure, selectors.DefaultSelector() as selector, suppress(OSError):
        selector.register(plain, selectors.EVENT_READ)
        selector.register(secure, selectors.EVENT_READ)
        while ready := {key.fileobj for key, _ in selector.select(IDLE_SECONDS)}:
            if plain in ready and not _told(plain, secure):
                return
            if secure in ready and not _heard(plain, secure):
                return


def _told(plain: socket.socket, secure: ssl.SSLSocket) -> bool:
    said = plain.recv(MOST_BYTES)
    secure.settimeout(SECONDS)
    secure.sendall(said)
    return bool(said)


def _heard(plain: socket.socket, secure: ssl.SSLSocket) -> bool:
    """Pass on what has come; what is no data, such as a ticket for a later session, is none."""
    secure.settimeout(0)
    with suppress(ssl.SSLWantReadError):
        while said := secure.recv(MOST_BYTES):
            plain.sendall(said)
        return False
    return True
