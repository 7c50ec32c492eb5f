#!/usr/bin/env python3
"""
speakers.py BENCH MODEL.sotto TENSORS RECORDING [ROUNDS]   The speaker networks beside ONNX Runtime with the same networks in float32, on one
thread. The rounds are interleaved; medians of processor time are printed, so that other programs on the machine disturb less. Lengths
and steps are those of the pipeline: windows of 10 s every 1 s (accurate) and 2.5 s (fast), voices of 1.5 to 10 s.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnxruntime

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "accuracy"))
from speaker_onnx import embedding, read_tensors, segmentation  # noqa: E402

WINDOWS = 12
VOICES = ((150, 10), (400, 4), (998, 2))  # frames, how many


def cpu_time(work):
    start = time.process_time()
    work()
    return time.process_time() - start


class Rival:
    """ONNX Runtime on one thread."""

    def __init__(self, tensors, samples):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.samples = samples
        self.segmentation, self.embedding = (onnxruntime.InferenceSession(make(tensors), options, providers=["CPUExecutionProvider"])
                                             for make in (segmentation, embedding))

    def windows(self, step):
        # Eight at once, which it does faster per window than one or twelve.
        starts = [np.stack([self.samples[(i + j) * step :][:160000] for j in range(min(8, WINDOWS - i))])[:, None] for i in range(0, WINDOWS, 8)]
        return cpu_time(lambda: [self.segmentation.run(None, {"x": x}) for x in starts])

    def voices(self, frames, count):
        x = np.random.default_rng(0).normal(0, 3, (count, 1, frames, 80)).astype(np.float32)
        return cpu_time(lambda: [self.embedding.run(None, {"x": voice}) for voice in x])


class Sotto:
    def __init__(self, bench, model, samples, folder):
        path = os.path.join(folder, "samples.f32")
        samples.tofile(path)
        self.process = subprocess.Popen([bench, model, path, "1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, job):
        print(job, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def windows(self, step):
        return self.ask(f"windows {step} {WINDOWS}")

    def voices(self, frames, count):
        return self.ask(f"embed 0 {frames} {count}")


def main():
    bench, model, tensors, recording = sys.argv[1:5]
    rounds = int(sys.argv[5]) if len(sys.argv) > 5 else 5
    command = ["ffmpeg", "-v", "error", "-i", recording, "-f", "f32le", "-ac", "1", "-ar", "16000", "-"]
    samples = np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, "<f4")
    samples = np.tile(samples, 1 + 40 * 16000 // len(samples))  # windows every 2.5 s reach 37.5 s
    jobs = [(f"{WINDOWS} windows every {step / 16000:g} s", lambda who, step=step: who.windows(step)) for step in (16000, 40000)]
    jobs += [(f"{count} voices of {frames / 100:g} s", lambda who, frames=frames, count=count: who.voices(frames, count)) for frames, count in VOICES]
    with tempfile.TemporaryDirectory() as folder:
        both = Sotto(bench, model, samples, folder), Rival(read_tensors(tensors), samples)
        times = {name: ([], []) for name, _ in jobs}
        for i in range(rounds + 1):  # the first warms up
            for name, job in jobs:
                for who, seconds in zip(both, times[name]):
                    spent = job(who)
                    if i:
                        seconds.append(spent)
        both[0].process.stdin.close()
        both[0].process.wait()
    print(f"{'one thread, medians of ' + str(rounds) + ' rounds':32}{'sotto':>10}{'ONNX Runtime':>15}{'ratio':>8}")
    totals = [0, 0]
    for name, pair in times.items():
        ours, theirs = map(statistics.median, pair)
        totals = [totals[0] + ours, totals[1] + theirs]
        print(f"{name:32}{ours * 1e3:7.1f} ms{theirs * 1e3:12.1f} ms{theirs / ours:8.2f}")
    print(f"{'together':32}{totals[0] * 1e3:7.1f} ms{totals[1] * 1e3:12.1f} ms{totals[1] / totals[0]:8.2f}")


if __name__ == "__main__":
    main()
