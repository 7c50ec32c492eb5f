#!/usr/bin/env python3
"""speakers_reference.py TENSORS > speakers_reference.inl   What ONNX Runtime makes of the demo recording; needs `make accuracy`'s environment."""

import os
import sys
import wave

import numpy as np
import onnxruntime

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "accuracy"))
from speaker_onnx import embedding, read_tensors, segmentation  # noqa: E402

STARTS = (0, 10, 20)  # s, of windows
VOICES = ((7.6, 10.0), (10.7, 14.4), (14.7, 17.9), (18.6, 21.4), (21.8, 27.8))  # s


def fbank(samples):
    """Kaldi's filter banks in double precision."""
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), 400)[::160]
    frames = frames - frames.mean(1, keepdims=True)
    frames = frames - 0.97 * np.concatenate([frames[:, :1], frames[:, :-1]], 1)
    power = np.abs(np.fft.rfft(frames * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 399)) ** 0.85, 512)) ** 2

    def mel(hz):
        return 1127 * np.log(1 + hz / 700)
    at = (mel(np.arange(257) * 31.25) - mel(20)) / ((mel(8000) - mel(20)) / 81)
    triangles = np.maximum(0, np.minimum(at - np.arange(80)[:, None], 2 - at + np.arange(80)[:, None]))
    return np.log(np.maximum(power @ triangles.T, 2**-23)).astype(np.float32)


def main():
    tensors = read_tensors(sys.argv[1])
    models = [onnxruntime.InferenceSession(make(tensors), providers=["CPUExecutionProvider"]) for make in (segmentation, embedding)]
    with wave.open(os.path.join(HERE, "..", "..", "assets", "meeting.wav")) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
    windows = np.stack([np.pad(samples[s * 16000 :][:160000], (0, max(0, 160000 - len(samples) + s * 16000))) for s in STARTS])[:, None]
    print("/* Written by speakers_reference.py. */\n/* The likeliest class of each frame of the windows at 0, 10 and 20 s. */")
    print("static const char *const classes[] = {")
    for window in models[0].run(None, {"x": windows})[0].argmax(2):
        text = "".join(map(str, window))
        print("   ", "\n    ".join(f'"{text[i : i + 96]}"' for i in range(0, len(text), 96)) + ",")
    print("};\n/* Stretches in samples, and their embeddings divided by their length. */")
    print("static const struct { size_t start, end; float embedding[192]; } voices[] = {")
    for start, end in ((round(a * 16000), round(b * 16000)) for a, b in VOICES):
        x = fbank(samples[start:end])
        e = models[1].run(None, {"x": (x - x.mean(0))[None]})[0][0]
        e /= np.linalg.norm(e)
        rows = [", ".join(f"{v:.6f}f" for v in e[i : i + 8]) for i in range(0, 192, 8)]
        print(f"    {{{start}, {end}, {{" + ",\n     ".join(rows) + "}},")
    print("};")


if __name__ == "__main__":
    main()
