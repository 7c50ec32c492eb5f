"""
The pipeline of src/diarize a second time: ONNX Runtime for the networks, NumPy and SciPy for the rest, with the same settings.
Written to be read beside the C code, whole recordings at a time.
"""

import itertools

import numpy as np
import onnxruntime
from scipy.cluster.hierarchy import fcluster, linkage

import speaker_onnx

RATE, WINDOW, FRAMES, HOP, MEL_BINS = 16000, 160000, 589, 270, 80
SETS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]])
PIECE, RUN, SEED = 178, 712, 60  # frames
THRESHOLD, SMALL, VOICE_WEIGHT = 0.63, 4, 3.0


def mel_bank():
    """[80, 257]: Kaldi's triangles, equal in mel, from 20 Hz to 8 kHz."""
    mel = lambda hz: 1127 * np.log1p(np.asarray(hz, np.float64) / 700)
    edges = np.linspace(mel(20), mel(RATE / 2), MEL_BINS + 2)
    at = mel(np.arange(257) * RATE / 512)
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    weights = np.minimum((at - left) / (centre - left), (right - at) / (right - centre))
    weights[:, 256] = 0  # Kaldi leaves out the highest frequency
    return np.maximum(weights, 0)


def filter_banks(samples):
    """[n, 80]: Kaldi's log mel energies of 25 ms each 10 ms; snip_edges, no dither."""
    n = 0 if len(samples) < 400 else 1 + (len(samples) - 400) // 160
    frames = np.lib.stride_tricks.sliding_window_view(np.asarray(samples, np.float64), 400)[::160][:n] if n else np.zeros((0, 400))
    frames = frames - frames.mean(1, keepdims=True)
    frames = frames - 0.97 * np.concatenate([frames[:, :1], frames[:, :-1]], 1)
    frames = frames * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 399)) ** 0.85
    power = np.abs(np.fft.rfft(frames, 512)) ** 2
    return np.log(np.maximum(power @ mel_bank().T, 1.1920929e-07)).astype(np.float32)


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


