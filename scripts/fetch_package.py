#!/usr/bin/env python3
"""fetch_package.py PROJECT FILE SIZE SHA256 TARGET: one file of a Python package, from the index that pip uses here, checked."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from sotto_fetch import FetchError  # noqa: E402
from sotto_fetch.index import pip_settings, remote_copies  # noqa: E402
from sotto_fetch.network import Client, download  # noqa: E402


def main():
    project, name, size, sha256, target = sys.argv[1:]
    settings, problems = pip_settings(os.environ), []
    client = Client(settings.certificates, settings.proxy)
    for url in remote_copies(client, settings, project, name, problems):
        try:
            return download(client, url, target, int(size), sha256, name)
        except FetchError as error:
            problems.append(str(error))
    sys.exit(f"{name} cannot be fetched: " + "; ".join(problems))


if __name__ == "__main__":
    main()
