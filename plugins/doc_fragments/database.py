# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The option that names the cluster database."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  database:
    description:
      - URL of the cluster database, V(sqlite:///PATH) or V(mysql://USER@HOST/NAME).
      - Without it, E(ROCKS_DATABASE) counts, then C(database) in C(/etc/rocks/rocks.yml) or in the file that
        E(ROCKS_CONFIG) names.
    type: str
"""
