"""The sotto program from outside: exit statuses, one clear line for each mistake, output files that appear whole.

Usage: cli_test.py SOTTO SYNTHETIC_MODEL [unittest options]
"""
import json
import math
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import wave

SOTTO, SYNTHETIC = sys.argv[1:3]
ROOM = tempfile.TemporaryDirectory()
MODELS = os.path.join(ROOM.name, "models")
FAST = ["-m", "synthetic", "--no-fallback", "-l", "en", "--no-vad"]


def setUpModule():
    os.mkdir(MODELS)
    for name, precision, vocabulary in [("synthetic", "int8", 51865), ("synthetic.f32", "f32", 51865), ("english", "int8", 51864)]:
        path = os.path.join(MODELS, name + ".sotto")
        subprocess.run([SYNTHETIC, path, precision, "64", "1", "3", "80", str(vocabulary)], check=True)


def tearDownModule():
    ROOM.cleanup()


def tone(path, seconds, rate=16000):
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        samples = (int(8000 * math.sin(i * 0.07 * (1 + i * 1e-6))) for i in range(int(seconds * rate)))
        file.writeframes(b"".join(struct.pack("<h", s) for s in samples))
    return path


class Case(unittest.TestCase):
    def setUp(self):
        self.room = tempfile.TemporaryDirectory(dir=ROOM.name)
        self.addCleanup(self.room.cleanup)

    def path(self, name):
        return os.path.join(self.room.name, name)

    def tone(self, name="tone.wav", seconds=1.0):
        return tone(self.path(name), seconds)

    def environment(self, **more):
        return {**os.environ, "SOTTO_MODELS": MODELS, "SOTTO_CPU": os.environ.get("SOTTO_CPU", ""), **more}

    def run_sotto(self, *arguments, environment=None, **more):
        env = environment or {k: v for k, v in self.environment().items() if k != "SOTTO_CPU" or v}
        return subprocess.run([SOTTO, *arguments], env=env, capture_output=True, timeout=120, **more)

    def transcribe(self, *arguments, **more):
        return self.run_sotto("transcribe", *arguments, **more)

    def assert_complains(self, done, status, *words):
        message = done.stderr.decode()
        self.assertEqual(done.returncode, status, message)
        self.assertEqual(message.count("\n"), 1, message)
        for word in words:
            self.assertIn(word, message)


