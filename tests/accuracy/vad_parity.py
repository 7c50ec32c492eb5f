#!/usr/bin/env python3
"""
vad_parity.py DUMP WEIGHTS DATA [MODEL.onnx]

The speech detector against ONNX Runtime on every recording of DATA/speech that has one: both hear the samples that
DUMP (tests/accuracy/vad_dump) decodes. MODEL.onnx is silero_vad.onnx of the package silero-vad 6.2.3, downloaded by pip if it is
not given. Also prints, for each kind of recording, how much of it goes to the recogniser, and the detector's speed.
Exit status 1 if a probability differs by more than 1e-4.
"""

import os
import subprocess
import sys
import tempfile
import zipfile

import numpy as np
import onnxruntime

from transcripts import read_manifest

PACKAGE, MEMBER = "silero-vad==6.2.3", "silero_vad/data/silero_vad.onnx"
LIMIT = 1e-4
FRAME, CONTEXT = 512, 64


def download(folder):
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "-d", folder, PACKAGE]
    subprocess.run(pip, check=True)
    wheel = next(name for name in os.listdir(folder) if name.endswith(".whl"))
    with zipfile.ZipFile(os.path.join(folder, wheel)) as package:
        return package.extract(MEMBER, folder)


def open_session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def onnx_probabilities(session, samples):
    """As the package's own wrapper feeds the network: 512 samples behind the last 64 of the frame before."""
    padded = np.pad(samples, (CONTEXT, -len(samples) % FRAME))
    state, rate = np.zeros((2, 1, 128), np.float32), np.array(16000, np.int64)
    out = []
    for start in range(0, len(padded) - CONTEXT, FRAME):
        frame = padded[None, start:start + CONTEXT + FRAME]
        probability, state = session.run(None, {"input": frame, "state": state, "sr": rate})
        out.append(probability[0, 0])
    return np.array(out, np.float32)


def run_dump(dump, weights, path, out):
    """(probabilities, samples, seconds of the detector, seconds in chunks, chunks), or None if it cannot be read."""
    result = subprocess.run([dump, weights, path, out], capture_output=True, text=True)
    if result.returncode:
        print(f"skipped: {result.stderr.strip()}", file=sys.stderr)
        return None
    *pieces, last = result.stdout.splitlines()
    pieces = [tuple(map(int, line.split())) for line in pieces]
    frames = np.fromfile(out + ".frames", np.float32).reshape(-1, 2)
    kept = sum(length for _, _, length in pieces) / 16000
    return frames[:, 0], np.fromfile(out + ".samples", np.float32), float(last.split()[0]), kept, len({p[0] for p in pieces})


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    dump, weights, data = sys.argv[1:4]
    kinds = {}
    with tempfile.TemporaryDirectory() as folder:
        session = open_session(sys.argv[4] if len(sys.argv) == 5 else download(folder))
        for row in read_manifest(data):
            got = run_dump(dump, weights, row["path"], os.path.join(folder, "out"))
            if got is None:
                continue
            ours, samples, seconds, kept, chunks = got
            theirs = onnx_probabilities(session, samples)
            difference = float(np.abs(ours - theirs).max(initial=0)) if len(ours) == len(theirs) else np.inf
            total = kinds.setdefault(row["kind"], np.zeros(6))
            total[:5] += 1, len(samples) / 16000, kept, chunks, seconds
            total[5] = max(total[5], difference)
    print(f"{'kind':12}{'files':>6}{'seconds':>9}{'kept %':>8}{'chunks':>7}{'x realtime':>12}{'largest difference':>20}")
    for kind, (files, length, kept, chunks, seconds, difference) in sorted(kinds.items()):
        print(f"{kind:12}{files:6.0f}{length:9.1f}{100 * kept / length:8.1f}{chunks:7.0f}{length / seconds:12.0f}{difference:20.2e}")
    worst = max(total[5] for total in kinds.values())
    print(f"largest difference to ONNX Runtime {onnxruntime.__version__}: {worst:.2e} (limit {LIMIT:.0e})")
    sys.exit(1 if worst > LIMIT else 0)


if __name__ == "__main__":
    main()
