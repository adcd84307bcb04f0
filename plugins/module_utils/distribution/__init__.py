# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Distributions: sources of RPMs give one installable tree, published as an immutable generation (paper, 6.2).

The face is ``build.build`` and ``publish``.  Stands alone: no database, no other room.
"""
