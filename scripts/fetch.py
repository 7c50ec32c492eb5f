#!/usr/bin/env python3
"""fetch.py NAME: fill the folder sources/NAME of the model cache, and print the path to import. `sotto model fetch` runs it."""

import argparse
import json
import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE)

from sotto_fetch import FetchError  # noqa: E402
from sotto_fetch.sources import Fetcher, say  # noqa: E402


def model_folder(env):
    """As the program has it: $SOTTO_MODELS, $XDG_CACHE_HOME/sotto or ~/.cache/sotto."""
    if env.get("SOTTO_MODELS"):
        return env["SOTTO_MODELS"]
    return os.path.join(env.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "sotto")


def default_catalogue():
    installed = os.path.join(HERE, "catalogue.json")
    return installed if os.path.exists(installed) else os.path.join(HERE, "..", "models", "catalogue.json")


def listing(catalogue):
    for name, entry in catalogue["models"].items():
        smallest = min(source.get("size") or source["files"][0]["size"] for source in entry["sources"])
        yield f"{name:16}{smallest / 1e6:8.1f} MB  {entry['languages']:13} {entry['licence']}, {entry['author']}"


def main():
    parser = argparse.ArgumentParser(prog="fetch.py", description="Fetch Whisper's weights by the catalogue.")
    parser.add_argument("name", nargs="?")
    parser.add_argument("--list", action="store_true", help="what the catalogue has")
    parser.add_argument("--folder", default=model_folder(os.environ), help="the model cache")
    parser.add_argument("--catalogue", default=default_catalogue())
    args = parser.parse_args()
    with open(args.catalogue, encoding="utf-8") as file:
        catalogue = json.load(file)
    if args.list:
        print(*listing(catalogue), sep="\n")
        return 0
    if not args.name:
        parser.error("NAME is missing")
    try:
        fetcher = Fetcher(catalogue, args.folder)
        path = fetcher.fetch(args.name)
        fetcher.fetch_companions(args.name)
        print(path)
    except (FetchError, OSError) as error:
        say(error)
        return 1
    except KeyboardInterrupt:
        print(file=sys.stderr)
        say("stopped; the same command goes on from here")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
