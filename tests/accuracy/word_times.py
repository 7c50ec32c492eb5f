#!/usr/bin/env python3
"""
word_times.py SOTTO WEIGHTS DATA OUT

Word times. Twenty English recordings of DATA/speech are joined with known silences of 0.6 to 3 s. Of each recording the first
word's start and the last word's end are held against the sound's own onset and offset, with sotto's snapping to the sound off; no word may
reach over a silence; the words between are held against faster-whisper's own word times from the same weights. Both precisions, chunks
side by side and sequential windows; then the same with snapping on, and for noisy recordings, for information. Exit status 1 if a limit is
broken. OUT keeps what was heard.
"""

import difflib
import hashlib
import json
import os
import subprocess
import sys
import wave

import numpy as np
from faster_whisper.audio import decode_audio

from transcripts import read_manifest

RATE, FRAME, COUNT, SEED = 16000, 160, 20, 11
LEFT_OUT = ("nonspeech", "long", "padded", "format", "stereo2", "kind")
CLEAR, NOISY = 35, 20  # dB from a recording's quiet moments to its loud ones
PAUSE = 0.5
LIMITS = {"start": 60, "end": 100, "between": 60}  # milliseconds, medians


def levels(samples):
    """dB of each 10 ms."""
    n = len(samples) // FRAME
    return 20 * np.log10(np.sqrt((samples[:n * FRAME].reshape(n, FRAME) ** 2).mean(axis=1)) + 1e-5)


def sound(samples):
    """(onset, offset) in seconds: the first and last 30 ms above -30 dB of the loud moments and well above the quiet ones."""
    level = levels(samples)
    loud, quiet = np.percentile(level, 95), np.percentile(level, 5)
    threshold = max(loud - 30, quiet + 8) if quiet < loud - 20 else loud - 15
    above = level > threshold
    runs = np.flatnonzero(above[:-2] & above[1:-1] & above[2:])
    return runs[0] * FRAME / RATE, (runs[-1] + 3) * FRAME / RATE


