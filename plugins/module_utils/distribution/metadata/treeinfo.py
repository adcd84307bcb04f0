# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read and merge ``.treeinfo``, which describes a tree to the stock installer (productmd's format).

The merged tree is one repository, so it has a single variant, at the root.  An installer would read
the same packages again for every further variant.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Optional, Sequence

from ...errors import DescriptionError
from ..model import TreeFile

if TYPE_CHECKING:
    import configparser

FILE_NAME = ".treeinfo"
# Servers that hide files with a dot have the second name, as Red Hat's CDN; anaconda reads both.
FILE_NAMES = (FILE_NAME, "treeinfo")
REPOMD = "repodata/repomd.xml"
WITHOUT_ZSTD = re.compile(r"8\.[0-3](?!\d)")
# Variants that anaconda uses as the base repository (its default_repositories).
BASES = ("BaseOS", "Everything", "Server", "Workstation")


def parse_treeinfo(text: str, where: str) -> configparser.ConfigParser:
    """Parse a .treeinfo.  Raises DescriptionError that names the line."""
    import configparser  # here, because few sources have a .treeinfo

    parser = configparser.ConfigParser(
        interpolation=None, strict=False, delimiters=("=",), comment_prefixes=("#", ";")
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text)
    except configparser.Error as error:
        line = getattr(error, "lineno", 1)
        raise DescriptionError(
            "not a .treeinfo file", f"{where}:{line}", "copy the tree again"
        ) from None
    return parser


def choose_base(texts: Sequence[tuple[str, str]]) -> Optional[int]:
    """Return the position of the source that provides the installer; None when there is none.

    It is the first source with a second stage, or else the first with a .treeinfo.

    texts  .treeinfo and its name in errors of each source; empty where a source has none
    """
    candidates = [number for number, (text, _where) in enumerate(texts) if text]
    bootable = [
        number
        for number in candidates
        if parse_treeinfo(*texts[number]).has_option("stage2", "mainimage")
    ]
    return next(iter(bootable or candidates), None)


def read_arch(text: str, where: str) -> str:
    """Return the architecture of a tree; empty when its .treeinfo does not state it."""
    parser = parse_treeinfo(text, where)
    return parser.get("tree", "arch", fallback=parser.get("general", "arch", fallback="")).strip()


def check_metadata_support(text: str, where: str) -> None:
    """Raise DescriptionError if the installer cannot read the metadata of our trees.

    libsolv of EL 8 reads zstd since 0.7.16-2 (January 2021, EL 8.4).
    """
    parser = parse_treeinfo(text, where)
    version = parser.get(
        "release", "version", fallback=parser.get("general", "version", fallback="")
    )
    if WITHOUT_ZSTD.match(version):
        raise DescriptionError(
            f"the installer of release {version} cannot read zstd, which compresses our metadata",
            where,
            "use the installation medium or the mirror of release 8.4 or later",
        )


def boot_files(text: str, where: str) -> dict[str, str]:
    """Return the files without which no node boots: kernel, initrd, stage2 -> path.

    A file that the .treeinfo does not name has an empty path.
    """
    parser = parse_treeinfo(text, where)
    images = f"images-{read_arch(text, where)}"
    return {
        "kernel": parser.get(images, "kernel", fallback=""),
        "initrd": parser.get(images, "initrd", fallback=""),
        "second stage": parser.get("stage2", "mainimage", fallback=""),
    }


def repository_folders(text: str, where: str) -> list[str]:
    """Return the folders of the repositories of an installation medium, the base first.

    Raises DescriptionError for a path that leaves the tree.
    """
    parser = parse_treeinfo(text, where)
    folders = []
    for section in parser.sections():
        if section.startswith(("variant-", "addon-")):
            path = parser.get(section, "repository", fallback="").strip()
            if path:
                _check_path(path, where)
                folders.append("/".join(part for part in path.split("/") if part not in ("", ".")))
    unique = sorted({folder for folder in folders if folder})
    return sorted(unique, key=lambda folder: folder not in BASES)


