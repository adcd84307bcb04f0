# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an order puts into a node, for later comparisons: install/recipes.py."""

from __future__ import annotations

from typing import Mapping, Optional

from ..install.model import Pin
from ..install.recipes import Recipe
from ..profile.output.fingerprint import fingerprint
from ..settings import Settings
from .node_values import comparable_values
from .profile_cache import ProfileCache


def make_recipe(
    settings: Settings,
    profiles: ProfileCache,
    pin: Pin,
    attributes: Mapping[str, str],
    secrets: Optional[Mapping[str, str]] = None,
) -> Recipe:
    """Return the recipe of a node with these attributes and hashes of secrets.

    Raises DescriptionError or Conflict when the values do not fit the profile.
    """
    values = {**attributes, **comparable_values(settings, pin)}
    return Recipe(
        **fingerprint(profiles.load(pin), values)._asdict(),
        packages=profiles.packages(pin),
        secrets=secrets,
    )
