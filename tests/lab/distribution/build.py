# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Build RPMs from Debian packages."""

from __future__ import annotations

import concurrent.futures
import fnmatch
import itertools
import os
import pathlib
from typing import Iterable, Mapping, Sequence

from ansible_collections.npaci.rocks.plugins.module_utils import process

from . import lists, payload, relations, scriptlets, spec
from .kernel import trim_modules
from .model import ConversionError, Deb, Evr, File, Rpm

BUILD_SECONDS = 600.0
ADDITIONS = pathlib.Path(__file__).parent / "additions"
# Packages that Debian does not have.
OWN = frozenset({"dracut", "filesystem"})
Payloads = dict[str, list[File]]


def unpack_all(
    debs: Mapping[str, Deb], files: Mapping[str, pathlib.Path], root: pathlib.Path
) -> Payloads:
    """Lay out one build root for all packages; return the files of each RPM."""
    keep = payload.excluding(lists.EXCLUDED)
    for path, mode in lists.DIRECTORIES.items():
        (root / path[1:]).mkdir(parents=True, exist_ok=True)
        (root / path[1:]).chmod(mode)
    for path, target in lists.ROOT_LINKS.items():
        (root / path[1:]).symlink_to(target)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
        unpacked = workers.map(lambda name: list(payload.unpack(files[name], root, keep)), debs)
    owned: Payloads = {"filesystem": [File(path, directory=True) for path in lists.DIRECTORIES]}
    for name, payload_files in zip(debs, unpacked):
        owned.setdefault(rpm_name(name), []).extend(
            payload.rename_units(root, payload_files, lists.UNITS)
        )
    for addition in sorted(ADDITIONS.iterdir()):
        owned.setdefault(addition.name, []).extend(payload.add(addition, root))
    for name, links in lists.LINKS.items():
        owned[name] += payload.link(links, root)
    owned["kernel"] = trim_modules(root, owned["kernel"], lists.KERNEL_MODULES)
    for path, mode in lists.MODES.items():
        (root / path[1:]).chmod(mode)
    return _with_shared_directories({name: _with_owners(files) for name, files in owned.items()})


def rpm_name(deb: str) -> str:
    """Return the RPM that contains a Debian package."""
    for name, members in lists.MERGED.items():
        if any(fnmatch.fnmatch(deb, member) for member in members):
            return name
    return deb


def compose(debs: Mapping[str, Deb], owned: Payloads, root: pathlib.Path) -> list[Rpm]:
    """Return the RPMs to build, by name."""
    installable = _installable_units(root)
    version = kernel_version(root)
    grouped = {
        name: list(group)
        for name, group in itertools.groupby(sorted(debs, key=rpm_name), key=rpm_name)
    }
    present = _provided_names(debs.values())
    rpms = []
    for name in sorted(owned):
        members = [
            debs[deb] for deb in sorted(grouped.get(name, []), key=lambda deb: _rank(name, deb))
        ]
        units = scriptlets.of_units(name, (file.path for file in owned[name]), installable)
        fixed = [
            (head, body.format(version=version)) for head, body in scriptlets.FIXED.get(name, ())
        ]
        rpms.append(
            _rpm(
                name,
                members,
                present,
                scripts=tuple(units + fixed),
                files=tuple(owned[name]),
            )
        )
    return rpms


def kernel_version(root: pathlib.Path) -> str:
    """Return the output of ``uname -r`` on the installed machine."""
    (modules,) = (root / "usr/lib/modules").iterdir()
    return modules.name


def write(
    rpms: Sequence[Rpm], root: pathlib.Path, work: pathlib.Path, out: pathlib.Path, tag: str = ""
) -> list[pathlib.Path]:
    """Build the RPM files into ``out``.

    tag  added to the releases, for a newer build of the same content
    """
    work.mkdir(parents=True, exist_ok=True)
    text = spec.text(
        rpm._replace(evr=rpm.evr._replace(release=rpm.evr.release + tag)) for rpm in rpms
    )
    path = work / "lab.spec"
    path.write_text(text)
    macros = {
        "_topdir": str(work),
        "_builddir": str(work),
        "_rpmdir": str(out),
        "_rpmfilename": "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
        "_binary_payload": lists.PAYLOAD,
        "_buildhost": "lab.example.org",
        "use_source_date_epoch_as_buildtime": "1",
        "_unpackaged_files_terminate_build": "0",
    }
    argv = ["rpmbuild", "-bb", "--quiet", "--noclean", "--buildroot", str(root)]
    argv += [word for name, value in macros.items() for word in ("--define", f"{name} {value}")]
    process.run(
        [*argv, str(path)], timeout=BUILD_SECONDS, env={"SOURCE_DATE_EPOCH": lists.BUILD_TIME}
    )
    return [out / _file_name(rpm, tag) for rpm in rpms]


