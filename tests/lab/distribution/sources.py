# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The four sources that a site has: stock, updates with newer versions, third party, local.

stock/         repository, comps groups      updates/     repository
third-party/   repository                    local/       RPM files without metadata
RPM-GPG-KEY-lab                              efi/         signed boot loaders
modules/       the kernel's modules          vmlinuz
"""

from __future__ import annotations

import pathlib
import shutil
from typing import Mapping, Sequence

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.errors import CommandError
from support import rpms as writer

from .. import cache
from . import archive, build, comps, lists, payload
from .model import ConversionError, Deb, Rpm
from .signing import Signer

REPODATA_SECONDS = 300.0
STOCK = (*lists.CORE, *lists.MORE, *lists.INSTALLER)
LOCAL = writer.Rpm(
    "site-settings",
    "1.0",
    "1",
    summary="What every machine of this site has",
    files={"/etc/motd": "This machine belongs to the cluster of the lab.\n"},
)
EFI_FILES = {
    "usr/lib/shim/shimx64.efi.signed": "BOOTX64.EFI",
    "usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed": "grubx64.efi",
}


def sources() -> pathlib.Path:
    """Return the folder of the sources; build it if the lists or the conversion have changed."""
    key = cache.key_of(pathlib.Path(__file__).parent, cache.LAB.parent / "support" / "rpms.py")
    return cache.part("sources", key, make)


def make(out: pathlib.Path) -> None:
    """Build the sources into ``out``; refresh the archive's lists if they are outdated."""
    try:
        debs, files = _fetch()
    except (CommandError, ConversionError):
        archive.refresh()
        debs, files = _fetch()
    root = out / "root"
    work = out / "work"
    owned = build.unpack_all(debs, files, root)
    signer = Signer(work)
    signer.export(out / "RPM-GPG-KEY-lab")
    for name, rpms in _divide(build.compose(debs, owned, root), debs).items():
        tag = lists.UPDATE_TAG if name == "updates" else ""
        paths = build.write(rpms, root, work, out / name / "Packages", tag=tag)
        if name == "stock":
            paths += [writer.write(rpm, out / name / "Packages") for rpm in _empty()]
        signer.sign(paths)
        _repository(out / name, comps.text() if name == "stock" else "")
    for release in lists.RELEASES:
        signer.sign([writer.write(_release(release), out / "releases" / release)])
    writer.write(LOCAL, out / "local")
    _boot_files(files, root, out)
    shutil.rmtree(root)
    shutil.rmtree(work)


def _unwanted_by(package: str) -> frozenset[str]:
    return lists.DROPPED.union(lists.CUT.get(package, ()))


def _fetch() -> tuple[dict[str, Deb], dict[str, pathlib.Path]]:
    stanzas = archive.available()
    debs = archive.closure([*STOCK, *lists.THIRD_PARTY], stanzas, _unwanted_by)
    signed = [archive.parse(stanzas[name]) for name in lists.SIGNED_BOOT]
    store = cache.folder() / "debs"
    store.mkdir(exist_ok=True)
    files = archive.download([*debs.values(), *signed], store)
    for path in set(store.iterdir()) - set(files.values()):
        path.unlink()
    return debs, files


def _divide(rpms: Sequence[Rpm], debs: Mapping[str, Deb]) -> dict[str, list[Rpm]]:
    """Assign the RPMs to sources; the third party also has what only its packages need."""
    stock = archive.closure(STOCK, {name: deb.text for name, deb in debs.items()}, _unwanted_by)
    names = build.OWN.union(build.rpm_name(name) for name in stock)
    return {
        "stock": [rpm for rpm in rpms if rpm.name in names],
        "updates": [rpm for rpm in rpms if rpm.name in lists.UPDATED],
        "third-party": [rpm for rpm in rpms if rpm.name not in names],
    }


def _empty() -> list[writer.Rpm]:
    """Return the packages that exist only because profiles list them."""
    names = [writer.Rpm(name, summary=f"Stands for {name}") for name in lists.NAMES_ONLY]
    programs = [
        writer.Rpm(name, summary=f"Stands for {name}", files={path: "#!/bin/sh\n"})
        for name, path in lists.PRETENDED.items()
    ]
    return names + programs


def _release(release: str) -> writer.Rpm:
    major = release.partition(".")[0]
    name = f"Lab Enterprise Linux {release}"
    facts = {
        "NAME": "Lab Enterprise Linux",
        "ID": "lab",
        "ID_LIKE": "rhel centos fedora",
        "VERSION": release,
        "VERSION_ID": release,
        "PLATFORM_ID": f"platform:el{major}",
        "PRETTY_NAME": name,
    }
    return writer.Rpm(
        "lab-release",
        release,
        "1",
        summary=f"Release files of {name}",
        provides=[f"system-release = {release}", f"system-release(releasever) = {major}"],
        files={
            "/etc/os-release": writer.Link("../usr/lib/os-release"),
            "/etc/redhat-release": f"{name}\n",
            "/etc/system-release": writer.Link("redhat-release"),
            "/usr/lib/os-release": "".join(f'{key}="{value}"\n' for key, value in facts.items()),
        },
    )


def _repository(path: pathlib.Path, groups: str) -> None:
    options = []
    if groups:
        (path / "comps.xml").write_text(groups)
        options = ["--groupfile", "comps.xml"]
    argv = [
        "createrepo_c",
        "--quiet",
        "--no-database",
        "--revision",
        lists.BUILD_TIME,
        "--set-timestamp-to-revision",
        *options,
        ".",
    ]
    process.run(argv, timeout=REPODATA_SECONDS, cwd=str(path))


def _boot_files(files: Mapping[str, pathlib.Path], root: pathlib.Path, out: pathlib.Path) -> None:
    signed = root / "signed"
    for name in lists.SIGNED_BOOT:
        list(payload.unpack(files[name], signed, lambda path: True))
    (out / "efi").mkdir()
    for source, name in EFI_FILES.items():
        shutil.copy(signed / source, out / "efi" / name)
    shutil.copytree(root / "usr/lib/modules", out / "kernel/lib/modules")
    shutil.copy(root / f"boot/vmlinuz-{build.kernel_version(root)}", out / "kernel/vmlinuz")