def image_paths(text: str) -> list[str]:
    """Return the paths of all images that a .treeinfo lists, sorted.  Nothing is checked."""
    paths = set()
    section = ""
    for line in text.splitlines():
        name, _equals, value = line.partition("=")
        if line.startswith("["):
            section = line.strip("[] \t")
        elif section == "checksums" and value:
            paths.add(name.strip())
        elif section.startswith("images-") or section == "stage2":
            paths.add(value.strip())
    return sorted(path for path in paths if path and not path.startswith("repodata/"))


def installer_files(text: str, where: str) -> list[TreeFile]:
    """Return the installer's files that a .treeinfo lists, sorted by path, with their checksums.

    Raises DescriptionError for a path that leaves the tree.
    """
    parser = parse_treeinfo(text, where)
    checksums: dict[str, str] = {}
    for section in parser.sections():
        if section.startswith("images-") or section == "stage2":
            checksums.update({path: "" for _name, path in parser.items(section)})
    if parser.has_section("checksums"):
        for path, value in parser.items("checksums"):
            kind, _colon, digest = value.partition(":")
            checksums[path] = digest.strip().lower() if kind.strip() == "sha256" else ""
    for path in checksums:
        _check_path(path, where)
    return [
        TreeFile(path, checksums[path])
        for path in sorted(checksums)
        if not path.startswith("repodata/")
    ]


def _check_path(path: str, where: str) -> None:
    if path.startswith("/") or ".." in path.split("/"):
        raise DescriptionError(
            f"the path {path!r} leads out of the tree", where, "choose another mirror"
        )


def merge_treeinfo(text: str, where: str, files: dict[str, str], repomd: str) -> str:
    """Return the .treeinfo of a distribution, from that of the source of its installer.

    files   path -> SHA-256 of the installer's files in the distribution
    repomd  SHA-256 of the distribution's repomd.xml
    """
    parser = parse_treeinfo(text, where)
    variant = _variant(parser)
    for section in [name for name in parser.sections() if name.startswith(("variant-", "addon-"))]:
        if section != f"variant-{variant}":
            parser.remove_section(section)
    _set(
        parser,
        f"variant-{variant}",
        {"id": variant, "name": variant, "uid": variant, "type": "variant"},
        replace=False,
    )
    _set(parser, f"variant-{variant}", {"packages": "Packages", "repository": "."})
    _set(parser, "tree", {"variants": variant})
    if parser.has_section("general"):
        _set(
            parser,
            "general",
            {"variant": variant, "variants": variant, "packagedir": "Packages", "repository": "."},
        )
    _remove_missing(parser, files)
    parser.remove_section("checksums")
    checksums = {**files, REPOMD: repomd}
    _set(parser, "checksums", {path: f"sha256:{checksums[path]}" for path in sorted(checksums)})
    merged = io.StringIO()
    parser.write(merged)
    return merged.getvalue().rstrip("\n") + "\n"


def _variant(parser: configparser.ConfigParser) -> str:
    """Return the name of the variant that stays."""
    names = re.split(r"\s*,\s*", parser.get("tree", "variants", fallback="").strip())
    names += [
        section.partition("-")[2] for section in parser.sections() if section.startswith("variant-")
    ]
    variants = [name for name in names if name]
    default = variants[0] if variants else BASES[0]
    return next((base for base in BASES if base in variants), default)


def _set(
    parser: configparser.ConfigParser, section: str, values: dict[str, str], *, replace: bool = True
) -> None:
    if not parser.has_section(section):
        parser.add_section(section)
    for name, value in values.items():
        if replace or not parser.has_option(section, name):
            parser.set(section, name, value)


def _remove_missing(parser: configparser.ConfigParser, files: dict[str, str]) -> None:
    """Remove the images that the source lists but does not have."""
    for section in parser.sections():
        if section.startswith("images-") or section == "stage2":
            for name, path in parser.items(section):
                if path not in files:
                    parser.remove_option(section, name)
