# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every test of the reports may have the described cluster."""

from support.reports import described, snapshot  # noqa: F401
