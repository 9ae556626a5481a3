"""How fast the client itself is: the same loop against a stub that answers at once."""

import dataclasses
import json
import multiprocessing
import selectors
import socket
from typing import cast

from tests.bench.load import report
from tests.bench.load.loop import Loop
from tests.bench.load.people import Person
from tests.bench.load.settings import Settings


def calibrate(settings: Settings) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    context = multiprocessing.get_context("fork")
    server = context.Process(target=_answer_everything, args=(listener,), daemon=True)
    server.start()
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    loop = Loop(dataclasses.replace(settings, base=base), range(settings.concurrency))
    for client in loop.clients:
        client.people = [Person(0, "stub", "", id="1")]
    counts = [20000 // settings.concurrency] * settings.concurrency
    row = report.row("get", [loop.run("get", 30, counts, 0.0)], 1)
    server.terminate()
    print(
        f"against a stub: {row['per_second']:.0f} requests/s from one process, "
        f"{row['client_us_per_request']} us of client CPU each"
    )


def _answer_everything(listener: socket.socket) -> None:
    body = json.dumps({"id": "1", "userName": "stub", "title": "", "name": {"familyName": ""}})
    answer = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    selector = selectors.EpollSelector()
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            peer = cast(socket.socket, key.fileobj)
            if peer is listener:
                selector.register(listener.accept()[0], selectors.EVENT_READ)
            elif peer.recv(65536):
                peer.sendall(answer)
            else:
                selector.unregister(peer)
                peer.close()
