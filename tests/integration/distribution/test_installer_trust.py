# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Only an installer that a signature covers is published from a source with keys."""

from __future__ import annotations

import dataclasses
import hashlib
import pathlib
from typing import Callable, Mapping

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import Source
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.sources.signed_checksums import (  # noqa: E501
    read_signed_checksums,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from support.distributions import Site
from support.keys import SecretKey
from support.media import IMAGES, write_installer
from support.rpms import Rpm, repository
from support.upstream import Upstream, upstream

Keys = Callable[[str], SecretKey]
INITRD = "images/pxeboot/initrd.img"
EFI = "images/efiboot.img"
OTHER_IMAGES = {**IMAGES, INITRD: b"another initrd"}


@pytest.fixture
def mirror(tmp_path: pathlib.Path, key: Keys) -> Source:
    """Return a local mirror with signed packages, signed metadata and an installer."""
    return _mirror(tmp_path / "mirror", key("vendor"))


def _mirror(folder: pathlib.Path, vendor: SecretKey) -> Source:
    repository(folder, [Rpm("bash")])
    vendor.sign_packages(*(folder / "Packages").glob("*.rpm"))
    repository(folder)
    vendor.sign_detached(folder / "repodata/repomd.xml")
    write_installer(folder)
    return Source("os", path=str(folder), gpg_keys=(str(vendor.public),), repo_gpgcheck=True)


def _checksum_file(
    path: pathlib.Path, key: SecretKey, contents: Mapping[str, bytes], *, tagged: bool = False
) -> str:
    """Write a clear-signed file of checksums, and return its path."""
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    lines = [
        f"SHA256 ({name}) = {digest}\n" if tagged else f"{digest} *{name}\n"
        for name, digest in digests.items()
    ]
    plain = path.with_suffix(".txt")
    plain.write_text(f"# {len(lines)} files\n" + "".join(lines))
    key.gpg("--yes", "--clearsign", "--output", str(path), str(plain))
    return str(path)


def _boot_iso(folder: pathlib.Path, images: Mapping[str, bytes]) -> pathlib.Path:
    write_installer(folder / "iso", images)
    target = folder / "boot.iso"
    argv = ["xorriso", "-as", "mkisofs", "-quiet", "-r", "-o", str(target), str(folder / "iso")]
    process.run(argv, timeout=60)
    return target


def _published_images(site: Site) -> dict[str, bytes]:
    return {path: (site.tree("rocks") / path).read_bytes() for path in IMAGES}


@pytest.mark.parametrize("repo_gpgcheck", [True, False])
@pytest.mark.parametrize("treeinfo_has_checksums", [True, False])
def test_an_unsigned_installer_of_a_source_with_keys_is_refused_unless_trusted(
    site: Site, mirror: Source, repo_gpgcheck: bool, treeinfo_has_checksums: bool
) -> None:
    write_installer(pathlib.Path(mirror.path), checksums=treeinfo_has_checksums)
    source = dataclasses.replace(mirror, repo_gpgcheck=repo_gpgcheck)

    with pytest.raises(DescriptionError, match=r"\.treeinfo.*initrd.*trust_installer"):
        site.build("rocks", source)
    assert not site.tree("rocks").exists()

    result = site.build("rocks", dataclasses.replace(source, trust_installer=True))

    assert _published_images(site) == IMAGES
    assert not result.remarks


def test_an_installer_is_refused_again_when_it_is_no_longer_trusted(
    site: Site, mirror: Source
) -> None:
    site.build("rocks", dataclasses.replace(mirror, trust_installer=True))

    with pytest.raises(DescriptionError, match="not trusted"):
        site.build("rocks", mirror)


@pytest.mark.parametrize("tagged", [True, False])
def test_images_equal_to_those_of_an_iso_with_a_signed_checksum_are_published(
    site: Site, mirror: Source, key: Keys, tmp_path: pathlib.Path, tagged: bool
) -> None:
    iso = _boot_iso(tmp_path, IMAGES)
    listed = {"dvd.iso": b"another image", "boot.iso": iso.read_bytes()}
    checksums = _checksum_file(tmp_path / "CHECKSUM", key("vendor"), listed, tagged=tagged)
    source = dataclasses.replace(mirror, installer_checksums=checksums, installer_iso=str(iso))

    result = site.build("rocks", source)

    assert _published_images(site) == IMAGES
    assert not result.remarks
    assert not site.build("rocks", source).changed


def test_an_image_that_differs_from_that_of_the_iso_is_refused(
    site: Site, mirror: Source, key: Keys, tmp_path: pathlib.Path
) -> None:
    iso = _boot_iso(tmp_path, IMAGES)
    checksums = _checksum_file(tmp_path / "CHECKSUM", key("vendor"), {"iso": iso.read_bytes()})
    source = dataclasses.replace(mirror, installer_checksums=checksums, installer_iso=str(iso))

    write_installer(pathlib.Path(mirror.path), OTHER_IMAGES)
    with pytest.raises(DescriptionError, match=r"initrd.*differs"):
        site.build("rocks", source)
    write_installer(pathlib.Path(mirror.path), OTHER_IMAGES, checksums=False)
    with pytest.raises(DescriptionError, match="SHA-256"):
        site.build("rocks", source)

    assert not site.tree("rocks").exists()


def test_an_image_of_an_earlier_build_is_not_published_without_the_check(
    site: Site, mirror: Source, key: Keys, tmp_path: pathlib.Path
) -> None:
    """A .treeinfo without checksums describes both images equally."""
    folder = pathlib.Path(mirror.path)
    write_installer(folder, OTHER_IMAGES, checksums=False)
    with upstream(folder) as server:
        remote = dataclasses.replace(mirror, path="", url=server.url)
        site.build("rocks", dataclasses.replace(remote, trust_installer=True))
        checksums = _checksum_file(tmp_path / "CHECKSUM", key("vendor"), IMAGES)

        with pytest.raises(DescriptionError, match=INITRD):
            site.build("rocks", dataclasses.replace(remote, installer_checksums=checksums))


def test_an_iso_whose_checksum_is_not_signed_is_refused(
    site: Site, mirror: Source, key: Keys, tmp_path: pathlib.Path
) -> None:
    iso = _boot_iso(tmp_path, IMAGES)
    checksums = _checksum_file(tmp_path / "CHECKSUM", key("vendor"), {"boot.iso": b"the real one"})
    source = dataclasses.replace(mirror, installer_checksums=checksums, installer_iso=str(iso))

    with pytest.raises(DescriptionError, match=r"boot\.iso.*CHECKSUM"):
        site.build("rocks", source)


def test_a_source_that_is_an_iso_is_compared_with_its_own_checksum(
    site: Site, mirror: Source, key: Keys, tmp_path: pathlib.Path
) -> None:
    iso = tmp_path / "dvd.iso"
    argv = ["xorriso", "-as", "mkisofs", "-quiet", "-r", "-o", str(iso), mirror.path]
    process.run(argv, timeout=60)
    dvd = dataclasses.replace(mirror, path=str(iso))
    listed = {"name-of-the-vendor.iso": iso.read_bytes()}
    good = _checksum_file(tmp_path / "CHECKSUM", key("vendor"), listed)
    other = _checksum_file(tmp_path / "OTHER", key("vendor"), {"dvd.iso": b"the real one"})

    with pytest.raises(DescriptionError, match="trust_installer"):
        site.build("rocks", dvd)
    with pytest.raises(DescriptionError, match=r"dvd\.iso"):
        site.build("rocks", dataclasses.replace(dvd, installer_checksums=other))
    site.build("rocks", dataclasses.replace(dvd, installer_checksums=good))

    assert _published_images(site) == IMAGES


def test_images_that_the_signed_file_does_not_list_are_left_out(
    site: Site, mirror: Source, key: Keys, tmp_path: pathlib.Path
) -> None:
    folder = pathlib.Path(mirror.path)
    write_installer(folder, {**IMAGES, EFI: b"boot loader"})
    checksums = _checksum_file(tmp_path / "CHECKSUM", key("vendor"), IMAGES)
    source = dataclasses.replace(mirror, installer_checksums=checksums)

    result = site.build("rocks", source)

    assert _published_images(site) == IMAGES
    assert not (site.tree("rocks") / EFI).exists()
    assert EFI not in (site.tree("rocks") / ".treeinfo").read_text()
    assert any(EFI in remark for remark in result.remarks)


def test_the_signed_metadata_of_another_frontend_covers_its_installer(
    mirror: Source, key: Keys, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = key("site")
    campus = Site(tmp_path / "campus")
    monkeypatch.setenv("GNUPGHOME", str(ours.home))
    stock = dataclasses.replace(mirror, trust_installer=True)
    campus.build("rocks", stock, sign_key=ours.user)
    child = Site(tmp_path / "child")
    with upstream(campus.tree("rocks")) as server:
        parent = Source("campus", "parent", url=server.url, gpg_keys=(str(ours.public),))
        unsigned = dataclasses.replace(parent, gpgcheck=False)
        signed = dataclasses.replace(unsigned, repo_gpgcheck=True)

        with pytest.raises(DescriptionError, match="not trusted"):
            child.build("rocks", unsigned)
        child.build("rocks", signed)
        assert _published_images(child) == IMAGES

        _replace_published(server, INITRD, b"another initrd")
        other = Site(tmp_path / "other")
        with pytest.raises(DescriptionError, match=INITRD):
            other.build("rocks", signed)


def _replace_published(server: Upstream, path: str, content: bytes) -> None:
    """Change an image and its checksum in .treeinfo, as an attacker on the server would."""
    before = hashlib.sha256(IMAGES[path]).hexdigest()
    (server.folder / path).unlink()
    (server.folder / path).write_bytes(content)
    treeinfo = server.folder / ".treeinfo"
    text = treeinfo.read_text().replace(before, hashlib.sha256(content).hexdigest())
    treeinfo.unlink()
    treeinfo.write_text(text)


class TestSignedFile:
    """What surrounds the signed text, and what others sign, is not read."""

    @pytest.fixture
    def signed(self, key: Keys, tmp_path: pathlib.Path) -> pathlib.Path:
        return pathlib.Path(_checksum_file(tmp_path / "CHECKSUM", key("vendor"), {"a": b"a"}))

    def test_only_the_signed_text_is_read(self, signed: pathlib.Path, key: Keys) -> None:
        line = b"e" * 64 + b"  evil\n"
        signed.write_bytes(line + signed.read_bytes() + line)

        checksums = read_signed_checksums(str(signed), [str(key("vendor").public)])

        assert checksums == {"a": hashlib.sha256(b"a").hexdigest()}

    def test_a_changed_text_is_refused(self, signed: pathlib.Path, key: Keys) -> None:
        digest = hashlib.sha256(b"a").hexdigest()
        signed.write_text(signed.read_text().replace(digest, "e" * 64))

        with pytest.raises(DescriptionError, match="signature is wrong"):
            read_signed_checksums(str(signed), [str(key("vendor").public)])

    @pytest.mark.parametrize("name", ["stranger", "old"])
    def test_another_or_expired_key_is_refused(
        self, key: Keys, tmp_path: pathlib.Path, name: str
    ) -> None:
        path = _checksum_file(tmp_path / "CHECKSUM", key(name), {"a": b"a"})
        keys = [str(key("vendor").public), str(key("old").public)]

        with pytest.raises(DescriptionError, match="CHECKSUM"):
            read_signed_checksums(path, keys)

    def test_a_file_without_a_signature_is_refused(self, key: Keys, tmp_path: pathlib.Path) -> None:
        plain = tmp_path / "CHECKSUM"
        plain.write_text("e" * 64 + "  a\n")

        with pytest.raises(DescriptionError, match="not signed"):
            read_signed_checksums(str(plain), [str(key("vendor").public)])

        key("vendor").sign_detached(plain)
        assert read_signed_checksums(str(plain), [str(key("vendor").public)]) == {"a": "e" * 64}

    @pytest.mark.parametrize(
        "text", ["", "MD5 (a) = " + "e" * 32, "e" * 64 + "  a\n" + "f" * 64 + "  ./a\n"]
    )
    def test_no_checksum_and_two_checksums_are_errors(
        self, key: Keys, tmp_path: pathlib.Path, text: str
    ) -> None:
        plain = tmp_path / "CHECKSUM"
        plain.write_text(text)
        key("vendor").sign_detached(plain)

        with pytest.raises(DescriptionError, match="CHECKSUM"):
            read_signed_checksums(str(plain), [str(key("vendor").public)])
