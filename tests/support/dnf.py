# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run dnf as an oracle on a repository that we wrote."""

from __future__ import annotations

import pathlib
from typing import Sequence

from ansible_collections.npaci.rocks.plugins.module_utils import process


def dnf(
    scratch: pathlib.Path,
    repositories: dict[str, str],
    *arguments: str,
    options: Sequence[str] = (),
    arch: str = "x86_64",
) -> str:
    """Run dnf with these repositories (name -> URL) only, and return its output.

    scratch  folder for dnf's cache, logs and state, instead of those of this machine
    options  settings for --setopt, such as ``gpgcheck=1`` or ``module_platform_id=platform:el9``
    """
    folders = {
        name: scratch / name for name in ("cachedir", "persistdir", "logdir", "reposdir", "varsdir")
    }
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    settings = [*(f"{name}={folder}" for name, folder in folders.items()), "gpgcheck=0", *options]
    argv = ["dnf", "-q", "-y", "--disableplugin=local", "--releasever=9", f"--forcearch={arch}"]
    argv += [f"--setopt={setting}" for setting in settings]
    argv += [f"--repofrompath={name},{url}" for name, url in repositories.items()]
    return process.run([*argv, *arguments], timeout=300).stdout
