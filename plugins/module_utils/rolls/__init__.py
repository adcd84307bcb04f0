# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rolls: folders that each add one capability to a distribution (paper, 6.2.1).

This package reads them and decides which are on.  It imports no other package.
"""
