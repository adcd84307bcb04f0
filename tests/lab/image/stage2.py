# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Stage 2, the installer's environment: made of the distribution's own packages, as lorax makes Red
Hat's.

As lorax does, it removes programs: those that the image of at least one release does not have, so
that a script which needs one fails here as it would there.
"""

from __future__ import annotations

import importlib.util
import pathlib
import shutil

from ansible_collections.npaci.rocks.plugins.module_utils import process
from support import installer_image

from .. import cache
from ..distribution import sources
from .installroot import install

HERE = pathlib.Path(__file__).parent
INSTALLER = cache.LAB / "installer"
# The kernel and its modules come from the sources directly; without an initramfs there is nothing
# to make one with.
LEFT_OUT = ("kernel", "dracut")
UNUSED = ("boot", "var/cache/dnf", "var/log/dnf.log", "var/log/dnf.librepo.log", "var/log/dnf.rpm.log", "var/lib/rpm",
          "usr/share/zoneinfo/right", "usr/share/gnupg", "usr/include", "usr/share/grub", "usr/share/i18n")  # fmt: skip
# Each release has one of them, and the lab's own installer is written for it.
PYTHON = ("python3", "platform-python")
RELEASE = "9.4"
SECONDS = 300.0


def root() -> pathlib.Path:
    """The environment as a directory: what light nodes have as their lower layer."""
    return cache.part("stage2", _root_key(), lambda out: _make_root(out / "root")) / "root"


def image() -> pathlib.Path:
    """``install.img``: the environment as a squashfs."""
    return cache.part("squashfs", _root_key(), _make_image) / "install.img"


def _root_key() -> str:
    return cache.key_of(
        HERE / "stage2.py",
        HERE / "stage2",
        INSTALLER,
        installer_image.HERE,
        more=[sources.sources().name],
    )


def _make_root(root: pathlib.Path) -> None:
    packages = ["@core", "@anaconda-tools"]
    base = cache.part("installroot", cache.key_of(HERE / "installroot.py", HERE / "stage2.py", more=[sources.sources().name]),
                      lambda out: _make_base(out / "root", packages))  # fmt: skip
    shutil.copytree(base / "root", root, symlinks=True)
    _trim(root)
    (root / "usr/lib/lab").mkdir()
    (root / "usr/bin/lsblk").rename(root / "usr/lib/lab/lsblk")
    shutil.copytree(HERE / "stage2", root, dirs_exist_ok=True)
    shutil.copytree(
        INSTALLER, root / "usr/lib/lab/installer", ignore=shutil.ignore_patterns("__pycache__")
    )
    _compile(root, "/usr/lib/lab")


def _make_base(root: pathlib.Path, packages: list[str]) -> None:
    made = sources.sources()
    release = [str(path) for path in (made / "releases" / RELEASE).iterdir()]
    install(root, {"stock": f"file://{made}/stock"}, [*packages, *release], LEFT_OUT)
    for name in UNUSED:
        path = root / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    specification = importlib.util.find_spec("pykickstart")
    if specification is None or specification.origin is None:
        raise RuntimeError("pykickstart is not installed: it comes with tests/requirements.txt")
    shutil.copytree(pathlib.Path(specification.origin).parent, root / "usr/lib/python3/dist-packages/pykickstart",
                    ignore=shutil.ignore_patterns("__pycache__", "locale"))  # fmt: skip
    shutil.copytree(
        sources.sources() / "kernel/lib/modules", root / "usr/lib/modules", dirs_exist_ok=True
    )
    (root / "var/lib/rpm").mkdir(parents=True, exist_ok=True)
    _compile(root, "/usr/lib/python3", "/usr/lib/python3.11")


def _trim(root: pathlib.Path) -> None:
    """Remove the programs that a release's own image does not have."""
    for folder in ("usr/bin", "usr/sbin"):
        for program in installer_image.removed() - set(PYTHON):
            (root / folder / program).unlink(missing_ok=True)


def _compile(root: pathlib.Path, *directories: str) -> None:
    """Compile Python's modules: an emulated machine spends half a minute on it.

    The image keeps no file times.
    """
    argv = [
        "chroot",
        str(root),
        "python3",
        "-B",
        "-m",
        "compileall",
        "-q",
        "-f",
        "--invalidation-mode",
        "unchecked-hash",
        *directories,
    ]
    process.run(argv, timeout=SECONDS)


def _make_image(out: pathlib.Path) -> None:
    argv = [
        "mksquashfs",
        str(root()),
        str(out / "install.img"),
        "-comp",
        "zstd",
        "-Xcompression-level",
        "3",
    ]
    process.run(
        [*argv, "-quiet", "-no-progress", "-all-time", "0", "-mkfs-time", "0"], timeout=SECONDS
    )
