# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`make try`: a cluster of virtual machines from the installation medium of a vendor.

steps.py is the story; the other files are what its steps use.
"""
