"""Requests that go to an NPU (the emulated one): how many, which, what they answer, and the way back to the CPU.

Usage: npu_test.py SOTTO SYNTHETIC_MODEL [unittest options]
"""
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from support import PATIENCE, Server, tone

SOTTO, SYNTHETIC = sys.argv[1:3]
ROOM = tempfile.TemporaryDirectory()
SPEECH = tone(2)
FIELDS = [("language", "en"), ("vad_filter", "false"), ("temperature", "0.2")]


def setUpModule():
    subprocess.run([SYNTHETIC, os.path.join(ROOM.name, "synthetic.sotto"), "int8", "64", "1", "3", "80", "51865", "terse"], check=True)


def tearDownModule():
    ROOM.cleanup()


def share(name):
    """The place of an id among 100, as the server has it."""
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = (h ^ byte) * 0x100000001B3 % 2**64
    h ^= h >> 33
    h = h * 0xFF51AFD7ED558CCD % 2**64
    return (h ^ h >> 33) % 100


class Npu(unittest.TestCase):
    server = None

    def tearDown(self):
        if self.server:
            self.server.stop()

    def start(self, *arguments, fault=None, enabled=None):
        environment = {"NPU_MATMUL_ENABLED": enabled or ""}
        environment["SOTTO_EMULATOR_FAULT"] = fault or ""
        self.server = Server(SOTTO, "-m", "synthetic", "--threads", "1", "--spool", ROOM.name, *arguments, models=ROOM.name,
                             environment=environment)

    def post(self, key=None):
        """(device, job, text)"""
        headers = {"Authorization": "Bearer " + key} if key else {}
        status, headers, body = self.server.post(fields=FIELDS, file=SPEECH, headers=headers)
        self.assertEqual(status, 200, body)
        answer = json.loads(body)
        self.assertEqual(headers["X-Sotto-Device"], answer["device"])
        return answer["device"], headers["X-Sotto-Job"], answer["text"]

    def npu(self):
        status, _, body = self.server.request("GET", "/health")
        self.assertEqual(status, 200)
        return json.loads(body)["npu"]

    def metric(self, name):
        for line in self.server.request("GET", "/metrics")[2].decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[-1])
        self.fail(name)

    def wait(self, what):
        """Until it is so: an answer may come before all that is to be learnt from it."""
        until = time.monotonic() + PATIENCE
        while not what():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.05)

    def test_a_part_of_the_requests_goes_there_by_their_ids_and_all_say_the_same(self):
        self.start("--device", "emulator", "--npu-rollout", "50")
        answers = [self.post() for _ in range(16)]
        self.assertEqual([device for device, _, _ in answers], ["emulator" if share(job) < 50 else "cpu" for _, job, _ in answers])
        self.assertEqual(len({text for _, _, text in answers}), 1)
        there = sum(device == "emulator" for device, _, _ in answers)
        self.wait(lambda: self.metric('sotto_transcriptions_total{path="emulator"}') == there)
        self.wait(lambda: self.metric('sotto_transcriptions_total{path="cpu"}') == 16 - there)
        self.assertEqual(self.metric('sotto_path_sound_seconds_total{path="emulator"}'), 2 * there)
        self.assertEqual(self.metric("sotto_npu_mismatches_total"), 0)
        self.assertEqual(self.metric("sotto_npu_rollout_percent"), 50)
        if there:
            self.assertGreater(self.metric("sotto_npu_busy_seconds_total"), 0)
            self.assertGreater(self.metric('sotto_path_realtime_factor{path="emulator"}'), 0)
            self.assertGreater(self.metric("sotto_npu_utilisation"), 0)
        self.assertEqual(self.npu(), {"device": "emulator", "rollout": 50, "returned": False})

    def test_an_admin_changes_the_share_while_it_runs(self):
        keys, lines = {}, []
        for name in ["anna", "root"]:
            out = subprocess.run([SOTTO, "serve", "--new-key", name], capture_output=True, check=True, text=True).stdout.splitlines()
            keys[name] = out[1]
            lines.append(out[4] + (" admin" if name == "root" else ""))
        path = os.path.join(ROOM.name, "keys")
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        self.start("--device", "emulator", "--npu-rollout", "0", "--keys", path)

        def ask(method, query, name=None):
            headers = {"Authorization": "Bearer " + keys[name]} if name else {}
            return self.server.request(method, "/admin/npu" + query, headers=headers)

        self.assertEqual(self.post(keys["anna"])[0], "cpu")
        self.assertEqual([ask("POST", "?rollout=100")[0], ask("POST", "?rollout=100", "anna")[0]], [401, 403])
        for wrong in ["101", "-1", "", "x", "1e1", "0100"]:
            self.assertEqual(ask("POST", "?rollout=" + wrong, "root")[0], 400, wrong)
        self.assertEqual(self.npu()["rollout"], 0)
        self.assertEqual(json.loads(ask("POST", "?rollout=100", "root")[2])["rollout"], 100)
        self.assertEqual(self.post(keys["anna"])[0], "emulator")
        self.assertEqual(json.loads(ask("GET", "?rollout=50", "root")[2])["rollout"], 100)
        ask("POST", "?rollout=0", "root")
        self.assertEqual(self.post(keys["anna"])[0], "cpu")

    def test_without_keys_nobody_is_an_admin(self):
        self.start()
        self.assertEqual(self.server.request("POST", "/admin/npu?rollout=100")[0], 403)
        self.assertEqual(self.npu()["rollout"], 0)

    def test_a_wrong_product_sends_everything_back_to_the_cpu(self):
        self.start("--device", "cpu")
        truth = self.post()[2]
        self.server.stop()
        self.start("--device", "emulator", fault="flip:14:5")  # after the known answers, in the first request
        self.assertEqual(self.post()[2], truth)
        self.wait(lambda: self.npu()["returned"])
        self.assertIn("wrong", self.npu()["reason"])
        self.assertEqual(self.post()[::2], ("cpu", truth))
        self.assertEqual(self.metric("sotto_npu_returned"), 1)
        self.assertEqual(self.metric("sotto_npu_mismatches_total"), 1)
        self.assertGreater(self.metric("sotto_product_fallbacks_total"), 0)
        self.assertTrue([line for line in self.server.lines() if line["event"] == "npu_returned"])

    def test_a_device_that_cannot_be_used_costs_nobody_his_answer(self):
        self.start("--device", "emulator", fault="firmware")
        for _ in range(3):
            self.assertEqual(self.post()[0], "cpu")
        self.wait(lambda: self.npu()["returned"])
        self.assertIn("3 of the last 3", self.npu()["reason"])
        self.assertEqual(self.metric("sotto_npu_unusable_total"), 3)
        self.assertEqual(self.post()[0], "cpu")
        self.assertEqual(self.metric("sotto_npu_unusable_total"), 3)

    def test_requests_on_both_paths_at_once_do_not_get_mixed_up(self):
        self.start("--device", "emulator", "--npu-rollout", "50", "--parallel", "4")
        got = [None] * 8

        def one(i):
            got[i] = self.post()

        threads = [threading.Thread(target=one, args=(i,)) for i in range(len(got))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([device for device, _, _ in got], ["emulator" if share(job) < 50 else "cpu" for _, job, _ in got])
        self.assertEqual(len({text for _, _, text in got}), 1)

    def test_the_environment_decides_where_no_option_does(self):
        self.start("--npu-rollout", "30", enabled="0")
        self.assertEqual(self.npu()["rollout"], 0)
        self.server.stop()
        self.start(enabled="1")
        self.assertEqual((self.npu()["device"], self.npu()["rollout"]), ("xdna", 100))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
