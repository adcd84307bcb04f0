# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is in the stand-in distribution.  A change here makes a new one at the next run."""

from __future__ import annotations


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# The packages of the smallest profile; group "core".
CORE = _names(
    "bash busybox-static coreutils curl dbus diffutils e2fsprogs efibootmgr findutils grep gzip"
    " hostname iproute2 kmod libc-bin libpam-modules linux-image-cloud-amd64 login mawk mount"
    " ncurses-base netbase openssh-client openssh-server passwd procps python3 rpm sed systemd"
    " systemd-sysv tar tzdata udev util-linux"
)

# Further packages of the stock distribution.
MORE = _names(
    "autofs ca-certificates chrony cron dnf dosfstools gnupg keyutils less logrotate nfs-common"
    " nfs-kernel-server ncurses-bin openssl rsync rsyslog tmux wget xfsprogs"
)

# Packages of the installer's environment: like Red Hat's, as far as profiles rely on it.
INSTALLER = _names(
    "bind9-dnsutils bind9-host curl dnf dosfstools efibootmgr fdisk gdisk gnupg grub-common"
    " grub-efi-amd64-bin grub-pc-bin grub2-common ipmitool kexec-tools ncat openssh-server"
    " python3-requests rsync rsyslog tmux wget xfsprogs"
)

# Files for network boot with Secure Boot; in the tree, not in packages.
SIGNED_BOOT = _names("grub-efi-amd64-signed shim-signed")

# Packages of a third party.
THIRD_PARTY = _names("munge slurm-client slurmctld slurmd")

# Packages that profiles list and the lab does not use: they have no content.
NAMES_ONLY = _names(
    "ansible-core bind binutils createrepo_c dhcp-server environment-modules gcc gcc-c++ gdb"
    " glibc-devel grub2-tools grub2-tools-extra grubby kea kea-hooks make mariadb-server mpich mpich-devel"
    " nginx openmpi openmpi-devel"
    " python3-PyMySQL python3-flask python3-gunicorn python3-lxml python3-prometheus_client"
    " python3.12 python3.12-pip"
    " shim-x64 tftp-server vim-minimal"
)
# Programs that profiles call and that do nothing in the lab, which has no firewall.
PRETENDED = {"firewalld": "/usr/bin/firewall-offline-cmd"}

# Red Hat's name -> the Debian packages that make it up; the version is the first one's. A pattern
# stands for the kernel, whose name changes with each of its versions. Packages that are not named
# here keep their name.
MERGED = {
    "audit-libs": ("libaudit1", "libaudit-common"),
    "busybox": ("busybox-static",),
    "cronie": ("cron", "cron-daemon-common"),
    "curl": ("curl",),
    "cyrus-sasl-lib": ("libsasl2-2", "libsasl2-modules-db"),
    "dbus": ("dbus", "dbus-bin", "dbus-daemon", "dbus-session-bus-common", "dbus-system-bus-common"),
    "device-mapper": ("dmsetup", "libdevmapper1.02.1"),
    "dnf": ("dnf", "dnf-data", "python3-dnf"),
    "e2fsprogs-libs": ("libext2fs2", "libss2", "libcom-err2"),
    "efivar-libs": ("libefivar1", "libefiboot1"),
    "glibc": ("libc6", "libc-bin"),
    "bind-utils": ("bind9-dnsutils", "bind9-host"),
    "gnupg2": ("gnupg", "gnupg-l10n", "gnupg-utils", "gpg", "gpg-agent", "gpgconf", "gpgsm", "gpgv", "gpg-wks-client",
               "gpg-wks-server", "dirmngr", "pinentry-curses"),
    "grub2": ("grub-common", "grub2-common"),
    "grub2-efi-x64": ("grub-efi-amd64-bin",),
    "grub2-pc": ("grub-pc-bin",),
    "iproute": ("iproute2",),
    "kernel": ("linux-image-[0-9]*-cloud-amd64", "linux-image-cloud-amd64"),
    "krb5-libs": ("libkrb5-3", "libgssapi-krb5-2", "libk5crypto3", "libkrb5support0"),
    "libdnf": ("libdnf2", "libdnf2-common", "python3-libdnf", "python3-hawkey"),
    "libgcc": ("libgcc-s1", "gcc-12-base"),
    "libsemanage": ("libsemanage2", "libsemanage-common"),
    "libsolv": ("libsolv1", "libsolvext1"),
    "libtirpc": ("libtirpc3", "libtirpc-common"),
    "ncurses": ("ncurses-bin", "ncurses-base"),
    "nettle": ("libnettle8", "libhogweed6"),
    "nfs-utils": ("nfs-common", "nfs-kernel-server"),
    "nmap-ncat": ("ncat",),
    "openssh-clients": ("openssh-client",),
    "openssh-server": ("openssh-server", "openssh-sftp-server"),
    "openssl-libs": ("libssl3",),
    "pam": ("libpam-modules", "libpam-modules-bin", "libpam0g"),
    "procps-ng": ("procps", "libproc2-0"),
    "python3": ("python3", "python3-minimal", "python3.11", "python3.11-minimal"),
    "python3-libs": ("libpython3-stdlib", "libpython3.11-stdlib", "libpython3.11-minimal", "media-types"),
    "readline": ("libreadline8", "readline-common"),
    "rpm": ("rpm", "rpm-common"),
    "rpm-libs": ("librpm9", "librpmio9"),
    "shadow-utils": ("passwd", "login"),
    "slurm-slurmctld": ("slurmctld",),
    "slurm-slurmd": ("slurmd",),
    "slurm": ("slurm-client", "slurm-wlm-basic-plugins"),
    "systemd": ("systemd", "systemd-sysv"),
    "systemd-libs": ("libsystemd0", "libsystemd-shared", "libudev1"),
    "systemd-udev": ("udev",),
    "util-linux": ("util-linux", "util-linux-extra", "mount"),
}  # fmt: skip

