"""What an operator relies on: log levels and request ids, reload without a gap, the samples in docs/server (nginx, systemd, alerts, dashboard) and the
Debian package. What needs a program that is not installed is skipped.

Usage: operation_test.py SOTTO SYNTHETIC_MODEL [unittest options]
"""
import base64
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from support import PATIENCE, Server, drain, multipart, tone

SOTTO, SYNTHETIC = sys.argv[1:3]
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SAMPLES = os.path.join(ROOT, "docs", "server")
ROOM = tempfile.TemporaryDirectory()
TONE = tone(0.5)


def make_model(name, manner="terse", vocabulary="51865"):
    """Whole or not at all, as an operator would."""
    path = os.path.join(ROOM.name, name + ".sotto")
    subprocess.run([SYNTHETIC, path + ".new", "int8", "64", "1", "3", "80", vocabulary, manner], check=True)
    os.replace(path + ".new", path)
    return path


def setUpModule():
    make_model("synthetic")


def tearDownModule():
    ROOM.cleanup()


def serve(*arguments, **more):
    return Server(SOTTO, "-m", "synthetic", "--threads", "1", "--spool", ROOM.name, *arguments, models=ROOM.name, **more)


def read(name):
    with open(os.path.join(SAMPLES, name), encoding="utf-8") as file:
        return file.read()


def eventually(test, condition):
    until = time.monotonic() + PATIENCE
    while not condition():
        test.assertLess(time.monotonic(), until)
        time.sleep(0.05)


class Logs(unittest.TestCase):
    def test_a_requests_id_is_in_the_answer_and_in_its_line(self):
        server = serve()
        try:
            status, headers, _ = server.post(fields=[("language", "en")], file=TONE)
            self.assertEqual(status, 200)
            eventually(self, lambda: [x for x in server.lines() if x.get("event") == "request" and x.get("id") == headers["X-Request-Id"]])
            line = next(x for x in server.lines() if x.get("id") == headers["X-Request-Id"])
            self.assertEqual((line["method"], line["path"], line["status"]), ("POST", "/v1/audio/transcriptions", 200))
            self.assertEqual(line["job"], headers["X-Sotto-Job"])
        finally:
            server.stop()

    def test_a_level_says_what_is_written(self):
        seen = {}
        for level in ["debug", "info", "error"]:
            server = Server(SOTTO, "-m", "synthetic", "--threads", "1", "--spool", ROOM.name, models=ROOM.name) if level == "info" else None
            if server is None:  # below "info" the line that tells the port is not there: a port is chosen
                with socket.create_server(("127.0.0.1", 0)) as free:
                    port = free.getsockname()[1]
                log = os.path.join(ROOM.name, level)
                with open(log, "wb") as file:
                    process = subprocess.Popen([SOTTO, "serve", "-m", "synthetic", "--port", str(port), "--spool", ROOM.name, "--log-level", level],
                                               env={**os.environ, "SOTTO_MODELS": ROOM.name}, stderr=file)

                def answers(p=port):
                    try:
                        with socket.create_connection(("127.0.0.1", p), 10) as s:
                            s.sendall(b"GET /health HTTP/1.0\r\n\r\nGET /nothing HTTP/1.0\r\n\r\n")
                            return b"200" in drain(s)
                    except OSError:
                        return False

                eventually(self, answers)
                process.terminate()
                self.assertEqual(process.wait(60), 0)
                with open(log, encoding="utf-8") as file:
                    seen[level] = file.read()
            else:
                server.request("GET", "/health")
                server.request("GET", "/status")
                server.process.terminate()
                server.process.wait(60)
                seen[level] = server.text()
                server.log.close()
        self.assertEqual(seen["error"], "")
        self.assertIn("/health", seen["debug"])
        self.assertNotIn("/health", seen["info"])
        self.assertIn("/status", seen["info"])
        self.assertNotIn("{", seen["debug"])  # text, since no JSON was asked for


class Reload(unittest.TestCase):
    def test_a_model_is_replaced_while_requests_run_and_none_fails(self):
        path = make_model("changing")
        server = serve("-m", "changing")
        wrong, over = [], threading.Event()

        def ask():
            while not over.is_set():
                answer = server.post(fields=[("language", "en"), ("model", "changing")], file=TONE)
                if answer[0] != 200:
                    wrong.append(answer)

        def hash_of():
            models = json.loads(server.request("GET", "/v1/models")[2])["data"]
            return next(m["hash"] for m in models if m["id"] == "changing")

        threads = [threading.Thread(target=ask) for _ in range(3)]
        try:
            for t in threads:
                t.start()
            for vocabulary in ["51864", "51865"]:
                before = hash_of()
                make_model("changing", vocabulary=vocabulary)
                server.process.send_signal(signal.SIGHUP)
                eventually(self, lambda b=before: hash_of() != b)
            good = hash_of()
            os.remove(path)  # the mapped file lives on; a server that is told to reload keeps what it has, and says so
            server.process.send_signal(signal.SIGHUP)
            eventually(self, lambda: [x for x in server.lines() if x.get("event") == "reload" and "problem" in x])
            self.assertEqual(hash_of(), good)
            self.assertEqual(server.post(fields=[("language", "en"), ("model", "changing")], file=TONE)[0], 200)
        finally:
            over.set()
            for t in threads:
                t.join()
            status = server.stop()
        self.assertEqual((wrong, status), ([], 0))


