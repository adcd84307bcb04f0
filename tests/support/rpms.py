# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write small valid RPM files and repositories, in a millisecond each and without rpmbuild.

The files pass ``rpm -Kv``, and rpm and dnf install them (test_rpm_writer.py).

    bash = Rpm("bash", "5.1.8", "6.el9", "x86_64", requires=["glibc >= 2.34"], files={"/a": "text"})
    repository(tmp_path / "os", [bash])
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
import random
import shutil
from typing import Any, Iterable, Mapping, NamedTuple, Sequence, Union

from . import repodata
from .rpmformat import (
    DIRECTORY,
    INT16,
    INT32,
    REGULAR,
    SHA256,
    STRING,
    STRINGS,
    SYMLINK,
    TRANSLATED,
    Entry,
    Member,
    assemble,
)

BUILD_TIME = 1_700_000_000
SENSE = {"<": 2, ">": 4, "=": 8, "<=": 10, ">=": 12}
RPMLIB = 1 << 24
# rpm's tags: names, flags, versions.
RELATIONS = {
    "requires": (1049, 1048, 1050),
    "provides": (1047, 1112, 1113),
    "conflicts": (1054, 1053, 1055),
    "obsoletes": (1090, 1114, 1115),
    "recommends": (5046, 5048, 5047),
    "suggests": (5049, 5051, 5050),
    "supplements": (5052, 5054, 5053),
    "enhances": (5055, 5057, 5056),
}
# scriptlet -> its tag, its interpreter's tag, the sense flag of the requirement on the interpreter
SCRIPTLETS = {
    "pre": (1023, 1085, 1 << 9),
    "post": (1024, 1086, 1 << 10),
    "preun": (1025, 1087, 1 << 11),
    "postun": (1026, 1088, 1 << 12),
}
ISA = {"x86_64": "x86-64", "i686": "x86-32", "aarch64": "aarch-64"}


class Link(NamedTuple):
    """A symbolic link in a package."""

    target: str


class Change(NamedTuple):
    """One changelog entry; the time is in seconds since 1970."""

    time: int
    author: str
    text: str


Content = Union[str, bytes, Link]


@dataclasses.dataclass(frozen=True)
class Rpm:
    """One package.  Relations are written as in a spec file: ``glibc >= 2.34`` or ``(a or b)``."""

    name: str
    version: str = "1.0"
    release: str = "1"
    arch: str = "noarch"
    epoch: int = 0
    summary: str = "A package for tests"
    description: str = "It holds what a test needs."
    requires: Sequence[str] = ()
    provides: Sequence[str] = ()
    conflicts: Sequence[str] = ()
    obsoletes: Sequence[str] = ()
    recommends: Sequence[str] = ()
    suggests: Sequence[str] = ()
    supplements: Sequence[str] = ()
    enhances: Sequence[str] = ()
    files: Mapping[str, Content] = dataclasses.field(default_factory=dict)
    """Absolute path -> content.  A final slash makes it a directory, ``#!`` makes it executable."""
    scriptlets: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """pre, post, preun, postun -> shell text, or Lua text after a first line ``-- lua``."""
    changelog: Sequence[Change] = ()
    source: bool = False
    """Whether the file is a .src.rpm."""
    source_name: str = ""
    """Name of the .src.rpm that the package was built from."""
    build_time: int = BUILD_TIME
    modularity: str = ""
    padding: int = 0
    """Bytes of noise after the payload, for realistic sizes."""
    variant: str = ""
    """Packages that differ only here have the same NEVRA and files, and different bytes."""

    @property
    def evr(self) -> str:
        return (f"{self.epoch}:" if self.epoch else "") + f"{self.version}-{self.release}"

    @property
    def nevra(self) -> str:
        arch = "src" if self.source else self.arch
        return f"{self.name}-{self.epoch}:{self.version}-{self.release}.{arch}"

    @property
    def filename(self) -> str:
        arch = "src" if self.source else self.arch
        return f"{self.name}-{self.version}-{self.release}.{arch}.rpm"


