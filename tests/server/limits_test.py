"""What the server answers to those who mean it harm: framings that contradict themselves, thousands of idle connections, answers that nobody
takes, sound without end in small files, files that point elsewhere.

Usage: limits_test.py SOTTO SYNTHETIC_MODEL [unittest options]
"""
import json
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import hostile_media
from support import PATIENCE, Server, drain, multipart, tone

SOTTO, SYNTHETIC = sys.argv[1:3]
ROOM = tempfile.TemporaryDirectory()
SPOOL = os.path.join(ROOM.name, "spool")
TONE = tone(0.5)
IDLE = 10000

with open(SOTTO, "rb") as program:
    SANITIZED = re.search(b"__[at]san_init", program.read()) is not None


def setUpModule():
    os.mkdir(SPOOL)
    subprocess.run([SYNTHETIC, os.path.join(ROOM.name, "synthetic.sotto"), "int8", "64", "1", "3", "80", "51865", "terse"], check=True)


def tearDownModule():
    ROOM.cleanup()


def serve(*arguments, **more):
    return Server(SOTTO, "-m", "synthetic", "--threads", "1", "--spool", SPOOL, *arguments, models=ROOM.name, **more)


class Common(unittest.TestCase):
    arguments = ()
    more = {}

    @classmethod
    def setUpClass(cls):
        cls.server = serve(*cls.arguments, **cls.more)

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0, cls.server.text()

    def metric(self, name):
        for line in self.server.request("GET", "/metrics")[2].decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[-1])
        self.fail(name)

    def wait_for(self, name, good):
        until = time.monotonic() + PATIENCE
        while not good(self.metric(name)):
            self.assertLess(time.monotonic(), until, f"{name} is {self.metric(name)}")
            time.sleep(0.05)

    def transcribes(self):
        status, _, body = self.server.post(fields=[("language", "en")], file=TONE)
        self.assertEqual(status, 200, body)


class Framing(Common):
    arguments = ("--header-timeout", "3", "--idle-timeout", "3")

    def test_no_second_request_can_be_hidden_in_a_body(self):
        hidden = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Hidden: yes\r\n\r\n"
        start = b"POST /transcribe HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        chunked = b"0\r\n\r\n" + hidden
        for headers in [b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n" % len(chunked), b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
                        b"Content-Length: 0\r\nContent-Length: %d\r\n" % len(chunked), b"Content-Length: +0\r\n", b"Content-Length: 0, %d\r\n" % len(chunked),
                        b"Content-Length: -1\r\n", b"Content-Length: 0x0\r\n", b"Content-Length: 99999999999999999999999\r\n",
                        b"Transfer-Encoding: xchunked\r\n", b"Transfer-Encoding : chunked\r\nContent-Length: 4\r\n",
                        b"Transfer-Encoding: identity\r\nContent-Length: 4\r\n", b"Transfer-Encoding:\tchunked\r\nContent-Length: 4\r\n"]:
            answer = self.server.raw(start + headers + b"\r\n" + chunked)
            self.assertNotIn(b'{"status":"ok"}', answer, headers)
            self.assertNotIn(b"HTTP/1.1 200", answer, headers)

    def test_a_chunk_of_no_sane_size_ends_the_connection(self):
        start = (b"POST /transcribe HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked\r\n\r\n")
        for chunk in [b"ffffffffffffffffff\r\n", b"-1\r\n", b"0x5\r\nhello\r\n", b"5 \x00\r\nhello\r\n", b"z\r\n"]:
            self.assertNotIn(b"HTTP/1.1 200", self.server.raw(start + chunk + b"x" * 100), chunk)
        self.transcribes()


