# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The story as a list of steps: from an installation medium to a cluster that is reinstalled.

FRONTEND installs the frontend from the medium; CLUSTER is what the frontend does with two machines.
"""

from __future__ import annotations

from dataclasses import replace

from lab.machine.hardware import UEFI_SECURE

from ansible_collections.npaci.rocks.plugins.module_utils.errors import CommandError
from support import rpms

from .site import NODES, SITE_NODES, Site, playbook
from .step import Step

MOUNT = "/srv/dvd"
CONFIGURED = "/var/lib/rocks/frontend-configured"
FIRST_BOOT = "rocks-frontend.service"
FIRST_BOOT_TASK = f"journalctl --no-pager -o cat -u {FIRST_BOOT} | grep '^TASK' | tail -n 1"
FIRST_BOOT_LOG = f"journalctl --no-pager -o cat -u {FIRST_BOOT} | tail -n 20"
BUILD_SECONDS = 1200.0
INSTALL_SECONDS = 1800.0
# Firmware, boot loader and installer of one machine start within this time.
DISCOVERY_SECONDS = 600.0
REPORT_SECONDS = 300.0
LONGEST_LINE = 100
# What anaconda, its log on the serial port, and the lab's installer print when they cannot go on.
STOPPED = (
    "The installer will now terminate",
    "The installation was stopped due to",
    "This is a fatal error and installation will be aborted",
    "THE INSTALLER HAS STOPPED",
    "STAGE 1 IS STUCK",
)
SECURE_BOOT = (
    "od -An -t u1 /sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
)
KEPT = "/state/partition1/try"
SOFT = "/root/try"
PACKAGE = rpms.Rpm(
    "rocks-try", "1.0", summary="A package of make try", files={"/usr/share/rocks-try": "1.0\n"}
)
NEWER = replace(PACKAGE, version="1.1", files={"/usr/share/rocks-try": "1.1\n"})
EXTENSION = b"<kickstart>\n  <package>rocks-try</package>\n</kickstart>\n"


def _power_on_frontend(site: Site) -> None:
    assert site.machine is not None
    site.machine.power_on()


def _answers(site: Site) -> bool:
    _check_installer(site)
    try:
        site.frontend.run("test", "-e", "/etc/rocks/frontend-vars.yml")
    except CommandError:
        return False
    return True


def _check_installer(site: Site) -> None:
    """Raise RuntimeError if the installer has stopped: it would wait, or begin again, for ever."""
    for line in _console_lines(site):
        if any(sentence in line for sentence in STOPPED):
            raise RuntimeError(
                "\n".join(["the installer has stopped:", *_console_lines(site)[-10:]])
            )


def _console(site: Site) -> str:
    """Return the last line of the installer's log on the frontend's serial port."""
    return next((line[:LONGEST_LINE] for line in reversed(_console_lines(site))), "")


def _console_lines(site: Site) -> list[str]:
    assert site.machine is not None
    if not site.machine.console.exists():
        return []
    text = site.machine.console.read_text(encoding="utf-8", errors="replace")
    return [
        line.strip() for line in text.splitlines() if line.strip() and line.strip().isprintable()
    ]


def _without_secure_boot(site: Site) -> str:
    return "" if site.settings.firmware == UEFI_SECURE else f"{site.settings.firmware} has none"


def _check_secure_boot(output: str, machine: str) -> None:
    if output.split()[-1:] != ["1"]:
        raise RuntimeError(f"{machine}: Secure Boot is off: SecureBoot is {output.strip()!r}")


def _frontend_secure_boot(site: Site) -> None:
    _check_secure_boot(site.sh(SECURE_BOOT), "frontend-0")


def _is_configured(site: Site) -> bool:
    state = site.sh(
        f"test ! -e {CONFIGURED} || echo yes; systemctl show -P ActiveState {FIRST_BOOT}"
    )
    if "failed" in state:
        raise RuntimeError(f"{FIRST_BOOT} has failed:\n{site.sh(FIRST_BOOT_LOG)}")
    return "yes" in state


def _first_boot_task(site: Site) -> str:
    return site.sh(f"{FIRST_BOOT_TASK} || true").strip()[:LONGEST_LINE]


def _describe(site: Site) -> None:
    for name, value in site.settings.attributes.items():
        site.frontend.run(
            "ansible", "localhost", "-m", "rocks_attribute", "-a", f"name={name} value={value}"
        )
    site.write(f"{SITE_NODES}/extend-compute.xml", EXTENSION)
    site.add_package(PACKAGE)


def _build(site: Site) -> None:
    if site.settings.drive:
        site.sh(
            'mkdir -p "$2"; mountpoint -q "$2" || mount -o ro "$1" "$2"', site.settings.drive, MOUNT
        )
    site.playbook("rebuild-dist", site.settings.distribution, BUILD_SECONDS)


def _discover(site: Site) -> None:
    site.start(
        "insert-ethers",
        *playbook("insert-ethers", {"count": len(NODES), "seconds": DISCOVERY_SECONDS}),
    )


def _is_discovered(site: Site) -> bool:
    """Switch on the next machine when the one before has its name, as an administrator does."""
    if "reading DHCP requests from" not in site.log("insert-ethers"):
        site.has_ended("insert-ethers")
        return False
    named = [name for name in NODES if name in site.states()]
    if len(named) < len(NODES):
        site.nodes[len(named)].power_on()
    return len(named) == len(NODES) and site.has_ended("insert-ethers")


def _are_up(site: Site) -> bool:
    states = site.states()
    bad = [f"{name} {states[name]}" for name in NODES if ": " in states[name]]
    if bad:
        raise RuntimeError("; ".join(bad))
    return all(states[name] == "up" for name in NODES)


def _show_states(site: Site) -> str:
    return ", ".join(f"{name} {state}" for name, state in sorted(site.states().items()))


def _nodes_secure_boot(site: Site) -> None:
    for name in NODES:
        _check_secure_boot(site.node(name, SECURE_BOOT), name)


def _has_version(site: Site, version: str) -> None:
    for name in NODES:
        output = site.node(name, "rpm -q --queryformat '%{VERSION}' rocks-try")
        if output != version:
            raise RuntimeError(f"{name}: rocks-try is {output!r}, expected {version!r}")


def _without_scheduler(site: Site) -> str:
    return "" if site.settings.scheduler != "none" else "EPEL has no Slurm for this release"


def _is_idle(site: Site) -> bool:
    output = site.frontend.run("sinfo", "--noheader", "--Node", "--format=%N %T")
    return set(output.splitlines()) == {f"{name} idle" for name in NODES}


def _run_job(site: Site) -> None:
    output = site.frontend.run("srun", f"--nodes={len(NODES)}", "--chdir=/tmp", "hostname")
    if sorted(output.split()) != sorted(NODES):
        raise RuntimeError(f"the job ran on {output.split()}")


def _mark(site: Site) -> None:
    for name in NODES:
        site.node(name, f"echo kept >{KEPT}; echo gone >{SOFT}; sync")


def _change_package(site: Site) -> None:
    site.add_package(NEWER)
    output = site.playbook("rebuild-dist", site.settings.distribution, BUILD_SECONDS)
    if "1 upgraded" not in output:
        raise RuntimeError("rocks-try was not upgraded in the new generation")


def _reinstall(site: Site) -> None:
    options = "scheduler=slurm" if site.settings.scheduler == "slurm" else "scheduler=none"
    site.start("reinstall", "ansible", "compute", "-m", "rocks_reinstall", "-a", options)


def _is_reinstalled(site: Site) -> bool:
    return site.has_ended("reinstall") and _are_up(site)


def _check_partitions(site: Site) -> None:
    for name in NODES:
        output = site.node(name, f"cat {KEPT}; test -e {SOFT} || echo clean")
        if output != "kept\nclean\n":
            raise RuntimeError(f"{name}: the kept file and the new root: {output!r}")


def _verify(site: Site) -> None:
    site.frontend.run("ansible", "compute", "-m", "rocks_verify", timeout=REPORT_SECONDS)


FRONTEND = (
    Step(
        "Install the frontend from the medium",
        _power_on_frontend,
        _answers,
        INSTALL_SECONDS,
        progress=_console,
    ),
    Step(
        "Check that the frontend has started with Secure Boot",
        _frontend_secure_boot,
        skip=_without_secure_boot,
    ),
    Step(
        "Configure the frontend at its first boot",
        condition=_is_configured,
        seconds=INSTALL_SECONDS,
        progress=_first_boot_task,
    ),
)
CLUSTER = (
    Step("Describe the nodes", _describe),
    Step("Build the distribution from the medium", _build),
    Step(
        "Discover two machines",
        _discover,
        _is_discovered,
        DISCOVERY_SECONDS,
        progress=_show_states,
    ),
    Step("Install the nodes", condition=_are_up, seconds=INSTALL_SECONDS, progress=_show_states),
    Step(
        "Check that the nodes have started with Secure Boot",
        _nodes_secure_boot,
        skip=_without_secure_boot,
    ),
    Step("Check the version of a package on the nodes", lambda site: _has_version(site, "1.0")),
    Step(
        "Wait until the scheduler has both nodes",
        condition=_is_idle,
        seconds=REPORT_SECONDS,
        skip=_without_scheduler,
    ),
    Step("Run a job", _run_job, skip=_without_scheduler),
    Step("Write files on the kept and on the root partition", _mark),
    Step("Publish a newer version of the package", _change_package),
    Step(
        "Reinstall the nodes",
        _reinstall,
        _is_reinstalled,
        INSTALL_SECONDS,
        progress=_show_states,
    ),
    Step("Check that only the root partition is new", _check_partitions),
    Step("Check the new version of the package", lambda site: _has_version(site, "1.1")),
    Step("Compare the nodes with their description", _verify),
)
