# SPDX-License-Identifier: Apache-2.0
"""A wire between the daemon and a server that breaks at the worst moment."""

import select
import socket
import threading

DOT = b"\r\n.\r\n"


class Cut:
    """Passes connections on to a port. Of the first `after` messages the reply to the final dot
    is lost with the connection; of the `before` ones after them the final dot itself."""

    def __init__(self, port, *, after=0, before=0):
        self._server_port, self._after, self._before = port, after, before
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        try:
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()
        except OSError:
            pass

    def _serve(self, client):
        try:
            with client, socket.create_connection(("127.0.0.1", self._server_port)) as server:
                self._pass_on(client, server)
        except OSError:
            pass

    def _fate(self):
        with self._lock:
            if self._after > 0:
                self._after -= 1
                return "after"
            if self._before > 0:
                self._before -= 1
                return "before"
            return None

    def _pass_on(self, client, server):
        sent, cut = b"", False
        while True:
            readable = select.select([client, server], [], [])[0]
            if server in readable:
                octets = server.recv(65536)
                if cut or not octets:
                    return
                client.sendall(octets)
            if client in readable:
                octets = client.recv(65536)
                if not octets:
                    return
                sent = (sent + octets)[-len(octets) - len(DOT):]
                fate = self._fate() if DOT in sent else None
                sent = b"" if DOT in sent else sent
                if fate == "before":
                    server.sendall(octets[:max(0, octets.rindex(DOT[-3:]) - 2)])
                    return
                cut = fate == "after"
                server.sendall(octets)
