# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the frontend's container starts from: an operating system with the roles' packages, and Ansible.

The container reaches no other machine, so that all it will install is there already.
"""

from __future__ import annotations

import pathlib
import sys

import yaml

from ansible_collections.npaci.rocks.plugins.module_utils import process

from .. import cache

SUITE, PYTHON = "bookworm", "3.11"
MAKER = cache.ROOT / "extensions/molecule/image"
FRONTEND = cache.ROOT / "roles/frontend/vars/debian.yml"
DISTRIBUTION = cache.ROOT / "roles/distribution/vars/main.yml"
# What the stories do on the frontend beyond the roles: to watch a console.
MORE = ("inetutils-telnet",)
COMMANDS = {"ansible": "adhoc", "ansible-playbook": "playbook", "ansible-inventory": "inventory"}
# Ansible's own libraries are for Ansible alone: modules find those of the operating system.
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
    """The folder that holds the root of the operating system."""
    packages = [
        *yaml.safe_load(DISTRIBUTION.read_text())["__distribution_libraries"]["Debian"],
        *MORE,
    ]
    role = yaml.safe_load(FRONTEND.read_text())["__frontend_packages"]
    key = cache.key_of(MAKER, more=[SUITE, str(role), *packages])
    return cache.part("frontend", key, lambda out: _make_image(out, packages))


def ansible() -> pathlib.Path:
    """The folder that is ``/opt/ansible`` in the container."""
    wanted = [
        line
        for line in (cache.ROOT / "requirements.txt").read_text().splitlines()
        if line.startswith("ansible")
    ]
    key = cache.key_of(pathlib.Path(__file__), more=wanted)
    return cache.part("ansible", key, lambda out: _make_ansible(out, wanted))


def _make_image(out: pathlib.Path, packages: list[str]) -> None:
    process.run([str(MAKER), SUITE, str(out), *packages], timeout=SECONDS)


def _make_ansible(out: pathlib.Path, wanted: list[str]) -> None:
    options = [
        "--quiet",
        "--disable-pip-version-check",
        "--python-version",
        PYTHON,
        "--only-binary=:all:",
    ]
    argv = [sys.executable, "-m", "pip", "install", *options, "--target", str(out / "lib"), *wanted]
    process.run(argv, timeout=SECONDS)
    (out / "bin").mkdir()
    for program, name in COMMANDS.items():
        path = out / "bin" / program
        path.write_text(COMMAND.format(place=PLACE, name=name))
        path.chmod(0o755)
