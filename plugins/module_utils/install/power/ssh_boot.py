# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sending a live node into the installer over ssh: a reboot, UEFI's BootNext, kexec, or GRUB's next entry.

The node asks the frontend itself what to boot, so that the installer's arguments stand in one place: the boot answer.
Every script returns before the machine goes down, and does nothing when one of its steps fails.
"""

from __future__ import annotations

from typing import Mapping

from ...process import Run
from .boot_target import BootTarget

CONNECT_SECONDS = 5
SCRIPT_SECONDS = 120.0

# accept-new: a first installation makes the host key, every later one keeps it (node file ssh.xml).
SSH = (
    *(
        "ssh",
        "-o",
        "BatchMode=yes",
        "-o",
        f"ConnectTimeout={CONNECT_SECONDS}",
        "-o",
        "StrictHostKeyChecking=accept-new",
    ),
    *("-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=3", "-l", "root"),
    # What is said here is no secret for decades: sntrup761, OpenSSH's first choice, costs six times the CPU.
    *("-o", "KexAlgorithms=^curve25519-sha256"),
)

# Detached from the connection, and a moment later, so that ssh ends well.
DETACHED = "setsid sh -c 'sleep 1; {command}' </dev/null >/dev/null 2>&1 &\n"

# kernel, its arguments, and the initial RAM disk, as the boot answer for iPXE names them.
FETCH_INSTALLER = """
url=$(cat /etc/rocks/frontend)
answer=$(curl --silent --show-error --fail --max-time 30 "$url/rocks/boot?form=ipxe") || exit 1
kernel=$(printf '%s\\n' "$answer" | awk '$1 == "kernel" { print $2 }')
initrd=$(printf '%s\\n' "$answer" | awk '$1 == "initrd" { print $NF }')
arguments=$(printf '%s\\n' "$answer" | sed -n 's/^kernel [^ ]* initrd=[^ ]* //p')
[ -n "$kernel" ] && [ -n "$initrd" ] && [ -n "$arguments" ] || { echo "the boot answer is not to install" >&2; exit 1; }
mkdir -p /boot/rocks
curl --silent --show-error --fail --output /boot/rocks/vmlinuz "$kernel" || exit 1
curl --silent --show-error --fail --output /boot/rocks/initrd.img "$initrd" || exit 1
"""

REBOOT = DETACHED.format(command="systemctl reboot")

# BootNext counts once (UEFI 2.10, 3.1.2), so a machine that boots its disk first does so again afterwards.  Of its entries
# for the network the card that reaches the frontend is taken first, and IPv6 last.
BOOTNEXT = """
[ -d /sys/firmware/efi ] || { echo "it was not booted by UEFI" >&2; exit 1; }
host=$(sed -E 's,^[a-z]+://([^/:]+).*,\\1,' /etc/rocks/frontend)
address=$(getent ahostsv4 "$host" | awk 'NR == 1 { print $1 }')
card=$(ip -o route get "$address" | sed -nE 's/.* dev ([^ ]+).*/\\1/p')
mac=$(tr -d : <"/sys/class/net/${card:-none}/address")
entries=$(efibootmgr -v | grep -E '^Boot[0-9A-F]{4}.*(PXE|HTTP|IPv4|IPv6|Network)')
pick() { printf '%s\\n' "$entries" | grep -v v6 | grep -i -- "$1"; }
entry=$({ pick "${mac:-none}"; pick Boot; printf '%s\\n' "$entries"; } | sed -nE 's/^Boot([0-9A-F]{4}).*/\\1/p' | head -n 1)
[ -n "$entry" ] || { echo "its firmware has no entry for the network" >&2; exit 1; }
efibootmgr --quiet --bootnext "$entry" || exit 1
""" + DETACHED.format(command="systemctl reboot")

# By the system call for files where the kernel has it: the other one is locked under Secure Boot.
KEXEC = (
    FETCH_INSTALLER
    + """
kexec --kexec-syscall-auto --load /boot/rocks/vmlinuz --initrd=/boot/rocks/initrd.img --append="$arguments" || exit 1
"""
    + DETACHED.format(command="systemctl kexec")
)

# custom.cfg is read at the end of GRUB's own configuration (/etc/grub.d/41_custom), beside its environment; so the entry
# is the last one of the menu, and never what is booted without a word.  GRUB cannot take its next entry back where its
# environment is on LVM or an array (grub-reboot(8)); a node that comes again and again is then refused its kickstart,
# since its order has ended.  Until EL 8 another command starts a kernel under UEFI's Secure Boot.
GRUB = (
    FETCH_INSTALLER
    + """
environment=$(readlink -e /boot/grub2/grubenv) || { echo "GRUB has no environment" >&2; exit 1; }
top=$(findmnt --noheadings --output TARGET --target /boot/rocks) || exit 1
place=/boot/rocks; [ "$top" = / ] || place=${place#"$top"}
volume=$(findmnt --noheadings --output UUID --target /boot/rocks) || exit 1
efi=; [ -d /sys/firmware/efi ] && grep -q '^VERSION_ID="[78]' /etc/os-release && efi=efi
cat >"${environment%/*}/custom.cfg" <<CONFIGURATION || exit 1
menuentry "Install by rocks" --id rocks-install --unrestricted {
    search --no-floppy --fs-uuid --set=root $volume
    linux$efi $place/vmlinuz $arguments
    initrd$efi $place/initrd.img
}
CONFIGURATION
grub2-reboot rocks-install || exit 1
"""
    + DETACHED.format(command="systemctl reboot")
)

SCRIPTS: Mapping[str, str] = {"reboot": REBOOT, "bootnext": BOOTNEXT, "kexec": KEXEC, "grub": GRUB}


def boot_installer(target: BootTarget, way: str, run: Run) -> None:
    """Run the script of ``way`` on the node.  Raises CommandError with what it said."""
    run([*SSH, target.address, "sh", "-s"], stdin=SCRIPTS[way], timeout=SCRIPT_SECONDS)