def image(rpm: Rpm) -> bytes:
    """Return the bytes of the file."""
    members = [_member(path, content) for path, content in sorted(rpm.files.items())]
    noise = random.Random(f"{rpm.nevra} {rpm.variant}").randbytes(rpm.padding)
    entries = [
        *_identity(rpm),
        *_relations(rpm),
        *_scriptlets(rpm),
        *_changelog(rpm),
        *_files(members),
    ]
    name = f"{rpm.name}-{rpm.version}-{rpm.release}"
    return assemble(name, entries, members, source=rpm.source, padding=noise)


def write(rpm: Rpm, directory: Union[str, os.PathLike[str]], filename: str = "") -> pathlib.Path:
    """Write the package into ``directory``, under its own name or ``filename``."""
    path = pathlib.Path(directory) / (filename or rpm.filename)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(image(rpm))
    os.utime(path, (rpm.build_time, rpm.build_time))
    return path


def repository(
    directory: Union[str, os.PathLike[str]],
    rpms: Iterable[Rpm] = (),
    *,
    extra: Mapping[str, Union[str, bytes]] = {},
    revision: int = BUILD_TIME,
    suffix: str = ".zst",
) -> pathlib.Path:
    """Write ``rpms`` to ``Packages/`` of a directory, and make metadata of all its RPMs.

    extra   other records of repomd.xml, such as ``{"group": comps, "modules": documents}``
    suffix  ``.zst`` or ``.gz``: the compression of primary, filelists and other

    Call it again on the same directory to publish changed content, as an upstream mirror does.
    """
    root = pathlib.Path(directory)
    for rpm in rpms:
        write(rpm, root / "Packages")
    paths = sorted(root.rglob("*.rpm"))
    shutil.rmtree(root / "repodata", ignore_errors=True)
    repodata.write(root, paths, extra, revision, suffix)
    return root


def _identity(rpm: Rpm) -> list[Entry]:
    entries = [
        Entry(100, STRINGS, ["C"]),
        Entry(1000, STRING, rpm.name),
        Entry(1001, STRING, rpm.version),
        Entry(1002, STRING, rpm.release),
        Entry(1004, TRANSLATED, [rpm.summary]),
        Entry(1005, TRANSLATED, [rpm.description]),
        Entry(1006, INT32, [rpm.build_time]),
        Entry(1007, STRING, "build.example.org"),
        Entry(1009, INT32, [sum(len(_bytes(content)) for content in rpm.files.values())]),
        Entry(1011, STRING, "Example"),
        Entry(1014, STRING, "MIT"),
        Entry(1015, STRING, "Example <packages@example.org>"),
        Entry(1016, TRANSLATED, ["Unspecified"]),
        Entry(1020, STRING, f"https://example.org/{rpm.name}"),
        Entry(1021, STRING, "linux"),
        Entry(1022, STRING, rpm.arch),
        Entry(1064, STRING, "4.18.0"),
        Entry(1132, STRING, f"{rpm.arch}-linux"),
        Entry(5062, STRING, "utf-8"),
    ]
    if rpm.epoch:
        entries.append(Entry(1003, INT32, [rpm.epoch]))
    if rpm.modularity:
        entries.append(Entry(5096, STRING, rpm.modularity))
    if rpm.variant:
        entries.append(Entry(1094, STRING, rpm.variant))
    if rpm.source:
        entries.append(Entry(1106, INT32, [1]))
    else:
        source_name = rpm.source_name or f"{rpm.name}-{rpm.version}-{rpm.release}.src.rpm"
        entries.append(Entry(1044, STRING, source_name))
    return entries


def _relations(rpm: Rpm) -> list[Entry]:
    relations = {kind: [_relation(text) for text in getattr(rpm, kind)] for kind in RELATIONS}
    if not rpm.source:
        relations["provides"].append((rpm.name, SENSE["="], rpm.evr))
        if rpm.arch != "noarch":
            relations["provides"].append(
                (f"{rpm.name}({ISA.get(rpm.arch, rpm.arch)})", SENSE["="], rpm.evr)
            )
    relations["requires"] += _implicit_requires(rpm)
    entries = []
    for kind, (names, flags, versions) in RELATIONS.items():
        rows = sorted(set(relations[kind]))
        if rows:
            entries += [
                Entry(names, STRINGS, [row[0] for row in rows]),
                Entry(flags, INT32, [row[1] for row in rows]),
                Entry(versions, STRINGS, [row[2] for row in rows]),
            ]
    return entries


