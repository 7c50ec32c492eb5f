#!/usr/bin/env python3
"""count_tests.py testlog.json...: print "N passed, N failed" over single tests, not over the programs that hold them."""

import json
import re
import sys


def number(pattern, text):
    found = re.findall(pattern, text)
    return sum(map(int, found))


def count(entry):
    """(passed, failed, skipped) of one program: what cmocka or unittest printed, else the program itself."""
    text = entry.get("stdout", "") + entry.get("stderr", "")
    passed = number(r"\[  PASSED  \] (\d+) test", text)
    failed = number(r"\[  FAILED  \] (\d+) test", text)
    skipped = number(r"\[  SKIPPED \] (\d+) test", text)
    ran = number(r"(?m)^Ran (\d+) tests? in ", text)
    if ran:
        skipped += number(r"(?m)^(?:OK|FAILED) \(.*skipped=(\d+)", text)
        wrong = number(r"failures=(\d+)", text) + number(r"errors=(\d+)", text)
        failed, passed = failed + wrong, passed + ran - wrong - number(r"(?m)^(?:OK|FAILED) \(.*skipped=(\d+)", text)
    if entry["result"] == "SKIP":
        return passed, failed, max(skipped, 1)
    if entry["result"] not in ("OK", "EXPECTEDFAIL"):
        return passed, max(failed, 1), skipped
    return (passed, failed, skipped) if passed + skipped else (1, 0, 0)


def main():
    passed = failed = skipped = 0
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            for line in file:
                p, f, s = count(json.loads(line))
                passed, failed, skipped = passed + p, failed + f, skipped + s
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
