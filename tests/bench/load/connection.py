"""One keep-alive HTTP/1.1 connection, with at most one request under way."""

import socket

BUFFER = 1 << 18

Address = tuple[str, int]
Answer = tuple[int, bytes]


class Connection:
    def __init__(self, address: Address) -> None:
        self.address = address
        self.sock: socket.socket | None = None
        self.watched: socket.socket | None = None  # what the loop's selector has
        self.buffer = bytearray()
        self.wire = b""
        self.reused = False
        self.reconnects = 0

    def close(self) -> None:
        if self.sock is not None:
            self.sock.close()
            self.sock = None

    def send(self, wire: bytes) -> None:
        self.wire = wire
        self.buffer.clear()
        sock = self.sock or self._open()
        try:
            sock.sendall(wire)
        except OSError:
            if not self.reused:
                raise
            self._resend()

    def receive(self) -> Answer | None:
        """Read what is there; return the answer once it is whole."""
        assert self.sock is not None
        try:
            data = self.sock.recv(BUFFER)
        except ConnectionResetError:
            data = b""
        if not data:
            return self._ended()
        self.buffer += data
        answer = self._parse(ended=False)
        if answer is not None:
            self.reused = True
        return answer

    def _open(self) -> socket.socket:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.sock.settimeout(30)
        self.sock.connect(self.address)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reused = False
        return self.sock

    def _resend(self) -> None:
        """Send once more, on a new connection: the server had closed an idle one."""
        self.close()
        self.reconnects += 1
        self._open().sendall(self.wire)

    def _ended(self) -> Answer | None:
        if not self.buffer and self.reused:
            self._resend()
            return None
        answer = self._parse(ended=True)
        self.close()
        return answer

    def _parse(self, *, ended: bool) -> Answer | None:
        split = self.buffer.find(b"\r\n\r\n")
        if split < 0:
            return (0, b"connection closed before the headers") if ended else None
        head = bytes(self.buffer[:split]).lower()
        status = int(head[9:12])
        body = self._body(status, head, split + 4, ended=ended)
        if body is None:
            return (0, b"connection closed inside the body") if ended else None
        if b"\r\nconnection: close" in head:
            self.close()
        return status, body

    def _body(self, status: int, head: bytes, at: int, *, ended: bool) -> bytes | None:
        """Return the body, or None while it is not whole."""
        if status in (204, 304):
            return b""
        if (name := head.find(b"\r\ncontent-length:")) >= 0:
            end = head.find(b"\r\n", name + 2)
            length = int(head[name + 17 : end if end > 0 else None])
            whole = len(self.buffer) >= at + length
            return bytes(self.buffer[at : at + length]) if whole else None
        if b"\r\ntransfer-encoding: chunked" in head:
            return self._chunks(at)
        return bytes(self.buffer[at:]) if ended else None

    def _chunks(self, at: int) -> bytes | None:
        buffer, parts = self.buffer, list[bytes]()
        while (end := buffer.find(b"\r\n", at)) >= 0:
            size = int(bytes(buffer[at:end]).split(b";")[0], 16)
            if len(buffer) < end + 2 + size + 2:
                return None
            if size == 0:
                return b"".join(parts)
            parts.append(bytes(buffer[end + 2 : end + 2 + size]))
            at = end + 2 + size + 2
        return None
