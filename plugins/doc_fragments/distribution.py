# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options that say which distribution is meant, and where distributions lie."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  name:
    description: Name of the distribution; it becomes the name of a folder.
    type: str
    required: true
  arch:
    description: Architecture of the nodes that it is for.
    type: str
    default: x86_64
  path:
    description:
      - The folder that holds the distributions.
      - Without it, C(distributions) in C(/etc/rocks/rocks.yml) counts.
    type: path
"""
