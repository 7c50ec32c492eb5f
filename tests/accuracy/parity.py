#!/usr/bin/env python3
"""
parity.py DUMP INT8.sotto F32.sotto WEIGHTS DATA

Encoder states and logits of sotto against CTranslate2 in float32, both fed with sotto's log-mel of the first 30 s of ten
recordings. The logits are those after each of the first 20 tokens that CTranslate2 itself chooses. Sotto's log-mel is
compared with OpenAI's definition, computed here in float64. Exit status 1 if a limit is broken.
"""

import os
import subprocess
import sys
import tempfile

import ctranslate2
import numpy as np

from mel import log_mel
from transcripts import read_manifest

RECORDINGS, TOKENS = 10, 20
MEL_LIMIT = 1e-4
LIMITS = {"f32": {"states": 0.9999, "logits": 0.9999}, "int8": {"states": 0.995, "logits": 0.99}}  # correlation
AIMS = {"f32": 0.01, "int8": 0.10}  # relative L2 error of the states
START, TRANSCRIBE, NO_TIMES = 50258, 50359, 50363  # special tokens of the multilingual vocabulary
ENGLISH = 50259


def choose(rows):
    """Ten English recordings of as many kinds as there are, each long enough for 20 tokens."""
    rows = [row for row in rows if row["lang"] == "en" and len(row["ref"].split()) >= 25]
    by_kind = {}
    for row in rows:
        by_kind.setdefault(row["kind"], []).append(row)
    turn, chosen = 0, []
    while len(chosen) < min(RECORDINGS, len(rows)):
        chosen += [group[turn] for _, group in sorted(by_kind.items()) if turn < len(group)]
        turn += 1
    return chosen[:RECORDINGS]


def compare(ours, theirs, axis):
    """(correlation, relative L2 error) after the mean along `axis` is taken from both."""
    ours, theirs = (x.astype(np.float64) - x.astype(np.float64).mean(axis=axis, keepdims=True) for x in (ours, theirs))
    correlation = (ours * theirs).sum() / np.sqrt((ours ** 2).sum() * (theirs ** 2).sum())
    return correlation, np.sqrt(((ours - theirs) ** 2).sum() / (theirs ** 2).sum())


class Engine:
    """Sotto by its dump program."""

    def __init__(self, dump, model, folder):
        self.dump, self.model, self.out = dump, model, os.path.join(folder, "out")

    def run(self, recording, tokens=()):
        subprocess.run([self.dump, self.model, recording, self.out, *map(str, tokens)], check=True)

    def read(self, name, rows):
        return np.fromfile(f"{self.out}.{name}", np.float32).reshape(rows, -1)


def main():
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    dump, int8, f32, weights, data = sys.argv[1:]
    theirs = ctranslate2.models.Whisper(weights, device="cpu", compute_type="float32", intra_threads=os.cpu_count())
    prompt = [START, ENGLISH, TRANSCRIBE, NO_TIMES]
    worst = {(p, what): (1.0, 0.0) for p in LIMITS for what in ("states", "logits")}
    worst_mel = 0.0
    print(f"{'':28}{'':14}{'f32 states':>22}{'f32 logits':>22}{'INT8 states':>22}{'INT8 logits':>22}")
    print(f"{'recording':28}{'mel: max diff':>14}" + f"{'correlation':>13}{'rel. L2':>9}" * 4)
    with tempfile.TemporaryDirectory() as folder:
        for row in choose(read_manifest(data)):
            engine = Engine(dump, f32, folder)
            engine.run(row["path"])
            mel = engine.read("mel", 3000)
            difference = np.abs(mel - log_mel(engine.read("samples", 1)[0], mel.shape[1])).max()
            worst_mel = max(worst_mel, difference)
            features = ctranslate2.StorageView.from_array(np.ascontiguousarray(mel.T[None]))
            states = np.array(theirs.encode(features, to_cpu=True))[0]
            said = theirs.generate(features, [prompt], beam_size=1, max_length=2 * TOKENS + 40, return_logits_vocab=True,
                                   suppress_blank=False, suppress_tokens=[])[0]
            tokens = said.sequences_ids[0][:TOKENS]
            logits = np.array([np.array(x) for x in said.logits[0][: len(tokens)]])
            line = f"{row['id'][:27]:28}{difference:14.1e}"
            for precision, model in (("f32", f32), ("int8", int8)):
                engine = Engine(dump, model, folder)
                engine.run(row["path"], [*prompt, *tokens[:-1]])
                ours = engine.read("logits", len(prompt) + len(tokens) - 1)[len(prompt) - 1 :]
                for what, got in (("states", compare(engine.read("states", 1500), states, 0)), ("logits", compare(ours, logits, 1))):
                    line += f"{got[0]:13.6f}{100 * got[1]:8.3f}%"
                    old = worst[precision, what]
                    worst[precision, what] = min(old[0], got[0]), max(old[1], got[1])
            print(line, flush=True)
    broken = worst_mel > MEL_LIMIT
    print(f"\n{'ok' if not broken else 'BROKEN':8}log-mel: at most {worst_mel:.1e} from OpenAI's definition on the same samples, limit {MEL_LIMIT:.0e}")
    for (precision, what), (correlation, error) in worst.items():
        limit = LIMITS[precision][what]
        broken += correlation < limit
        aim = f" (aim {100 * AIMS[precision]:.0f} %)" if what == "states" else ""
        print(f"{'ok' if correlation >= limit else 'BROKEN':8}{precision:5}{what}: worst correlation {correlation:.6f}, limit {limit}; worst relative L2 {100 * error:.3f} %{aim}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
