# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``.treeinfo``: what makes a folder of packages a tree that the stock installer boots from (productmd's format).

The merged tree is one repository and says so: one variant, at the root.  An installer would read a second variant
with the same packages a second time.
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
REPOMD = "repodata/repomd.xml"
# What anaconda takes for the base of several (its default_repositories), the likeliest first.
BASES = ("BaseOS", "Everything", "Server", "Workstation")


def parse_treeinfo(text: str, where: str) -> configparser.ConfigParser:
    """The sections of a .treeinfo.  Raises DescriptionError that names the line."""
    import configparser  # here, because few sources have one

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
    """Which of several sources the installer is taken from: the first that has a second stage, else the first.

    texts  (content, name in errors) of each source; an empty content means that it has no .treeinfo
    """
    there = [number for number, (text, _where) in enumerate(texts) if text]
    bootable = [
        number
        for number in there
        if parse_treeinfo(*texts[number]).has_option("stage2", "mainimage")
    ]
    return next(iter(bootable or there), None)


def installer_files(text: str, where: str) -> list[TreeFile]:
    """The installer's files that a .treeinfo names, sorted by path, with the checksums that it gives."""
    parser = parse_treeinfo(text, where)
    found: dict[str, str] = {}
    for section in parser.sections():
        if section.startswith("images-") or section == "stage2":
            found.update({path: "" for _name, path in parser.items(section)})
    if parser.has_section("checksums"):
        for path, value in parser.items("checksums"):
            kind, _colon, digest = value.partition(":")
            found[path] = digest.strip().lower() if kind.strip() == "sha256" else ""
    for path in found:
        if path.startswith("/") or ".." in path.split("/"):
            raise DescriptionError(
                f"the path {path!r} leads out of the tree", where, "choose another mirror"
            )
    return [
        TreeFile(path, found[path]) for path in sorted(found) if not path.startswith("repodata/")
    ]


def merge_treeinfo(text: str, where: str, files: dict[str, str], repomd: str) -> str:
    """The .treeinfo of a distribution, from that of the source that its installer comes from.

    files   path -> SHA-256 of the installer's files that are there
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
        keep=True,
    )
    _set(parser, f"variant-{variant}", {"packages": "Packages", "repository": "."})
    _set(parser, "tree", {"variants": variant})
    if parser.has_section("general"):
        _set(
            parser,
            "general",
            {"variant": variant, "variants": variant, "packagedir": "Packages", "repository": "."},
        )
    _without_missing(parser, files)
    parser.remove_section("checksums")
    sums = {**files, REPOMD: repomd}
    _set(parser, "checksums", {path: f"sha256:{sums[path]}" for path in sorted(sums)})
    written = io.StringIO()
    parser.write(written)
    return written.getvalue().rstrip("\n") + "\n"


def _variant(parser: configparser.ConfigParser) -> str:
    names = re.split(r"\s*,\s*", parser.get("tree", "variants", fallback="").strip())
    names += [
        section.partition("-")[2] for section in parser.sections() if section.startswith("variant-")
    ]
    known = [name for name in names if name]
    return next((base for base in BASES if base in known), known[0] if known else BASES[0])


def _set(
    parser: configparser.ConfigParser, section: str, values: dict[str, str], *, keep: bool = False
) -> None:
    if not parser.has_section(section):
        parser.add_section(section)
    for name, value in values.items():
        if not (keep and parser.has_option(section, name)):
            parser.set(section, name, value)


def _without_missing(parser: configparser.ConfigParser, files: dict[str, str]) -> None:
    """What the source promised and does not have is not promised again."""
    for section in parser.sections():
        if section.startswith("images-") or section == "stage2":
            for name, path in parser.items(section):
                if path not in files:
                    parser.remove_option(section, name)