# Debian's own administration, which is left out. So are the packages' maintainer scripts; their
# necessary effects are in `scriptlets` and in the additions.
DROPPED = frozenset(
    _names(
        "adduser base-files base-passwd cdebconf dash debconf debconf-2.0 debianutils debugedit"
        " dpkg dracut init-system-helpers initramfs-tools install-info libpam-runtime linux-base"
        " linux-initramfs-tool logsave lsb-base perl perl-base rpm2cpio runit-helper sensible-utils"
        " sysvinit-utils ucf usr-is-merged usrmerge"
    )
)

# Dependencies of one package that only an unused part of it needs.
CUT = {
    "dnf": ("libpython3-stdlib", "python3-distutils"),
    "rpm": ("librpmbuild9", "librpmsign9"),
    "xfsprogs": ("libicu72",),
}

# Units that have another name in Red Hat's distributions.
UNITS = {
    "chrony.service": "chronyd.service",
    "cron.service": "crond.service",
    "ssh.service": "sshd.service",
}

# Links that Debian's scripts would make or replace by copies.
LINKS = {
    "autofs": {
        f"/etc/{name}": f"../usr/share/autofs/conffiles/{name}"
        for name in ("autofs.conf", "auto.master", "auto.misc", "auto.net")
    },
    "bash": {"/usr/bin/sh": "bash"},
    "chrony": {"/etc/chrony/chrony.conf": "../chrony.conf"},
    "grub2": {
        f"/usr/sbin/grub2-{tool}": f"grub-{tool}"
        for tool in ("install", "mkconfig", "reboot", "set-default")
    },
    "mawk": {"/usr/bin/awk": "mawk"},
    "slurm-slurmctld": {"/usr/sbin/slurmctld": "slurmctld-wlm"},
    "slurm-slurmd": {"/usr/sbin/slurmd": "slurmd-wlm", "/usr/sbin/slurmstepd": "slurmstepd-wlm"},
    "python3": {"/usr/libexec/platform-python": "../bin/python3"},
}

# Owners of files at run time, which Debian's scripts would set.
OWNERS = {
    "/etc/munge": "munge",
    "/var/lib/munge": "munge",
    "/var/log/munge": "munge",
    "/var/lib/chrony": "_chrony",
    "/var/log/chrony": "_chrony",
    "/var/lib/nfs": "statd",
    "/var/lib/nfs/sm": "statd",
    "/var/lib/nfs/sm.bak": "statd",
}

