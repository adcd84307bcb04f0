# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Boot methods: how a node is sent into the installer (ssh, IPMI, Redfish, outlets)."""