class Idle(Common):
    arguments = ("--connections", str(IDLE + 500), "--per-address", str(IDLE + 500), "--header-timeout", "3600", "--idle-timeout", "3600")

    @classmethod
    def setUpClass(cls):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < IDLE + 2500:
            raise unittest.SkipTest(f"only {hard} descriptors are allowed here")
        cls.limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (IDLE + 2500, hard))
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        resource.setrlimit(resource.RLIMIT_NOFILE, cls.limit)

    def memory(self):
        with open(f"/proc/{self.server.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize()

    def test_ten_thousand_idle_connections_keep_nobody_from_work(self):
        self.transcribes()
        before, held = self.memory(), []
        try:
            for i in range(IDLE):
                s = self.server.connect()
                held.append(s)
                if i % 2:
                    s.sendall(b"GET /health HTTP/1.1\r\nHo")
            self.wait_for("sotto_connections", lambda n: n >= IDLE)
            self.transcribes()
            if not SANITIZED:  # whose memory is not the program's
                self.assertLess(self.memory() - before, IDLE * 48 * 1024)
        finally:
            for s in held:
                s.close()
        self.wait_for("sotto_connections", lambda n: n < 10)
        self.transcribes()


class Leaving(Common):
    arguments = ("--answer-timeout", "2", "--max-audio", "100000")

    def test_an_answer_that_nobody_takes_is_cut_off(self):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.settimeout(5)
            s.connect(("127.0.0.1", self.server.port))
            try:
                for _ in range(2000):
                    s.sendall(b"GET /web/app.js HTTP/1.1\r\nHost: localhost\r\n\r\n")
            except OSError:
                pass  # no more is read of who takes nothing
            self.wait_for('sotto_refused_total{reason="answer"}', lambda n: n >= 1)
        self.transcribes()

    def test_who_leaves_in_the_middle_of_events_ends_the_work(self):
        body, kind = multipart([("language", "en"), ("vad_filter", "false"), ("stream", "true")], tone(900))
        head = f"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        with self.server.connect(60) as s:
            s.sendall(head + body)
            s.recv(1)
        self.wait_for("sotto_running", lambda n: n == 0)
        self.wait_for("sotto_spooled_bytes", lambda n: n == 0)
        self.transcribes()

    def test_who_leaves_in_the_middle_of_an_upload_leaves_nothing(self):
        body, kind = multipart([], TONE)
        for head in [f"Content-Length: {len(body)}\r\n\r\n".encode() + body[:5000], b"Transfer-Encoding: chunked\r\n\r\n1000\r\n" + body[:4000]]:
            with self.server.connect() as s:
                s.sendall(f"POST /transcribe HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n".encode() + head)
        self.wait_for("sotto_spooled_bytes", lambda n: n == 0)
        self.wait_for("sotto_connections", lambda n: n <= 1)

    def test_no_file_name_of_a_clients_makes_a_file(self):
        before = sorted(os.listdir(SPOOL))
        for name in ["../../x", "/tmp/x", "x/../../y", ".", "..", "", "a\\b", "nul", "%2e%2e%2fx", "x;y", "$(id)", "`id`", "|id", "-i", "\u202e", "é" * 300]:
            self.assertIn(self.server.post(fields=[("language", "en")], file=TONE, name=name)[0], (200, 400), name)
        self.assertEqual(sorted(os.listdir(SPOOL)), before)


class Bombs(Common):
    arguments = ("--max-audio", "60", "--max-upload", "4")

    def refused(self, data, name):
        status, _, body = self.server.post(fields=[("language", "en"), ("vad_filter", "false")], file=data, name=name)
        self.assertEqual(status, 400, body)
        return json.loads(body)["error"]["message"]

    def test_a_day_of_sound_in_a_small_file_is_refused(self):
        flac = hostile_media.flac_of_hours(24)
        self.assertLess(len(flac), 400000)
        self.assertIn("60", self.refused(flac, "day.flac"))
        movie = hostile_media.mp4_of_seconds(9000)
        self.assertLess(len(movie), 100000)
        self.assertIn("60", self.refused(movie, "hours.mp4"))
        self.transcribes()

    def test_the_same_files_are_heard_when_they_are_short(self):
        for data, name in [(hostile_media.flac_of_hours(9 / 3600), "short.flac"), (hostile_media.mp4_of_seconds(7), "short.mp4")]:
            status, _, body = self.server.post(fields=[("language", "en"), ("response_format", "verbose_json")], file=data, name=name)
            self.assertEqual(status, 200, body)
            self.assertGreater(json.loads(body)["duration"], 6)

    def test_what_is_packed_is_not_unpacked(self):
        for data, name in [(hostile_media.gzip_in_gzip(1 << 24), "zeros.gz"), (hostile_media.gzip_in_gzip(1 << 24), "zeros.wav")]:
            self.refused(data, name)


class Room(Common):
    arguments = ("--max-upload", "4", "--max-spool", "4")

    def test_uploads_share_one_room_and_who_finds_none_is_told(self):
        body, kind = multipart([], tone(100))  # 3.2 MB
        head = f"POST /transcribe HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        with self.server.connect(60) as first:
            first.sendall(head + body[:-100])
            self.wait_for("sotto_spooled_bytes", lambda n: n > 3 << 20)
            status, headers, answer = self.server.request("POST", "/transcribe", body, {"Content-Type": kind})
            self.assertEqual((status, json.loads(answer)["error"]["code"]), (503, "overloaded"))
            self.assertIn("Retry-After", headers)
        self.wait_for("sotto_spooled_bytes", lambda n: n == 0)
        self.transcribes()


class Deadline(Common):
    arguments = ("--deadline", "0.1", "--max-audio", "100000")

    def test_work_ends_at_its_deadline(self):
        status, _, body = self.server.post(fields=[("language", "en"), ("vad_filter", "false")], file=tone(900))
        self.assertEqual((status, json.loads(body)["error"]["code"]), (503, "deadline_exceeded"))
        self.wait_for("sotto_running", lambda n: n == 0)


class Owners(unittest.TestCase):
    def test_a_job_is_shown_to_nobody_but_who_asked_for_it(self):
        keys = [subprocess.run([SOTTO, "serve", "--new-key", name], capture_output=True, check=True, text=True).stdout.splitlines() for name in "ab"]
        path = os.path.join(ROOM.name, "keys")
        with open(path, "w", encoding="utf-8") as file:
            file.write(keys[0][4] + "\n" + keys[1][4] + "\n")
        server = serve("--keys", path)
        try:
            mine, other = ({"Authorization": "Bearer " + key[1]} for key in keys)
            status, _, body = server.post(fields=[("language", "en"), ("async", "true")], file=TONE, headers=mine)
            self.assertEqual(status, 202, body)
            job = json.loads(body)["id"]
            for method, what in [("GET", f"/jobs/{job}"), ("GET", f"/progress/{job}"), ("GET", f"/progress/{job}/stream"), ("DELETE", f"/jobs/{job}")]:
                self.assertEqual(server.request(method, what, headers=other)[0], 404)
                self.assertEqual(server.request(method, what)[0], 401)
            until = time.monotonic() + PATIENCE
            while server.request("GET", f"/jobs/{job}/result", headers=mine)[0] != 200:
                self.assertLess(time.monotonic(), until)
                time.sleep(0.05)
            self.assertEqual(server.request("GET", f"/jobs/{job}/result", headers=other)[0], 404)
        finally:
            server.stop()


@unittest.skipUnless(shutil.which("strace"), "strace is not installed")
class Links(unittest.TestCase):
    def test_files_that_name_others_open_none(self):
        trace, canary = os.path.join(ROOM.name, "trace"), os.path.join(ROOM.name, "canary-of-links.wav")
        with open(canary, "wb") as file:
            file.write(TONE)
        if subprocess.run(["strace", "-D", "-f", "-o", trace, "true"], check=False, stderr=subprocess.DEVNULL).returncode:
            self.skipTest("nothing can be traced here")
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(0.2)
        port, met, over = listener.getsockname()[1], [], threading.Event()

        def listen():
            while not over.is_set():
                try:
                    met.append(listener.accept()[1])
                except OSError:
                    pass

        thread = threading.Thread(target=listen)
        thread.start()
        server = serve(wrapper=["strace", "-D", "-f", "-qq", "-o", trace, "-e", "trace=open,openat,openat2,connect,sendto,sendmsg,execve,readlink"],
                       environment={"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"})
        try:
            for name, data in hostile_media.links_to(canary, f"http://127.0.0.1:{port}/canary-of-links"):
                status, _, body = server.post(fields=[("language", "en")], file=data, name=name)
                self.assertIn(status, (200, 400), (name, body))  # a movie whose samples are in itself as well may be heard
            self.assertEqual(server.post(fields=[("language", "en")], file=TONE)[0], 200)
        finally:
            server.stop()
            over.set()
            thread.join()
            listener.close()
        with open(trace, encoding="utf-8", errors="replace") as file:
            lines = file.readlines()
        self.assertTrue(any("spool" in line and "open" in line for line in lines), "the trace saw nothing of the uploads")
        self.assertEqual([line for line in lines if "canary" in line], [])
        self.assertEqual([line for line in lines if re.search(r"connect\(\d+, \{sa_family=AF_INET", line)], [])
        self.assertEqual(met, [])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
