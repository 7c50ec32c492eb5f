"""OpenAI's official client with Whisper base: translations, known speakers, chunking strategies, keywords.

DATA=DIR (environment): a folder with speech/manifest.tsv, whose first German recording is translated, too.
Usage: openai_more_test.py SOTTO RECORDING [unittest options]   Skipped (77) without the client or the models.
"""
import base64
import csv
import io
import os
import sys
import unittest
import wave

from client import RECORDING, Client
import openai

MODELS = os.environ.get("SOTTO_MODELS", os.path.expanduser("~/.cache/sotto"))


def longest_turns():
    """Of each speaker of the recording's RTTM the longest turn, (start, seconds), no longer than ten seconds."""
    best = {}
    with open(RECORDING.rsplit(".", 1)[0] + ".rttm", encoding="utf-8") as file:
        for line in file:
            _, _, _, start, seconds, _, _, who, *_ = line.split()
            if float(seconds) > best.get(who, (0, 0))[1]:
                best[who] = (float(start), min(float(seconds), 10))
    return best


def cut(start, seconds):
    """A data URL of a part of the recording."""
    with wave.open(RECORDING) as file:
        rate = file.getframerate()
        file.setpos(int(start * rate))
        frames, out = file.readframes(int(seconds * rate)), io.BytesIO()
        with wave.open(out, "wb") as part:
            part.setparams(file.getparams())
            part.writeframes(frames)
    return "data:audio/wav;base64," + base64.b64encode(out.getvalue()).decode()


class More(Client):
    model = "base"

    def test_translations_are_english_in_every_shape(self):
        with open(RECORDING, "rb") as file:
            answer = self.client.audio.translations.create(model="whisper-1", file=file, response_format="verbose_json")
        self.assertIn("Chicago", answer.text)
        self.assertEqual(answer.task, "translate")
        self.assertGreaterEqual(len(answer.segments), 2)
        with open(RECORDING, "rb") as file:
            self.assertTrue(self.client.audio.translations.create(model="whisper-1", file=file, response_format="vtt").startswith("WEBVTT"))

    @unittest.skipUnless(os.environ.get("DATA"), "DATA names no folder")
    def test_german_becomes_english(self):
        folder = os.path.join(os.environ["DATA"], "speech")
        with open(os.path.join(folder, "manifest.tsv"), encoding="utf-8") as file:
            row = next(r for r in csv.DictReader(file, delimiter="\t") if r["lang"] == "de")
        with open(os.path.join(folder, row["path"]), "rb") as file:
            text = self.client.audio.translations.create(model="whisper-1", file=file).text
        with open(os.path.join(folder, row["path"]), "rb") as file:
            original = self.client.audio.transcriptions.create(model="whisper-1", file=file).text
        self.assertTrue({"the", "to", "and"} & set(text.lower().split()), text)
        self.assertFalse({"die", "sie", "und"} & set(text.lower().split()), text)
        self.assertTrue({"die", "sie", "und"} & set(original.lower().split()), original)

    def test_known_voices_give_their_names_to_speakers(self):
        if not os.path.exists(os.path.join(MODELS, "speakers.sotto")):
            self.skipTest("no speaker model")
        turns = sorted(longest_turns().items(), key=lambda turn: -turn[1][1])[:2]
        names = ["customer", "agent"]
        answer = self.create(response_format="diarized_json", model="gpt-4o-transcribe-diarize", chunking_strategy="auto", known_speaker_names=names,
                             known_speaker_references=[cut(*turn) for _, turn in turns])
        for name, (_, (start, seconds)) in zip(names, turns):
            said = {s.speaker for s in answer.segments if s.start < start + seconds / 2 < s.end}
            self.assertIn(name, said, [(s.start, s.end, s.speaker) for s in answer.segments])
        events = list(self.create(stream=True, response_format="diarized_json", model="gpt-4o-transcribe-diarize", known_speaker_names=names[:1],
                                  known_speaker_references=[cut(*turns[0][1])]))
        self.assertIn(names[0], {e.speaker for e in events if e.type == "transcript.text.segment"})

    def test_chunking_strategies_and_keywords_are_taken(self):
        answer = self.create(chunking_strategy={"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 200},
                             extra_body={"keywords": ["Chicago", "flight"]})
        self.assertIn("Chicago", answer.text)
        with self.assertRaises(openai.BadRequestError) as caught:
            self.create(chunking_strategy={"type": "server_vad", "threshold": 7})
        self.assertEqual(caught.exception.param, "chunking_strategy")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
