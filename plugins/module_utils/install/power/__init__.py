# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Boot methods: start the installer on a node over ssh, IPMI or Redfish, or with a power outlet."""
