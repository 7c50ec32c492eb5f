"""Nothing is used before its sha256 has been compared."""

import hashlib
import os


def sha256_of(path):
    """Hexadecimal sha256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def matches(path, size, sha256):
    """Whether `path` is a file of this size and sha256."""
    try:
        return os.path.getsize(path) == size and sha256_of(path) == sha256
    except OSError:
        return False


class HashingWriter:
    """Writes to `path`.part; `finish` renames it to `path` if size and sha256 are as expected, else removes it."""

    def __init__(self, path):
        self.path, self.part = path, f"{path}.part"
        self.file, self.hash, self.size = open(self.part, "wb"), hashlib.sha256(), 0

    def write(self, data):
        self.file.write(data)
        self.hash.update(data)
        self.size += len(data)

    def finish(self, size=None, sha256=None):
        """True if the file is now in place. Without `sha256` the content is taken as it is."""
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        if sha256 is not None and (self.size, self.hash.hexdigest()) != (size, sha256):
            os.remove(self.part)
            return False
        os.replace(self.part, self.path)
        return True

    def discard(self):
        self.file.close()
        os.remove(self.part)
