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


def extract(parts, target, size, sha256):
    """Join members [(archive path, member name)...] into `target`, which must come out with this size and sha256."""
    writer = HashingWriter(target)
    try:
        for path, member in parts:
            package, stream = _open_member(path, member)
            with package, stream:
                while data := stream.read(BLOCK):
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
