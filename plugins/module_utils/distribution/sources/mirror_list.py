# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read mirror lists and metalinks, by the rules of librepo, which dnf uses.

A mirror list has one URL in each line.  A metalink has a preference for each URL, and checksums of
the repomd.xml that the mirrors should have, so an outdated mirror is not used.
"""

from __future__ import annotations

import hashlib
import re
from typing import Mapping, NamedTuple, Optional

from ...errors import DescriptionError
from ..metadata.repomd import DECLARES_ENTITIES

MAX_SIZE = 4 << 20
MAX_MIRRORS = 10
"""Mirrors that are tried; a list can have hundreds."""
SUFFIX = "repodata/repomd.xml"
REPOMD = "repomd.xml"
NAMESPACE = "{http://www.metalinker.org/}"
# Names of algorithms in metalinks -> in hashlib.  MD5 and SHA-1 are not collision-resistant.
ALGORITHMS = {"sha256": "sha256", "sha384": "sha384", "sha512": "sha512"}
_HTTP = re.compile(r"https?://[^\s$]+")


class MirrorList(NamedTuple):
    urls: tuple[str, ...]
    """URLs of repositories, the preferred one first."""
    checksums: Mapping[str, frozenset[str]]
    """Algorithm -> checksums of repomd.xml that are accepted; empty: any."""

    def accepts(self, repomd: bytes) -> bool:
        """Return whether a mirror with this repomd.xml is up to date."""
        return not self.checksums or any(
            hashlib.new(algorithm, repomd).hexdigest() in accepted
            for algorithm, accepted in self.checksums.items()
        )


def is_list_url(url: str) -> bool:
    """Return whether a URL cannot be that of a repository, because it ends with a query."""
    return "?" in url


def parse_mirror_list(data: bytes, where: str) -> Optional[MirrorList]:
    """Return the mirrors of a list or metalink; None if the file is neither.

    where  names the file in errors

    Raises DescriptionError for a metalink that is damaged, and for a list without a mirror.
    """
    text = data.lstrip(b"\xef\xbb\xbf \t\r\n")
    if b"<metalink" in text[:1000]:
        mirrors = _parse_metalink(text, where)
    elif text.startswith(b"<") or b"\0" in text:
        return None
    else:
        lines = [line.strip() for line in text.decode("utf-8", "replace").splitlines()]
        if not any("://" in line for line in lines):
            return None
        mirrors = MirrorList(tuple(line for line in lines if _HTTP.fullmatch(line)), {})
    if not mirrors.urls:
        raise DescriptionError(
            "the mirror list has no mirror with http or https",
            where,
            "give the URL of one repository",
        )
    return mirrors._replace(urls=tuple(dict.fromkeys(mirrors.urls))[:MAX_MIRRORS])


def _parse_metalink(data: bytes, where: str) -> MirrorList:
    import xml.etree.ElementTree as etree  # here, because few sources have a metalink

    if DECLARES_ENTITIES.search(data):
        raise DescriptionError("it declares XML entities, which a metalink must not do", where)
    try:
        root = etree.fromstring(data)  # nosec B314
    except (etree.ParseError, LookupError, ValueError) as error:
        raise DescriptionError(f"not a metalink ({error})", where) from None
    urls: list[tuple[int, str]] = []
    checksums: dict[str, set[str]] = {}
    for file in root.iter(f"{NAMESPACE}file"):
        if file.get("name") != REPOMD:
            continue
        for url in file.iter(f"{NAMESPACE}url"):
            text = (url.text or "").strip()
            if _HTTP.fullmatch(text):
                urls.append((_preference(url.get("preference", "")), text.removesuffix(SUFFIX)))
        # Also those of older files that are still accepted, which Fedora calls alternates.
        for element in file.iter():
            algorithm = ALGORITHMS.get(element.get("type", "").lower())
            if element.tag.endswith("}hash") and algorithm and element.text:
                checksums.setdefault(algorithm, set()).add(element.text.strip().lower())
    urls.sort(key=lambda row: -row[0])
    return MirrorList(
        urls=tuple(url for _preference, url in urls),
        checksums={name: frozenset(values) for name, values in checksums.items()},
    )


def _preference(text: str) -> int:
    """Return the preference of a mirror, from 100 (the best) to 0."""
    return int(text) if re.fullmatch(r"\d{1,3}", text) else 0
