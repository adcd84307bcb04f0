# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The tests of a frontend's start run in a minimal system."""

from support.minimal_root import minimal_root  # noqa: F401
