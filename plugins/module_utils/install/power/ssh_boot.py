# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Start the installer on a running node over ssh: with a reboot, UEFI's BootNext, kexec, or GRUB.

The node requests the boot answer from the frontend, which is the only place that defines the
installer's arguments.  Every script returns before the machine goes down, and changes nothing if
one of its steps fails.
"""

from __future__ import annotations

from typing import Mapping

from ...process import Run
from .boot_target import BootTarget

CONNECT_SECONDS = 5
SCRIPT_SECONDS = 120.0

# accept-new: the first installation creates the host key, later ones keep it (node file ssh.xml).
SSH = (
    *("ssh", "-l", "root"),
    *("-o", "BatchMode=yes"),
    *("-o", f"ConnectTimeout={CONNECT_SECONDS}"),
    *("-o", "StrictHostKeyChecking=accept-new"),
    *("-o", "ServerAliveInterval=10"),
    *("-o", "ServerAliveCountMax=3"),
    # OpenSSH prefers sntrup761, which takes six times the CPU time.  It protects recorded traffic
    # from future quantum computers, and this traffic does not stay secret for that long.
    *("-o", "KexAlgorithms=^curve25519-sha256"),
)

# Detached from the connection and delayed, so that ssh ends without an error.
DETACHED = "setsid sh -c 'sleep 1; {command}' </dev/null >/dev/null 2>&1 &\n"

# Download the kernel and the initial RAM disk that the boot answer for iPXE contains.  Only root
# can use the source port, so the frontend knows that no user of the node requests the answer.
FETCH_INSTALLER = """
url=$(cat /etc/rocks/frontend)
answer=$(curl --silent --show-error --fail --max-time 30 --local-port 600-1023 \
    "$url/rocks/boot?form=ipxe") || exit 1
kernel=$(printf '%s\\n' "$answer" | awk '$1 == "kernel" { print $2 }')
initrd=$(printf '%s\\n' "$answer" | awk '$1 == "initrd" { print $NF }')
arguments=$(printf '%s\\n' "$answer" | sed -n 's/^kernel [^ ]* initrd=[^ ]* //p')
[ -n "$kernel" ] && [ -n "$initrd" ] && [ -n "$arguments" ] ||
    { echo "the boot answer contains no installer" >&2; exit 1; }
mkdir -p /boot/rocks
curl --silent --show-error --fail --output /boot/rocks/vmlinuz "$kernel" || exit 1
curl --silent --show-error --fail --output /boot/rocks/initrd.img "$initrd" || exit 1
"""

REBOOT = DETACHED.format(command="systemctl reboot")

# BootNext applies to one boot (UEFI 2.10, 3.1.2), so a machine that boots from its disk first does
# so again afterwards.  Among the network entries, the card that reaches the frontend is preferred,
# and IPv6 comes last.
BOOTNEXT = """
[ -d /sys/firmware/efi ] || { echo "the machine was not booted by UEFI" >&2; exit 1; }
host=$(sed -E 's,^[a-z]+://([^/:]+).*,\\1,' /etc/rocks/frontend)
address=$(getent ahostsv4 "$host" | awk 'NR == 1 { print $1 }')
card=$(ip -o route get "$address" | sed -nE 's/.* dev ([^ ]+).*/\\1/p')
mac=$(tr -d : <"/sys/class/net/${card:-none}/address")
entries=$(efibootmgr -v | grep -E '^Boot[0-9A-F]{4}.*(PXE|HTTP|IPv4|IPv6|Network)')
pick() { printf '%s\\n' "$entries" | grep -v v6 | grep -i -- "$1"; }
entry=$({ pick "${mac:-none}"; pick Boot; printf '%s\\n' "$entries"; } |
    sed -nE 's/^Boot([0-9A-F]{4}).*/\\1/p' | head -n 1)
[ -n "$entry" ] || { echo "the firmware has no boot entry for the network" >&2; exit 1; }
efibootmgr --quiet --bootnext "$entry" || exit 1
""" + DETACHED.format(command="systemctl reboot")

# kexec_file_load where the kernel has it: Secure Boot disables the older system call.
KEXEC = (
    FETCH_INSTALLER
    + """
kexec --kexec-syscall-auto --load /boot/rocks/vmlinuz \\
    --initrd=/boot/rocks/initrd.img --append="$arguments" || exit 1
"""
    + DETACHED.format(command="systemctl kexec")
)

# GRUB reads custom.cfg, next to its environment, at the end of its configuration
# (/etc/grub.d/41_custom); so the entry is the last one of the menu and never the default.  GRUB
# cannot reset its next entry if the environment is on LVM or an array (grub-reboot(8)).  Such a
# node starts the installer again at every boot, but gets no kickstart after its order has ended.
# Up to EL 8 another command starts a kernel under UEFI's Secure Boot.
GRUB = (
    FETCH_INSTALLER
    + """
environment=$(readlink -e /boot/grub2/grubenv) || { echo "no GRUB environment" >&2; exit 1; }
top=$(findmnt --noheadings --output TARGET --target /boot/rocks) || exit 1
path=/boot/rocks; [ "$top" = / ] || path=${path#"$top"}
volume=$(findmnt --noheadings --output UUID --target /boot/rocks) || exit 1
efi=; [ -d /sys/firmware/efi ] && grep -q '^VERSION_ID="[78]' /etc/os-release && efi=efi
cat >"${environment%/*}/custom.cfg" <<CONFIGURATION || exit 1
menuentry "Install by rocks" --id rocks-install --unrestricted {
    search --no-floppy --fs-uuid --set=root $volume
    linux$efi $path/vmlinuz $arguments
    initrd$efi $path/initrd.img
}
CONFIGURATION
grub2-reboot rocks-install || exit 1
"""
    + DETACHED.format(command="systemctl reboot")
)

SCRIPTS: Mapping[str, str] = {"reboot": REBOOT, "bootnext": BOOTNEXT, "kexec": KEXEC, "grub": GRUB}


def boot_installer(target: BootTarget, method: str, run: Run) -> None:
    """Run the script of ``method`` on the node.  Raises CommandError with its output."""
    run([*SSH, target.address, "sh", "-s"], stdin=SCRIPTS[method], timeout=SCRIPT_SECONDS)