class Samples(unittest.TestCase):
    def test_alerts_and_dashboard_ask_for_metrics_that_are_there(self):
        server = serve()
        try:
            text = server.request("GET", "/metrics")[2].decode()
        finally:
            server.stop()
        there = set(re.findall(r"(?m)^(sotto_\w+)", text))
        reasons = set(re.findall(r'reason="(\w+)"', text))
        dashboard = json.loads(read("dashboard.json"))
        asked = [t["expr"] for p in dashboard["panels"] for t in p["targets"]] + re.findall(r"expr: (.*)", read("alerts.yml"))
        self.assertGreater(len(asked), 20)
        for expression in asked:
            names = set(re.findall(r"\bsotto_\w+", expression))
            self.assertTrue(names or 'job="sotto"' in expression, expression)
            self.assertLessEqual(names, there, expression)
            self.assertLessEqual(set(re.findall(r'reason="(\w+)"', expression)), reasons, expression)
        self.assertEqual(len({p["id"] for p in dashboard["panels"]}), len(dashboard["panels"]))

    @unittest.skipUnless(shutil.which("promtool"), "promtool is not installed")
    def test_prometheus_takes_the_alerts_and_the_metrics(self):
        subprocess.run(["promtool", "check", "rules", os.path.join(SAMPLES, "alerts.yml")], check=True, capture_output=True)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd is not installed")
    def test_systemd_takes_the_unit_and_finds_it_hardened(self):
        unit = os.path.join(ROOM.name, "sotto.service")
        with open(unit, "w", encoding="utf-8") as file:
            file.write(read("sotto.service").replace("/usr/local/bin/sotto", os.path.abspath(SOTTO)))
        done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
        self.assertNotIn("sotto.service:", done.stderr)
        done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--threshold=20", unit], capture_output=True, text=True, check=False)
        if "unrecognized option" in done.stderr:
            self.skipTest("this systemd cannot look at a unit that is not loaded")
        self.assertEqual(done.returncode, 0, done.stdout[-300:])

    def test_the_container_installs_what_the_program_is_linked_to(self):
        if not shutil.which("dpkg") or not shutil.which("ldd"):
            self.skipTest("not a Debian system")
        linked = subprocess.run(["ldd", SOTTO], capture_output=True, text=True, check=True).stdout
        for library, package in [("libmicrohttpd.so.12", "libmicrohttpd12"), ("libwslay.so", "libwslay1"), ("libseccomp.so.2", "libseccomp2"),
                                 ("libnettle.so.8", "libnettle8"), ("libjansson.so.4", "libjansson4"), ("libavformat.so.59", "libavformat59")]:
            if library in linked:
                self.assertIn(package, read("Containerfile"))


