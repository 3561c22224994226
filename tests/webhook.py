"""A webhook that people's alerts are sent to: a real server, which keeps what it is told and may refuse."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Webhook:
    """What has arrived, and whether it is taken."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.refused = 0
        self.refuses = False
        self.url = ""

    def bodies(self) -> str:
        """Give all that was said."""
        return "\n".join(message["message"] for message in self.taken)

    def when(self, words: str) -> float:
        """Give the time at which the words were first said."""
        return next(float(message["at"]) for message in self.taken if words in message["message"])


@contextmanager
def webhook() -> Iterator[Webhook]:
    """Serve on a free port."""
    told = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if told.refuses:
                told.refused += 1
            else:
                told.taken.append(body | {"at": time.monotonic()})
            self.send_response(500 if told.refuses else 200)
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    told.url = f"json://127.0.0.1:{server.server_port}/"
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
