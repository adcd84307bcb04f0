# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The option for the URL of the cluster database."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  database:
    description:
      - URL of the cluster database, V(sqlite:///PATH) or V(mysql://USER@HOST/NAME).
      - The default is E(ROCKS_DATABASE), or else C(database) in C(/etc/rocks/rocks.yml) (or in the
        file that E(ROCKS_CONFIG) names).
    type: str
"""
