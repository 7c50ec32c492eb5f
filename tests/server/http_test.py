"""The server over HTTP with a synthetic model: addresses, fields, errors, limits, hostile bodies, clients that go away.

Usage: http_test.py SOTTO SYNTHETIC_MODEL [unittest options]
"""
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from support import PATIENCE, Server, drain, multipart, tone

SOTTO, SYNTHETIC = sys.argv[1:3]
ROOM = tempfile.TemporaryDirectory()
TONE = tone(1)


def setUpModule():
    # What is not about long work is done by models of few words; "wordy" is busy for seconds with each chunk.
    for name, vocabulary, manner in [("synthetic", "51865", "terse"), ("english", "51864", "terse"), ("wordy", "51865", "")]:
        subprocess.run([SYNTHETIC, os.path.join(ROOM.name, name + ".sotto"), "int8", "64", "1", "3", "80", vocabulary, manner], check=True)


def tearDownModule():
    ROOM.cleanup()


def serve(*arguments, model="synthetic", **more):
    return Server(SOTTO, "-m", model, "--threads", "1", "--spool", ROOM.name, *arguments, models=ROOM.name, **more)


class Common(unittest.TestCase):
    """One server for all tests of a class."""
    arguments = ()
    model = "synthetic"

    @classmethod
    def setUpClass(cls):
        cls.server = serve(*cls.arguments, model=cls.model)

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0, cls.server.text()

    def problem(self, answer, status, param=None, code=None):
        self.assertEqual(answer[0], status, answer[2])
        error = json.loads(answer[2])["error"]
        self.assertEqual(set(error), {"message", "type", "param", "code"})
        self.assertTrue(error["message"])
        if param:
            self.assertEqual(error["param"], param)
        if code:
            self.assertEqual(error["code"], code)
        return error

    def alive(self):
        self.assertEqual(self.server.request("GET", "/health")[0], 200)


