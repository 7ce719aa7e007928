"""The listening half of the tests' Google: HTTP/1.1 with connections that stay open, all of them closed at the end."""

import contextlib
import json
import socket
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.google.wire import Dropped, Reply

type Answer = Callable[[str, str, dict[str, str], bytes], Reply]


class Listener(ThreadingHTTPServer):
    """A server whose threads are waited for."""

    daemon_threads = False
    request_queue_size = 64

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.answer, self.open, self.guard = answer, set[socket.socket](), threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self.guard:
            self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self.guard:
            self.open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End the connections that clients still hold; their threads then end too."""
        with self.guard:
            for one in self.open:
                with contextlib.suppress(OSError):  # the client was faster
                    one.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # a client that went away is nobody's defect
            super().handle_error(request, client_address)


class Connection(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Listener

    def _any(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            reply = self.server.answer(self.command, self.path, dict(self.headers.items()), raw)
        except Dropped:
            self.close_connection = True
            return
        given = reply.body
        content = (
            given if isinstance(given, bytes) else b"" if reply.code in (204, 304) else json.dumps({} if given is None else given).encode()
        )
        kind = "application/octet-stream" if isinstance(given, bytes) else "application/json; charset=UTF-8"
        self.send_response(reply.code)
        for name, value in {"Content-Type": kind, **reply.headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        # One packet: head and content apart would wait for each other.
        head = b"".join(self._headers_buffer) + b"\r\n"
        self._headers_buffer: list[bytes] = []
        self.wfile.write(head + content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Say nothing: the test tells."""
