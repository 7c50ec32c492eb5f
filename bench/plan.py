"""How long a run will take, by the speeds of earlier runs, and which engines get fewer files so that it fits."""

import json
import os

# Times real time, where an engine has not run here yet.
GUESS = {"sotto": 100, "sotto-words": 90, "ov-int8": 40, "fw-int8-b8": 30, "fw-int8-b16": 30, "fw-f32-b8": 30}
SLOW_GUESS = 15
FEWEST = 2  # files that each engine keeps
KEPT = ("sotto", "ov-int8")  # ours and the fastest rival lose none
LATE = 1.1  # no rival begins a file when this many times the time allowed is over


class Speeds:
    """The last known speed of each engine, in a file."""

    def __init__(self, path):
        self.path, self.known = path, {}
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                self.known = json.load(file)

    def of(self, key):
        return self.known.get(key, GUESS.get(key, SLOW_GUESS))

    def learn(self, key, speed):
        self.known[key] = round(speed, 1)
        with open(self.path, "w", encoding="utf-8") as file:
            json.dump(self.known, file, indent=1)


def seconds(speeds, keys, lengths, count, rounds):
    """{engine: seconds}; `lengths` are the files' in their order, `count` how many of them each engine gets."""
    return {key: rounds * sum(lengths[: count[key]]) / speeds.of(key) for key in keys}


def fitted(speeds, keys, lengths, rounds, limit):
    """How many of the files each engine gets, so that all takes at most `limit` seconds (0: any time): what costs most loses files first."""
    count = {key: len(lengths) for key in keys}
    while limit:
        cost = seconds(speeds, keys, lengths, count, rounds)
        rest = [key for key in keys if count[key] > FEWEST and not key.startswith(KEPT)]
        if sum(cost.values()) <= limit or not rest:
            break
        count[max(rest, key=cost.get)] -= 1
    return count
