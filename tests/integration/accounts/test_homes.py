"""Home directories: what a node's kickstart writes, as the real automounter reads it."""

from __future__ import annotations

import pathlib
import re

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process
from support.profiles import SUPPORTED, kickstart, scripts, written

# The files lie over those of the autofs package, for one process; nothing is mounted on the host.
OVERLAY = """
mkdir /run/over; mount -t tmpfs none /run/over; mkdir /run/over/upper /run/over/work
mount -t overlay over -o "lowerdir=$1:/etc,upperdir=/run/over/upper,workdir=/run/over/work" /etc
exec automount --dumpmaps
"""


@pytest.mark.parametrize("release", SUPPORTED)
def test_a_home_is_mounted_where_the_users_row_says_it_is(
    tmp_path: pathlib.Path, release: str
) -> None:
    text = kickstart("compute", release, home_path="/homes", home_export="/export/home")
    (script,) = [script.text for script in scripts(text, release) if script.node == "autofs"]
    for path, content in written(script):
        place = tmp_path / path.replace("/etc/", "", 1)
        place.parent.mkdir(exist_ok=True)
        place.write_text(content)
    argv = [
        "unshare",
        "--mount",
        "bash",
        "-euc",
        f"mount -t tmpfs none /run; {OVERLAY}",
        "enter",
        str(tmp_path),
    ]
    said = process.run(argv, timeout=60).stdout
    assert re.search(r"^Mount point: /homes$", said, re.MULTILINE), said
    assert re.search(r"^\s*\* \| -rw,hard 10\.1\.1\.1:/export/home/&$", said, re.MULTILINE), said
