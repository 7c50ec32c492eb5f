"""OpenAI's official client against the server, with Whisper tiny.en: every response format, streaming, errors.

Usage: openai_test.py SOTTO RECORDING [unittest options]   Skipped (77) without the client or the model.
"""
import os
import sys
import unittest

from client import RECORDING, Client
import openai

WORDS = "Chicago"


class Shapes(Client):
    def test_json_text_and_subtitles(self):
        self.assertIn(WORDS, self.create().text)
        self.assertIn(WORDS, self.create(response_format="text"))
        self.assertRegex(self.create(response_format="srt"), r"(?s)^1\n00:00:\d\d,\d\d\d --> .*" + WORDS)
        self.assertRegex(self.create(response_format="vtt"), r"(?s)^WEBVTT\n\n00:\d\d\.\d\d\d --> .*" + WORDS)

    def test_verbose_json_is_typed(self):
        answer = self.create(response_format="verbose_json", temperature=0, prompt="A call.", timestamp_granularities=["segment"])
        self.assertEqual((answer.language, float(answer.duration)), ("english", 30.0))
        self.assertIn(WORDS, answer.text)
        self.assertGreaterEqual(len(answer.segments), 2)
        for before, after in zip(answer.segments, answer.segments[1:]):
            self.assertLessEqual(before.start, before.end)
            self.assertLess(before.id, after.id)
        self.assertEqual("".join(s.text for s in answer.segments).strip(), answer.text)

    def test_words_have_times(self):
        answer = self.create(response_format="verbose_json", timestamp_granularities=["word"])
        self.assertEqual(" ".join(w.word for w in answer.words), answer.text)
        for before, after in zip(answer.words, answer.words[1:]):
            self.assertLessEqual(before.start, before.end)
            self.assertLessEqual(before.start, after.start)

    def test_speakers_are_told_apart(self):
        if not os.path.exists(os.path.join(os.environ.get("SOTTO_MODELS", os.path.expanduser("~/.cache/sotto")), "speakers.sotto")):
            self.skipTest("no speaker model")
        answer = self.create(response_format="diarized_json", model="gpt-4o-transcribe-diarize")
        self.assertGreaterEqual(len({s.speaker for s in answer.segments}), 2)
        self.assertEqual({s.type for s in answer.segments}, {"transcript.text.segment"})

    def test_a_stream_says_the_same(self):
        events = list(self.create(stream=True))
        deltas = [e.delta for e in events if e.type == "transcript.text.delta"]
        self.assertGreaterEqual(len(deltas), 2)
        self.assertEqual(events[-1].type, "transcript.text.done")
        self.assertEqual("".join(deltas).strip(), events[-1].text)
        self.assertEqual(events[-1].text, self.create().text)

    def test_errors_are_the_clients_own_kinds(self):
        with self.assertRaises(openai.NotFoundError) as caught:
            self.create(model="whisper-9000")
        self.assertEqual(caught.exception.code, "model_not_found")
        with self.assertRaises(openai.BadRequestError) as caught:
            self.create(language="xx")
        self.assertEqual(caught.exception.param, "language")
        with self.assertRaises(openai.BadRequestError):
            self.client.audio.transcriptions.create(model="whisper-1", file=("a.wav", b"no recording at all" * 10))
        with self.assertRaises(openai.BadRequestError):  # it knows English only
            with open(RECORDING, "rb") as file:
                self.client.audio.translations.create(model="whisper-1", file=file)

    def test_models_are_listed(self):
        self.assertEqual([m.id for m in self.client.models.list()], ["tiny.en"])
        self.assertEqual(self.client.models.retrieve("tiny.en").owned_by, "sotto")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
