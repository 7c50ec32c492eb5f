"""diarize_test.py SOTTO RECORDING RTTM: the demo recording from samples to words with speakers, and input that has few or none."""

import json
import math
import os
import random
import subprocess
import sys
import tempfile
import unittest
import wave

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "accuracy"))
import der  # noqa: E402

SOTTO, RECORDING, LABELS = sys.argv[1:4]
SKIPPED = 77


def run(*arguments, **environment):
    done = subprocess.run([SOTTO, *arguments], capture_output=True, env={**os.environ, **environment})
    if done.returncode:
        raise AssertionError(done.stderr.decode())
    return done.stdout


def have(*names):
    folder = os.environ.get("SOTTO_MODELS") or os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "sotto")
    return all(os.path.exists(os.path.join(folder, name + ".sotto")) for name in names)


def samples(start, end):
    with wave.open(RECORDING) as sound:
        sound.setpos(int(start * sound.getframerate()))
        return sound.readframes(int((end - start) * sound.getframerate()))


class Speakers(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()

    def tearDown(self):
        self.folder.cleanup()

    def sound(self, name, frames):
        path = os.path.join(self.folder.name, name)
        with wave.open(path, "wb") as out:
            out.setparams((1, 2, 16000, 0, "NONE", ""))
            out.writeframes(frames)
        return path

    def content(self, name):
        with open(os.path.join(self.folder.name, name), encoding="utf-8") as file:
            return file.read()

    def diarize(self, path, *arguments):
        return json.loads(run("diarize", "-q", "-f", "json", path, *arguments))

    def test_turns_are_those_that_people_heard(self):
        path = os.path.join(self.folder.name, "found.rttm")
        with open(path, "wb") as file:
            file.write(run("diarize", "-q", RECORDING))
        real, found = der.read_rttm(LABELS), der.read_rttm(path)
        self.assertEqual({speaker for *_, speaker in found}, {"SPEAKER_00", "SPEAKER_01"})
        self.assertLessEqual(der.rate([der.score(real, found, 30.0)]), 6.0)
        self.assertEqual(der.rate([der.score(real, found, 30.0, 0.25)]), 0.0)
        fast = self.diarize(RECORDING, "--diarize-speed", "fast")
        self.assertEqual(len(fast["speakers"]), 2)
        turns = [(t["start"], t["end"], t["speaker"]) for t in fast["turns"]]
        self.assertLessEqual(der.rate([der.score(real, turns, 30.0)]), 9.0)

    def test_threads_and_vector_instructions_change_no_bit(self):
        short = self.sound("short.wav", samples(5, 19))
        # Voices of 192 numbers show any difference that turns would not.
        results = []
        for level, threads in (("ref", "2"), ("avx2", "1"), ("", "1"), ("", "2")):
            environment = {"SOTTO_CPU": level} if level else {}
            result = json.loads(run("diarize", "-q", "-f", "json", "--voices", "--threads", threads, short, **environment))
            results.append((result["speakers"], result["turns"]))
        self.assertEqual(len(results[0][0]), 2)
        self.assertEqual(len(results[0][0][0]["voice"]), 192)
        for other in results[1:]:
            self.assertEqual(results[0], other)

    @unittest.skipUnless(have("base"), "no weights of base")
    def test_every_word_has_the_speaker_who_says_it(self):
        result = json.loads(run("transcribe", "-q", "-m", "base", "-l", "en", "--diarize", "-f", "json", RECORDING))
        self.assertEqual([s["id"] for s in result["speakers"]], ["SPEAKER_00", "SPEAKER_01"])
        by = {"SPEAKER_00": "", "SPEAKER_01": ""}
        for segment in result["segments"]:
            self.assertEqual({word["speaker"] for word in segment["words"]}, {segment["speaker"]})
            self.assertEqual("".join(word["word"] for word in segment["words"]), segment["text"])
            by[segment["speaker"]] += segment["text"]
        self.assertEqual("".join(segment["text"] for segment in result["segments"]).strip(), result["text"])
        self.assertEqual([s["id"] for s in result["segments"]], list(range(len(result["segments"]))))
        diane, sheila = (by[k] for k in sorted(by, key=lambda k: "Diane" not in by[k]))
        self.assertIn("Diane in New Jersey", diane)
        self.assertIn("not much difference", sheila)
        self.assertNotIn("Sheila", diane)
        self.assertIn("originally from Chicago", sheila)
        self.assertGreater(result["timing"]["diarize"], 0)

    @unittest.skipUnless(have("base"), "no weights of base")
    def test_listening_beside_the_recogniser_changes_nothing(self):
        longer = self.sound("longer.wav", samples(0, 30) * 2)  # windows are looked at while chunks are decoded
        alone, beside = (json.loads(run("transcribe", "-q", "-m", "base", "-l", "en", "--diarize", "-f", "json", "--threads", threads, longer))
                         for threads in ("1", "3"))
        self.assertEqual(len(alone["speakers"]), 2)
        for part in ("speakers", "turns", "segments"):
            self.assertEqual(alone[part], beside[part])

    @unittest.skipUnless(have("base"), "no weights of base")
    def test_text_goes_by_turns_and_subtitles_have_names(self):
        formats = run("transcribe", "-q", "-m", "base", "-l", "en", "--diarize", "-f", "txt,rttm,vtt", "-o", self.folder.name, RECORDING)
        self.assertEqual(formats, b"")
        name = os.path.splitext(os.path.basename(RECORDING))[0]
        text, rttm, vtt = (self.content(f"{name}.{kind}") for kind in ("txt", "rttm", "vtt"))
        lines = text.splitlines()
        self.assertGreaterEqual(len(lines), 6)
        for line, following in zip(lines, lines[1:]):
            self.assertTrue(line.startswith("SPEAKER_0"), line)
            self.assertNotEqual(line[:10], following[:10])
        self.assertIn("<v SPEAKER_01>", vtt)
        self.assertEqual(rttm, run("diarize", "-q", RECORDING).decode())

    def test_a_voice_is_known_again(self):
        store = os.path.join(self.folder.name, "deep", "people.json")
        diane = self.sound("diane.wav", samples(10.8, 14.2))
        sheila = self.sound("sheila.wav", samples(21.8, 27.8))
        run("speakers", "add", "Sheila", sheila, "--store", store)
        self.assertIn(b"Sheila\t1 recording\t", run("speakers", "list", "--store", store))
        heard = self.diarize(RECORDING, "--store", store, "--enroll", "Diane=" + diane)
        self.assertEqual({s["id"] for s in heard["speakers"]}, {"Diane", "Sheila"})
        for speaker in heard["speakers"]:
            self.assertGreater(speaker["score"], 0.5)
        self.assertIn(b"\tSheila\t", run("speakers", "match", sheila, "--store", store))
        run("speakers", "remove", "Sheila", "--store", store)
        self.assertEqual(run("speakers", "list", "--store", store), b"")

    def test_the_number_of_speakers_can_be_given(self):
        self.assertEqual(len(self.diarize(RECORDING, "--speakers", "1")["speakers"]), 1)
        self.assertEqual(len(self.diarize(RECORDING, "--min-speakers", "3")["speakers"]), 3)

    def test_one_speaker_is_one_speaker(self):
        alone = self.diarize(self.sound("alone.wav", samples(21.8, 27.8)))
        self.assertEqual(len(alone["speakers"]), 1)
        self.assertGreater(alone["speakers"][0]["seconds"], 5)
        word = self.diarize(self.sound("word.wav", samples(8.3, 8.9)))
        self.assertLessEqual(len(word["speakers"]), 1)

    def test_where_nobody_speaks_nobody_is_found(self):
        noise = random.Random(1)
        sounds = {
            "silence": b"\0\0" * 80000,
            "instant": b"\1\0" * 320,
            "sample": b"\1\0",
            "noise": b"".join(noise.randrange(-3000, 3000).to_bytes(2, "little", signed=True) for _ in range(48000)),
            "chord": b"".join(int(sum(3000 * math.sin(2 * math.pi * f * t / 16000) for f in (220, 277.2, 329.6)))
                              .to_bytes(2, "little", signed=True) for t in range(16000 * 12)),
        }
        for name, frames in sounds.items():
            with self.subTest(name):
                found = self.diarize(self.sound(name + ".wav", frames))
                self.assertEqual((found["speakers"], found["turns"]), ([], []))
                self.assertEqual(run("diarize", "-q", os.path.join(self.folder.name, name + ".wav")), b"")


if __name__ == "__main__":
    if not have("speakers"):
        print("no speaker models: skipped")
        sys.exit(SKIPPED)
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
