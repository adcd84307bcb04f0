# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Packages of a small site, and the groups of its vendor."""

from __future__ import annotations

import dataclasses

from support.rpms import Change, Rpm

BASH = Rpm("bash", "5.1.8", "6.el9", "x86_64", provides=["/bin/sh"], files={"/usr/bin/bash": "#!"})
BASH_FIXED = dataclasses.replace(BASH, release="9.el9", changelog=[Change(1, "A <a@b>", "- fixed")])
GLIBC = Rpm("glibc", "2.34", "100.el9", "x86_64")
GLIBC_32 = Rpm("glibc", "2.34", "100.el9", "i686")
ZSH = Rpm("zsh", "5.8", "9.el9", "x86_64", requires=["glibc >= 2.34"])
ROCKS = Rpm("rocks-base", "1.0", "1", requires=["bash"], files={"/etc/rocks.conf": "x"})
MYRINET = Rpm("gm", "1.5", "1", "x86_64")

GROUPS = """<comps>
  <group>
    <id>core</id><name>Core</name>
    <packagelist><packagereq type="mandatory">bash</packagereq></packagelist>
  </group>
  <group>
    <id>shells</id><name>Shells</name>
    <packagelist><packagereq type="default">zsh</packagereq></packagelist>
  </group>
</comps>"""
