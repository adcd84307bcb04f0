# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Replace the variables of dnf in the places of sources, as in ``.repo`` files."""

from __future__ import annotations

import dataclasses
import re

from ...errors import DescriptionError
from ..model import Distribution

_VARIABLE = re.compile(r"\$(?:\{([A-Za-z0-9_]+)\}|([A-Za-z0-9_]+))")


def replace_variables(distribution: Distribution) -> Distribution:
    """Return the distribution without ``$basearch``, ``$arch`` and ``$releasever`` in its sources.

    Raises DescriptionError for other variables, whose values only a running system knows.
    """
    values = {"arch": distribution.policy.arch, "basearch": distribution.policy.arch}
    major = re.sub(r"\D", "", distribution.release)
    if major:
        values.update(releasever=major, releasever_major=major)
    sources = []
    for source in distribution.sources:

        def value(match: re.Match[str], where: str = source.where) -> str:
            name = match.group(1) or match.group(2)
            if name not in values:
                is_release = name.startswith("releasever")
                raise DescriptionError(
                    f"{match.group()} is a variable of dnf whose value is not known",
                    where,
                    "set release, or write the number" if is_release else "write its value",
                )
            return values[name]

        sources.append(
            dataclasses.replace(
                source, url=_VARIABLE.sub(value, source.url), path=_VARIABLE.sub(value, source.path)
            )
        )
    return dataclasses.replace(distribution, sources=tuple(sources))
