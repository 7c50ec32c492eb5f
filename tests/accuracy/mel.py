"""Whisper's log-mel spectrogram as OpenAI defines it, in float64."""

import numpy as np


def mel_filters(count, bins=201, rate=16000):
    """Slaney's mel scale and normalisation: linear to 1 kHz, logarithmic above; triangles of equal area. [count][bins]"""
    step, corner, ratio = 200 / 3, 1000.0, np.log(6.4) / 27
    to_mel = lambda f: np.where(f < corner, f / step, corner / step + np.log(np.maximum(f, 1e-9) / corner) / ratio)
    to_hertz = lambda m: np.where(m < corner / step, m * step, corner * np.exp(ratio * (m - corner / step)))
    edges = to_hertz(np.linspace(0, to_mel(np.array(rate / 2.0)), count + 2))
    hertz = np.linspace(0, rate / 2, bins)
    rising = (hertz - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - hertz) / np.diff(edges)[1:, None]
    return np.maximum(0, np.minimum(rising, falling)) * (2 / (edges[2:] - edges[:-2]))[:, None]


def log_mel(samples, n_mels):
    """OpenAI's definition over one window of 480,000 samples, in float64. [3000][n_mels]"""
    padded = np.pad(samples.astype(np.float64), 200, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, 400)[::160][:3000]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    power = np.abs(np.fft.rfft(frames * window)) ** 2
    mel = np.log10(np.maximum(power @ mel_filters(n_mels).T, 1e-10))
    return (np.maximum(mel, mel.max() - 8) + 4) / 4
