"""Fields of a request beyond the plain ones: chunking strategies, keywords, known speakers, and the fields that answers have.

Usage: fields_test.py SOTTO SYNTHETIC_MODEL [unittest options]
"""
import base64
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest

from support import PATIENCE, Server, tone

SOTTO, SYNTHETIC = sys.argv[1:3]
ROOM = tempfile.TemporaryDirectory()
TONE = tone(1)
URL = "data:audio/wav;base64," + base64.b64encode(TONE).decode()


def setUpModule():
    subprocess.run([SYNTHETIC, os.path.join(ROOM.name, "synthetic.sotto"), "int8", "64", "1", "3", "80", "51865", "terse"], check=True)


def tearDownModule():
    ROOM.cleanup()


class Fields(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(SOTTO, "-m", "synthetic", "--threads", "1", "--spool", ROOM.name, models=ROOM.name)

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0, cls.server.text()

    def post(self, *fields, path="/v1/audio/transcriptions"):
        status, _, body = self.server.post(path, [("language", "en"), *fields], TONE)
        return status, body.decode()

    def wrong(self, field, *fields):
        status, body = self.post(*fields)
        self.assertEqual((status, json.loads(body)["error"]["param"]), (400, field), body)

    def test_chunking_strategies_are_taken_as_text_object_or_fields(self):
        for fields in [[("chunking_strategy", "auto")], [("chunking_strategy", "")],
                       [("chunking_strategy", '{"type":"server_vad","threshold":0.6,"prefix_padding_ms":200,"silence_duration_ms":300}')],
                       [("chunking_strategy[type]", "server_vad"), ("chunking_strategy[threshold]", "0.6")]]:
            self.assertEqual(self.post(*fields)[0], 200, fields)
        for value in ["manual", "{", '{"type":"semantic"}', '{"threshold":0.5}', '{"type":"server_vad","threshold":2}', '{"type":"server_vad","threshold":"x"}',
                      '{"type":"server_vad","prefix_padding_ms":-1}', '{"type":"server_vad","silence_duration_ms":1e9}', "[" * 5000]:
            self.wrong("chunking_strategy", ("chunking_strategy", value))
        self.wrong("chunking_strategy", ("chunking_strategy[type]", "server_vad"), ("chunking_strategy[threshold]", "nan"))

    def test_keywords_are_taken_one_by_one_and_not_without_end(self):
        self.assertEqual(self.post(("keywords[]", "sotto"), ("keywords[]", "Straße"), ("hotwords", "a,b"))[0], 200)
        self.wrong("keywords[]", *[("keywords[]", "x")] * 101)

    def test_known_speakers_come_in_pairs_of_a_name_and_a_voice(self):
        name, voice = ("known_speaker_names[]", "Ann"), ("known_speaker_references[]", URL)
        self.wrong("known_speaker_names[]", name)
        self.wrong("known_speaker_names[]", voice)
        self.wrong("known_speaker_names[]", ("known_speaker_names[]", ""), voice)
        self.wrong("known_speaker_names[]", ("known_speaker_names[]", "x" * 100), voice)
        self.wrong("known_speaker_references[]", *[name] * 5, *[voice] * 5)

    def test_a_voice_is_a_whole_data_url_of_bounded_size(self):
        name = ("known_speaker_names[]", "Ann")
        for value in ["", "x", "http://127.0.0.1/voice.wav", "file:///etc/passwd", "data:audio/wav,abc", "data:audio/wav;base64,", "data:audio/wav;base64,A",
                      "data:;base64,???", "x" * 1000, "data:" + "x" * 200 + ";base64,AAAA", "data:;base64," + "A" * (6 << 20)]:
            self.wrong("known_speaker_references[]", name, ("known_speaker_references[]", value))

    def test_a_voice_that_is_no_recording_or_too_long_is_told(self):
        name = ("known_speaker_names[]", "Ann")
        for sound in [b"junk" * 100, tone(40)]:
            status, body = self.post(name, ("known_speaker_references[]", "data:;base64," + base64.b64encode(sound).decode()))
            self.assertEqual(status, 400, body)
            self.assertIn("known_speaker_references[]", json.loads(body)["error"]["message"])

    def test_nothing_is_held_after_the_answer(self):
        until = time.monotonic() + PATIENCE
        while "\nsotto_spooled_bytes 0\n" not in self.server.request("GET", "/metrics")[2].decode():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.05)

    def test_answers_have_openais_fields_and_the_old_services(self):
        old = {"processing_time", "realtime_factor", "hardware", "speakers", "job_id"}
        both = {"text", "duration", "language", "usage", "task"} | old
        for path in ["/v1/audio/transcriptions", "/transcribe"]:
            answer = json.loads(self.post(("response_format", "verbose_json"), ("timestamp_granularities[]", "word"),
                                          ("timestamp_granularities[]", "segment"), path=path)[1])
            self.assertLessEqual(both | {"segments"}, set(answer))
            for segment in answer["segments"]:
                self.assertLessEqual({"id", "seek", "start", "end", "text", "tokens", "temperature", "avg_logprob", "compression_ratio",
                                      "no_speech_prob"}, set(segment))
        answer = json.loads(self.post(("response_format", "json"))[1])
        self.assertLessEqual(both, set(answer))
        self.assertEqual(answer["usage"], {"type": "duration", "seconds": 1})

    def test_how_far_a_job_is_can_be_read_once_and_as_a_stream(self):
        status, _, body = self.server.post(fields=[("language", "en"), ("async", "true")], file=TONE)
        self.assertEqual(status, 202, body)
        job = json.loads(body)["id"]
        stream = self.server.request("GET", f"/progress/{job}/stream")
        self.assertTrue(stream[1]["Content-Type"].startswith("text/event-stream"))
        self.assertIn(b"done", stream[2].split(b"\n\n")[-2])
        for _ in range(2):  # the second time it is long over
            until = time.monotonic() + PATIENCE
            while json.loads(self.server.request("GET", f"/progress/{job}")[2])["status"] != "done":
                self.assertLess(time.monotonic(), until)
                time.sleep(0.05)
            kind, body = self.server.request("GET", f"/progress/{job}/stream")[1:]
            self.assertTrue(kind["Content-Type"].startswith("text/event-stream"))
            self.assertEqual(json.loads(body.split(b"\n\n")[-2][6:])["status"], "done")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
