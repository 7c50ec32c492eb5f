"""Word error rates of joined files. An error belongs to the recording in which it falls, so that intervals come from drawing recordings."""

import os
import sys

import jiwer
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "accuracy"))
from words import digits, units  # noqa: E402

DRAWS, SEED = 2000, 1


def scored(about):
    """Whether all that was said in a file is known."""
    return bool(about["parts"]) and all(part["ref"] is not None for part in about["parts"])


def count(about, text):
    """{recording: [errors, words of the reference]} of one file, over all places where it holds that recording."""
    reference, owner = [], []
    for part in about["parts"]:
        words = digits(units(part["ref"], about["language"]))  # numbers by digits: joined references would join them otherwise
        reference += words
        owner += [part["id"]] * len(words)
    counts = {part["id"]: [0, 0] for part in about["parts"]}
    for recording in owner:
        counts[recording][1] += 1
    said = digits(units(text, about["language"]))
    if not said:
        return {recording: [words, words] for recording, (_, words) in counts.items()}
    for chunk in jiwer.process_words(" ".join(reference), " ".join(said)).alignments[0]:
        if chunk.type == "insert":
            counts[owner[min(chunk.ref_start_idx, len(owner) - 1)]][0] += chunk.hyp_end_idx - chunk.hyp_start_idx
        elif chunk.type != "equal":
            for i in range(chunk.ref_start_idx, chunk.ref_end_idx):
                counts[owner[i]][0] += 1
    return counts


def pooled(counts):
    """{recording: [errors, words]} of several files as one."""
    total = {}
    for one in counts:
        for recording, (errors, words) in one.items():
            sums = total.setdefault(recording, [0, 0])
            sums[0] += errors
            sums[1] += words
    return total


def rate(counts):
    """Per cent."""
    return 100 * sum(errors for errors, _ in counts.values()) / max(1, sum(words for _, words in counts.values()))


def interval(ours, theirs):
    """Difference of two rates in points, and its 95 % interval by paired bootstrap over recordings."""
    keys = sorted(ours)
    a, b = np.array([ours[key] for key in keys]), np.array([theirs[key] for key in keys])
    draws = np.random.default_rng(SEED).integers(0, len(keys), (DRAWS, len(keys)))
    words = np.maximum(a[draws, 1].sum(axis=1), 1)
    low, high = np.percentile(100 * (a[draws, 0].sum(axis=1) - b[draws, 0].sum(axis=1)) / words, (2.5, 97.5))
    return rate(ours) - rate(theirs), low, high
