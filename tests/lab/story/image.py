# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The image of the frontend's container: an operating system with the roles' packages, and Ansible.

The container has no access to other machines, so everything that it will install is in the image.
"""

from __future__ import annotations

import pathlib
import sys

import yaml

from ansible_collections.npaci.rocks.plugins.module_utils import process

from .. import cache

SUITE = "bookworm"
PYTHON = "3.11"
MAKER = cache.ROOT / "extensions/molecule/image"
FRONTEND = cache.ROOT / "roles/frontend/vars/debian.yml"
DISTRIBUTION = cache.ROOT / "roles/distribution/vars/main.yml"
# Packages that only the stories need: to watch a console.
MORE = ("inetutils-telnet",)
COMMANDS = {"ansible": "adhoc", "ansible-playbook": "playbook", "ansible-inventory": "inventory"}
# Only Ansible uses these libraries; modules import those of the operating system.
COMMAND = """\
#!/usr/bin/python3
import sys

sys.path.insert(0, "{place}/lib")
from ansible.cli.{name} import main

main()
"""
PLACE = "/opt/ansible"
SECONDS = 900.0


def image() -> pathlib.Path:
    """Return the folder with the root of the operating system."""
    packages = [
        *yaml.safe_load(DISTRIBUTION.read_text())["__distribution_libraries"]["Debian"],
        *MORE,
    ]
    role = yaml.safe_load(FRONTEND.read_text())["__frontend_packages"]
    key = cache.key_of(MAKER, more=[SUITE, str(role), *packages])
    return cache.part("frontend", key, lambda out: _make_image(out, packages))


def ansible() -> pathlib.Path:
    """Return the folder that is ``/opt/ansible`` in the container."""
    requirements = [
        line
        for line in (cache.ROOT / "requirements.txt").read_text().splitlines()
        if line.startswith("ansible")
    ]
    key = cache.key_of(pathlib.Path(__file__), more=requirements)
    return cache.part("ansible", key, lambda out: _make_ansible(out, requirements))


def _make_image(out: pathlib.Path, packages: list[str]) -> None:
    process.run([str(MAKER), SUITE, str(out), *packages], timeout=SECONDS)


def _make_ansible(out: pathlib.Path, requirements: list[str]) -> None:
    options = [
        "--quiet",
        "--disable-pip-version-check",
        "--python-version",
        PYTHON,
        "--only-binary=:all:",
    ]
    argv = [
        sys.executable,
        "-m",
        "pip",
        "install",
        *options,
        "--target",
        str(out / "lib"),
        *requirements,
    ]
    process.run(argv, timeout=SECONDS)
    (out / "bin").mkdir()
    for program, name in COMMANDS.items():
        path = out / "bin" / program
        path.write_text(COMMAND.format(place=PLACE, name=name))
        path.chmod(0o755)