def _file_name(rpm: Rpm, tag: str) -> str:
    arch = "noarch" if rpm.noarch else "x86_64"
    return f"{rpm.name}-{rpm.evr.version}-{rpm.evr.release}{tag}.{arch}.rpm"


def _rpm(
    name: str,
    members: list[Deb],
    present: frozenset[str],
    scripts: tuple[tuple[str, str], ...],
    files: tuple[File, ...],
) -> Rpm:
    provided = _provided_names(members)
    others = present - provided - set(lists.CUT.get(members[0].name, ()) if members else ())

    def relation_texts(*fields: str) -> tuple[str, ...]:
        clauses = [clause for deb in members for clause in deb.clauses(*fields)]
        return tuple(
            dict.fromkeys(
                text
                for clause in clauses
                if (text := relations.requirement(clause, others.__contains__))
            )
        )

    requires = relation_texts("Pre-Depends", "Depends") + lists.REQUIRES.get(name, ())
    if name != "filesystem":
        requires += ("filesystem",)
    if any("systemctl" in body for _, body in scripts) and name != "systemd":
        requires += ("systemd",)
    summary = (
        members[0].fields["Description"].splitlines()[0] if members else f"Part of the lab: {name}"
    )
    return Rpm(
        name=name,
        evr=relations.evr(members[0].version) if members else Evr("", "1", "1"),
        summary=summary,
        noarch=all(deb.fields["Architecture"] == "all" for deb in members),
        requires=requires,
        recommends=relation_texts("Recommends"),
        provides=tuple(
            text for deb in members for text in relations.provides(deb) if text.split()[0] != name
        )
        + lists.PROVIDES.get(name, ()),
        scriptlets=scripts,
        files=files,
    )


def _rank(name: str, deb: str) -> int:
    """Return the position of a Debian package in its RPM."""
    patterns = lists.MERGED.get(name, (deb,))
    return next(number for number, pattern in enumerate(patterns) if fnmatch.fnmatch(deb, pattern))


def _provided_names(debs: Iterable[Deb]) -> frozenset[str]:
    return frozenset(text.split()[0] for deb in debs for text in relations.provides(deb))


def _installable_units(root: pathlib.Path) -> list[str]:
    directory = root / scriptlets.UNITS[1:]
    return [
        path.name
        for path in directory.iterdir()
        if path.is_file() and not path.is_symlink() and "[Install]" in path.read_text()
    ]


def _with_owners(files: list[File]) -> list[File]:
    users = {
        line.split(":")[0]
        for line in (ADDITIONS / "filesystem/etc/passwd").read_text().splitlines()
    }
    groups = {
        line.split(":")[0] for line in (ADDITIONS / "filesystem/etc/group").read_text().splitlines()
    }
    for number, file in enumerate(files):
        owner = lists.OWNERS.get(file.path)
        if owner:
            files[number] = file = file._replace(owner=owner, group=owner)
        if file.owner not in users or file.group not in groups:
            raise ConversionError(
                f"{file.path} belongs to {file.owner}:{file.group}: add them to passwd and group"
            )
    return files


def _with_shared_directories(owned: Payloads) -> Payloads:
    """Assign the directories of several packages to ``filesystem`` only."""
    count: dict[str, int] = {}
    for files in owned.values():
        for path in {file.path for file in files if file.directory}:
            count[path] = count.get(path, 0) + 1
    shared = {path for path, number in count.items() if number > 1}
    links = [File(path) for path in lists.ROOT_LINKS]
    result = {
        name: list(dict.fromkeys(file for file in files if file.path not in shared))
        for name, files in owned.items()
    }
    shared_files = {
        file.path: file for files in owned.values() for file in files if file.path in shared
    }
    result["filesystem"] = sorted([*result["filesystem"], *shared_files.values(), *links])
    return result
