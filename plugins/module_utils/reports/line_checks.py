# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A check of files that no program checks: every line has the form that its readers expect."""

from __future__ import annotations

import re
from typing import Callable

from ..errors import DescriptionError, combine
from ..files import read_text
from .model import Site, StagedFiles

TOLD = 10  # of the faults


def line_check(pattern: str, example: str) -> Callable[[StagedFiles, Site], None]:
    """A report's check: each line but comments and empty ones is what the regular expression says."""
    form = re.compile(pattern)

    def check(staged: StagedFiles, _site: Site) -> None:
        faults = []
        for path, aside in sorted(staged.files.items()):
            for number, line in enumerate(read_text(aside).split("\n"), 1):
                words = line.partition("#")[0].strip()
                if words and not form.fullmatch(words):
                    faults.append(
                        DescriptionError(
                            f"{line[:80]!r} is not understood", f"{path}:{number}", example
                        )
                    )
        if faults:
            raise combine(faults[:TOLD])

    return check