def _relation(text: str) -> tuple[str, int, str]:
    words = text.split()
    if text.startswith("(") or len(words) == 1:
        return text, 0, ""
    name, operator, evr = words
    return name, SENSE[operator], evr


def _implicit_requires(rpm: Rpm) -> list[tuple[str, int, str]]:
    """Return the required features of rpm, and the interpreters of the scriptlets."""
    features = {
        "CompressedFileNames": "3.0.4-1",
        "FileDigests": "4.6.0-1",
        "PayloadFilesHavePrefix": "4.0-1",
    }
    if "~" in rpm.version + rpm.release:
        features["TildeInVersions"] = "4.10.0-1"
    if "^" in rpm.version + rpm.release:
        features["CaretInVersions"] = "4.15.0-1"
    if any(text.startswith("(") for kind in RELATIONS for text in getattr(rpm, kind)):
        features["RichDependencies"] = "4.12.0-1"
    if any(text.startswith("-- lua") for text in rpm.scriptlets.values()):
        features["BuiltinLuaScripts"] = "4.2.2-1"
    requires = [
        (f"rpmlib({name})", SENSE["<="] | RPMLIB, version) for name, version in features.items()
    ]
    for kind, text in rpm.scriptlets.items():
        if not text.startswith("-- lua"):
            requires.append(("/bin/sh", SCRIPTLETS[kind][2], ""))
    return requires


def _scriptlets(rpm: Rpm) -> list[Entry]:
    entries = []
    for kind, text in rpm.scriptlets.items():
        tag, program, _flag = SCRIPTLETS[kind]
        interpreter = "<lua>" if text.startswith("-- lua") else "/bin/sh"
        entries += [Entry(tag, STRING, text), Entry(program, STRINGS, [interpreter])]
    return entries


def _changelog(rpm: Rpm) -> list[Entry]:
    if not rpm.changelog:
        return []
    times, authors, texts = zip(*rpm.changelog)
    return [Entry(1080, INT32, times), Entry(1081, STRINGS, authors), Entry(1082, STRINGS, texts)]


def _member(path: str, content: Content) -> Member:
    if path.endswith("/"):
        return Member(path.rstrip("/"), b"", DIRECTORY | 0o755)
    data = _bytes(content)
    if isinstance(content, Link):
        return Member(path, data, SYMLINK | 0o777)
    return Member(path, data, REGULAR | (0o755 if data.startswith(b"#!") else 0o644))


def _bytes(content: Content) -> bytes:
    text = content.target if isinstance(content, Link) else content
    return text.encode() if isinstance(text, str) else text


def _files(members: Sequence[Member]) -> list[Entry]:
    if not members:
        return []
    count = len(members)
    folders = [os.path.dirname(member.path).rstrip("/") + "/" for member in members]
    distinct = sorted(set(folders))
    columns: dict[tuple[int, int], list[Any]] = {
        (1028, INT32): [len(member.content) for member in members],
        (1030, INT16): [member.mode for member in members],
        (1033, INT16): [0] * count,
        (1034, INT32): [BUILD_TIME] * count,
        (1035, STRINGS): [_digest(member) for member in members],
        (1036, STRINGS): [
            member.content.decode() if _is(member, SYMLINK) else "" for member in members
        ],
        (1037, INT32): [0] * count,
        (1039, STRINGS): ["root"] * count,
        (1040, STRINGS): ["root"] * count,
        (1045, INT32): [0xFFFFFFFF] * count,
        (1095, INT32): [1] * count,
        (1096, INT32): list(range(1, count + 1)),
        (1097, STRINGS): [""] * count,
        (1116, INT32): [distinct.index(folder) for folder in folders],
        (1117, STRINGS): [os.path.basename(member.path) for member in members],
        (1118, STRINGS): distinct,
        (5011, INT32): [SHA256],
    }
    return [Entry(tag, kind, values) for (tag, kind), values in columns.items()]


def _is(member: Member, kind: int) -> bool:
    return member.mode & 0o170000 == kind


def _digest(member: Member) -> str:
    return hashlib.sha256(member.content).hexdigest() if _is(member, REGULAR) else ""
