# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Find the misspelled variables of a command line."""

from __future__ import annotations

DOCUMENTATION = r"""
name: unknown_variables
short_description: List the extra variables that a playbook does not read
version_added: 0.2.0
author: the npaci.rocks contributors (@npaci)
description:
  - Compares the variables that C(ansible-playbook -e) sets with those that a playbook reads.
    Ansible itself ignores a misspelled variable, and the playbook then runs with the default.
  - Variables of inventories, and those that Ansible or AWX set (C(ansible_*), C(awx_*),
    C(tower_*)), are not compared.
options:
  _terms:
    description: The names of the variables that the playbook reads; V(frontend_*) is a pattern.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Reject unknown variables
  ansible.builtin.assert:
    that: unknown | length == 0
    fail_msg: "{{ unknown | join('; ') }}; nothing was done"
  vars:
    unknown: "{{ query('npaci.rocks.unknown_variables', 'nodes', 'scheduler') }}"
"""

RETURN = r"""
_raw:
  description: A text for each unknown variable, with the name that may have been meant.
  type: list
  elements: str
"""

import fnmatch
from typing import Any, Optional

from ansible.plugins.lookup import LookupBase
from ansible.utils.vars import load_extra_vars

from ansible_collections.npaci.rocks.plugins.module_utils.suggestions import suggest

ALWAYS_KNOWN = ("ansible_*", "awx_*", "tower_*")


class LookupModule(LookupBase):
    """Read the extra variables of the command that runs."""

    def run(
        self, terms: list[str], variables: Optional[dict[str, Any]] = None, **kwargs: Any
    ) -> list[str]:
        """Return a text for each variable that does not match ``terms``; see RETURN."""
        self.set_options(var_options=variables, direct=kwargs)
        patterns = (*terms, *ALWAYS_KNOWN)
        return [
            f"unknown variable {name!r}; {suggest(name, terms)}"
            for name in sorted(map(str, load_extra_vars(self._loader)))
            if not any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
        ]