class Usage(Case):
    def test_help_and_version_go_to_standard_output(self):
        for arguments, word in [(["--help"], "transcribe"), (["--version"], "sotto 0."), (["transcribe", "--help"], "--language")]:
            done = self.run_sotto(*arguments)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertIn(word, done.stdout.decode())

    def test_no_command_shows_the_usage_as_an_error(self):
        done = self.run_sotto()
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertIn(b"usage", done.stderr)

    def test_an_unknown_command_is_named(self):
        self.assert_complains(self.run_sotto("transcribble"), 2, "transcribble")

    def test_wrong_options_are_one_line_each(self):
        for arguments, word in [
            ([], "no file"),
            (["x.wav", "--bogus"], "--bogus"),
            (["x.wav", "-z"], "-z"),
            (["x.wav", "-m"], "needs a value"),
            (["x.wav", "--threads", "0"], "--threads"),
            (["x.wav", "--threads", "2x"], "--threads"),
            (["x.wav", "--threads", "-1"], "--threads"),
            (["x.wav", "--threads", "99999999999999999999999"], "--threads"),
            (["x.wav", "--beam", "0"], "--beam"),
            (["x.wav", "--beam", "65"], "--beam"),
            (["x.wav", "--best-of", "none"], "--best-of"),
            (["x.wav", "--patience", "nan"], "--patience"),
            (["x.wav", "--patience", "0"], "patience"),
            (["x.wav", "--temperature", "0,,1"], "--temperature"),
            (["x.wav", "--temperature", "-1"], "--temperature"),
            (["x.wav", "--vad-threshold", "1"], "threshold of speech detection"),
            (["x.wav", "--vad-threshold", "x"], "--vad-threshold"),
            (["x.wav", "--vad-pad", "3"], "padding"),
            (["x.wav", "--vad-min-speech", "-1"], "--vad-min-speech"),
            (["x.wav", "--vad-min-silence", "2.5"], "silence"),
            (["x.wav", "--language-floor", "1.5"], "floor"),
            (["x.wav", "--resume"], "--resume"),
            (["x.wav", "--temperature", "11"], "temperature"),
            (["x.wav", "--temperature", "0,0,0,0,0,0,0,0,0"], "--temperature"),
            (["x.wav", "--max-duration", "inf"], "--max-duration"),
            (["x.wav", "--channels", "-2"], "--channels"),
            (["x.wav", "--task", "sing"], "--task"),
            (["x.wav", "--precision", "f16"], "--precision"),
            (["x.wav", "-f", "doc"], "doc"),
            (["x.wav", "-f", "txt,"], "format"),
            (["x.wav", "-o", ""], "--output"),
            (["x.wav", "--speakers", "0"], "--speakers"),
            (["x.wav", "--max-speakers", "many"], "--max-speakers"),
            (["x.wav", "--min-speakers", "3", "--max-speakers", "2"], "speakers"),
            (["x.wav", "--diarize-speed", "slow"], "--diarize-speed"),
            (["x.wav", "--enroll", "Ann"], "--enroll"),
            (["x.wav", "--enroll", "=ann.wav"], "--enroll"),
            (["x.wav", "--score", "2"], "--score"),
            (["x.wav", "--store", ""], "--store"),
            (["x.wav", "--line-length", "7"], "--line-length"),
            (["x.wav", "--cue-lines", "0"], "--cue-lines"),
            (["x.wav", "--cue-seconds", "0.5"], "--cue-seconds"),
            (["x.wav", "--device", "gpu"], "--device"),
            (["x.wav", "-l", "klingon"], "klingon"),
        ]:
            with self.subTest(arguments=arguments):
                self.assert_complains(self.transcribe(*arguments), 2, word)

    def test_an_unknown_vector_level_lists_the_known_ones(self):
        done = self.transcribe(self.tone(), *FAST, environment=self.environment(SOTTO_CPU="turbo"))
        self.assert_complains(done, 2, "SOTTO_CPU", "ref")

    def test_a_missing_model_says_how_to_get_it(self):
        self.assert_complains(self.transcribe(self.tone(), "-m", "base"), 1, "sotto model fetch base")
        self.assert_complains(self.transcribe(self.tone(), "-m", "base", "--precision", "f32"), 1,
                              "base.f32.sotto", "sotto model fetch base --precision f32")
        self.assert_complains(self.transcribe(self.tone(), "-m", self.path("none.sotto")), 1, "none.sotto")

    def test_a_file_that_is_no_model_is_refused(self):
        self.assert_complains(self.transcribe(self.tone(), "-m", self.tone("fake.sotto")), 1, "fake.sotto")

    def test_an_english_model_refuses_other_languages_and_translation(self):
        for arguments in [["-l", "de"], ["-l", "german"], ["--task", "translate"]]:
            self.assert_complains(self.transcribe(self.tone(), "-m", "english", *arguments), 2, "English only")
        done = self.transcribe(self.tone(), "-m", "english", "--no-fallback", "--no-vad", "-f", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["language"], "en")

    def test_a_language_that_this_model_does_not_know_is_refused(self):
        self.assert_complains(self.transcribe(self.tone(), "-m", "synthetic", "-l", "yue"), 2, "synthetic")

    def test_precision_chooses_the_model_file(self):
        done = self.transcribe(self.tone(), *FAST, "--precision", "f32", "-f", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        int8 = os.path.join(MODELS, "synthetic.sotto")
        self.assert_complains(self.transcribe(self.tone(), "-m", int8, "--precision", "f32"), 2, "int8")


class Recordings(Case):
    def test_bad_recordings_are_one_line_and_exit_1(self):
        empty, text, silent = self.path("empty.wav"), self.path("text.wav"), self.path("none.wav")
        open(empty, "wb").close()
        with open(text, "w") as file:
            file.write("this is not a recording\n" * 100)
        tone(silent, 0)
        for path in [empty, text, silent, self.path("missing.wav"), self.room.name]:
            with self.subTest(path=path):
                done = self.transcribe(path, *FAST)
                self.assert_complains(done, 1, os.path.basename(path))
                self.assertEqual(done.stdout, b"")

    def test_a_recording_without_samples_says_so(self):
        self.assert_complains(self.transcribe(tone(self.path("none.wav"), 0), *FAST), 1, "holds no audio samples")

    def test_very_short_recordings_are_fine(self):
        for seconds in [1 / 16000, 0.02]:
            done = self.transcribe(self.tone("short.wav", seconds), *FAST, "-f", "json")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(json.loads(done.stdout)["duration"], round(seconds, 3))

    def test_a_limit_of_duration_refuses_longer_ones(self):
        self.assert_complains(self.transcribe(self.tone(), *FAST, "--max-duration", "0.5"), 1, "0.5")
        self.assertEqual(self.transcribe(self.tone(), *FAST, "--max-duration", "1").returncode, 0)

    def test_odd_file_names_work(self):
        for name in ["a b.wav", "q'\"uote.wav", "new\nline.wav", b"\xff\xfe.wav".decode("utf-8", "surrogateescape"), "-dash.wav"]:
            with self.subTest(name=name):
                done = self.transcribe(self.tone(name), *FAST, "-f", "json")
                self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_the_name_in_a_complaint_stays_on_its_line(self):
        self.assert_complains(self.transcribe(self.path("no\nsuch\033file.wav"), *FAST), 1, "no?such?file.wav")

    def test_standard_input_is_a_recording_too(self):
        with open(self.tone(), "rb") as file:
            piped = self.transcribe("-", *FAST, "-f", "txt", stdin=file)
        self.assertEqual(piped.returncode, 0, piped.stderr)
        self.assertEqual(piped.stdout, self.transcribe(self.tone(), *FAST).stdout)

    def test_other_files_are_done_when_one_fails(self):
        done = self.transcribe(self.path("missing.wav"), self.tone(), *FAST, "-f", "json")
        self.assert_complains(done, 1, "missing.wav")
        self.assertEqual(len(done.stdout.splitlines()), 1)
        json.loads(done.stdout)


class Detector(Case):
    def test_a_missing_detector_is_told_once_and_is_no_failure(self):
        done = self.transcribe(self.tone(), self.tone("b.wav"), "-m", "synthetic", "--no-fallback", "-l", "en")
        self.assert_complains(done, 0, "sotto model fetch vad")
        self.assertEqual(done.stdout, self.transcribe(self.tone(), self.tone("b.wav"), *FAST).stdout)

    def test_a_damaged_detector_is_an_error(self):
        folder = self.path("models")
        os.mkdir(folder)
        os.symlink(os.path.join(MODELS, "synthetic.sotto"), os.path.join(folder, "synthetic.sotto"))
        self.tone("models/silero-vad.safetensors")
        done = self.transcribe(self.tone(), "-m", "synthetic", environment=self.environment(SOTTO_MODELS=folder))
        self.assert_complains(done, 1, "silero-vad")


class Output(Case):
    def test_json_has_the_promised_fields(self):
        done = self.transcribe(self.tone(), self.tone("b.wav", 2), *FAST, "-f", "json")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([line["duration"] for line in lines], [1.0, 2.0])
        self.assertEqual(set(lines[0]), {"text", "language", "language_probability", "duration", "segments", "model", "device", "timing"})
        self.assertEqual(lines[0]["language_probability"], 1.0)
        self.assertEqual(lines[0]["device"]["path"], "cpu")
        for segment in lines[0]["segments"]:
            self.assertEqual(len(segment["tokens"]), len(segment["token_logprobs"]))

    def test_words_have_times_and_probabilities(self):
        for mode in ([], ["--sequential"], ["--no-word-snapping"]):
            done = self.transcribe(self.tone(seconds=2), *FAST, "-f", "json", "--words", *mode)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            result, last = json.loads(done.stdout), 0
            self.assertTrue(result["segments"])
            for segment in result["segments"]:
                self.assertEqual("".join(word["word"] for word in segment["words"]), segment["text"])
                for word in segment["words"]:
                    self.assertEqual(set(word), {"word", "start", "end", "probability"})
                    self.assertTrue(last <= word["start"] <= word["end"] <= result["duration"])
                    self.assertTrue(0 < word["probability"] <= 1)
                    last = word["end"]

    def test_subtitles_are_shaped_if_that_is_asked_for(self):
        for options in (["--words"], ["--line-length", "20"], ["--cue-lines", "1", "--cue-seconds", "3"]):
            done = self.transcribe(self.tone(), *FAST, "-f", "srt", *options)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertIn(b" --> ", done.stdout)

    def test_several_formats_follow_each_other(self):
        done = self.transcribe(self.tone(), *FAST, "-f", "tsv,vtt")
        self.assertTrue(done.stdout.startswith(b"start\tend\ttext\n"))
        self.assertIn(b"WEBVTT\n", done.stdout)

    def test_files_appear_in_the_folder_one_for_each_format(self):
        folder = self.path("out/deep")
        done = self.transcribe(self.tone("talk.one.wav"), *FAST, "-f", "txt,srt,vtt,tsv,json", "-o", folder)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))
        self.assertEqual(sorted(os.listdir(folder)), sorted("talk.one." + e for e in ["txt", "srt", "vtt", "tsv", "json"]))
        with open(os.path.join(folder, "talk.one.txt"), "rb") as file:
            self.assertEqual(file.read(), self.transcribe(self.tone("talk.one.wav"), *FAST).stdout)

    def test_inputs_of_one_base_name_keep_their_extension(self):
        self.transcribe(self.tone("a.wav"), self.tone("a.wave"), self.tone("b.wav"), *FAST, "-o", self.path("out"))
        self.assertEqual(sorted(os.listdir(self.path("out"))), ["a.wav.txt", "a.wave.txt", "b.txt"])

    def test_inputs_of_one_name_are_refused_before_anything_is_done(self):
        os.mkdir(self.path("other"))
        done = self.transcribe(self.tone("a.wav"), self.tone("other/a.wav"), *FAST, "-o", self.path("out"))
        self.assert_complains(done, 2, "a.wav")
        self.assertFalse(os.path.exists(self.path("out")))

    def test_a_failed_recording_leaves_no_file(self):
        os.mkdir(self.path("out"))
        self.transcribe(self.path("missing.wav"), *FAST, "-o", self.path("out"))
        self.assertEqual(os.listdir(self.path("out")), [])

    def test_a_file_that_cannot_be_replaced_is_an_error_and_no_trace_is_left(self):
        os.makedirs(self.path("out/tone.txt/in the way"))
        done = self.transcribe(self.tone(), *FAST, "-o", self.path("out"))
        self.assert_complains(done, 1, "tone.wav", "txt")
        self.assertEqual(os.listdir(self.path("out")), ["tone.txt"])

    def test_a_folder_that_cannot_be_made_is_an_error(self):
        done = self.transcribe(self.tone(), *FAST, "-o", self.tone("file") + "/out")
        self.assert_complains(done, 1, "file/out")

    def test_a_full_or_closed_standard_output_is_an_error(self):
        for formats in ["txt", "json"]:
            with open("/dev/full", "wb") as full:
                done = subprocess.run([SOTTO, "transcribe", self.tone(), *FAST, "-f", formats], stdout=full, stderr=subprocess.PIPE,
                                      env={**os.environ, "SOTTO_MODELS": MODELS})
            self.assert_complains(done, 1, "standard output")
            closed = f'"$0" transcribe "$1" {" ".join(FAST)} -f {formats} >&-'
            done = subprocess.run(["sh", "-c", closed, SOTTO, self.tone()], stderr=subprocess.PIPE,
                                  env={**os.environ, "SOTTO_MODELS": MODELS})
            self.assert_complains(done, 1, "standard output")

    def test_a_reader_that_goes_away_is_an_error(self):
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run([SOTTO, "transcribe", self.tone(), *FAST], stdout=write, stderr=subprocess.PIPE,
                              env={**os.environ, "SOTTO_MODELS": MODELS})
        os.close(write)
        self.assert_complains(done, 1, "standard output")

    def test_no_progress_bar_on_a_pipe(self):
        self.assertEqual(self.transcribe(self.tone(), *FAST).stderr, b"")