class Networks:
    def __init__(self, weights, threads=1):
        tensors = speaker_onnx.read_tensors(weights)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.segmentation, self.embedding = (onnxruntime.InferenceSession(build(tensors), options, providers=["CPUExecutionProvider"])
                                             for build in (speaker_onnx.segmentation, speaker_onnx.embedding))

    def activity(self, samples, step):
        """[windows, 589, 3] of 0 and 1."""
        n = 1 if len(samples) <= WINDOW else -(-(len(samples) - WINDOW) // step) + 1
        padded = np.concatenate([samples, np.zeros(WINDOW + step, np.float32)])
        windows = [padded[w * step:w * step + WINDOW] for w in range(n)]
        return np.stack([SETS[self.segmentation.run(None, {"x": x[None, None]})[0][0].argmax(1)] for x in windows])

    def voice(self, bands):
        return self.embedding.run(None, {"x": (bands - bands.mean(0))[None]})[0][0]


def cut(runs):
    for first, last in runs:
        n = -(-(last - first) // PIECE)
        for i in range(n):
            yield first + (last - first) * i // n, first + (last - first) * (i + 1) // n


def find_runs(count, change):
    """Stretches in which one speaker speaks, parted at changes and after 12 s."""
    first = None
    for t in range(len(count) + 1):
        alone = t < len(count) and count[t] == 1
        if first is not None and (not alone or change[t] or t - first == RUN):
            yield first, t
            first = None
        if alone and first is None:
            first = t


def cluster(voices):
    """Labels by average linkage, clusters that are too small given to the nearest."""
    if len(voices) == 1:
        return np.zeros(1, int)
    labels = fcluster(linkage(voices, "average", "cosine"), THRESHOLD, "distance")
    small = min(SMALL, 0.1 * len(voices))
    names, sizes = np.unique(labels, return_counts=True)
    large = names[sizes >= small]
    if len(large) == 0:
        return np.zeros(len(voices), int)
    centroids = unit(np.stack([voices[labels == k].mean(0) for k in large]))
    own = {k: np.argmax(centroids @ voices[labels == k].mean(0)) if k not in large else np.where(large == k)[0][0] for k in names}
    return np.array([own[k] for k in labels])


def assign(scores):
    """A column for each row, none twice, -1 where there are too few, with the best sum."""
    rows, columns = scores.shape
    best, chosen = -np.inf, None
    candidates = [list(np.argsort(-row, kind="stable")[:3]) + [-1] for row in scores]
    for choice in itertools.product(*candidates):
        taken = [c for c in choice if c >= 0]
        if len(set(taken)) != len(taken) or len(taken) < min(rows, columns):
            continue
        value = sum(scores[r, c] for r, c in enumerate(choice) if c >= 0)
        if value > best:
            best, chosen = value, choice
    return chosen


def overlay(active, starts, who, total, speakers):
    votes = np.zeros((total, speakers))
    for w, start in enumerate(starts):
        for local in range(3):
            if who[w, local] >= 0:
                votes[start:start + FRAMES, who[w, local]] += active[w][:, local]
    return votes


def identify(active, starts, total, pieces, voices, centroids):
    """The speaker that each local speaker of each window is, -1: none."""
    who = -np.ones((len(starts), 3), int)
    piece_of = -np.ones(total, int)
    for i, (first, last) in enumerate(pieces):
        piece_of[first:last] = i
    for w, start in enumerate(starts):
        rows, scores = [], []
        for local in range(3):
            clean = (active[w][:, local] == 1) & (active[w].sum(1) == 1)
            inside = piece_of[start:start + FRAMES][clean]
            inside = inside[inside >= 0]
            if len(inside) >= 6:
                rows.append(local)
                scores.append(unit(np.bincount(inside, minlength=len(pieces)) @ voices) @ centroids.T)
        if rows:
            who[w, rows] = assign(np.stack(scores))
    votes = overlay(active, starts, who, total, len(centroids))
    found = who.copy()
    for w, start in enumerate(starts):
        rows = [local for local in range(3) if active[w][:, local].any() and who[w, local] < 0]
        if not rows:
            continue
        scores = np.stack([active[w][:, local] @ votes[start:start + FRAMES] for local in rows])
        scores[:, [k for k in who[w] if k >= 0]] = -1
        for row, (local, k) in enumerate(zip(rows, assign(scores))):
            if k >= 0 and scores[row, k] > 0:
                found[w, local] = k
    return found


def diarize(networks, samples, fast=False):
    """[(start, end, speaker)] in seconds."""
    step = 32000 if fast else 16000
    active = networks.activity(samples, step)
    starts = [(2 * w * step + HOP) // (2 * HOP) for w in range(len(active))]
    total = starts[-1] + FRAMES
    speakers, covered, changes, voters = np.zeros((4, total), int)
    codes = active @ np.array([1, 2, 4])
    for w, start in enumerate(starts):
        n = active[w].sum(1)
        speakers[start:start + FRAMES] += n
        covered[start:start + FRAMES] += 1
        both = (n[1:] == 1) & (n[:-1] == 1)
        voters[start + 1:start + FRAMES] += both
        changes[start + 1:start + FRAMES] += both & (codes[w][1:] != codes[w][:-1])
    count = (2 * speakers + covered) // (2 * np.maximum(covered, 1))
    change = (changes > 0) & (changes * 5 >= voters)

    bands = filter_banks(samples)
    pieces, voices = [], []
    for first, last in cut(find_runs(count, change)):
        low, high = (min(len(bands), -(-(t * HOP + 160) // 160)) for t in (first, last))
        if high - low >= 10:
            pieces.append((first, last))
            voices.append(unit(networks.voice(bands[low:high]).astype(np.float64)))
    if not pieces:
        return []
    voices, lengths = np.stack(voices), np.array([last - first for first, last in pieces])
    seeds = lengths >= SEED if (lengths >= SEED).any() else lengths > 0
    labels = cluster(voices[seeds])
    centroids = unit(np.stack([voices[seeds][labels == k].mean(0) for k in range(labels.max() + 1)]))
    who = identify(active, starts, total, pieces, voices, centroids)

    score = overlay(active, starts, who, total, len(centroids)) / np.maximum(covered, 1)[:, None]
    nearness = np.maximum(voices @ centroids.T, 0)
    for (first, last), near in zip(pieces, nearness):
        score[first:last] += VOICE_WEIGHT * min(1, (last - first) / (2 * RATE / HOP)) * near
    on = np.zeros(score.shape, bool)
    for t in np.flatnonzero(count):
        best = np.argsort(-score[t], kind="stable")[:count[t]]
        on[t, best[score[t, best] > 0]] = True
    turns, duration = [], len(samples) / RATE
    seconds = (HOP * np.arange(total + 1) + 991 / 2) / RATE
    for k in range(on.shape[1]):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], on[:, k].astype(int), [0]])))
        turns += [(seconds[a], min(seconds[b], duration), str(k)) for a, b in zip(edges[::2], edges[1::2]) if seconds[a] < duration]
    return sorted(turns)
