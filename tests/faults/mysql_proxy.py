"""A TCP proxy before MySQL that cuts one connection at its COMMIT: before or after the server has received it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

Cut = Literal["before", "after"]

_COMMIT = b"\x03COMMIT"  # a client's packet: the command "query", and its text
_CHUNK = 1 << 16


class MySQLProxy:
    """Passes bytes on, both ways, until it is told to cut.

    `port` is where it listens on 127.0.0.1. The server behind may come and go.
    """

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._armed: Cut | None = None
        self._lock = threading.Lock()
        self.has_cut = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, cut: Cut) -> None:
        """Cut the next connection that commits."""
        self.has_cut.clear()
        self._armed = cut

    def close(self) -> None:
        """Take no more connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # whoever waits in accept() wakes up
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._server_port))
                except OSError:  # the server is away: so are we
                    client.close()
                    continue
                threading.Thread(target=self._upwards, args=(client, server), daemon=True).start()
                threading.Thread(target=self._downwards, args=(server, client), daemon=True).start()

    def _upwards(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(_CHUNK):
                cut = self._disarm() if data.endswith(_COMMIT) else None
                if cut == "after":
                    client.shutdown(socket.SHUT_RDWR)  # whoever asked learns nothing of the answer
                if cut != "before":
                    server.sendall(data)
                if cut:
                    self.has_cut.set()
                    break
        _end(client, server)

    def _disarm(self) -> Cut | None:
        with self._lock:
            cut, self._armed = self._armed, None
        return cut

    def _downwards(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(_CHUNK):
                client.sendall(data)
        _end(client, server)
        server.close()


def _end(client: socket.socket, server: socket.socket) -> None:
    """End both sides in order: what was sent to the server is still read by it."""
    with suppress(OSError):
        client.shutdown(socket.SHUT_RDWR)
    client.close()
    with suppress(OSError):
        server.shutdown(socket.SHUT_WR)


@contextmanager
def proxy_before(server_port: int) -> Iterator[MySQLProxy]:
    """Give a proxy for as long as it is needed."""
    proxy = MySQLProxy(server_port)
    try:
        yield proxy
    finally:
        proxy.close()
