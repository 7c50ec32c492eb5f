#!/usr/bin/env python3
"""
speaker_parity.py DUMP INT8.sotto F32.sotto TENSORS DATA   The speaker networks beside ONNX Runtime on the recordings of
DATA/diarization, and beside the reference values in its folder ref, if they are there. Exit status 1 if a bound is not kept.
"""

import os
import subprocess
import sys

import numpy as np
import onnxruntime

from speaker_onnx import embedding, read_tensors, segmentation

STEP = 80000  # samples between windows
LEAST = 16000  # of a window: norms make noise of roundings where there is hardly a sample
MOST = 60 * 16000  # of a recording
VOICES = 40
SETS = np.array([0, 1, 2, 4, 3, 5, 6])  # local speakers of each class, one bit each
failed = False


def check(what, value, bound, least):
    global failed
    kept = value >= bound if least else value <= bound
    failed |= not kept
    print(f"{what:62} {value:.6f}  {'at least' if least else 'at most '} {bound}  {'ok' if kept else 'NOT KEPT'}")


def decode(path):
    command = ["ffmpeg", "-v", "error", "-i", path, "-f", "f32le", "-ac", "1", "-ar", "16000", "-"]
    return np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, "<f4")


class Sotto:
    def __init__(self, dump, model):
        self.command = [dump, model]

    def run(self, what, samples, *more):
        out = subprocess.run([*self.command, what, *map(str, more)], input=samples.astype("<f4").tobytes(), check=True, capture_output=True)
        return np.frombuffer(out.stdout, "<f4")

    def windows(self, samples):
        return self.run("windows", samples, STEP).reshape(-1, 589, 7)

    def embed(self, samples):
        return self.run("embed", samples)


class Rival:
    def __init__(self, tensors):
        self.segmentation, self.embedding = (onnxruntime.InferenceSession(make(tensors), providers=["CPUExecutionProvider"])
                                             for make in (segmentation, embedding))

    def windows(self, samples):
        starts = range(0, max(len(samples) - LEAST, 1), STEP)
        windows = np.zeros((len(starts), 1, 160000), np.float32)
        for window, start in zip(windows, starts):
            window[0, : len(samples[start : start + 160000])] = samples[start : start + 160000]
        return self.segmentation.run(None, {"x": windows})[0]

    def embed(self, fbank):
        return self.embedding.run(None, {"x": (fbank - fbank.mean(0, dtype=np.float64).astype(np.float32))[None]})[0][0]


def cosine(a, b):
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def compare_windows(recordings, exact, rough, rival):
    distance, same_exact, same_rough, bits = 0.0, [], [], []
    for samples in recordings:
        expected, ours, eight = rival.windows(samples[:MOST]), exact.windows(samples[:MOST]), rough.windows(samples[:MOST])
        decided = expected.argmax(2)
        ours, eight = ours[: len(expected)], eight[: len(expected)]
        distance = max(distance, float(np.abs(np.exp(expected) - np.exp(ours)).max()))
        same_exact.append((ours.argmax(2) == decided).mean(1))
        same_rough.append((eight.argmax(2) == decided).mean(1))
        changed = SETS[decided] ^ SETS[eight.argmax(2)]
        bits.append(1 - sum((changed >> i & 1).mean() for i in range(3)) / 3)
    print(f"{sum(map(len, same_exact))} windows of {len(recordings)} recordings beside ONNX Runtime")
    check("segmentation, float: largest difference of probabilities", distance, 1e-3, False)
    check("segmentation, float: share of frames decided alike", float(np.concatenate(same_exact).mean()), 1.0, True)
    check("segmentation, INT8: share of frames decided alike", float(np.concatenate(same_rough).mean()), 0.998, True)
    check("segmentation, INT8: share of speakers' frames decided alike", float(np.mean(bits)), 0.998, True)


def compare_voices(recordings, exact, rough, rival):
    random, close, eight = np.random.default_rng(0), [], []
    for i in range(VOICES):
        samples = recordings[i % len(recordings)]
        length = int(random.uniform(1.5, 6) * 16000)
        start = random.integers(0, len(samples) - length)
        piece = samples[start : start + length]
        expected = rival.embed(exact.run("fbank", piece).reshape(-1, 80))
        close.append(cosine(exact.embed(piece), expected))
        eight.append(cosine(rough.embed(piece), expected))
    print(f"{VOICES} voices of 1.5 to 6 s beside ONNX Runtime")
    check("embeddings, float: least cosine", min(close), 0.99999, True)
    check("embeddings, INT8: mean cosine", float(np.mean(eight)), 0.995, True)
    check("embeddings, INT8: least cosine", min(eight), 0.99, True)


def compare_reference(folder, samples, exact, rough):
    def read(name, columns):
        return np.fromfile(os.path.join(folder, f"sample_{name}.f32"), "<f4").reshape(-1, columns)
    print("reference values of ami-sample")
    check("filter banks: largest difference", float(np.abs(exact.run("fbank", samples[:160000]).reshape(-1, 80) - read("0_10s_fbank80", 80)).max()), 1e-3, False)
    expected = read("0_10s_seg_logprob_589x7", 7)
    ours, eight = (model.run("windows", samples[:160000], 160000).reshape(589, 7) for model in (exact, rough))
    check("segmentation, float: largest difference", float(np.abs(ours - expected).max()), 1e-3, False)
    check("segmentation, float: share of frames decided alike", float((ours.argmax(1) == expected.argmax(1)).mean()), 1.0, True)
    check("segmentation, INT8: share of frames decided alike", float((eight.argmax(1) == expected.argmax(1)).mean()), 0.998, True)
    cosines = []
    for name in sorted(os.listdir(folder)):
        if name.endswith("_campplus192.f32"):
            start, end = (round(float(text) * 16000) for text in name.split("_")[1:3])
            expected = read(name[len("sample_") : -len(".f32")], 192)[0]
            cosines.append([cosine(model.embed(samples[start:end]), expected) for model in (exact, rough)])
    check("embeddings, float: least cosine", min(pair[0] for pair in cosines), 0.99999, True)
    check("embeddings, INT8: mean cosine", float(np.mean([pair[1] for pair in cosines])), 0.995, True)
    check("embeddings, INT8: least cosine", min(pair[1] for pair in cosines), 0.99, True)


def main():
    dump, int8, f32, tensors, data = sys.argv[1:]
    folder = os.path.join(data, "diarization")
    names = sorted(name for name in os.listdir(folder) if name.endswith(".flac"))
    recordings = [decode(os.path.join(folder, name)) for name in names]
    exact, rough = Sotto(dump, f32), Sotto(dump, int8)
    if os.path.isdir(os.path.join(folder, "ref")):
        compare_reference(os.path.join(folder, "ref"), recordings[names.index("ami-sample.flac")], exact, rough)
    rival = Rival(read_tensors(tensors))
    compare_windows(recordings, exact, rough, rival)
    compare_voices(recordings, exact, rough, rival)
    return failed


if __name__ == "__main__":
    sys.exit(main())
