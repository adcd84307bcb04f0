# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Signatures are checked against real GnuPG keys and signatures of rpmsign."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import shutil
from typing import Callable, Sequence

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.api import switch_generation
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import Source
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.sources.mirror import (
    take_snapshot,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.sources.signatures import (
    SignedFile,
    check_detached_signature,
    check_package_signatures,
    export_public_key,
    list_keys,
    sign_file,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    CommandError,
    DescriptionError,
    NotFound,
)
from support.distributions import ARCH, Site
from support.keys import SecretKey
from support.rpmformat import set_data_size
from support.rpms import Rpm, repository, write
from support.upstream import Upstream, meanwhile

from .conftest import Place

Keys = Callable[[str], SecretKey]
WHERE = "http://mirror.example.org/repodata/repomd.xml"


@pytest.fixture(scope="module")
def signed(key: Keys, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Return packages signed by the vendor, another key and an expired key, and an unsigned one."""
    folder = tmp_path_factory.mktemp("signed")
    for name in ("vendor", "stranger", "old"):
        key(name).sign_packages(write(Rpm(name, files={"/etc/motd": "hello"}), folder))
    write(Rpm("unsigned"), folder)
    return folder


@pytest.fixture
def cache(tmp_path: pathlib.Path) -> str:
    (tmp_path / "cache").mkdir()
    return str(tmp_path / "cache")


def source(*keys: SecretKey) -> Source:
    return Source(
        "updates", url="http://mirror.example.org", gpg_keys=tuple(str(key.public) for key in keys)
    )


def files(folder: pathlib.Path, *names: str) -> list[SignedFile]:
    return [
        SignedFile(str(folder / f"{name}-1.0-1.noarch.rpm"), f"Packages/{name}.rpm")
        for name in names
    ]


class RecordingRun:
    """process.run, and the programs that it ran."""

    def __init__(self) -> None:
        self.programs: list[str] = []

    def __call__(self, argv: Sequence[str], **options: object) -> process.ProgramResult:
        self.programs.append(argv[0])
        return process.run(argv, **options)  # type: ignore[arg-type]


# Packages


def test_a_package_signed_by_one_of_the_keys_passes(
    key: Keys, signed: pathlib.Path, cache: str
) -> None:
    assert check_package_signatures(source(key("vendor")), files(signed, "vendor"), cache) == 1


def test_a_package_that_passed_is_not_checked_again(
    key: Keys, signed: pathlib.Path, cache: str
) -> None:
    check_package_signatures(source(key("vendor")), files(signed, "vendor"), cache)
    run = RecordingRun()
    assert (
        check_package_signatures(source(key("vendor")), files(signed, "vendor"), cache, run=run)
        == 0
    )
    assert run.programs == []


def test_a_file_of_the_pool_is_known_by_its_path_and_not_by_its_time(
    key: Keys, signed: pathlib.Path, cache: str, tmp_path: pathlib.Path
) -> None:
    """The path contains the checksum of the content."""
    copy = pathlib.Path(shutil.copy(signed / "vendor-1.0-1.noarch.rpm", tmp_path))
    check_package_signatures(source(key("vendor")), files(tmp_path, "vendor"), cache)
    os.utime(copy, (1, 1))
    assert check_package_signatures(source(key("vendor")), files(tmp_path, "vendor"), cache) == 0
    assert check_package_signatures(source(key("vendor")), files(signed, "vendor"), cache) == 1


def test_a_package_is_checked_again_for_other_keys(
    key: Keys, signed: pathlib.Path, cache: str
) -> None:
    check_package_signatures(source(key("vendor")), files(signed, "vendor"), cache)
    with pytest.raises(DescriptionError, match="not one of the keys"):
        check_package_signatures(source(key("stranger")), files(signed, "vendor"), cache)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        pytest.param("unsigned", "Packages/unsigned.rpm is not signed", id="unsigned"),
        pytest.param(
            "stranger",
            r"Packages/stranger.rpm is signed by \w+, which is not",
            id="stranger",
        ),
        pytest.param(
            "old",
            r"Packages/old.rpm is signed by \w+, a key that expired on 2021-01-01",
            id="expired",
        ),
    ],
)
def test_a_package_without_a_good_signature_is_an_error_with_its_name(
    key: Keys, signed: pathlib.Path, cache: str, name: str, fault: str
) -> None:
    with pytest.raises(DescriptionError, match=fault) as caught:
        check_package_signatures(
            source(key("vendor"), key("old")), files(signed, "vendor", name), cache
        )
    assert str(caught.value).startswith('source "updates" (http://mirror.example.org): ')
    assert "vendor.rpm" not in str(caught.value)


def test_all_packages_with_faults_are_in_one_error(
    key: Keys, signed: pathlib.Path, cache: str
) -> None:
    with pytest.raises(
        DescriptionError,
        match=r"stranger\.rpm is signed by.*, Packages/unsigned\.rpm is not signed",
    ):
        check_package_signatures(
            source(key("vendor")), files(signed, "stranger", "vendor", "unsigned"), cache
        )


def test_good_packages_are_recorded_when_others_have_faults(
    key: Keys, signed: pathlib.Path, cache: str
) -> None:
    with pytest.raises(DescriptionError):
        check_package_signatures(source(key("vendor")), files(signed, "vendor", "unsigned"), cache)
    assert check_package_signatures(source(key("vendor")), files(signed, "vendor"), cache) == 0


@pytest.mark.parametrize("place", [-20, 800], ids=["payload", "header"])
def test_a_modified_package_is_an_error(
    key: Keys, signed: pathlib.Path, cache: str, tmp_path: pathlib.Path, place: int
) -> None:
    content = bytearray((signed / "vendor-1.0-1.noarch.rpm").read_bytes())
    content[len(content) - 400 if place > 0 else place] ^= 1
    (tmp_path / "vendor-1.0-1.noarch.rpm").write_bytes(content)
    with pytest.raises(DescriptionError, match=r"vendor\.rpm is damaged"):
        check_package_signatures(source(key("vendor")), files(tmp_path, "vendor"), cache)


def test_a_wrong_signature_with_right_digests_is_an_error(
    key: Keys, signed: pathlib.Path, cache: str, tmp_path: pathlib.Path
) -> None:
    forged = bytearray((signed / "vendor-1.0-1.noarch.rpm").read_bytes())
    start, length = _signature_span(bytes(forged))
    forged[start + length - 10] ^= 1
    (tmp_path / "vendor-1.0-1.noarch.rpm").write_bytes(forged)
    with pytest.raises(DescriptionError, match=r"vendor\.rpm has a wrong signature"):
        check_package_signatures(source(key("vendor")), files(tmp_path, "vendor"), cache)


def _signature_span(image: bytes) -> tuple[int, int]:
    """Return the position and length in the file of the header's RSA signature (tag 268)."""
    count = int.from_bytes(image[104:108], "big")
    for number in range(count):
        entry = image[112 + 16 * number : 128 + 16 * number]
        if int.from_bytes(entry[:4], "big") == 268:
            return 112 + 16 * count + int.from_bytes(entry[8:12], "big"), int.from_bytes(
                entry[12:], "big"
            )
    raise LookupError("not signed")


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\xed\xab\xee\xdb" + bytes(200)], ids=["empty", "text", "lead"]
)
def test_a_file_that_is_not_a_package_is_an_error(
    key: Keys, cache: str, tmp_path: pathlib.Path, content: bytes
) -> None:
    (tmp_path / "vendor-1.0-1.noarch.rpm").write_bytes(content)
    with pytest.raises(DescriptionError, match=r"vendor\.rpm is damaged"):
        check_package_signatures(source(key("vendor")), files(tmp_path, "vendor"), cache)


def test_a_header_with_a_size_of_two_gigabytes_is_an_error(
    key: Keys, signed: pathlib.Path, cache: str, tmp_path: pathlib.Path
) -> None:
    good = (signed / "vendor-1.0-1.noarch.rpm").read_bytes()
    (tmp_path / "vendor-1.0-1.noarch.rpm").write_bytes(set_data_size(good, 2 << 30))
    with pytest.raises(DescriptionError, match=r"vendor\.rpm is damaged"):
        check_package_signatures(source(key("vendor")), files(tmp_path, "vendor"), cache)


def test_a_signature_that_does_not_cover_the_payload_is_an_error(
    key: Keys, cache: str, signed: pathlib.Path
) -> None:
    """Before rpm 4.14 headers had no digest of the payload, only an unsigned MD5 of the file."""
    (good,) = files(signed, "vendor")

    def old_rpm(argv: Sequence[str], **options: object) -> process.ProgramResult:
        if "-Kv" in argv:
            lines = ["Header V4 RSA/SHA256 Signature, key ID 0123abcd: OK", "MD5 digest: OK"]
            output = f"{good.path}:\n" + "".join(f"    {line}\n" for line in lines)
            return process.ProgramResult(0, output, "", 0)
        return process.run(argv, **options)  # type: ignore[arg-type]

    with pytest.raises(DescriptionError, match="does not cover its payload"):
        check_package_signatures(source(key("vendor")), [good], cache, run=old_rpm)


def test_a_source_without_keys_accepts_nothing(signed: pathlib.Path, cache: str) -> None:
    with pytest.raises(DescriptionError, match="no file"):
        check_package_signatures(source(), files(signed, "vendor"), cache)


def test_existing_packages_are_checked_when_a_source_gets_keys(
    key: Keys, signed: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """The same packages give the same generation, which must not be published unchecked."""
    site = Site(tmp_path)
    mirror = site.mirror("updates", [Rpm("unsigned")])
    built = site.build("rocks", mirror)
    checked = dataclasses.replace(mirror, gpg_keys=(str(key("vendor").public),))
    with pytest.raises(DescriptionError, match=r'source "updates".*unsigned.*is not signed'):
        site.build("rocks", checked)
    key("vendor").sign_packages(*(pathlib.Path(mirror.path) / "Packages").iterdir())
    repository(mirror.path)
    assert site.build("rocks", checked).generation.identity != built.generation.identity


# Keys


def test_keys_are_listed_with_their_expiry(key: Keys) -> None:
    (old,) = list_keys([str(key("old").public)])
    (vendor,) = list_keys([str(key("vendor").public)])
    assert (old.expires, vendor.expires, vendor.revoked) == (1609502400, 0, False)


def test_a_missing_key_file_is_an_error(tmp_path: pathlib.Path) -> None:
    with pytest.raises(NotFound, match="RPM-GPG-KEY-gone"):
        list_keys([str(tmp_path / "RPM-GPG-KEY-gone")])


def test_a_key_file_without_a_key_is_an_error(tmp_path: pathlib.Path) -> None:
    (tmp_path / "RPM-GPG-KEY").write_text("<html>not found</html>")
    with pytest.raises(DescriptionError, match=r"RPM-GPG-KEY: no OpenPGP public key"):
        list_keys([str(tmp_path / "RPM-GPG-KEY")])


# repomd.xml


@pytest.fixture
def document(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "repomd.xml"
    path.write_text("<repomd/>")
    return path


def test_a_good_signature_of_repomd_passes(key: Keys, document: pathlib.Path) -> None:
    signature = key("vendor").sign_detached(document).read_bytes()
    keys = [str(key(name).public) for name in ("stranger", "vendor")]
    check_detached_signature(document.read_bytes(), signature, keys, WHERE)


@pytest.mark.parametrize(
    ("signer", "keys", "change", "fault"),
    [
        pytest.param(
            "vendor",
            ["vendor"],
            b" ",
            "its signature is wrong",
            id="changed",
        ),
        pytest.param("stranger", ["vendor"], b"", r"signed by \w+, which is not", id="stranger"),
        pytest.param("old", ["old"], b"", r"signed by \w+, a key that has expired", id="expired"),
        pytest.param("vendor", [], b"", "no file", id="no keys"),
    ],
)
def test_a_bad_signature_of_repomd_is_an_error(
    key: Keys, document: pathlib.Path, signer: str, keys: list[str], change: bytes, fault: str
) -> None:
    signature = key(signer).sign_detached(document).read_bytes()
    with pytest.raises(DescriptionError, match=fault) as caught:
        check_detached_signature(
            document.read_bytes() + change,
            signature,
            [str(key(name).public) for name in keys],
            WHERE,
        )
    assert str(caught.value).startswith(f"{WHERE}: ")


@pytest.mark.parametrize(
    "signature", [b"", b"<html>404</html>", b"\x89\x01"], ids=["empty", "html", "truncated"]
)
def test_an_unreadable_signature_is_an_error(
    key: Keys, document: pathlib.Path, signature: bytes
) -> None:
    with pytest.raises(DescriptionError, match="its signature cannot be read"):
        check_detached_signature(
            document.read_bytes(), signature, [str(key("vendor").public)], WHERE
        )


def test_a_mirror_with_a_signed_repomd_is_read(key: Keys, updates: Upstream, place: Place) -> None:
    key("vendor").sign_detached(updates.folder / "repodata/repomd.xml")
    taken = take_snapshot(_signed_source(updates, key("vendor")), str(place.cache))
    assert pathlib.Path(taken.path, "repodata/repomd.xml.asc").exists()


def test_a_mirror_without_the_required_signature_is_an_error(
    key: Keys, updates: Upstream, place: Place
) -> None:
    with pytest.raises(
        DescriptionError, match=r"repodata/repomd\.xml: repomd.xml has no signature"
    ):
        take_snapshot(_signed_source(updates, key("vendor")), str(place.cache))
    assert not list(place.cache.glob("*/[0-9a-f]*"))


def test_a_signature_is_required_after_an_unchecked_run(
    key: Keys, updates: Upstream, place: Place
) -> None:
    take_snapshot(Source("updates", url=updates.url), str(place.cache))
    with pytest.raises(DescriptionError, match="no signature"):
        take_snapshot(_signed_source(updates, key("vendor")), str(place.cache))


def test_a_signature_that_is_newer_than_its_repomd_is_read_again(
    key: Keys, updates: Upstream, place: Place
) -> None:
    """Upstream publishes between the two requests."""

    def publish() -> None:
        repository(updates.folder, [Rpm("bash", "5.2")])
        key("vendor").sign_detached(updates.folder / "repodata/repomd.xml")

    key("vendor").sign_detached(updates.folder / "repodata/repomd.xml")
    updates.fail("*.asc", meanwhile(publish))
    taken = take_snapshot(_signed_source(updates, key("vendor")), str(place.cache))
    repomd = (updates.folder / "repodata/repomd.xml").read_bytes()
    assert pathlib.Path(taken.path, "repodata/repomd.xml").read_bytes() == repomd


def _signed_source(server: Upstream, key: SecretKey) -> Source:
    return Source("updates", url=server.url, gpg_keys=(str(key.public),), repo_gpgcheck=True)


# Signatures of the site


def test_a_signature_of_the_site_passes_with_its_public_key(
    key: Keys, document: pathlib.Path, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    monkeypatch.setenv("GNUPGHOME", str(key("vendor").home))
    signature = pathlib.Path(sign_file(str(document), key("vendor").user))
    public = tmp_path / "RPM-GPG-KEY-site"
    public.write_text(export_public_key(key("vendor").user))
    assert signature == document.with_name("repomd.xml.asc")
    check_detached_signature(document.read_bytes(), signature.read_bytes(), [str(public)], WHERE)


def test_a_missing_secret_key_is_an_error(
    key: Keys, document: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GNUPGHOME", str(key("vendor").home))
    with pytest.raises(CommandError, match=r"missing@example\.org"):
        sign_file(str(document), "missing@example.org")
    with pytest.raises(NotFound, match=r"missing@example\.org"):
        export_public_key("missing@example.org")
    assert not document.with_name("repomd.xml.asc").exists()


# Old metadata


class TestOldMetadata:
    """Metadata of a year ago is signed too."""

    NEWER = 1_790_000_000
    OLDER = 1_760_000_000

    def publish(self, server: Upstream, vendor: SecretKey, version: str, revision: int) -> None:
        shutil.rmtree(server.folder / "Packages")
        repository(server.folder, [Rpm("bash", version)], revision=revision)
        vendor.sign_detached(server.folder / "repodata/repomd.xml")

    def test_older_signed_metadata_is_refused_until_the_administrator_agrees(
        self, key: Keys, updates: Upstream, site: Site
    ) -> None:
        source = dataclasses.replace(_signed_source(updates, key("vendor")), gpgcheck=False)
        self.publish(updates, key("vendor"), "5.2", self.NEWER)
        site.build("rocks", source)
        self.publish(updates, key("vendor"), "5.1", self.OLDER)

        for build in (site.build, site.dry_run):
            with pytest.raises(DescriptionError, match=r'"updates".*2025-10-09.*2026-09-21'):
                build("rocks", source)
        assert site.nevras("rocks") == ["bash-0:5.2-1.noarch"]

        site.build("rocks", source, allow_older=True)
        assert site.nevras("rocks") == ["bash-0:5.1-1.noarch"]
        assert not site.build("rocks", source).changed

    def test_newer_metadata_with_older_packages_is_accepted(
        self, key: Keys, updates: Upstream, site: Site
    ) -> None:
        """A vendor can take a package back."""
        source = dataclasses.replace(_signed_source(updates, key("vendor")), gpgcheck=False)
        self.publish(updates, key("vendor"), "5.2", self.OLDER)
        site.build("rocks", source)
        self.publish(updates, key("vendor"), "5.1", self.NEWER)

        site.build("rocks", source)

        assert site.nevras("rocks") == ["bash-0:5.1-1.noarch"]

    def test_a_generation_that_the_administrator_published_again_is_the_new_measure(
        self, key: Keys, updates: Upstream, site: Site
    ) -> None:
        source = dataclasses.replace(_signed_source(updates, key("vendor")), gpgcheck=False)
        self.publish(updates, key("vendor"), "5.1", self.OLDER)
        site.build("rocks", source)
        self.publish(updates, key("vendor"), "5.2", self.NEWER)
        site.build("rocks", source)
        switch_generation(str(site.root), "rocks", ARCH, "previous")
        self.publish(updates, key("vendor"), "5.1", self.OLDER)

        site.build("rocks", source)

        assert site.nevras("rocks") == ["bash-0:5.1-1.noarch"]
