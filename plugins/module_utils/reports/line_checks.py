# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check the lines of files for which no checker program exists."""

from __future__ import annotations

import re
from typing import Callable

from ..errors import DescriptionError, combine
from ..files import read_text
from .model import Site, StagedFiles

MAX_FAULTS = 10


def line_check(pattern: str, example: str) -> Callable[[StagedFiles, Site], None]:
    """Return a report's check: every line must match the pattern.

    Comments and empty lines are ignored; ``example`` is the hint of the error.
    """
    expression = re.compile(pattern)

    def check(staged: StagedFiles, _site: Site) -> None:
        faults = []
        for path, temporary_path in sorted(staged.files.items()):
            for number, line in enumerate(read_text(temporary_path).split("\n"), 1):
                content = line.partition("#")[0].strip()
                if content and not expression.fullmatch(content):
                    what = f"{line[:80]!r} does not have the expected form"
                    faults.append(DescriptionError(what, f"{path}:{number}", example))
        if faults:
            raise combine(faults[:MAX_FAULTS])

    return check
