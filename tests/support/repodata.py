# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Repodata by createrepo_c, also by its releases without zstd: Enterprise Linux 9 has 0.20."""

from __future__ import annotations

import gzip
import hashlib
import pathlib
import tempfile
from typing import Any, Callable, Mapping, Sequence, Union

import createrepo_c
import zstandard

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.metadata import compression

XML = {
    "primary": createrepo_c.PrimaryXmlFile,
    "filelists": createrepo_c.FilelistsXmlFile,
    "other": createrepo_c.OtherXmlFile,
}
CHANGELOGS = 10
EXTRA_NAMES = {
    "group": "comps.xml",
    "modules": "modules.yaml",
    "updateinfo": "updateinfo.xml",
    "productid": "productid",
}


def write(
    root: pathlib.Path,
    paths: Sequence[pathlib.Path],
    extra: Mapping[str, Union[str, bytes]],
    revision: int,
    suffix: str,
) -> None:
    """Write ``repodata/`` of the RPM files ``paths`` below ``root``.

    extra     kind -> content of further records
    revision  of repomd.xml, and the time of each record
    suffix    ``.zst`` or ``.gz``, for the three documents
    """
    repodata = root / "repodata"
    repodata.mkdir(parents=True)
    described = [
        createrepo_c.package_from_rpm(
            str(path),
            checksum_type=createrepo_c.SHA256,
            location_href=str(path.relative_to(root)),
            changelog_limit=CHANGELOGS,
        )
        for path in paths
    ]
    repomd = createrepo_c.Repomd()
    repomd.set_revision(str(revision))
    for kind in XML:
        text = _document(kind, described)
        repomd.set_record(_record(repodata, kind, f"{kind}.xml{suffix}", _PACK[suffix](text), text))
    for kind, text_or_bytes in sorted(extra.items()):
        content = text_or_bytes.encode() if isinstance(text_or_bytes, str) else text_or_bytes
        repomd.set_record(_record(repodata, kind, EXTRA_NAMES.get(kind, kind), content))
    for record in repomd.records:
        record.timestamp = revision
        repomd.set_record(record)
    (repodata / "repomd.xml").write_text(repomd.xml_dump())


def replace_in_metadata(
    root: pathlib.Path, replacements: Mapping[bytes, bytes], encoding: str = "UTF-8"
) -> None:
    """Replace bytes in primary, filelists and other of a repository, as a faulty tool writes them.

    encoding  of the documents; it is declared in them
    """
    repomd = (root / "repodata" / "repomd.xml").read_text()
    for path in sorted((root / "repodata").iterdir()):
        if not any(f"-{kind}.xml" in path.name for kind in XML):
            continue
        before = path.read_bytes()
        text = compression.decompress(before, path.name)
        size = len(text)
        for old, new in replacements.items():
            text = text.replace(old, new)
        if encoding != "UTF-8":
            declared = text.decode().replace('encoding="UTF-8"', f'encoding="{encoding}"')
            text = declared.encode(encoding)
        after = _zstd(text)
        path.write_bytes(after)
        digests = [hashlib.sha256(data).hexdigest() for data in (before, after)]
        repomd = repomd.replace(f"{digests[0]}</checksum>", f"{digests[1]}</checksum>")
        repomd = repomd.replace(f"<size>{len(before)}<", f"<size>{len(after)}<")
        repomd = repomd.replace(f"<open-size>{size}<", f"<open-size>{len(text)}<")
    (root / "repodata" / "repomd.xml").write_text(repomd)


def packages(root: pathlib.Path) -> list[createrepo_c.Package]:
    """Every package of a repository; a warning of the parser is an error."""

    def complain(_kind: int, message: str) -> bool:
        raise AssertionError(f"createrepo_c: {message}")

    repomd = createrepo_c.Repomd(str(root / "repodata" / "repomd.xml"))
    hrefs = {record.type: record.location_href for record in repomd.records}
    with tempfile.TemporaryDirectory(prefix="rocks-repodata-") as folder:
        plain = {kind: pathlib.Path(folder, f"{kind}.xml") for kind in XML}
        for kind, path in plain.items():
            path.write_bytes(compression.decompress((root / hrefs[kind]).read_bytes(), hrefs[kind]))
        return list(
            createrepo_c.PackageIterator(
                primary_path=str(plain["primary"]),
                filelists_path=str(plain["filelists"]),
                other_path=str(plain["other"]),
                warningcb=complain,
            )
        )


def _document(kind: str, packages: Sequence[createrepo_c.Package]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="rocks-repodata-") as folder:
        path = pathlib.Path(folder, "document.xml")
        document = XML[kind](str(path), createrepo_c.NO_COMPRESSION)
        document.set_num_of_pkgs(len(packages))
        for package in packages:
            document.add_pkg(package)
        document.close()
        return path.read_bytes()


def _record(repodata: pathlib.Path, kind: str, name: str, content: bytes, text: bytes = b"") -> Any:
    """Write a file under its digest, and return its record; text: the content, uncompressed."""
    digest = hashlib.sha256(content).hexdigest()
    path = repodata / f"{digest}-{name}"
    path.write_bytes(content)
    record = createrepo_c.RepomdRecord(kind, str(path))
    record.checksum = digest
    record.checksum_type = "sha256"
    record.size = len(content)
    if text:
        record.checksum_open = hashlib.sha256(text).hexdigest()
        record.checksum_open_type = "sha256"
        record.size_open = len(text)
    return record


def _zstd(text: bytes) -> bytes:
    """As createrepo_c 1.0 and newer: in a stream, so that the frame does not carry its size."""
    stream = zstandard.ZstdCompressor().compressobj()
    return stream.compress(text) + stream.flush()


_PACK: dict[str, Callable[[bytes], bytes]] = {
    ".zst": _zstd,
    ".gz": lambda text: gzip.compress(text, mtime=0),
}
