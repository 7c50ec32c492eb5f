"""Finds a package's file the way pip is told to on this machine: its index, its extra indexes, its folders of files."""

import configparser
import html.parser
import json
import os
import re
import sys
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from http.client import HTTPException

from . import FetchError
from .network import reason, without_credentials

DEFAULT_INDEX = "https://pypi.org/simple"
ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"


@dataclass
class PipSettings:
    """What pip's configuration files and variables say about where packages are."""

    indexes: list = field(default_factory=list)
    find_links: list = field(default_factory=list)
    certificates: str = None
    proxy: str = None


def _configuration_files(env):
    if env.get("PIP_CONFIG_FILE"):
        return [] if env["PIP_CONFIG_FILE"] == os.devnull else [env["PIP_CONFIG_FILE"]]
    home = env.get("HOME") or os.path.expanduser("~")
    user = env.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    shared = env.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    return [*(os.path.join(folder, "pip/pip.conf") for folder in reversed(shared.split(":")) if folder), "/etc/pip.conf",
            os.path.join(home, ".pip/pip.conf"), os.path.join(user, "pip/pip.conf"), os.path.join(sys.prefix, "pip.conf")]


def pip_settings(env):
    """Read pip's configuration; later files win over earlier ones, variables over files."""
    config = configparser.RawConfigParser(strict=False)
    for path in _configuration_files(env):
        try:
            config.read(path, encoding="utf-8")
        except (configparser.Error, OSError, UnicodeDecodeError):
            continue  # pip's own complaint to make, not ours

    def value(name):
        found = env.get("PIP_" + name.upper().replace("-", "_"))
        for section in ("download", "install", "global"):
            found = found or config.get(section, name, fallback=None)
        return found or ""

    settings = PipSettings(find_links=value("find-links").split(), proxy=value("proxy") or None,
                           certificates=value("cert") or env.get("REQUESTS_CA_BUNDLE") or env.get("CURL_CA_BUNDLE") or None)
    if value("no-index").lower() not in ("1", "true", "yes", "on"):
        settings.indexes = [value("index-url") or DEFAULT_INDEX, *value("extra-index-url").split()]
    return settings


class _Links(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.base, self.found = None, []

    def handle_starttag(self, tag, attrs):
        href = dict(attrs).get("href")
        if href and tag == "a":
            self.found.append(href)
        elif href and tag == "base":
            self.base = href


def links(data, content_type, url):
    """URLs on a page of an index, JSON (PEP 691) or HTML (PEP 503), as given at `url`."""
    if content_type.endswith("+json") or content_type == "application/json":
        found, base = [entry["url"] for entry in json.loads(data)["files"]], url
    else:
        page = _Links()
        page.feed(data.decode("utf-8", "replace"))
        found, base = page.found, urllib.parse.urljoin(url, page.base) if page.base else url
    return [urllib.parse.urljoin(base, link) for link in found]


def file_name(url):
    return urllib.parse.unquote(urllib.parse.urlsplit(url).path.rpartition("/")[2])


def _with_login_of(url, page):
    """An index behind a password serves its files with the same one."""
    parts, origin = urllib.parse.urlsplit(url), urllib.parse.urlsplit(page)
    login, at, host = origin.netloc.rpartition("@")
    if at and "@" not in parts.netloc and parts.netloc == host:
        parts = parts._replace(netloc=f"{login}@{host}")
    return urllib.parse.urlunsplit(parts._replace(fragment=""))


def local_copies(settings, name):
    """Paths in find-links folders where the file `name` is."""
    for place in settings.find_links:
        if place.startswith("file:"):
            place = urllib.request.url2pathname(urllib.parse.urlsplit(place).path)
        path = os.path.join(os.path.expanduser(place), name)
        if "://" not in place and os.path.isfile(path):
            yield path


def remote_copies(client, settings, project, name, problems):
    """URLs of the file `name` of `project`, index by index; what goes wrong is added to `problems`."""
    normal = re.sub(r"[-_.]+", "-", project).lower()
    pages = [place for place in settings.find_links if place.startswith(("http://", "https://"))]
    pages += [f"{index.rstrip('/')}/{normal}/" for index in settings.indexes]
    for page in pages:
        try:
            data, content_type, url = client.page(page, ACCEPT)
            found = [link for link in links(data, content_type, url) if file_name(link) == name]
        except (OSError, HTTPException, ValueError, KeyError, TypeError, FetchError) as error:
            problems.append(f"{without_credentials(page)}: {reason(error)}")
            continue
        if not found:
            problems.append(f"{without_credentials(page)} does not have {name}")
        for link in found:
            yield _with_login_of(link, page)
