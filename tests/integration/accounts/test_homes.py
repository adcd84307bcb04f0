"""Home directories: the real automounter reads the files that a node's kickstart writes."""

from __future__ import annotations

import pathlib
import re

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process
from support.profiles import SUPPORTED, kickstart, scripts, written_files

# The files are mounted over those of the autofs package, for one process; the host is not affected.
OVERLAY = """
mkdir /run/over; mount -t tmpfs none /run/over; mkdir /run/over/upper /run/over/work
mount -t overlay over -o "lowerdir=$1:/etc,upperdir=/run/over/upper,workdir=/run/over/work" /etc
exec automount --dumpmaps
"""


@pytest.mark.parametrize("release", SUPPORTED)
def test_homes_are_mounted_at_the_path_in_passwd(tmp_path: pathlib.Path, release: str) -> None:
    text = kickstart("compute", release, home_path="/homes", home_export="/export/home")
    (script,) = [script.text for script in scripts(text, release) if script.node == "autofs"]
    for path, content in written_files(script):
        file = tmp_path / path.replace("/etc/", "", 1)
        file.parent.mkdir(exist_ok=True)
        file.write_text(content)
    argv = [
        "unshare",
        "--mount",
        "bash",
        "-euc",
        f"mount -t tmpfs none /run; {OVERLAY}",
        "enter",
        str(tmp_path),
    ]
    maps = process.run(argv, timeout=60).stdout
    assert re.search(r"^Mount point: /homes$", maps, re.MULTILINE), maps
    assert re.search(r"^\s*\* \| -rw,hard 10\.1\.1\.1:/export/home/&$", maps, re.MULTILINE), maps
