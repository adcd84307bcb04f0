"""SELinux: one of the last scripts relabels every file that the scripts before it write.

The installer relabels folders itself, but not these everywhere: on EL 8 and 9 most of /etc and
/usr/libexec are not among them (rhinstaller/anaconda, data/post-scripts/80-setfilecons.ks of the
branches rhel-8 and rhel-9; rhel-10 has SetContextsTask in pyanaconda/modules/boss/installation.py).
"""

from __future__ import annotations

import re

import pytest

from support.profiles import (
    CHOICES,
    RELEASES_OF_SITE,
    ROOTS,
    SITES,
    Section,
    kickstart,
    scripts,
)
from support.profiles import written_files as files_of

RELEASES = ("rhel8", "rhel9", "rhel10")
SYSROOT = "/mnt/sysimage"
# File systems of their own that the kernel labels as a whole, or that only the installer reads.
# An export has any label: the boolean nfs_export_all_rw is on by default.
OTHERS = ("/dev/", "/run/", "/tmp/", "/state/partition1/", "/var/log/")
FILE_CONTENT = re.compile(r"^sed 's/\^\|//'.*?^EOF$", re.MULTILINE | re.DOTALL)
WRITTEN = re.compile(r"(?:>>?\s*|\b(?:touch|mkdir -p|cp|mv|install -d)\b[^\n;|&]*\s)(/[\w./-]+)")
INSTALLED = re.compile(r"\binstall\b[^\n]* -t (/\S+)")


def written_paths(sections: list[Section]) -> set[str]:
    """Return the files and folders of the new system that these scripts write."""
    paths = set()
    for script in sections:
        found = {path for path, _content in files_of(script.text)}
        found |= set(WRITTEN.findall(FILE_CONTENT.sub("", script.text)))
        found |= set(INSTALLED.findall(script.text))
        for path in found:
            if script.in_chroot:
                paths.add(path)
            elif path.startswith(SYSROOT):
                paths.add(path[len(SYSROOT) :])
    return {path for path in paths if not path.startswith(OTHERS)}


@pytest.mark.parametrize("release", RELEASES)
def test_every_written_file_is_in_a_folder_that_a_later_script_relabels(release: str) -> None:
    choices = [(root, "") for root in ROOTS]
    choices += [
        choice for choice in CHOICES if release in RELEASES_OF_SITE.get(choice[1], RELEASES)
    ]
    for root, site in choices:
        text = kickstart(root, release, **(SITES[site] if site else {}))
        posts = [script for script in scripts(text, release) if script.kind == "post"]
        (number,) = [
            number for number, script in enumerate(posts) if "restorecon -iR" in script.text
        ]
        (folders,) = re.findall(r"^restorecon -iR (.*)$", posts[number].text, re.MULTILINE)
        paths = written_paths(posts[:number])
        assert len(paths) > 3
        relabelled = tuple(f"{folder}/" for folder in folders.split())
        outside = {path for path in paths if not f"{path}/".startswith(relabelled)}
        assert outside == set(), (root, site)
        assert written_paths(posts[number + 1 :]) <= {"/etc/rocks/report-installed"}, (root, site)
