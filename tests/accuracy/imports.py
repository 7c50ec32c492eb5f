#!/usr/bin/env python3
"""
imports.py SOTTO WEIGHTS DATA OUT

Importers: the same weights from CTranslate2, safetensors, ONNX and ggml in float16 must give one file, bit by bit; ggml's quantised
kinds and INT4 (guided by the demo's recording, and without one) are judged by their word errors on the English recordings, beside INT8 from float16. Exit status 1 if a limit is
broken.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile

import exports
from transcripts import read_manifest
from words import errors

KINDS = ("q8_0", "q5_1", "q5_0", "q4_1", "q4_0")
# Points over INT8 from float16. 8 bits lose nothing that is heard, 5 bits little; half a point on these words is chance (with base
# +0.03, -0.41 and +0.50 were seen). 4 bits rounded plainly lose what they lose: printed, without a limit.
LIMITS = {"q8_0": 0.5, "q5_1": 1.0, "q5_0": 1.0}
RECORDING = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "assets", "meeting.wav")


def import_model(sotto, source, path, *options):
    """The file's hash, and what was said of its correlation."""
    done = subprocess.run([sotto, "model", "import", source, "-o", path, "--name", "base", *options], capture_output=True, text=True, check=True)
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest(), done.stderr.strip().removeprefix("sotto: ")


def word_errors(sotto, model, rows):
    with tempfile.TemporaryDirectory() as folder:
        links = []
        for row in rows:
            links.append(os.path.join(folder, row["id"] + os.path.splitext(row["path"])[1]))
            os.symlink(row["path"], links[-1])
        out = os.path.join(folder, "out")
        options = ["-m", model, "-l", "en", "-f", "json", "-o", out, "-q", "--sequential", "--no-vad", "--no-fallback"]
        subprocess.run([sotto, "transcribe", *links, *options], check=True)
        wrong = words = 0
        for row in rows:
            with open(os.path.join(out, row["id"] + ".json"), encoding="utf-8") as file:
                one = errors(row["ref"], json.load(file)["text"], "en")
            wrong, words = wrong + one[0], words + one[1]
    return 100 * wrong / words, words


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    sotto, weights, data, out = sys.argv[1:]
    os.makedirs(out, exist_ok=True)
    sotto = os.path.abspath(sotto)
    rows = [row for row in read_manifest(data) if row["lang"] == "en" and row["ref"].strip()]
    broken = 0

    print("\nWhisper base in float16 from four formats")
    path, hashes = os.path.join(out, "import.sotto"), {}
    for name, source in exports.write_all(weights, out).items():
        hashes[name], said = import_model(sotto, source, path)
        print(f"{name:14}{hashes[name][:16]}  {said}")
    same = len(set(hashes.values())) == 1
    broken += not same
    print("ok      one file" if same else "BROKEN  files differ")

    base, words = word_errors(sotto, path, rows)
    print(f"\nWord error rates on {words} English words, greedy at temperature 0\n{'INT8':14}{base:6.2f} %")
    tensors = exports.read(weights)
    for kind in (*KINDS, "INT4", "INT4 unheard"):
        source, options = os.path.join(out, "ggml", f"model-{kind}.bin"), ()
        if kind not in KINDS:
            source, options = weights, ("--precision", "int4", *(("--calibration", RECORDING) if kind == "INT4" else ()))
        else:
            exports.ggml(tensors, weights, source, kind)
        _, said = import_model(sotto, source, path, *options)
        wer, _ = word_errors(sotto, path, rows)
        limit = LIMITS.get(kind)
        bad = limit is not None and wer - base > limit
        broken += bad
        print(f"{('ggml ' if kind in KINDS else '') + kind:14}{wer:6.2f} % {wer - base:+6.2f}{'  BROKEN' if bad else ''}   {said}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
