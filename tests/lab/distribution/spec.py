# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One spec file for many binary packages, so that rpmbuild starts only once."""

from __future__ import annotations

import re
from typing import Iterable

from .model import File, Rpm

HEAD = """\
%global debug_package %{nil}
%global __os_install_post %{nil}
%global _build_id_links none
Name: lab
Version: 0
Release: 0
Summary: The packages of the lab
License: see the packages
%description
Nothing is packaged under this name.
"""


def text(rpms: Iterable[Rpm]) -> str:
    """Return the spec of ``rpms``, whose files are in the build root."""
    return HEAD + "".join(_package(rpm) for rpm in rpms)


def _package(rpm: Rpm) -> str:
    relations = [
        ("Requires", rpm.requires),
        ("Recommends", rpm.recommends),
        ("Provides", rpm.provides),
    ]
    lines = [
        f"%package -n {rpm.name}",
        *([f"Epoch: {rpm.evr.epoch}"] if rpm.evr.epoch else []),
        f"Version: {rpm.evr.version}",
        f"Release: {rpm.evr.release}",
        f"Summary: {_literal(rpm.summary)}",
        *(["BuildArch: noarch"] if rpm.noarch else []),
        "AutoReqProv: no",
        *(f"{tag}: {value}" for tag, values in relations for value in values),
        f"%description -n {rpm.name}",
        _literal(rpm.summary),
        *(line for head, body in rpm.scriptlets for line in (head, body)),
        f"%files -n {rpm.name}",
        "%defattr(-,root,root,-)",
        *(_file(file) for file in rpm.files),
    ]
    return "\n".join(lines) + "\n\n"


def _file(file: File) -> str:
    marks = ["%dir"] if file.directory else []
    if file.config and not file.directory:
        marks.append("%config(noreplace)")
    if (file.owner, file.group) != ("root", "root"):
        marks.append(f"%attr(-,{file.owner},{file.group})")
    # rpm reads the path as a glob; "?" stands for characters that it would not take literally.
    return " ".join([*marks, '"' + re.sub(r"[\[\]*?{}\\]", "?", _literal(file.path)) + '"'])


def _literal(value: str) -> str:
    return value.replace("%", "%%")
