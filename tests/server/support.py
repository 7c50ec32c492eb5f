"""A server under test: started on a free port, stopped at the end, with raw sockets and plain HTTP to talk to it."""
import http.client
import json
import math
import os
import signal
import socket
import struct
import subprocess
import tempfile
import time
import unittest
import wave

PATIENCE = 300 # seconds after which what was waited for counts as never; long, for a sanitizer on a busy machine is slow


class Server:
    def __init__(self, sotto, *arguments, models=None, environment=None, wrapper=()):
        env = dict(os.environ, **(environment or {}))
        if models:
            env["SOTTO_MODELS"] = models
        self.log = tempfile.NamedTemporaryFile("ab")
        self.process = subprocess.Popen([*wrapper, sotto, "serve", "--port", "0", "--log-json", *arguments], env=env, stderr=self.log)
        self.port = None
        until = time.monotonic() + PATIENCE
        while self.port is None:
            for line in self.lines():
                if line.get("event") == "listening":
                    self.port = line["port"]
            if self.process.poll() is not None or time.monotonic() > until:
                self.process.kill()
                self.process.wait()
                raise RuntimeError("the server did not start: " + self.text())
            time.sleep(0.02)

    def text(self):
        with open(self.log.name, encoding="utf-8") as file:
            return file.read()

    def lines(self):
        return [json.loads(line) for line in self.text().splitlines(True) if line.startswith("{") and line.endswith("\n")]

    def stop(self, number=signal.SIGTERM, timeout=PATIENCE):
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(timeout)
        finally:
            self.log.close()

    def died(self):
        """It ended without being told to; asked just after a connection broke, so it may still be at it."""
        try:
            return self.process.wait(2) != 0
        except subprocess.TimeoutExpired:
            return False

    def connect(self, timeout=PATIENCE):
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def request(self, method, path, body=None, headers=None, timeout=PATIENCE):
        """(status, headers, body)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        except OSError as e:
            if self.died():
                raise RuntimeError("the server has died: " + self.text()) from e
            raise
        finally:
            connection.close()

    def post(self, path="/v1/audio/transcriptions", fields=(), file=None, name="tone.wav", headers=None, field="file"):
        body, kind = multipart(fields, file, name, field)
        return self.request("POST", path, body, {"Content-Type": kind, **(headers or {})})

    def raw(self, data, timeout=PATIENCE):
        """Send bytes, read to the end."""
        with self.connect(timeout) as s:
            s.sendall(data)
            return drain(s)


def with_weights(sotto, model):
    """A server with real weights; the test is skipped where there are none."""
    try:
        return Server(sotto, "-m", model)
    except RuntimeError as failure:
        raise unittest.SkipTest(str(failure)) from failure


def drain(s):
    got = b""
    while True:
        try:
            piece = s.recv(65536)
        except ConnectionResetError:
            return got
        if not piece:
            return got
        got += piece


def multipart(fields=(), file=None, name="tone.wav", field="file", boundary="b0undary"):
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode() for key, value in fields]
    if file is not None:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\nContent-Type: audio/wav\r\n\r\n'
        parts.append(head.encode() + file + b"\r\n")
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def tone(seconds, rate=16000):
    """Bytes of a WAV file."""
    with tempfile.TemporaryFile() as stream:
        with wave.open(stream, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            period = b"".join(struct.pack("<h", int(8000 * math.sin(i * 2 * math.pi / 100))) for i in range(100))
            file.writeframes((period * (int(seconds * rate) // 100 + 1))[: int(seconds * rate) * 2])
        stream.seek(0)
        return stream.read()
