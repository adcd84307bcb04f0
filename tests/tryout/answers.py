# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The kickstart of the frontend, and the image from which the installer reads it.

The installer reads ks.cfg of a volume that is labelled OEMDRV without any boot argument, so the
vendor's medium is used as it is, with its own signed boot loader.
"""

from __future__ import annotations

import pathlib
import shutil
import sys
from typing import Mapping, Sequence

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    compile_profile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.render import render

from .medium import Repository

ROOT = pathlib.Path(__file__).parents[2]
LABEL = "OEMDRV"
COLLECTION = "collection.tar.gz"
INSTALLED_COLLECTION = f"/var/lib/rocks/{COLLECTION}"
SECONDS = 120.0
FRONTEND = {
    "hostname": "frontend-0",
    "appliance": "frontend",
    "membership": "Frontend",
    "rack": "0",
    "rank": "0",
    "arch": "x86_64",
    "ip": "10.1.1.1",
    "frontend_address": "10.1.1.1",
    "frontend_name": "frontend-0",
    "frontend_private_interface": "enp0s3",
    "frontend_collection": INSTALLED_COLLECTION,
    "install_source": "medium",
    "installer_console": "ttyS0,115200",
    "ntp_server": "",
}
# The installer's progress goes to the serial port, and the collection to the new system.
EXTENSION = f"""\
<kickstart>
  <description>What only the frontend of make try has.</description>
{{repositories}}
  <pre>
(tail -F /tmp/anaconda.log /tmp/packaging.log &gt;/dev/ttyS0 2&gt;/dev/null &amp;)
  </pre>
  <post arg="--nochroot --erroronfail">
mkdir -p /run/rocks/answers /mnt/sysimage/var/lib/rocks
mount -o ro LABEL={LABEL} /run/rocks/answers
cp /run/rocks/answers/{COLLECTION} /mnt/sysimage{INSTALLED_COLLECTION}
umount /run/rocks/answers
  </post>
</kickstart>
"""


def frontend_kickstart(
    folder: pathlib.Path,
    release: str,
    repositories: Sequence[Repository],
    attributes: Mapping[str, str],
) -> str:
    """Return the kickstart of the frontend, from our profile and an extension of it.

    folder        where the extension is written
    repositories  those that the medium lacks
    attributes    of this machine: its MAC, the public key of root, and others
    """
    nodes = folder / "xml" / "nodes"
    nodes.mkdir(parents=True)
    commands = "".join(
        f"  <main><repo>--name={repository.name} --baseurl={repository.url}</repo></main>\n"
        for repository in repositories
    )
    (nodes / "extend-frontend.xml").write_text(EXTENSION.format(repositories=commands))
    values = {**FRONTEND, **attributes}
    paths = [str(ROOT / "xml"), str(folder / "xml")]
    return render(compile_profile(paths, "frontend", values, release), values)


def build_collection(folder: pathlib.Path) -> pathlib.Path:
    """Build the collection from this clone, and return its file."""
    galaxy = pathlib.Path(sys.executable).with_name("ansible-galaxy")
    argv = [str(galaxy), "collection", "build", "--force", "--output-path", str(folder)]
    process.run(argv, timeout=SECONDS, cwd=str(ROOT))
    return next(folder.glob("npaci-rocks-*.tar.gz"))


def make_image(folder: pathlib.Path, kickstart: str, collection: pathlib.Path) -> pathlib.Path:
    """Return the image with the kickstart and the collection."""
    content = folder / "answers"
    content.mkdir()
    (content / "ks.cfg").write_text(kickstart)
    shutil.copy(collection, content / COLLECTION)
    image = folder / "answers.iso"
    argv = ["xorriso", "-as", "mkisofs", "-quiet", "-R", "-V", LABEL, "-o", str(image)]
    process.run([*argv, str(content)], timeout=SECONDS)
    return image