class Live(Case):
    def live(self, *arguments, samples=b""):
        return self.run_sotto("live", "-m", "synthetic", "-l", "en", "--no-vad", "--threads", "1", *arguments, input=samples)

    @staticmethod
    def noise(seconds, form):
        numbers = random.Random(3)
        return struct.pack(f"<{seconds * 16000}{form}", *(int(numbers.uniform(-9000, 9000)) / (1 if form == "h" else 32768) if form == "f" else
                                                          int(numbers.uniform(-9000, 9000)) for _ in range(seconds * 16000)))

    def test_samples_through_a_pipe_become_lines_of_json_and_of_text(self):
        samples = self.noise(20, "h")
        done = self.live("-f", "json", samples=samples + b"x")  # half a sample at the end is none
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = [json.loads(line) for line in done.stdout.decode().splitlines()]
        self.assertGreater(len(lines), 3)
        confirmed = [line for line in lines if line["type"] == "confirmed"]
        self.assertEqual(lines[-1]["type"], "partial")
        self.assertEqual((lines[-1]["text"], lines[-1]["heard"]), ("", 20.0))
        for before, after in zip(confirmed, confirmed[1:]):
            self.assertLessEqual(before["end"], after["end"])
        for line in confirmed:
            self.assertGreater(line["latency"], 0)
        text = self.live("--raw", "f32le", samples=self.noise(20, "f"))
        self.assertEqual(text.returncode, 0, text.stderr)
        self.assertEqual(b"behind" in text.stderr, text.stdout != b"")
        self.assertEqual(self.live("-q", samples=samples).stderr, b"")

    def test_nothing_through_the_pipe_is_nothing_said(self):
        done = self.live()
        self.assertEqual((done.returncode, done.stdout), (0, b""))

    def test_mistakes_are_one_line_each(self):
        for arguments in [["x.wav"], ["--raw", "u8"], ["--step", "0"], ["-f", "srt"], ["--bogus"], ["--threads", "1.5"], ["-l", "klingon"]]:
            self.assert_complains(self.run_sotto("live", "-m", "synthetic", *arguments, input=b""), 2)
        self.assert_complains(self.run_sotto("live", "-m", "nothing", input=b""), 1, "nothing")

    def test_a_microphone_that_is_not_there_is_said_so(self):
        self.assert_complains(self.live("--microphone", "nodriver:x"), 1, "nodriver" if self.has_devices() else "libavdevice")

    def has_devices(self):
        return b"libavdevice" not in self.live("--microphone", "nodriver:x").stderr

    def test_a_device_is_heard_to_its_end(self):
        if not self.has_devices():
            self.skipTest("libavdevice is not installed")
        done = self.live("-f", "json", "--microphone", "lavfi:sine=frequency=440:duration=3")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertAlmostEqual(json.loads(done.stdout.decode().splitlines()[-1])["heard"], 3, delta=0.05)