@unittest.skipUnless((shutil.which("nginx") or os.path.exists("/usr/sbin/nginx")) and shutil.which("openssl"), "nginx or openssl is not installed")
class Proxy(unittest.TestCase):
    """docs/server/nginx.conf with other ports and a certificate of its own."""

    def setUp(self):
        self.server = serve("--allow-host", "transcribe.example")
        self.addCleanup(self.server.stop)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        key, certificate = os.path.join(folder.name, "key.pem"), os.path.join(folder.name, "certificate.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj",
                        "/CN=transcribe.example", "-addext", "subjectAltName=DNS:transcribe.example"], check=True, capture_output=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        site = read("nginx.conf")
        for old, new in [("listen 443", f"listen 127.0.0.1:{self.port}"), ("127.0.0.1:9004", f"127.0.0.1:{self.server.port}"),
                         ("/etc/ssl/certs/transcribe.example.pem", certificate), ("/etc/ssl/private/transcribe.example.key", key), ("513m", "1m")]:
            self.assertIn(old, site)
            site = site.replace(old, new)
        paths = "".join(f"{kind}_temp_path {folder.name}/{kind};\n" for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"])
        with open(os.path.join(folder.name, "nginx.conf"), "w", encoding="utf-8") as file:
            file.write(f"daemon off;\npid {folder.name}/pid;\nerror_log {folder.name}/errors;\nevents {{}}\nhttp {{\naccess_log off;\n{paths}{site}}}\n")
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        self.proxy = subprocess.Popen([nginx, "-p", folder.name, "-e", folder.name + "/errors", "-c", folder.name + "/nginx.conf"], stderr=subprocess.DEVNULL)
        self.addCleanup(self.proxy.wait)
        self.addCleanup(self.proxy.terminate)
        self.trust = ssl.create_default_context(cafile=certificate)

        def listens():
            self.assertIsNone(self.proxy.poll())
            try:
                self.connect().close()
                return True
            except OSError:
                return False

        eventually(self, listens)

    def connect(self):
        return self.trust.wrap_socket(socket.create_connection(("127.0.0.1", self.port), 60), server_hostname="transcribe.example")

    def ask(self, head, body=b""):
        with self.connect() as s:
            s.sendall(head.replace("\n", "\r\n").encode() + b"\r\n" + body)
            return drain(s)

    def test_requests_events_and_live_sessions_pass_through_tls(self):
        host = f"Host: transcribe.example:{self.port}\n"
        self.assertIn(b" 200 ", self.ask(f"GET /health HTTP/1.1\n{host}Connection: close\n").split(b"\r\n")[0])
        self.assertIn(b" 403 ", self.ask(f"GET /metrics HTTP/1.1\n{host}Connection: close\n").split(b"\r\n")[0])
        self.assertIn(b" 403 ", self.ask(f"GET /status HTTP/1.1\n{host}Origin: https://evil.example\nConnection: close\n").split(b"\r\n")[0])
        for stream in ["false", "true"]:
            body, kind = multipart([("language", "en"), ("stream", stream)], TONE)
            post = f"POST /v1/audio/transcriptions HTTP/1.1\n{host}Content-Type: {kind}\nContent-Length: {len(body)}\nConnection: close\n"
            answer = self.ask(post, body)
            self.assertIn(b" 200 ", answer.split(b"\r\n")[0], answer)
            self.assertIn(b"transcript.text.done" if stream == "true" else b'"text"', answer)
        big, kind = multipart([], tone(60))
        answer = self.ask(f"POST /v1/audio/transcriptions HTTP/1.1\n{host}Content-Type: {kind}\nContent-Length: {len(big)}\nConnection: close\n")
        self.assertIn(b" 413 ", answer.split(b"\r\n")[0])
        with self.connect() as s:
            key = base64.b64encode(os.urandom(16)).decode()
            s.sendall((f"GET /v1/realtime?intent=transcription HTTP/1.1\n{host}Origin: https://transcribe.example:{self.port}\nUpgrade: websocket\n"
                       f"Connection: Upgrade\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: {key}\n\n").replace("\n", "\r\n").encode())
            got = b""
            while b"session.created" not in got:
                piece = s.recv(4096)
                self.assertTrue(piece, got)
                got += piece
            self.assertIn(b" 101 ", got.split(b"\r\n")[0])


@unittest.skipUnless(shutil.which("dpkg-deb") and shutil.which("dpkg-shlibdeps"), "this is not a Debian system with dpkg-dev")
class Package(unittest.TestCase):
    def test_the_package_has_what_a_server_needs_and_its_program_runs(self):
        with tempfile.TemporaryDirectory() as folder:
            build = os.path.dirname(os.path.abspath(SOTTO))
            path = subprocess.run([os.path.join(ROOT, "scripts", "deb.sh"), build, folder], check=True, capture_output=True, text=True).stdout.strip()
            names = subprocess.run(["dpkg-deb", "-c", path], check=True, capture_output=True, text=True).stdout
            for name in ["./usr/bin/sotto", "./lib/systemd/system/sotto.service", "./etc/default/sotto", "./usr/lib/sysusers.d/sotto.conf",
                         "./usr/share/sotto/fetch.py", "./usr/share/sotto/catalogue.json", "./usr/share/doc/sotto/copyright"]:
                self.assertRegex(names, f"(?m)root/root .* {re.escape(name)}$")
            depends = subprocess.run(["dpkg-deb", "-f", path, "Depends"], check=True, capture_output=True, text=True).stdout
            for package in ["libc6", "libmicrohttpd12", "libwslay1"]:
                self.assertIn(package, depends)
            subprocess.run(["dpkg-deb", "-x", path, folder + "/tree"], check=True)
            with open(folder + "/tree/lib/systemd/system/sotto.service", encoding="utf-8") as file:
                self.assertIn("ExecStart=/usr/bin/sotto serve", file.read())
            listed = subprocess.run([folder + "/tree/usr/bin/sotto", "model", "fetch", "--list"], check=True, capture_output=True, text=True).stdout
            self.assertRegex(listed, "(?m)^base ")
            with open(SOTTO, "rb") as program:
                sanitized = re.search(b"__[at]san_init", program.read()) is not None
            if shutil.which("lintian") and not sanitized:
                done = subprocess.run(["lintian", "--fail-on", "error", path], capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
