#!/usr/bin/env python3
"""
recordings.py DATA OUT [SET]: recordings to measure, joined from those of DATA/speech/manifest.tsv and, for meetings, DATA/diarization, as
WAV files of 16 kHz in OUT. SET is `ten` (ten files of ten minutes, each of one kind or density of speech), `clip` (one of 11 s), `hour` or
`day` (one and ten hours, of the densest of the ten over and over). Beside NAME.wav stands NAME.json: language, seconds and the parts in their
order, each with its recording's name, start and transcript. What exists is kept.
"""

import glob
import json
import os
import sys
import wave

import numpy as np
from faster_whisper.audio import decode_audio

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "accuracy"))
from transcripts import read_manifest  # noqa: E402

RATE = 16000
MINUTES = 10
GAP = 0.5  # seconds between two recordings
LONG_GAP = 4.0  # where pauses are what is measured
CLIP = 11.0
HOURS = {"hour": 1, "day": 10}
SEED = 1


def timed(data):
    """The manifest's rows, with their lengths as numbers."""
    return [{**row, "seconds": float(row["seconds"])} for row in read_manifest(data)]


def meetings(data):
    """Pieces of meetings; who spoke is known of them, what was said is not."""
    paths = sorted(glob.glob(os.path.join(os.path.abspath(data), "diarization", "ami-*.flac")))
    return [{"id": os.path.basename(path), "path": path, "ref": None} for path in paths]


def chosen(rows, language, *kinds):
    return [row for row in rows if row["lang"] == language and row["kind"] in kinds and row["ref"].strip()]


def by_density(rows):
    """English recordings of more than two seconds, those with the most words in a second first."""
    rows = [row for row in rows if row["lang"] == "en" and row["ref"].strip() and 2 < row["seconds"] < 60 and row["kind"] not in ("format", "padded", "noisy")]
    return sorted(rows, key=lambda row: -len(row["ref"].split()) / row["seconds"])


def ten(data):
    """[(name, language, recordings, gap in seconds)]; what is empty in DATA is left out. A slow rival may get only the first ones."""
    rows = timed(data)
    ordered = by_density(rows)
    sets = [("dense", "en", ordered[: len(ordered) // 3], GAP),
            ("spanish", "es", chosen(rows, "es", "audiobook", "fleurs"), GAP),
            ("pauses", "en", ordered[-len(ordered) // 3 :], LONG_GAP),
            ("french", "fr", chosen(rows, "fr", "long"), GAP),
            ("books", "en", chosen(rows, "en", "libri_other", "audiobook"), GAP),
            ("film", "en", chosen(rows, "en", "film"), GAP),
            ("phone", "en", chosen(rows, "en", "phone8k"), GAP),
            ("talks", "en", chosen(rows, "en", "speech", "stereo2", "fleurs", "read_en", "earnings"), GAP),
            ("mixed", "en", chosen(rows, "en", "noisy", "format", "command", "short"), GAP),
            ("meetings", "en", meetings(data), GAP)]
    return [entry for entry in sets if entry[2]]


def write(path, language, recordings, gap, seconds):
    """One file of at least that length. The first pass is in the order given, later ones are shuffled, so that windows fall elsewhere."""
    random = np.random.default_rng(SEED)
    parts, written, order = [], 0, list(recordings)
    audio = {row["id"]: decode_audio(row["path"]) for row in recordings}
    with wave.open(path + ".part", "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        while written < seconds * RATE:
            for row in order:
                if written >= seconds * RATE:
                    break
                samples = np.concatenate((audio[row["id"]], np.zeros(int(gap * RATE), np.float32)))
                parts.append({"id": row["id"], "start": written / RATE, "ref": row["ref"]})
                file.writeframes((samples.clip(-1, 1) * 32767).astype("<i2").tobytes())
                written += len(samples)
            order = [recordings[i] for i in random.permutation(len(recordings))]
    with open(path[:-4] + ".json", "w", encoding="utf-8") as file:
        json.dump({"language": language, "seconds": written / RATE, "parts": parts}, file, ensure_ascii=False, indent=1)
    os.replace(path + ".part", path)


def repeat(source, path, seconds):
    """A long file of a short one over and over, in little memory."""
    with wave.open(source) as file:
        samples = file.readframes(file.getnframes())
    with wave.open(path + ".part", "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        left = seconds * RATE * 2
        while left > 0:
            file.writeframes(samples[:left])
            left -= len(samples)
    os.replace(path + ".part", path)


def make(data, out, which="ten"):
    """Paths of the files of a set, made where they are missing."""
    os.makedirs(out, exist_ok=True)
    if which == "ten":
        entries = [(name, language, recordings, gap, MINUTES * 60) for name, language, recordings, gap in ten(data)]
    elif which == "clip":
        rows = chosen(timed(data), "en", "speech") or chosen(timed(data), "en", "libri_other", "read_en")
        entries = [("clip", "en", [min(rows, key=lambda row: abs(row["seconds"] - CLIP))], 0, 1)]
    else:
        path = os.path.join(out, which + ".wav")
        if not os.path.exists(path):
            ten_files = make(data, out)
            dense = [name for name in ten_files if name.endswith("dense.wav")] or ten_files
            repeat(dense[0], path, HOURS[which] * 3600)
        return [path]
    paths = [os.path.join(out, entry[0] + ".wav") for entry in entries]
    for path, entry in zip(paths, entries):
        if not os.path.exists(path):
            write(path, *entry[1:])
    return paths


def describe(path):
    """What stands beside a file made here; of any other file its length alone."""
    beside = path[:-4] + ".json"
    if os.path.exists(beside):
        with open(beside, encoding="utf-8") as file:
            return json.load(file)
    with wave.open(path) as file:
        return {"language": "en", "seconds": file.getnframes() / file.getframerate(), "parts": []}


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    for path in make(*sys.argv[1:]):
        about = describe(path)
        words = sum(len((part["ref"] or "").split()) for part in about["parts"])
        print(f"{path}  {about['seconds']:.0f} s, {about['language']}, {len(about['parts'])} parts, {words} words")


if __name__ == "__main__":
    main()
