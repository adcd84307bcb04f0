# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options that select a distribution."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  name:
    description: Name of the distribution, which is also the name of a folder.
    type: str
    required: true
  arch:
    description: Architecture of its nodes.
    type: str
    default: x86_64
  path:
    description:
      - The folder of all distributions.
      - The default is C(distributions) in C(/etc/rocks/rocks.yml).
    type: path
"""
