#!/usr/bin/env python3
"""
same_bits.py [--diarize] SOTTO MODEL RECORDING [PROGRAM...]

One recording, transcribed in INT8 with word times (and speakers with their voices) at every CPU level with 1 and 2 threads, and by each further
PROGRAM ("qemu-aarch64 build-aarch64/sotto", say) at its best level. Everything but the times must be the same to the last bit.
"""

import hashlib
import json
import os
import shlex
import subprocess
import sys
import time

LEVELS = ("ref", "avx2", "avxvnni", "avx512")


def cpu_levels():
    """The levels that this machine has; one that it lacks would only repeat a lower one."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        flags = next((line.split() for line in file if line.startswith("flags")), [])
    avx512 = "avx512_vnni" in flags and "avx512vl" in flags and "avx512bw" in flags
    # The 256-bit dot product exists in two encodings; either will do.
    has = {"ref": True, "avx2": "avx2" in flags and "fma" in flags, "avxvnni": "avx_vnni" in flags or avx512, "avx512": avx512}
    return [level for level in LEVELS if has[level]]


def transcribe(program, model, recording, options, threads, level):
    """(what must be equal, seconds) of one run."""
    env = dict(os.environ)
    env.pop("SOTTO_CPU", None)
    if level:
        env["SOTTO_CPU"] = level
    start = time.monotonic()
    run = subprocess.run([*shlex.split(program), "transcribe", recording, "-m", model, "-f", "json", "--words", "-q", "--threads", str(threads), *options],
                         env=env, stdout=subprocess.PIPE, check=False, text=True)
    if run.returncode:
        return None, time.monotonic() - start
    result = json.loads(run.stdout)
    for name in ("timing", "device"):
        result.pop(name, None)
    return json.dumps(result, sort_keys=True), time.monotonic() - start


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--diarize"]
    options = ["--diarize", "--voices"] if len(arguments) < len(sys.argv) - 1 else []
    if len(arguments) < 3:
        sys.exit(__doc__)
    sotto, model, recording, *others = arguments
    runs = [(f"{level}, {n} thread{'s' * (n > 1)}", sotto, n, level) for level in cpu_levels() for n in (1, 2)]
    runs += [(program, program, 1, None) for program in others]
    expected, passed, failed = None, 0, 0
    for label, program, threads, level in runs:
        got, seconds = transcribe(program, model, recording, options, threads, level)
        expected = expected or got
        good = got is not None and got == expected and json.loads(got)["segments"]
        passed, failed = passed + bool(good), failed + (not good)
        digest = hashlib.sha256((got or "").encode()).hexdigest()[:16] if got else "no result"
        print(f"{'same' if good else 'DIFFERS':8}{digest:18}{seconds:7.1f} s  {label}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