class Resumption(Case):
    """Runs that are killed at any moment and gone on with."""

    OPTIONS = [*FAST, "-f", "json", "--threads", "1", "--batch", "2"]

    def recording(self):
        """Seven minutes of noise: fifteen chunks."""
        noise = random.Random(5)
        samples = [noise.randrange(-9000, 9000) for _ in range(16000)]
        path = self.path("long.wav")
        with wave.open(path, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(16000)
            for second in range(420):
                out.writeframes(struct.pack("<16000h", *samples[second * 37:], *samples[:second * 37]))
        return path

    def start(self, *arguments):
        return subprocess.Popen([SOTTO, "transcribe", *arguments, *self.OPTIONS], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, env={**os.environ, "SOTTO_MODELS": MODELS})

    @staticmethod
    def chunks(journal):
        try:
            with open(journal, encoding="utf-8") as lines:
                return sum(line.startswith("chunk ") and line.endswith("\n") for line in lines)
        except FileNotFoundError:
            return 0

    @staticmethod
    def transcript(path):
        with open(path, encoding="utf-8") as file:
            result = json.load(file)
        del result["timing"], result["device"]
        return result

    def check_kills(self, *more):
        path = self.recording()
        options = [*self.OPTIONS, *more]
        self.assertEqual(self.transcribe(path, *options, "-o", self.path("whole")).returncode, 0)
        self.assertEqual(os.listdir(self.path("whole")), ["long.json"])
        whole = self.transcript(self.path("whole/long.json"))
        self.assertGreater(len(whole["segments"]), 13)
        journal, output, last = self.path("out/long.partial"), self.path("out/long.json"), 0
        for kills in range(4):
            process = self.start(path, "-o", self.path("out"), "--resume", *more)
            deadline = time.monotonic() + 60
            while process.poll() is None and self.chunks(journal) < last + 3 and time.monotonic() < deadline:
                time.sleep(0.002)
            process.kill()
            process.communicate()
            if os.path.exists(output):
                break
            found = self.chunks(journal)
            self.assertGreaterEqual(found, last + 3)  # nothing that was finished is lost
            last = found
            with open(journal, "ab") as torn:
                torn.write(b"segment 4034000000000000 40" if kills % 2 else b"chunk 99")
        again = self.transcribe(path, *options, "-o", self.path("out"), "--resume")
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(self.transcript(output), whole)
        self.assertFalse(os.path.exists(journal))

    def test_killed_runs_keep_what_is_finished_and_go_on_to_the_same_transcript(self):
        self.check_kills()

    def test_killed_sequential_runs_go_on_to_the_same_transcript(self):
        self.check_kills("--sequential")

    def test_interrupted_runs_over_many_files_skip_what_is_done(self):
        first, second = self.tone("first.wav"), self.tone("second.wav")
        out = self.path("out")
        self.assertEqual(self.transcribe(first, *self.OPTIONS, "-o", out, "--resume").returncode, 0)
        before = os.stat(os.path.join(out, "first.json")).st_mtime_ns
        both = self.transcribe(first, second, *self.OPTIONS, "-o", out, "--resume")
        self.assertEqual(both.returncode, 0)
        self.assertIn(b"first.wav: done already", both.stderr)
        self.assertNotIn(b"second.wav", both.stderr)
        self.assertEqual(os.stat(os.path.join(out, "first.json")).st_mtime_ns, before)
        self.assertTrue(os.path.exists(os.path.join(out, "second.json")))
        other = self.transcribe(first, *self.OPTIONS, "-o", out, "--resume", "--beam", "2")
        self.assertNotIn(b"done already", other.stderr)  # another setting is another transcript
        os.unlink(os.path.join(out, "second.json"))
        third = self.transcribe(second, *self.OPTIONS, "-o", out, "--resume")
        self.assertNotIn(b"done already", third.stderr)
        self.assertTrue(os.path.exists(os.path.join(out, "second.json")))
        self.assertEqual(self.transcribe(first, *FAST, "--resume").returncode, 2)

    def test_an_interrupted_file_has_no_output_of_its_name(self):
        path = self.recording()
        process = self.start(path, "-o", self.path("out"))
        while process.poll() is None and self.chunks(self.path("out/long.partial")) < 1:
            time.sleep(0.002)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, err)
        self.assertIn(b"--resume", err)
        self.assertEqual(os.listdir(self.path("out")), ["long.partial"])