class Addresses(Common):
    arguments = ("-m", "english")

    def test_health_models_status_and_metrics_answer(self):
        for path in ["/health", "/health/live", "/health/ready"]:
            status, headers, body = self.server.request("GET", path)
            self.assertEqual((status, json.loads(body)["status"]), (200, "ok"))
            self.assertIn("X-Request-Id", headers)
        for path in ["/models", "/v1/models"]:
            models = json.loads(self.server.request("GET", path)[2])
            self.assertEqual([m["id"] for m in models["data"]], ["synthetic", "english"])
        self.assertEqual(json.loads(self.server.request("GET", "/v1/models/english")[2])["id"], "english")
        self.assertEqual(json.loads(self.server.request("GET", "/status")[2])["status"], "ok")
        metrics = self.server.request("GET", "/metrics")[2].decode()
        self.assertRegex(metrics, r'(?m)^sotto_responses_total\{code="200"\} [1-9]')

    def test_what_is_not_there_or_not_so_meant_is_an_error_object(self):
        self.problem(self.server.request("GET", "/nothing"), 404)
        self.problem(self.server.request("GET", "/v1/models/large"), 404)
        answer = self.server.request("GET", "/transcribe")
        self.problem(answer, 405)
        self.assertEqual(answer[1]["Allow"], "POST")
        self.problem(self.server.request("OPTIONS", "/transcribe"), 405)
        self.problem(self.server.request("POST", "/transcribe", b"{}", {"Content-Type": "application/json"}), 415)

    def test_a_head_request_has_no_body(self):
        status, headers, body = self.server.request("HEAD", "/health")
        self.assertEqual((status, body), (200, b""))

    def test_every_response_format_has_its_type(self):
        kinds = {"json": "application/json", "verbose_json": "application/json", "text": "text/plain", "srt": "application/x-subrip",
                 "vtt": "text/vtt"}
        for shape, kind in kinds.items():
            status, headers, body = self.server.post(fields=[("response_format", shape), ("language", "en")], file=TONE)
            self.assertEqual(status, 200, body)
            self.assertTrue(headers["Content-Type"].startswith(kind), headers)
            self.assertEqual(headers["X-Sotto-Device"], "cpu")
        self.assertTrue(body.startswith(b"WEBVTT"))

    def test_silence_gives_the_full_schema(self):
        silence = TONE[:44] + bytes(len(TONE) - 44)
        for path in ["/transcribe", "/v1/audio/transcriptions"]:
            status, _, body = self.server.post(path, [("response_format", "verbose_json"), ("language", "en")], silence)
            answer = json.loads(body)
            self.assertEqual(status, 200)
            for field in ["text", "language", "duration", "segments", "task", "processing_time", "realtime_factor", "hardware", "speakers",
                          "job_id", "device", "usage"]:
                self.assertIn(field, answer)
            self.assertEqual(answer["duration"], 1)

    def test_the_old_service_field_name_and_form_are_taken(self):
        status, _, body = self.server.post("/transcribe", [("language", "en"), ("vad_filter", "true"), ("unknown", "x" * 100000)], TONE,
                                           field="audio")
        self.assertEqual(status, 200, body)
        self.assertEqual(json.loads(body)["language"], "en")

    def test_a_wrong_value_names_its_field(self):
        for field, value, status in [("response_format", "yaml", 400), ("temperature", "hot", 400), ("temperature", "7", 400),
                                     ("temperature", "nan", 400), ("language", "klingon", 400), ("model", "huge", 404),
                                     ("stream", "perhaps", 400), ("timestamp_granularities[]", "phrase", 400), ("vad_filter", "2", 400),
                                     ("min_speakers", "0", 400), ("num_speakers", "1.5", 400), ("prompt", "x" * 20000, 400)]:
            error = self.problem(self.server.post(fields=[(field, value)], file=TONE), status, field)
            self.assertEqual(error["type"], "not_found_error" if status == 404 else "invalid_request_error")
        self.problem(self.server.post(fields=[("model", "english"), ("language", "de")], file=TONE), 400, "language")

    def test_a_missing_or_empty_or_second_file_is_told(self):
        self.problem(self.server.post(fields=[("language", "en")]), 400, "file", "missing_file")
        self.problem(self.server.post(file=b""), 400, "file", "empty_file")
        body, kind = multipart([], TONE)
        twice = body.replace(b"--b0undary--\r\n", b"") + body
        self.problem(self.server.request("POST", "/transcribe", twice, {"Content-Type": kind}), 400, "file")

    def test_what_is_no_recording_is_told(self):
        for junk in [b"hello, world" * 100, bytes(1000), TONE[:44], b"RIFF\xff\xff\xff\xffWAVEfmt "]:
            self.problem(self.server.post(file=junk), 400)
        playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
        self.assertIn("never followed", self.problem(self.server.post(file=playlist, name="list.m3u8"), 400)["message"])
        self.alive()

    def test_a_clients_file_name_is_never_a_path(self):
        for name in ["../../../etc/passwd", "/etc/passwd", "..\\..\\x", "a%00b", "con", "x" * 400, "http://127.0.0.1/x"]:
            status, _, body = self.server.post(fields=[("language", "en")], file=TONE, name=name)
            self.assertEqual(status, 200, body)
        error = self.problem(self.server.post(file=b"junk" * 50, name="../../../etc/shadow"), 400)
        self.assertNotIn("/", error["message"])

    def test_events_come_as_they_should(self):
        status, headers, body = self.server.post(fields=[("stream", "true"), ("language", "en"), ("vad_filter", "false")], file=tone(3))
        self.assertEqual(status, 200)
        self.assertTrue(headers["Content-Type"].startswith("text/event-stream"))
        events = [json.loads(line[6:]) for line in body.decode().split("\n\n") if line]
        self.assertEqual(events[-1]["type"], "transcript.text.done")
        self.assertEqual("".join(e["delta"] for e in events if e["type"] == "transcript.text.delta").rstrip(), events[-1]["text"])

    def test_a_stream_that_fails_before_it_begins_is_an_error(self):
        self.problem(self.server.post(fields=[("stream", "true")], file=b"junk" * 100), 400)

    def test_transcripts_and_file_names_stay_out_of_the_log(self):
        self.server.post(fields=[("language", "en"), ("prompt", "sesame-open")], file=TONE, name="secret-name.wav")
        self.assertNotIn("secret-name", self.server.text())
        self.assertNotIn("sesame-open", self.server.text())
        self.assertFalse([line for line in self.server.lines() if line["event"] == "transcript"])


