#!/usr/bin/env python3
"""
trust.py SOTTO WEIGHTS DATA OUT

Decoding that can be trusted, beside faster-whisper in float32 from the same weights, on DATA/speech/manifest.tsv: no words where
nobody speaks; long recordings whole, in batches and sequentially, without loops; other languages in INT8 as in float32; the same
transcript at every batch size and number of threads. Exit status 1 if a limit is broken. What the rival said is kept in OUT.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from importlib.metadata import version

import jiwer

from transcripts import read_manifest
from words import errors, units

OTHERS_LIMIT = 1.0  # points of INT8 over float32, all languages but English together


class Engine:
    """sotto with given options: {id: JSON}."""

    def __init__(self, sotto):
        self.sotto = sotto

    def run(self, rows, *options, language=None):
        results = {}
        groups = {}
        for row in rows:
            groups.setdefault(language or row["lang"], []).append(row)
        for code, group in groups.items():
            with tempfile.TemporaryDirectory() as folder:
                links = []
                for row in group:
                    links.append(os.path.join(folder, row["id"] + os.path.splitext(row["path"])[1]))
                    os.symlink(row["path"], links[-1])
                out = os.path.join(folder, "out")
                subprocess.run([self.sotto, "transcribe", *links, "-m", "base", "-l", code, "-f", "json", "-o", out, "-q", *options], check=True)
                for row in group:
                    with open(os.path.join(out, row["id"] + ".json"), encoding="utf-8") as file:
                        results[row["id"]] = json.load(file)
        return results


class Rival:
    """faster-whisper; what it said about a file is kept, by the file's hash and the settings."""

    def __init__(self, weights, path):
        self.weights, self.path, self.model, self.cache = weights, path, None, {}
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                self.cache = json.load(file)

    def run(self, row, batched, **settings):
        with open(row["path"], "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        key = f"{digest} {'batched' if batched else 'sequential'} {sorted(settings.items())} {version('faster-whisper')} {version('ctranslate2')}"
        if key not in self.cache:
            from faster_whisper import BatchedInferencePipeline, WhisperModel
            if self.model is None:
                self.model = WhisperModel(self.weights, device="cpu", compute_type="float32", cpu_threads=os.cpu_count(), local_files_only=True)
            engine = BatchedInferencePipeline(self.model) if batched else self.model
            segments, _ = engine.transcribe(row["path"], **settings)
            self.cache[key] = "".join(segment.text for segment in segments)
            with open(self.path + ".part", "w", encoding="utf-8") as file:
                json.dump(self.cache, file, ensure_ascii=False, indent=0)
            os.replace(self.path + ".part", self.path)
        return self.cache[key]


def say(good, text):
    print(f"{'ok' if good else 'BROKEN':8}{text}", flush=True)
    return not good


def check_silence(rows, engine, rival):
    print("\nwords where nobody speaks (both engines with their defaults, language detected)")
    ours, total, theirs = engine.run(rows, language="auto"), 0, 0
    for row in rows:
        text, other = ours[row["id"]]["text"], rival.run(row, False)
        total += len(text.split())
        theirs += len(other.split())
        print(f"        {row['id']:20} sotto {text!r}, faster-whisper {other.strip()!r}")
    return say(total == 0, f"sotto {total} words, faster-whisper {theirs}")


def has_loop(words):
    """Whether 1 to 20 words stand four times one after another, 12 words or more."""
    for period in range(1, 21):
        run = 0
        for i in range(period, len(words)):
            run = run + 1 if words[i] == words[i - period] else 0
            if run >= max(3 * period, 12):
                return True
    return False


def measure(row, text):
    """(errors, words, deletions, whether there is a loop, most words left out one after another)."""
    wrong, count = errors(row["ref"], text, row["lang"])
    ref, hyp = units(row["ref"], row["lang"]), units(text, row["lang"])
    gaps = [len(ref)]
    if hyp:
        found = jiwer.process_words(" ".join(ref), " ".join(hyp)).alignments[0]
        gaps = [chunk.ref_end_idx - chunk.ref_start_idx for chunk in found if chunk.type == "delete"]
    return wrong, count, sum(gaps), has_loop(hyp) and not has_loop(ref), max(gaps, default=0)


def check_long(rows, engine, rival):
    print("\nlong recordings: error rate, deletions, most of them one after another")
    broken = 0
    for mode, options in (("batched", []), ("sequential", ["--sequential"])):
        ours = engine.run(rows, *options)
        sums = [[0, 0, 0], [0, 0, 0]]
        loops, longest = 0, [0, 0]
        for row in rows:
            settings = {"language": row["lang"], "beam_size": 1, "vad_filter": True}
            settings.update({"batch_size": 8} if mode == "batched" else {"condition_on_previous_text": False})
            found = measure(row, ours[row["id"]]["text"]), measure(row, rival.run(row, mode == "batched", **settings))
            loops += found[0][3]
            longest = [max(most, one[4]) for most, one in zip(longest, found)]
            for total, one in zip(sums, found):
                for i in range(3):
                    total[i] += one[i]
            print(f"        {row['id']:24} {mode:11} sotto {100 * found[0][0] / found[0][1]:6.2f} % {found[0][2]:4} {found[0][4]:4}   "
                  f"faster-whisper {100 * found[1][0] / found[1][1]:6.2f} % {found[1][2]:4} {found[1][4]:4}")
        (wrong, count, deleted), (their_wrong, _, their_deleted) = sums
        broken += say(wrong <= their_wrong, f"{mode}: {100 * wrong / count:.2f} % against {100 * their_wrong / count:.2f} %")
        broken += say(deleted <= their_deleted, f"{mode}: {deleted} deletions against {their_deleted}")
        broken += say(longest[0] <= longest[1], f"{mode}: {longest[0]} words left out one after another at most, against {longest[1]}")
        broken += say(loops == 0, f"{mode}: {loops} loops")
    return broken


def check_others(rows, engine):
    print("\nother languages, batched: INT8 against float32")
    int8, f32 = engine.run(rows), engine.run(rows, "--precision", "f32")
    a = [errors(row["ref"], int8[row["id"]]["text"], row["lang"]) for row in rows]
    b = [errors(row["ref"], f32[row["id"]]["text"], row["lang"]) for row in rows]
    count = sum(n for _, n in a)
    ours, exact = (100 * sum(e for e, _ in found) / count for found in (a, b))
    return say(ours - exact <= OTHERS_LIMIT, f"{len(rows)} recordings: INT8 {ours:.2f} %, float32 {exact:.2f} %, limit {OTHERS_LIMIT:+.1f}")


def check_bits(row, engine):
    print("\none transcript at every batch size and number of threads")
    texts = {}
    for threads in ("1", "2"):
        for batch in ("1", "3", "8", "16"):
            result = engine.run([row], "--batch", batch, "--threads", threads)[row["id"]]
            del result["timing"], result["device"]
            texts.setdefault(json.dumps(result, sort_keys=True), []).append(f"{batch}x{threads}")
    return say(len(texts) == 1, f"{row['id']}: {len(texts)} different result(s), groups {list(texts.values())}")


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    sotto, weights, data, out = sys.argv[1:]
    os.makedirs(out, exist_ok=True)
    rows = read_manifest(data)
    engine, rival = Engine(sotto), Rival(weights, os.path.join(out, "rival-trust.json"))
    kind = {name: [row for row in rows if row["kind"] == name] for name in ("nonspeech", "long")}
    broken = check_silence(kind["nonspeech"], engine, rival)
    if kind["long"]:
        broken += check_long(kind["long"], engine, rival)
        broken += check_bits(min(kind["long"], key=lambda row: float(row["seconds"])), engine)
    broken += check_others([row for row in rows if row["lang"] != "en" and row["ref"].strip()], engine)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
