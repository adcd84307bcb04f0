# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Connect to a container of systemd-nspawn by the namespaces of its first process. For tests."""

from __future__ import annotations

import pathlib
import shlex
import shutil

from ansible.plugins.connection.local import Connection as Local

DOCUMENTATION = """
name: nspawn
short_description: Connect to a container of systemd-nspawn on this machine
description: Enters the namespaces of the container's first process.
author: the npaci.rocks contributors (@npaci)
options:
  leader:
    description: File with the process number of the container's first process.
    type: path
    vars:
      - name: nspawn_leader_file
"""


class Connection(Local):
    """Runs commands in the container, and copies files through its root."""

    transport = "nspawn"

    @property
    def leader(self):
        return pathlib.Path(self.get_option("leader")).read_text(encoding="ascii").strip()

    def exec_command(self, cmd, in_data=None, sudoable=True):
        clean = "env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8"
        wrapped = f"nsenter -t {self.leader} -a -- {clean} /bin/sh -c {shlex.quote(cmd)}"
        return super().exec_command(wrapped, in_data=in_data, sudoable=sudoable)

    def put_file(self, in_path, out_path):
        shutil.copyfile(in_path, f"/proc/{self.leader}/root{out_path}")

    def fetch_file(self, in_path, out_path):
        shutil.copyfile(f"/proc/{self.leader}/root{in_path}", out_path)