# Left out, as in an installation without documentation and languages.
EXCLUDED = (
    "/boot/System.map",
    "/etc/init.d",
    "/etc/runit",
    "/etc/sv",
    "/etc/ufw",
    "/usr/lib/systemd/system/rescue-ssh.target",
    "/usr/lib/systemd/system/ssh.socket",
    "/usr/lib/grub/x86_64-efi/monolithic",
    "/usr/lib/udev/hwdb.d",
    "/usr/lib/x86_64-linux-gnu/gconv",
    "/usr/share/apport",
    "/usr/share/bash-completion",
    "/usr/share/bug",
    "/usr/share/doc",
    "/usr/share/doc-base",
    "/usr/share/icons",
    "/usr/share/info",
    "/usr/share/lintian",
    "/usr/share/locale",
    "/usr/share/man",
    "/usr/share/perl5",
    "/usr/share/pixmaps",
    "/usr/share/runit",
    "/usr/share/zsh",
    "/var/log/runit",
)

# The modules that a machine of the lab can need; their dependencies are added.
KERNEL_MODULES = _names(
    "virtio_pci virtio_net virtio_blk virtio_scsi virtio_console virtio_balloon virtio-rng sd_mod sr_mod"
    " nvme ext4 xfs btrfs vfat nls_cp437 nls_iso8859-1 nls_utf8 nls_ascii isofs squashfs overlay"
    " loop fuse efivarfs autofs4 nfs nfsv4 nfsd raid0 raid1 dm-mod bonding 8021q dummy veth bridge"
    " tun binfmt_misc nf_tables nft_ct nft_reject_inet af_packet configfs button rtc-cmos"
)

# Directories that exist before any package, and their modes.
DIRECTORIES = {
    **dict.fromkeys(
        _names(
            "/boot /dev /etc /etc/pam.d /etc/profile.d /home /media /mnt /opt /run /srv /usr"
            " /usr/bin /usr/include /usr/lib /usr/lib64 /usr/libexec /usr/local /usr/local/bin"
            " /usr/local/sbin /usr/sbin /usr/share /usr/src /var /var/cache /var/lib /var/log"
            " /var/spool /var/spool/mail"
        ),
        0o755,
    ),
    "/proc": 0o555,
    "/root": 0o700,
    "/sys": 0o555,
    "/tmp": 0o1777,
    "/var/tmp": 0o1777,
}
ROOT_LINKS = {
    "/bin": "usr/bin",
    "/lib": "usr/lib",
    "/lib64": "usr/lib64",
    "/sbin": "usr/sbin",
    "/var/lock": "../run/lock",
    "/var/run": "../run",
}

# Modes that git does not keep.
MODES = {"/etc/shadow": 0o640, "/etc/gshadow": 0o640}

# Requirements and capabilities of packages that Debian does not declare.
REQUIRES = {
    "dracut": ("busybox", "kmod", "gzip", "mawk", "sed", "coreutils"),
    "filesystem": ("system-release",),
    "kernel": ("dracut",),
    "systemd": ("systemd-udev", "dbus", "pam"),
}
PROVIDES = {
    "bash": ("/bin/sh", "/bin/bash", "/usr/bin/sh"),
    "filesystem": ("setup = 1-1",),
    "kernel": ("kernel-core = 1-1", "kernel-modules = 1-1"),
    "mawk": ("gawk = 1-1", "/usr/bin/awk"),
}

# The releases that a tree can have.
RELEASES = ("8.10", "9.4", "10.0")

PAYLOAD = "w3.zstdio"
BUILD_TIME = "1700000000"

# Packages with newer versions in "updates".
UPDATED = ("curl", "openssh-server", "tzdata")
UPDATE_TAG = ".1"

# The groups of comps.xml: name, description, mandatory packages by their RPM names; None stands for
# all of CORE.
GROUPS = (
    ("core", "Smallest possible installation", None),
    ("standard", "Standard", ("chrony", "cronie", "less", "logrotate", "rsync", "rsyslog")),
    ("network-file-system-client", "Network File System Client", ("autofs", "nfs-utils")),
    ("anaconda-tools", "What an installer's environment needs", tuple(INSTALLER)),
)
ENVIRONMENTS = (("minimal-environment", "Minimal Install", ("core",), ("standard",)),)
