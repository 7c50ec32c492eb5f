"""A small WebSocket client (RFC 6455) over a plain socket, for tests: it can also send what no client should."""
import base64
import hashlib
import json
import os
import socket
import struct

from support import PATIENCE

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Refused(Exception):
    """The handshake's answer was another: status, headers, body."""


class Ended(Exception):
    """The other side ended the connection: code (None: without a word)."""


class WebSocket:
    def __init__(self, port, path="/v1/realtime?intent=transcription", headers=(), timeout=PATIENCE, key=None, early=b""):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.rest = b""
        key = key or base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: keep-alive, Upgrade", "Sec-WebSocket-Version: 13",
                 f"Sec-WebSocket-Key: {key}", *headers]
        self.socket.sendall("".join(line + "\r\n" for line in lines).encode() + b"\r\n" + early)
        while b"\r\n\r\n" not in self.rest:
            piece = self.socket.recv(4096)
            if not piece:
                break
            self.rest += piece
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        first, *more = head.decode("latin-1").split("\r\n")
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in more)}
        status = int(first.split()[1]) if first else 0
        if status != 101:
            length = int(self.headers.get("content-length", 0))
            while len(self.rest) < length:
                self.rest += self.socket.recv(4096)
            self.socket.close()
            raise Refused(status, self.headers, self.rest)
        expected = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
        assert self.headers["sec-websocket-accept"] == expected

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    @staticmethod
    def frame(payload, opcode=TEXT, final=True, masked=True):
        length = len(payload)
        head = bytes([opcode | (128 if final else 0)])
        first = 128 if masked else 0
        if length < 126:
            head += bytes([first | length])
        elif length < 65536:
            head += bytes([first | 126]) + struct.pack(">H", length)
        else:
            head += bytes([first | 127]) + struct.pack(">Q", length)
        if not masked:
            return head + payload
        mask = os.urandom(4)
        wide = (mask * (length // 4 + 1))[:length]
        return head + mask + (int.from_bytes(payload, "big") ^ int.from_bytes(wide, "big")).to_bytes(length, "big")

    def send(self, event):
        self.socket.sendall(self.frame(json.dumps(event).encode()))

    def append(self, samples):
        """16-bit samples as bytes."""
        self.send({"type": "input_audio_buffer.append", "audio": base64.b64encode(samples).decode()})

    def exactly(self, n):
        while len(self.rest) < n:
            try:
                piece = self.socket.recv(65536)
            except ConnectionResetError:
                piece = b""
            if not piece:
                raise Ended(None)
            self.rest += piece
        got, self.rest = self.rest[:n], self.rest[n:]
        return got

    def receive_frame(self):
        first, second = self.exactly(2)
        length = second & 127
        if length == 126:
            length = struct.unpack(">H", self.exactly(2))[0]
        elif length == 127:
            length = struct.unpack(">Q", self.exactly(8))[0]
        assert not second & 128, "a server's frames are not masked"
        return first & 15, self.exactly(length)

    def receive(self):
        """The next event."""
        while True:
            opcode, payload = self.receive_frame()
            if opcode == CLOSE:
                raise Ended(struct.unpack(">H", payload[:2])[0] if payload else 1005)
            if opcode == TEXT:
                return json.loads(payload)

    def until(self, kind):
        """Events up to and with the first one of a type."""
        events = []
        while not events or events[-1]["type"] != kind:
            events.append(self.receive())
        return events

    def close(self):
        """Close as one should; the code that comes back."""
        self.socket.sendall(self.frame(struct.pack(">H", 1000), CLOSE))
        try:
            while True:
                self.receive()
        except Ended as end:
            return end.args[0]
        finally:
            self.socket.close()
