# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Build distributions: sources of RPMs become one installable tree (paper, 6.2).

``api`` changes a distribution, ``query`` reads it, and ``build.pipeline`` builds it.
This package imports no other package and uses no database.
"""