class Interruption(Case):
    def interrupt(self, number):
        """Interrupt a recording without an end: a WAV header and then silence through a pipe for as long as it is read."""
        process = subprocess.Popen([SOTTO, "transcribe", "-", *FAST, "-f", "json", "--threads", "1"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
                                   env={**os.environ, "SOTTO_MODELS": MODELS})
        header = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 0xFFFFFFFF, b"WAVE", b"fmt ", 16, 1, 1, 16000, 32000, 2, 16, b"data", 0xFFFFFFFF)
        process.stdin.write(header)
        os.set_blocking(process.stdin.fileno(), False)
        started, written, signalled = time.monotonic(), 0, False
        while process.poll() is None and time.monotonic() - started < 100:
            # More than the chunks that are decoded side by side and what lies in buffers: the first ones are finished.
            if not signalled and written > 420 * 32000:
                process.send_signal(number)
                signalled = True
            try:
                written += os.write(process.stdin.fileno(), bytes(65536))
            except BlockingIOError:
                time.sleep(0.01)
            except BrokenPipeError:
                break
        process.stdin.close()
        process.stdin = None
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def test_a_signal_stops_cleanly_and_keeps_what_is_finished(self):
        for number in [signal.SIGINT, signal.SIGTERM]:
            status, out, err = self.interrupt(number)
            self.assertEqual(status, 1, err)
            self.assertIn(b"interrupted", err)
            result = json.loads(out)
            self.assertGreater(len(result["segments"]), 0)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