def choose(data):
    """(clear recordings, noisy ones), each COUNT of (row, samples), spread evenly over what there is."""
    clear, noisy = [], []
    for row in read_manifest(data):
        if row["lang"] != "en" or row["kind"] in LEFT_OUT or not 2 < float(row["seconds"]) < 25:
            continue
        samples = decode_audio(row["path"], sampling_rate=RATE)
        level = levels(samples)
        spread = np.percentile(level, 95) - np.percentile(level, 8)
        if spread > NOISY:
            (clear if spread > CLEAR else noisy).append((row, samples))
    return [[group[i * len(group) // COUNT] for i in range(min(COUNT, len(group)))] for group in (clear, noisy)]


def join(chosen, path):
    """Write them to a file; returns [(start, end, onset, offset)] of each, and the silences [(start, end)], in seconds."""
    random = np.random.default_rng(SEED)
    parts, spans, silences, at = [], [], [], 0
    for _, samples in chosen:
        gap = int(random.uniform(0.6, 3.0) * RATE)
        silences.append((at / RATE, (at + gap) / RATE))
        onset, offset = sound(samples)
        at += gap
        spans.append((at / RATE, (at + len(samples)) / RATE, at / RATE + onset, at / RATE + offset))
        parts += [np.zeros(gap, np.float32), samples]
        at += len(samples)
    joined = np.concatenate(parts + [np.zeros(RATE, np.float32)])
    with wave.open(path, "wb") as file:
        file.setnchannels(1), file.setsampwidth(2), file.setframerate(RATE)
        file.writeframes((np.clip(joined, -1, 1) * 32767).astype("<i2").tobytes())
    return spans, silences


def by_sotto(sotto, path, precision, options):
    command = [sotto, "transcribe", path, "-m", "base", "--precision", precision, "-l", "en", "--words", "-f", "json", "-q", *options]
    result = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return [(word["word"], word["start"], word["end"]) for segment in result["segments"] for word in segment["words"]]


def by_rival(weights, path, cache):
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    known = {}
    if os.path.exists(cache):
        with open(cache, encoding="utf-8") as file:
            known = json.load(file)
    if digest not in known:
        from faster_whisper import WhisperModel
        model = WhisperModel(weights, device="cpu", compute_type="float32", cpu_threads=os.cpu_count(), local_files_only=True)
        segments, _ = model.transcribe(path, language="en", beam_size=1, temperature=0, condition_on_previous_text=False, word_timestamps=True)
        known[digest] = [(word.word, word.start, word.end) for segment in segments for word in segment.words]
        with open(cache, "w", encoding="utf-8") as file:
            json.dump(known, file, ensure_ascii=False)
    return [tuple(word) for word in known[digest]]


def edges(words, spans):
    """Indices of each recording's first and last word, None for those of which nothing was heard."""
    found = []
    for start, end, _, _ in spans:
        mine = [i for i, (_, a, b) in enumerate(words) if start - 0.3 <= (a + b) / 2 <= end + 0.3]
        found.append((mine[0], mine[-1]) if mine else None)
    return found


def plain(word):
    return "".join(c for c in word.lower() if c.isalnum())


def between(words, others, outer):
    """|difference| of starts and ends of the words that both have, without the recordings' first and last ones."""
    matcher = difflib.SequenceMatcher(None, [plain(w[0]) for w in words], [plain(w[0]) for w in others], autojunk=False)
    found = []
    for a, b, n in matcher.get_matching_blocks():
        for i in range(n):
            if a + i not in outer:
                found += [abs(words[a + i][k] - others[b + i][k]) for k in (1, 2)]
    return np.array(found)


def measure(words, spans, silences, others):
    first_last = [pair for pair in edges(words, spans)]
    starts = np.array([abs(words[pair[0]][1] - span[2]) for pair, span in zip(first_last, spans) if pair])
    ends = np.array([abs(words[pair[1]][2] - span[3]) for pair, span in zip(first_last, spans) if pair])
    over = [word for word in words for a, b in silences if min(word[2], b) - max(word[1], a) > PAUSE]
    differences = between(words, others, {i for pair in first_last if pair for i in pair})
    return starts, ends, over, differences


def line(label, values):
    starts, ends, over, differences = values
    print(f"{label:32}{len(starts):7}{1e3 * np.median(starts):9.0f}{1e3 * np.percentile(starts, 90):7.0f}"
          f"{1e3 * np.median(ends):9.0f}{1e3 * np.percentile(ends, 90):7.0f}{len(over):12}"
          f"{len(differences) // 2:8}{1e3 * np.median(differences):9.0f}{1e3 * np.percentile(differences, 90):7.0f}")


def check(label, values):
    starts, ends, over, differences = values
    got = {"start": 1e3 * np.median(starts), "end": 1e3 * np.median(ends), "between": 1e3 * np.median(differences)}
    broken = 0
    for name, limit in LIMITS.items():
        good = got[name] < limit
        broken += not good
        if not good:
            print(f"BROKEN  {label}: median {name} {got[name]:.0f} ms, limit {limit}")
    for word in over:
        broken += 1
        print(f"BROKEN  {label}: {word[0]!r} from {word[1]:.2f} to {word[2]:.2f} s reaches over a silence")
    if len(starts) < COUNT // 2:
        broken += 1
        print(f"BROKEN  {label}: words were found in {len(starts)} recordings only")
    return broken


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    sotto, weights, data, out = sys.argv[1:]
    os.makedirs(out, exist_ok=True)
    broken = 0
    for name, chosen in zip(("clear", "noisy"), choose(data)):
        if not chosen:
            continue
        path = os.path.join(out, f"joined-{name}.wav")
        spans, silences = join(chosen, path)
        others = by_rival(weights, path, os.path.join(out, "rival-words.json"))
        print(f"\nWord times, {len(chosen)} {name} recordings joined with silences; milliseconds"
              f"\n{'':32}{'files':>7}{'start':>9}{'90 %':>7}{'end':>9}{'90 %':>7}{'over pauses':>12}{'words':>8}{'rival':>9}{'90 %':>7}")
        line("faster-whisper float32", measure(others, spans, silences, others))
        for snap in (False, True):
            for precision in ("f32", "int8"):
                for mode in ([], ["--sequential"]):
                    label = f"{precision} {'sequential' if mode else 'chunks'} {'snapped' if snap else 'attention alone'}"
                    words = by_sotto(sotto, path, precision, mode + ([] if snap else ["--no-word-snapping"]))
                    values = measure(words, spans, silences, others)
                    line(label, values)
                    if name == "clear" and not snap:
                        broken += check(label, values)
    print(f"limits, clear recordings by attention alone: medians under {LIMITS['start']} ms for starts, {LIMITS['end']} for ends, {LIMITS['between']} "
          f"from the rival, no word over a silence: {'BROKEN' if broken else 'ok'}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
