# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The compiled profiles of published generations (contract C4): read once, kept, since they never change."""

from __future__ import annotations

import functools
import json
import os
from typing import Any, Mapping

from ..errors import DescriptionError, NotFound
from ..files import read_bytes
from ..install.model import Pin
from ..profile import render
from ..profile.model import Line, Origin, Profile, Reference

KEPT = 64


class Profiles:
    """Profiles by the pin of an order.

    distributions  the folder of the distributions' trees
    """

    def __init__(self, distributions: str) -> None:
        self._distributions = distributions
        self.load = functools.lru_cache(maxsize=KEPT)(self._load)

    def _load(self, pin: Pin) -> Profile:
        """The profile of an order.  Raises DescriptionError when its generation was removed, or is no whole one."""
        path = profile_path(self._distributions, pin)
        try:
            return _parse(read_bytes(path))
        except NotFound as error:
            raise DescriptionError(error.what, path, "the generation was removed: order the node again") from None

    def kickstart(self, pin: Pin, values: Mapping[str, str]) -> str:
        """The kickstart of a node.  Raises DescriptionError or Conflict when the values do not fit."""
        return render.render(self.load(pin), values)

    def provenance(self, pin: Pin, values: Mapping[str, str]) -> list[render.Sourced]:
        """The same kickstart, line by line, with the file and line behind each."""
        return render.provenance(self.load(pin), values)


def generation_path(distributions: str, pin: Pin) -> str:
    """The folder of the pinned generation."""
    return os.path.join(distributions, ".generations", pin.distribution, pin.arch, pin.generation)


def profile_path(distributions: str, pin: Pin) -> str:
    """The file of the pinned profile."""
    return os.path.join(generation_path(distributions, pin), "build", "profiles", f"{pin.profile}.json")


def _parse(data: bytes) -> Profile:
    found: dict[str, Any] = json.loads(data)
    lines = tuple(
        Line(tuple(p if isinstance(p, str) else Reference(*p) for p in pieces), Origin(*origin) if origin else None)
        for pieces, origin in found["lines"]
    )
    return Profile(
        root=found["root"],
        graph=found["graph"],
        release=found["release"],
        nodes=(),
        shape=found["shape"],
        defaults={},
        packages=(),
        lines=lines,
        remarks=(),
    )
