"""HTTP with short time-outs, proxies from the environment, and downloads that resume."""

import base64
import hashlib
import http.client
import os
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request

from . import FetchError
from .progress import Progress

CONNECT_TIMEOUT = 10  # seconds, TLS handshake included
READ_TIMEOUT = 30  # seconds between two reads
TRIES = 3  # in a row without one new byte
RETRY_PAUSE = 1  # seconds
BLOCK = 1 << 18


class _Patient:
    """One time-out to connect, another to read: urllib itself knows only one for both."""

    def connect(self):
        super().connect()
        self.sock.settimeout(READ_TIMEOUT)


class _HTTPConnection(_Patient, http.client.HTTPConnection):
    pass


class _HTTPSConnection(_Patient, http.client.HTTPSConnection):
    pass


class _HTTPHandler(urllib.request.HTTPHandler):
    def http_open(self, request):
        return self.do_open(_HTTPConnection, request)


class _HTTPSHandler(urllib.request.HTTPSHandler):
    def __init__(self, context):
        super().__init__(context=context)
        self.context = context

    def https_open(self, request):
        return self.do_open(_HTTPSConnection, request, context=self.context)


def without_credentials(url):
    """The URL as it may be shown: no user, no password, no query."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


class Client:
    """Opens http and https URLs and no others."""

    def __init__(self, certificates=None, proxy=None):
        proxies = {"http": proxy, "https": proxy} if proxy else None
        context = ssl.create_default_context(cafile=certificates)
        self.opener = urllib.request.OpenerDirector()
        for handler in (urllib.request.ProxyHandler(proxies), urllib.request.UnknownHandler(), _HTTPHandler(),
                        _HTTPSHandler(context), urllib.request.HTTPDefaultErrorHandler(),
                        urllib.request.HTTPRedirectHandler(), urllib.request.HTTPErrorProcessor()):
            self.opener.add_handler(handler)

    def open(self, url, headers=None):
        """A response; raises OSError (of which URLError is one), HTTPException or ValueError."""
        parts = urllib.parse.urlsplit(url)
        user, _, host = parts.netloc.rpartition("@")
        request = urllib.request.Request(urllib.parse.urlunsplit((parts.scheme, host, *parts[2:4], "")),
                                         headers={"User-Agent": "sotto", "Accept-Encoding": "identity", **(headers or {})})
        if user:
            login = base64.b64encode(urllib.parse.unquote(user).encode()).decode()
            request.add_unredirected_header("Authorization", f"Basic {login}")
        return self.opener.open(request, timeout=CONNECT_TIMEOUT)

    def page(self, url, accept, limit=1 << 24):
        """A small document: (bytes, content type, final URL)."""
        with self.open(url, {"Accept": accept}) as response:
            data = response.read(limit + 1)
            if len(data) > limit:
                raise FetchError(f"{without_credentials(url)} is over {limit} bytes")
            return data, response.headers.get_content_type(), response.geturl()


def reason(error):
    """An exception of `Client` in a few words."""
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP status {error.code}"
    cause = getattr(error, "reason", None) or error
    return "no answer in time" if isinstance(cause, TimeoutError) else str(cause) or type(cause).__name__


def download(client, url, path, size, sha256, label):
    """Fetch `url` into `path`, going on from `path`.part if it is there. Raises FetchError; `path` is complete or absent."""
    part, shown = f"{path}.part", without_credentials(url)
    tries, resumed = 0, False
    progress = Progress(label, size)
    try:
        while True:
            have = os.path.getsize(part) if os.path.exists(part) else 0
            if have > size:
                os.remove(part)
                have = 0
            resumed = resumed or have > 0
            try:
                if have < size:
                    _append(client, url, part, have, size, progress)
            except urllib.error.HTTPError as error:
                if error.code == 416:
                    os.remove(part)  # what is there fits no file of the server's
                elif error.code < 500:
                    raise FetchError(f"{shown}: {reason(error)}") from error
                problem = error
            except (OSError, http.client.HTTPException, ValueError) as error:
                problem = error
            else:
                problem = None
            now = os.path.getsize(part) if os.path.exists(part) else 0
            if now == size:
                with open(part, "rb") as file:
                    got = hashlib.file_digest(file, "sha256").hexdigest()
                if got == sha256:
                    os.replace(part, path)
                    return
                os.remove(part)
                if not resumed:
                    raise FetchError(f"{shown} has sha256 {got}, but the catalogue says {sha256}")
                resumed = False  # the older piece may have been another file's: once more, from the start
                continue
            tries = 1 if now > have else tries + 1
            if tries >= TRIES:
                raise FetchError(f"{shown}: {reason(problem) if problem else 'the connection was cut'}")
            time.sleep(RETRY_PAUSE)
    finally:
        progress.close()


def _append(client, url, part, have, size, progress):
    """Read the rest of the file into `part`; returns early if the connection is cut."""
    with client.open(url, {"Range": f"bytes={have}-"} if have else {}) as response:
        mode = "ab"
        if response.status != 206 or not (response.headers.get("Content-Range") or "").startswith(f"bytes {have}-"):
            if response.status == 206:
                raise ValueError("the server sent another range than asked for")
            have, mode = 0, "wb"
        length = response.headers.get("Content-Length", "")
        if length.isdigit() and have + int(length) != size:
            raise FetchError(f"{without_credentials(url)} has {have + int(length)} bytes, but the catalogue says {size}")
        with open(part, mode) as file:
            while have < size and (data := response.read(min(BLOCK, size - have))):
                file.write(data)
                have += len(data)
                progress.update(have)
