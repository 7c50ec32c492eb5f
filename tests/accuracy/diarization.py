"""
diarization.py SOTTO WEIGHTS DATA WORK: who spoke when, in DATA/diarization. Error rates of sotto in float32, INT8 and in the fast mode
beside the same pipeline in Python (diarize_reference.py), by our own scorer, which is held to pyannote.metrics. Exit status 1 if a
bound is broken.
"""

import glob
import json
import os
import subprocess
import sys
import warnings

import soundfile

import der
import diarize_reference

GROUPS = {"ami-sample": "ami-sample", "ami-dev": "ami-dev", "ami-trn": "ami-trn", "mix": "mix-"}
MODES = {"f32": ["--precision", "f32"], "int8": [], "fast": ["--diarize-speed", "fast"]}
COLLARS = (0.0, 0.25)
SAME_FLOAT, SAME_INT8, SAME_SCORER = 0.1, 0.7, 0.01  # points
SAMPLE = (6.0, 0.0)


def by_pyannote(reference, found, duration, collar):
    from pyannote.core import Annotation, Segment, Timeline
    from pyannote.metrics.diarization import DiarizationErrorRate

    def annotation(turns):
        result = Annotation()
        for i, (start, end, speaker) in enumerate(turns):
            result[Segment(start, end), i] = speaker
        return result

    metric = DiarizationErrorRate(collar=2 * collar)
    return 100 * metric(annotation(reference), annotation(found), uem=Timeline([Segment(0, duration)]))


class Check:
    def __init__(self):
        self.failed = False

    def __call__(self, ok, text):
        print(f"{'ok  ' if ok else 'FAIL'}  {text}")
        self.failed |= not ok


def run(sotto, arguments):
    return subprocess.run([sotto, "diarize", "-q", *arguments], check=True, capture_output=True, text=True).stdout


def main():
    sotto, weights, data, work = sys.argv[1:]
    warnings.filterwarnings("ignore")
    folder, check = os.path.join(data, "diarization"), Check()
    os.makedirs(work, exist_ok=True)
    files = sorted(glob.glob(os.path.join(folder, "*.rttm")))
    names = [os.path.basename(path)[:-5] for path in files]
    sounds = {name: soundfile.read(os.path.join(folder, name + ".flac"), dtype="float32") for name in names}
    durations = {name: len(x) / rate for name, (x, rate) in sounds.items()}
    real = {name: der.read_rttm(path) for name, path in zip(names, files)}

    found = {}
    for mode, arguments in MODES.items():
        into = os.path.join(work, mode)
        run(sotto, [*arguments, "-o", into, *(os.path.join(folder, name + ".flac") for name in names)])
        found[mode] = {name: der.read_rttm(os.path.join(into, name + ".rttm")) for name in names}
    networks = diarize_reference.Networks(weights, threads=os.cpu_count())
    found["reference"] = {name: diarize_reference.diarize(networks, sounds[name][0]) for name in names}
    found["reference, fast"] = {name: diarize_reference.diarize(networks, sounds[name][0], fast=True) for name in names}

    def rates(mode, prefix):
        group = [name for name in names if name.startswith(prefix)]
        return [der.rate([der.score(real[n], found[mode][n], durations[n], collar) for n in group]) for collar in COLLARS]

    print("diarization error rate, %, without collar / with 0.25 s, overlap counted")
    for mode in found:
        print(f"{mode:16}", *(f"{group} {a:.2f} / {b:.2f}  " for group, prefix in GROUPS.items() for a, b in [rates(mode, prefix)]))
    print()
    for group, prefix in GROUPS.items():
        wanted, fast = rates("reference", prefix), rates("reference, fast", prefix)
        for mode, limit, aim in (("f32", SAME_FLOAT, wanted), ("int8", SAME_INT8, wanted), ("fast", SAME_INT8, fast)):
            # Better than the reference is no fault of INT8; float has to be the same.
            far = max(abs(a - b) if mode == "f32" else a - b for a, b in zip(rates(mode, prefix), aim))
            check(far <= limit, f"{group}: {mode} is within {limit} points of the reference ({far:+.3f})")
    for mode in ("f32", "int8"):
        check(all(a <= b + 1e-9 for a, b in zip(rates(mode, "ami-sample"), SAMPLE)), f"ami-sample: {mode} is at most {SAMPLE[0]} / {SAMPLE[1]}")
        right = [n for n in names if n.startswith("mix-") and len({s for *_, s in found[mode][n]}) == len({s for *_, s in real[n]})]
        check(len(right) >= 3, f"mix: {mode} has the right number of speakers in {len(right)} of 4")
    far = max(abs(der.rate([der.score(real[n], found[mode][n], durations[n], collar)]) - by_pyannote(real[n], found[mode][n], durations[n], collar))
              for mode in found for n in names for collar in COLLARS)
    check(far <= SAME_SCORER, f"our scorer is within {SAME_SCORER} points of pyannote.metrics ({far:.4f})")

    voices = {name: os.path.join(folder, f"azure-enrollment_audio_{name}.flac") for name in ("katie", "steve")}
    result = json.loads(run(sotto, ["-f", "json", *(f"--enroll={n}={p}" for n, p in voices.items()), os.path.join(folder, "azure-katiesteve_mono.flac")]))
    heard = {s["id"]: s.get("score", 0) for s in result["speakers"] if s.get("known")}
    check(set(heard) == set(voices) and len(result["speakers"]) == 2, "azure-katiesteve_mono: both voices are recognised: "
          + ", ".join(f"{name} {score:.2f}" for name, score in heard.items()))
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
