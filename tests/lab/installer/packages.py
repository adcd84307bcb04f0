# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Resolve, download and install the %packages section from url and repo with dnf."""

from __future__ import annotations

import configparser
import pathlib
import shutil
from typing import Any, Iterable, Optional

import dnf
import dnf.callback
import dnf.exceptions
import dnf.transaction
from pykickstart.constants import KS_MISSING_IGNORE

from . import screen
from .model import InstallError, Plan, Question
from .programs import SYSROOT

CACHE = "var/cache/anaconda"
BASE_REPOSITORY = "anaconda"
MEDIUM = pathlib.Path("/run/install/repo")
# Group kinds by pykickstart's GROUP_* constants: required, default, all.
GROUP_KINDS = {
    0: ("mandatory",),
    1: ("mandatory", "default"),
    2: ("mandatory", "default", "optional"),
}
FILE_SYSTEM_TOOLS = {
    "ext2": "e2fsprogs",
    "ext3": "e2fsprogs",
    "ext4": "e2fsprogs",
    "xfs": "xfsprogs",
    "efi": "dosfstools",
    "vfat": "dosfstools",
}


def install(kickstart: Any, plan: Optional[Plan], major: int, key: str) -> None:
    """Install the packages that the kickstart selects and that its commands require.

    plan  the file systems, whose tools are installed; None on a node without disks
    key   the URL of the key of all signatures; with "" signatures are not checked, as in anaconda
    """
    with dnf.Base() as base:
        _configure(base, kickstart, major, key)
        try:
            base.fill_sack(load_system_repo=False)
            base.read_comps(arch_filter=True)
            _select(base, kickstart, _required_packages(kickstart, plan))
            _resolve_and_install(base)
        except dnf.exceptions.Error as error:
            raise InstallError(str(error)) from error


def _configure(base: dnf.Base, kickstart: Any, major: int, key: str) -> None:
    selection = kickstart.packages
    conf = base.conf
    conf.installroot = str(SYSROOT)
    conf.releasever = str(major)
    conf.cachedir = str(SYSROOT / CACHE)
    conf.logdir = "/tmp"
    conf.persistdir = str(SYSROOT / "var/lib/dnf")
    conf.reposdir = []
    conf.varsdir = []
    conf.pluginpath = []
    conf.keepcache = False
    conf.assumeyes = True
    conf.install_weak_deps = not selection.excludeWeakdeps
    conf.multilib_policy = "all" if selection.multiLib else "best"
    conf.retries = 10 if selection.retries is None else selection.retries
    conf.timeout = selection.timeout or 60
    if selection.excludeDocs:
        conf.tsflags = ["nodocs"]
    for name, place in _base_repositories(kickstart).items():
        _add_repository(base, name, place, key)
    for repo in kickstart.repo.repoList:
        added = _add_repository(base, repo.name, repo.baseurl, key)
        added.cost = repo.cost or 1000
        added.excludepkgs = repo.excludepkgs
        added.includepkgs = repo.includepkgs


def _base_repositories(kickstart: Any) -> dict[str, Optional[str]]:
    """Return name -> URL: of ``url``, or of ``cdrom`` those that the medium's .treeinfo lists."""
    if kickstart.method.method != "cdrom":
        return {BASE_REPOSITORY: kickstart.url.url}
    info = configparser.ConfigParser(interpolation=None)
    if not info.read(MEDIUM / ".treeinfo"):
        raise InstallError("cdrom: no installation medium was found.")
    variants = info["tree"]["variants"].split(",")
    return {name: f"file://{MEDIUM}/{info[f'variant-{name}']['repository']}" for name in variants}


def _add_repository(base: dnf.Base, name: str, url: Optional[str], key: str) -> Any:
    if not url:
        raise InstallError(f"The repository {name} has no URL: set url --url or repo --baseurl.")
    options = {"gpgcheck": True, "gpgkey": [key]} if key else {"gpgcheck": False}
    return base.repos.add_new_repo(
        name, base.conf, baseurl=[url], skip_if_unavailable=False, **options
    )


def _required_packages(kickstart: Any, plan: Optional[Plan]) -> list[str]:
    """Return what anaconda adds automatically: kernel, disk tools, and a time client."""
    required = []
    if plan:
        required += [
            "kernel",
            *sorted(
                {
                    FILE_SYSTEM_TOOLS[mount.fstype]
                    for mount in plan.mounts
                    if mount.fstype in FILE_SYSTEM_TOOLS
                }
            ),
        ]
    sources = hasattr(kickstart, "timesource") and kickstart.timesource.timesource_list
    servers = getattr(kickstart.timezone, "ntpservers", None) or sources
    if servers:
        required.append("chrony")
    excluded = set(kickstart.packages.excludedList)
    return [name for name in required if name not in excluded]