class Bodies(Common):
    arguments = ("--header-timeout", "3")  # for which a connection is kept after a request that was refused

    def send(self, body, kind="multipart/form-data; boundary=b"):
        return self.server.request("POST", "/transcribe", body, {"Content-Type": kind})

    def test_malformed_multipart_is_told(self):
        head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
        for body in [b"", b"x", b"--b", head, head + TONE, head + TONE + b"\r\n--b", b"--b\r\n\r\n" + TONE + b"\r\n--b--\r\n",
                     b"--b\nContent-Disposition: form-data; name=file\n\n" + TONE + b"\n--b--\n",
                     head.replace(b"form-data", b"attachment") + TONE + b"\r\n--b--\r\n",
                     b"--b\r\n" + b"X: " + b"y" * 5000 + b"\r\n\r\n\r\n--b--\r\n",
                     (b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n\r\n' * 300) + b"--b--\r\n"]:
            self.problem(self.send(body), 400)
        for kind in ["multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=b", "text/plain",
                     "multipart/form-data; boundary=" + "x" * 71, 'multipart/form-data; boundary="b']:
            self.problem(self.send(head + TONE + b"\r\n--b--\r\n", kind), 415)
        self.alive()

    def test_a_field_that_is_no_text_is_told(self):
        body = b'--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n\xff\xfe\r\n--b--\r\n'
        self.problem(self.send(body), 400, "prompt")

    def test_a_body_in_chunks_or_in_single_bytes_is_the_same(self):
        body, kind = multipart([("language", "en")], tone(0.1))
        head = f"POST /transcribe HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nConnection: close\r\n".encode()
        pieces = b"".join(b"%x\r\n%s\r\n" % (len(body[i : i + 701]), body[i : i + 701]) for i in range(0, len(body), 701)) + b"0\r\n\r\n"
        self.assertIn(b" 200 ", self.server.raw(head + b"Transfer-Encoding: chunked\r\n\r\n" + pieces).split(b"\r\n")[0])
        with self.server.connect() as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body))
            for i in range(len(body)):
                s.sendall(body[i : i + 1])
            self.assertIn(b" 200 ", drain(s).split(b"\r\n")[0])

    def test_both_framings_at_once_are_refused(self):
        answer = self.server.raw(b"POST /transcribe HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n"
                                 b"Content-Type: multipart/form-data; boundary=b\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertNotIn(b" 200 ", answer)

    def test_other_sites_cannot_use_a_browser_against_us(self):
        self.problem(self.server.request("GET", "/status", headers={"Origin": "http://evil.example"}), 403)
        self.problem(self.server.request("GET", "/status", headers={"Host": "evil.example:9004"}), 403)
        own = f"127.0.0.1:{self.server.port}"
        self.assertEqual(self.server.request("GET", "/status", headers={"Origin": "http://" + own, "Host": own})[0], 200)
        self.assertNotIn("Access-Control-Allow-Origin", self.server.request("GET", "/status")[1])


class Limits(Common):
    arguments = ("--max-upload", "1", "--max-audio", "20", "--header-timeout", "2", "--body-timeout", "3", "--idle-timeout", "2",
                 "--per-address", "20", "--queue", "3", "--max-spool", "64")


    def test_slow_headers_are_cut_off(self):
        with self.server.connect() as s:
            s.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")
            until = time.monotonic() + PATIENCE
            with self.assertRaises(OSError):
                while time.monotonic() < until:  # never idle, never done
                    s.sendall(b"X-A: b\r\n")
                    time.sleep(0.3)
        self.alive()

    def test_a_slow_body_is_cut_off(self):
        with self.server.connect() as s:
            s.sendall(b"POST /transcribe HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n"
                      b"Content-Type: multipart/form-data; boundary=b\r\n\r\n")
            until = time.monotonic() + PATIENCE
            with self.assertRaises(OSError):
                while time.monotonic() < until:
                    s.sendall(b"-")
                    time.sleep(0.3)
        self.alive()

    def test_idle_connections_are_closed(self):
        with self.server.connect() as s:
            self.assertEqual(drain(s), b"")
        with self.server.connect() as s:
            s.sendall(b"POST /transcribe HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n"
                      b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n")
            drain(s)

    def test_a_large_upload_is_refused_with_and_without_a_length(self):
        big = tone(70)
        self.problem(self.server.post(file=big), 413, "file")
        body, kind = multipart([], big)
        head = f"POST /transcribe HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n".encode()
        answer = self.server.raw(head + b"Content-Length: 99999999999\r\nExpect: 100-continue\r\n\r\n")
        self.assertIn(b" 413 ", answer.split(b"\r\n")[0])
        pieces = b"".join(b"%x\r\n%s\r\n" % (len(body[i : i + 65536]), body[i : i + 65536]) for i in range(0, len(body), 65536))
        answer = self.server.raw(head + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + pieces + b"0\r\n\r\n")
        self.assertIn(b" 413 ", answer.split(b"\r\n")[0])
        self.alive()

    def test_an_endless_upload_is_broken_off(self):
        head = (b"POST /transcribe HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n")
        sent = 0
        with self.server.connect() as s:
            with self.assertRaises(OSError):
                s.sendall(head)
                while sent < 400 << 20:
                    s.sendall(b"10000\r\n" + bytes(65536) + b"\r\n")
                    sent += 65536
        self.assertLess(sent, 100 << 20)
        self.alive()

    def test_headers_that_are_too_long_are_refused(self):
        answer = self.server.raw(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 200000 + b"\r\n\r\n")
        self.assertNotIn(b" 200 ", answer[:20])
        answer = self.server.raw(b"GET /" + b"y" * 200000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertNotIn(b" 200 ", answer[:20])
        self.alive()

    def test_a_recording_of_too_many_seconds_is_refused(self):
        self.problem(self.server.post(fields=[("language", "en")], file=tone(25)), 400)

    def test_one_address_has_so_many_connections_and_no_more(self):
        held, refused = [], False
        try:
            while not refused and len(held) < 200:
                try:
                    s = self.server.connect()
                    held.append(s)
                    s.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    refused = s.recv(100) == b""
                except OSError:
                    refused = True
            self.assertTrue(refused)
            self.assertGreaterEqual(len(held), 20)
        finally:
            for s in held:
                s.close()
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                return self.alive()
            except OSError:  # the closed ones still count
                time.sleep(0.05)
        self.fail("nobody is let in again")

    def test_a_full_queue_says_when_to_come_again(self):
        server = serve("--queue", "3")
        body, kind = multipart([("language", "en")], tone(0.5))
        head = f"POST /transcribe HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        try:
            held = [server.connect() for _ in range(3)]
            for s in held:
                s.sendall(head + body[:100])
            until = time.monotonic() + PATIENCE
            answer = server.post(fields=[("language", "en")], file=TONE)
            while answer[0] == 200 and time.monotonic() < until:  # not all three have been read yet
                answer = server.post(fields=[("language", "en")], file=TONE)
            self.problem(answer, 429)
            self.assertGreaterEqual(int(answer[1]["Retry-After"]), 1)
            for s in held:
                s.sendall(body[100:])
            for s in held:
                self.assertIn(b" 200 ", s.recv(1000).split(b"\r\n")[0])
                s.close()
            self.assertEqual(server.post(fields=[("language", "en")], file=TONE)[0], 200)
        finally:
            server.stop()


class Clients(Common):
    arguments = ("--max-audio", "7200", "--parallel", "1", "-m", "synthetic")
    model = "wordy"

    def metric(self, name):
        for line in self.server.request("GET", "/metrics")[2].decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        self.fail(name)

    def wait_for(self, name, value, seconds=PATIENCE):
        until = time.monotonic() + seconds
        while self.metric(name) != value:
            self.assertLess(time.monotonic(), until, f"{name} is {self.metric(name)}")
            time.sleep(0.05)

    def test_work_stops_when_its_client_goes_away(self):
        body, kind = multipart([("language", "en"), ("vad_filter", "false")], tone(1200))
        head = f"POST /transcribe HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        for how in ["working", "streaming", "uploading"]:
            with self.server.connect() as s:
                s.sendall(head + body[: len(body) // 2 if how == "uploading" else len(body)])
                if how != "uploading":
                    self.wait_for("sotto_running", 1)
            self.wait_for("sotto_running", 0)
            self.wait_for("sotto_spooled_bytes", 0)
        self.alive()

    def test_a_queued_request_of_a_client_who_left_is_not_begun(self):
        body, kind = multipart([("language", "en"), ("vad_filter", "false")], tone(600))
        head = f"POST /transcribe HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        with self.server.connect() as first, self.server.connect() as second:
            first.sendall(head + body)
            self.wait_for("sotto_running", 1)
            second.sendall(head + body)
            self.wait_for("sotto_waiting", 1)
            second.close()
            self.wait_for("sotto_waiting", 0)
            self.assertEqual(self.metric("sotto_running"), 1)
        self.wait_for("sotto_running", 0)

    def test_a_short_request_does_not_wait_for_long_ones(self):
        body, kind = multipart([("language", "en"), ("vad_filter", "false")], tone(1200))
        head = f"POST /transcribe HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        held = [self.server.connect() for _ in range(3)]
        try:
            for s in held:
                s.sendall(head + body)
            self.wait_for("sotto_waiting", 2)
            self.assertEqual(self.server.post(fields=[("model", "synthetic"), ("language", "en")], file=tone(3))[0], 200)
            self.wait_for("sotto_running", 1) # its answer is out a moment before its place is free
            self.assertEqual(self.metric("sotto_waiting"), 2)
        finally:
            for s in held:
                s.close()
        self.wait_for("sotto_running", 0)

    def test_answers_do_not_get_mixed_up(self):
        lengths = [0.3 + 0.1 * i for i in range(24)]
        got = [None] * len(lengths)

        def one(i):
            got[i] = self.server.post(fields=[("model", "synthetic"), ("response_format", "verbose_json"), ("language", "en")],
                                      file=tone(lengths[i]))

        threads = [threading.Thread(target=one, args=(i,)) for i in range(len(lengths))]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for i, answer in enumerate(got):
            self.assertEqual(answer[0], 200, answer[2])
            self.assertAlmostEqual(json.loads(answer[2])["duration"], lengths[i], places=2)


class Keys(unittest.TestCase):
    def make(self, name):
        lines = subprocess.run([SOTTO, "serve", "--new-key", name], capture_output=True, check=True, text=True).stdout.splitlines()
        return lines[1], lines[4]

    def test_keys_are_asked_for_and_counted(self):
        key, line = self.make("anna")
        other, limited = self.make("bert")
        path = os.path.join(ROOM.name, "keys")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"# people\n{line}\n{limited} 2\n")
        with open(path, encoding="utf-8") as file:
            self.assertNotIn(key, file.read())
        server = serve("--keys", path)
        try:
            def post(secret):
                return server.post(fields=[("language", "en")], file=TONE, headers={"Authorization": "Bearer " + secret} if secret else {})

            for wrong in [None, "", "sotto-", key + "x", key[:-1], line.split()[1], "x" * 10000]:
                self.assertEqual(post(wrong)[0], 401, wrong)
            self.assertEqual(server.request("GET", "/v1/models")[0], 401)
            self.assertEqual(server.request("GET", "/health")[0], 200)
            self.assertEqual([post(key)[0] for _ in range(3)], [200] * 3)
            # Nothing to compute: the three come in less than the half minute after which one more is allowed.
            statuses = [server.post(file=b"", headers={"Authorization": "Bearer " + other}) for _ in range(3)]
            self.assertEqual([s[0] for s in statuses], [400, 400, 429])
            self.assertGreaterEqual(int(statuses[2][1]["Retry-After"]), 1)
            with open(path, "w", encoding="utf-8") as file:
                file.write(limited + "\n")
            server.process.send_signal(signal.SIGHUP)
            until = time.monotonic() + PATIENCE
            while post(key)[0] != 401 and time.monotonic() < until:
                time.sleep(0.05)
            self.assertEqual(post(key)[0], 401)
            self.assertNotIn(key, server.text())
        finally:
            server.stop()


class Stopping(unittest.TestCase):
    def test_what_is_being_worked_on_is_finished(self):
        server = serve("--drain", "600")
        got = []
        thread = threading.Thread(target=lambda: got.append(server.post(fields=[("language", "en"), ("vad_filter", "false")], file=tone(150))))
        thread.start()
        until = time.monotonic() + PATIENCE
        while b"sotto_running 1\n" not in server.request("GET", "/metrics")[2] and thread.is_alive() and time.monotonic() < until:
            time.sleep(0.005)
        self.assertEqual(server.stop(), 0)
        thread.join()
        self.assertEqual(got[0][0], 200)

    def test_a_stop_that_may_not_wait_answers_all_the_same(self):
        server = serve("--drain", "0", model="wordy")
        got = []
        thread = threading.Thread(target=lambda: got.append(server.post(fields=[("language", "en"), ("vad_filter", "false")], file=tone(900))))
        thread.start()
        until = time.monotonic() + PATIENCE
        while b"sotto_running 1\n" not in server.request("GET", "/metrics")[2] and time.monotonic() < until:
            time.sleep(0.005)
        self.assertEqual(server.stop(), 0)
        thread.join()
        self.assertEqual(got[0][0], 503)

    def test_a_bad_model_or_option_is_one_line_and_no_server(self):
        for arguments, status in [(["-m", "missing"], 1), (["--port", "x"], 2), (["--queue", "0"], 2), (["--nonsense"], 2), (["file"], 2),
                                  (["-m", "synthetic", "--keys", "/nonexistent"], 1)]:
            done = subprocess.run([SOTTO, "serve", *arguments], env={**os.environ, "SOTTO_MODELS": ROOM.name}, capture_output=True, timeout=PATIENCE)
            self.assertEqual(done.returncode, status, done.stderr)
            self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
