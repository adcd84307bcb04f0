# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The programs of a profile: files of ``programs/`` that installations fetch from the tree.

The kickstart contains their names and hashes only, in the list of ``<sha256sums/>``: a script
checks what it has fetched against this list. Where there is no tree, ``<programs/>`` writes them
instead. A program is the same for all nodes, so no attribute is substituted in it.
"""

from __future__ import annotations

import hashlib
import re
from typing import Optional

from ...errors import DescriptionError
from ...files import read_bytes
from ..model import ERROR, Origin, Remark
from ..xml.layers import XmlLayers

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]*\Z")


class Programs:
    """The programs that the node files of a profile request, by name."""

    def __init__(self) -> None:
        self._hashes: dict[str, str] = {}
        self._first: Optional[Origin] = None
        self.paths: dict[str, str] = {}
        """Name -> path of the file."""
        self.are_used = False
        """Whether a script fetches or writes them."""

    def add(self, name: str, origin: Origin, layers: XmlLayers) -> None:
        """Add a program. Raises NotFound, or DescriptionError for a name that is not plain."""
        if not NAME.match(name):
            raise DescriptionError(
                f'"{name}" is not a valid name of a program',
                str(origin),
                "use letters, digits and . _ @ + -",
            )
        path = layers.find_program(name, str(origin))
        self.paths[name] = path
        self._hashes[name] = hashlib.sha256(read_bytes(path)).hexdigest()
        self._first = self._first or origin

    def listing(self) -> str:
        """Return the list as ``sha256sum --check`` reads it, sorted by name."""
        return "".join(f"{self._hashes[name]}  {name}\n" for name in sorted(self._hashes))

    def remarks(self) -> list[Remark]:
        """Return an error if the profile has programs, and no script that could fetch them."""
        if self._first is None or self.are_used:
            return []
        return [
            Remark(
                severity=ERROR,
                rule="programs-not-fetched",
                origin=self._first,
                text="no script of this profile fetches its programs",
                hint="add an edge to the node programs, or a script with <sha256sums/>",
            )
        ]
