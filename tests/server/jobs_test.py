"""Asynchronous jobs: accepted, watched, fetched, cancelled, and found again after kill -9 at any moment, each with its one result.

Usage: jobs_test.py SOTTO SYNTHETIC_MODEL [unittest options]
"""
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from support import PATIENCE, Server, tone

SOTTO, SYNTHETIC = sys.argv[1:3]
ROOM = tempfile.TemporaryDirectory()
KILLS = int(os.environ.get("SOTTO_TEST_KILLS", "20"))
PLAIN = [("language", "en"), ("vad_filter", "false")]


def setUpModule():
    for name, manner in [("synthetic", "terse"), ("wordy", "")]:
        subprocess.run([SYNTHETIC, os.path.join(ROOM.name, name + ".sotto"), "int8", "64", "1", "3", "80", "51865", manner], check=True)


def tearDownModule():
    ROOM.cleanup()


class Jobs(unittest.TestCase):
    def setUp(self):
        self.spool = tempfile.TemporaryDirectory(dir=ROOM.name)
        self.server = None

    def tearDown(self):
        if self.server:
            self.server.stop()
        self.spool.cleanup()

    def start(self, *arguments):
        self.server = Server(SOTTO, "-m", "synthetic", "-m", "wordy", "--parallel", "1", "--threads", "1", "--spool", self.spool.name, *arguments, models=ROOM.name)

    def submit(self, seconds, *fields):
        status, headers, body = self.server.post(fields=[("async", "true"), *PLAIN, *fields], file=tone(seconds))
        self.assertEqual(status, 202, body)
        return json.loads(body)["job_id"]

    def get(self, path):
        status, _, body = self.server.request("GET", path)
        return status, json.loads(body)

    def result(self, job, seconds=PATIENCE):
        until = time.monotonic() + seconds
        while True:
            status, body = self.get(f"/jobs/{job}/result")
            if status != 409:
                return status, body
            self.assertLess(time.monotonic(), until)
            time.sleep(0.05)

    def files(self):
        return sorted(name for _, _, names in os.walk(self.spool.name) for name in names)

    def test_a_job_is_accepted_watched_and_fetched(self):
        self.start()
        job = self.submit(20)
        status, body, = self.get(f"/jobs/{job}")
        self.assertEqual((status, body["job_id"]), (200, job))
        self.assertIn(body["status"], ["queued", "running", "done"])
        events = self.server.request("GET", f"/progress/{job}/stream")[2].decode()
        if events.startswith("data: "):
            last = json.loads(events.strip().split("\n\n")[-1][6:])
            self.assertEqual((last["status"], last["progress"]), ("done", 1))
        status, body = self.result(job)
        self.assertEqual((status, body["duration"], body["job_id"]), (200, 20, job))
        self.assertEqual(self.get(f"/progress/{job}")[1]["status"], "done")
        self.assertEqual(self.result(job)[1], body)
        self.assertEqual(self.files(), [job + ".result"])

    def test_a_job_that_cannot_be_done_has_its_error_as_result(self):
        self.start()
        status, _, body = self.server.post(fields=[("async", "true")], file=b"no recording" * 100)
        job = json.loads(body)["job_id"]
        self.assertEqual(status, 202)
        status, body = self.result(job)
        self.assertEqual((status, body["error"]["code"]), (400, "invalid_media"))
        self.assertEqual(self.get(f"/jobs/{job}")[1]["status"], "failed")

    def test_a_job_can_be_cancelled_and_leaves_nothing(self):
        self.start()
        running, queued = self.submit(900, ("model", "wordy")), self.submit(90)
        for job in [queued, running]:
            self.assertEqual(self.server.request("DELETE", f"/jobs/{job}")[0], 200)
        until = time.monotonic() + PATIENCE
        while self.files() and time.monotonic() < until:
            time.sleep(0.05)
        self.assertEqual(self.files(), [])
        self.assertEqual(self.get(f"/jobs/{running}")[0], 404)
        self.assertEqual(self.server.request("DELETE", f"/jobs/{running}")[0], 404)

    def test_results_go_after_their_time(self):
        self.start("--keep", "1")
        job = self.submit(1)
        self.assertEqual(self.result(job)[0], 200)
        self.server.stop()
        time.sleep(1.5)
        self.start("--keep", "1")
        until = time.monotonic() + PATIENCE
        while self.files() and time.monotonic() < until:
            time.sleep(0.05)
        self.assertEqual(self.get(f"/jobs/{job}")[0], 404)

    def test_ids_are_no_paths(self):
        self.start()
        for bad in ["x", "../../etc/passwd", "0" * 31, "0" * 33, "A" * 32, "0" * 32, "%2e%2e%2fetc", "0" * 32 + "/x"]:
            self.assertEqual(self.server.request("GET", "/jobs/" + bad)[0], 404, bad)

    def test_a_graceful_stop_keeps_what_it_cannot_finish(self):
        self.start("--drain", "0")
        working = self.submit(900, ("model", "wordy"))
        job = self.submit(90)  # too long for the worker of short ones: it waits for the other
        self.server.stop()
        self.assertIn(working + ".job", self.files())
        self.assertIn(job + ".job", self.files())
        self.start()
        self.assertEqual(self.server.request("DELETE", f"/jobs/{working}")[0], 200)
        self.assertEqual(self.result(job)[1]["duration"], 90)

    def test_no_job_is_lost_or_done_twice_when_the_server_is_killed_at_any_moment(self):
        chance = random.Random(5)
        accepted, results = {}, {}
        for _ in range(KILLS):
            self.start()
            for _ in range(chance.randrange(1, 4)):
                seconds = chance.randrange(1, 12)
                try:
                    accepted[self.submit(seconds)] = seconds
                except OSError:
                    break
                for job in list(accepted):
                    status, body = self.get(f"/jobs/{job}/result")
                    self.assertIn(status, [200, 409])
                    if status == 200:
                        self.assertEqual(results.setdefault(job, body), body)  # once published it never changes
            time.sleep(chance.random() * 0.3)
            self.server.process.send_signal(signal.SIGKILL)
            self.server.stop()
        self.start()
        for job, seconds in accepted.items():
            status, body = self.result(job)
            self.assertEqual((status, body["duration"]), (200, seconds))
            self.assertEqual(results.setdefault(job, body), body)
        self.assertGreaterEqual(len(accepted), KILLS)
        self.assertEqual(self.files(), sorted(job + ".result" for job in accepted))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