def _select(base: dnf.Base, kickstart: Any, required: list[str]) -> None:
    selection = kickstart.packages
    missing = []
    groups = [(group.name, GROUP_KINDS[group.include]) for group in selection.groupList]
    if selection.environment:
        groups += [(name, GROUP_KINDS[1]) for name in _environment(base, selection.environment)]
    if not selection.nocore:
        groups.insert(0, ("core", GROUP_KINDS[1]))
    excluded = set(selection.excludedList)
    for name, kinds in groups:
        group = base.comps.group_by_pattern(name)
        if group is None:
            missing.append(f"@{name}")
        elif group.id not in {
            excluded_group.name for excluded_group in selection.excludedGroupList
        }:
            base.group_install(group.id, kinds, exclude=excluded)
    specs = [*selection.packageList, *required]
    missing += _install_specs(base, specs, selection.excludedList)
    if missing and selection.handleMissing != KS_MISSING_IGNORE:
        raise Question("Problems in request:\nmissing packages: " + ", ".join(sorted(missing)))


def _environment(base: dnf.Base, name: str) -> list[str]:
    environment = base.comps.environment_by_pattern(name)
    if environment is None:
        raise InstallError(f"The following packages, groups or modules are missing: @^{name}")
    return [group.name for group in environment.mandatory_groups]


def _install_specs(base: dnf.Base, specs: Iterable[str], excluded: Iterable[str]) -> list[str]:
    """Mark packages, files or capabilities; return those that are in no repository."""
    for name in excluded:
        base.sack.add_excludes(dnf.subject.Subject(name).get_best_query(base.sack))
    missing = []
    for spec in dict.fromkeys(specs):
        try:
            base.install(spec)
        except dnf.exceptions.MarkingError:
            missing.append(spec)
    return missing


def _resolve_and_install(base: dnf.Base) -> None:
    base.resolve()
    selected = list(base.transaction.install_set)
    screen.show("Downloading packages")
    size = sum(package.downloadsize for package in selected)
    screen.log("packaging", f"Downloading {len(selected)} RPMs, {size / 1e6:.1f} MB")
    base.download_packages(selected, _Download())
    for package in selected:
        result, message = base.package_signature_check(package)
        if result == 1:
            base.package_import_key(package, askcb=lambda *_: True)
        elif result:
            raise InstallError(f"{package} is not accepted: {message}")
    screen.show("Preparing transaction from installation source")
    base.do_transaction([_Transaction()])
    screen.log("packaging", "transaction done")
    shutil.rmtree(base.conf.cachedir, ignore_errors=True)


class _Download(dnf.callback.DownloadProgress):
    """Shows the progress of the download in steps of ten percent."""

    def __init__(self) -> None:
        self.total = self.done = self.shown = 0

    def start(self, total_files: int, total_size: int, total_drpms: int = 0) -> None:
        self.files = total_files
        self.total = total_size

    def progress(self, payload: Any, done: int) -> None:
        pass

    def end(self, payload: Any, status: int, msg: str) -> None:
        self.done += payload.download_size
        share = 100 * self.done // self.total if self.total else 100
        if share >= self.shown + 10:
            self.shown = share - share % 10
            progress = f"{_mib(self.done)} / {_mib(self.total)} ({share}%)"
            screen.show(f"Downloading {self.files} RPMs, {progress} done.")


class _Transaction(dnf.callback.TransactionProgress):
    """Shows the lines that programs parse: "Installing NAME.ARCH (N/TOTAL)"."""

    def __init__(self) -> None:
        self.shown: set[tuple[int, str]] = set()

    def progress(
        self, package: Any, action: int, ti_done: int, ti_total: int, ts_done: int, ts_total: int
    ) -> None:
        name = f"{package.name}.{package.arch}" if package else ""
        if (action, name) in self.shown:
            return
        self.shown.add((action, name))
        if action == dnf.transaction.PKG_INSTALL:
            screen.show(f"Installing {name} ({ts_done}/{ts_total})")
        elif action == dnf.transaction.PKG_SCRIPTLET:
            screen.show(f"Configuring {name}")
        elif action == dnf.transaction.TRANS_POST:
            screen.show("Performing post-installation setup tasks")

    def scriptout(self, msgs: str) -> None:
        if msgs:
            for line in msgs.strip().splitlines():
                screen.log("packaging", line)

    def error(self, message: str) -> None:
        screen.log("packaging", f"ERROR {message}")


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB"
