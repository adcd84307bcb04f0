# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who signed it: real GnuPG keys, rpmsign's signatures, and every way in which they can be wrong."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import shutil
from typing import Callable, Sequence

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process
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
from support.distributions import Site
from support.keys import SecretKey
from support.rpmformat import claim
from support.rpms import Rpm, repository, write
from support.upstream import Upstream, meanwhile

from .conftest import Place

Keys = Callable[[str], SecretKey]
WHERE = "http://mirror.example.org/repodata/repomd.xml"


@pytest.fixture(scope="module")
def signed(key: Keys, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Packages signed by the vendor, by a stranger, by a key that has expired since, and by nobody."""
    folder = tmp_path_factory.mktemp("signed")
    for name in ("vendor", "stranger", "old"):
        key(name).sign_packages(write(Rpm(name, files={"/etc/motd": "hello"}), folder))
    write(Rpm("nobody"), folder)
    return folder


@pytest.fixture
def memory(tmp_path: pathlib.Path) -> str:
    (tmp_path / "memory").mkdir()
    return str(tmp_path / "memory")


def source(*keys: SecretKey) -> Source:
    return Source(
        "updates", url="http://mirror.example.org", gpg_keys=tuple(str(one.public) for one in keys)
    )


def files(folder: pathlib.Path, *names: str) -> list[SignedFile]:
    return [
        SignedFile(str(folder / f"{name}-1.0-1.noarch.rpm"), f"Packages/{name}.rpm")
        for name in names
    ]


class Counting:
    """command.run, and how often which program was run."""

    def __init__(self) -> None:
        self.programs: list[str] = []

    def __call__(self, argv: Sequence[str], **options: object) -> process.ProgramResult:
        self.programs.append(argv[0])
        return process.run(argv, **options)  # type: ignore[arg-type]


# Packages


def test_a_package_signed_by_a_given_key_passes(
    key: Keys, signed: pathlib.Path, memory: str
) -> None:
    assert check_package_signatures(source(key("vendor")), files(signed, "vendor"), memory) == 1


def test_what_passed_is_not_looked_at_again(key: Keys, signed: pathlib.Path, memory: str) -> None:
    check_package_signatures(source(key("vendor")), files(signed, "vendor"), memory)
    run = Counting()
    assert (
        check_package_signatures(source(key("vendor")), files(signed, "vendor"), memory, run=run)
        == 0
    )
    assert run.programs == []


def test_a_file_that_changed_is_looked_at_again(key: Keys, signed: pathlib.Path, memory: str, tmp_path: pathlib.Path) -> None:  # fmt: skip
    copy = pathlib.Path(shutil.copy(signed / "vendor-1.0-1.noarch.rpm", tmp_path))
    check_package_signatures(source(key("vendor")), files(tmp_path, "vendor"), memory)
    os.utime(copy, (1, 1))
    assert check_package_signatures(source(key("vendor")), files(tmp_path, "vendor"), memory) == 1


def test_other_keys_remember_for_themselves(key: Keys, signed: pathlib.Path, memory: str) -> None:
    check_package_signatures(source(key("vendor")), files(signed, "vendor"), memory)
    with pytest.raises(DescriptionError, match="a key that was not given"):
        check_package_signatures(source(key("stranger")), files(signed, "vendor"), memory)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param("nobody", "Packages/nobody.rpm is not signed", id="unsigned"),
        pytest.param(
            "stranger",
            r"Packages/stranger.rpm is signed by \w+, a key that was not given",
            id="stranger",
        ),
        pytest.param(
            "old",
            r"Packages/old.rpm is signed by \w+, a key that expired on 2021-01-01",
            id="expired",
        ),
    ],
)
def test_a_package_without_a_good_signature_is_refused_by_name(
    key: Keys, signed: pathlib.Path, memory: str, name: str, said: str
) -> None:
    with pytest.raises(DescriptionError, match=said) as caught:
        check_package_signatures(
            source(key("vendor"), key("old")), files(signed, "vendor", name), memory
        )
    assert str(caught.value).startswith('source "updates" (http://mirror.example.org): ')
    assert "vendor.rpm" not in str(caught.value)


def test_all_bad_packages_are_named_at_once(key: Keys, signed: pathlib.Path, memory: str) -> None:
    with pytest.raises(
        DescriptionError, match=r"nobody\.rpm is not signed, Packages/stranger\.rpm is signed by"
    ):
        check_package_signatures(
            source(key("vendor")), files(signed, "stranger", "vendor", "nobody"), memory
        )


def test_the_good_ones_among_bad_ones_are_remembered(
    key: Keys, signed: pathlib.Path, memory: str
) -> None:
    with pytest.raises(DescriptionError):
        check_package_signatures(source(key("vendor")), files(signed, "vendor", "nobody"), memory)
    assert check_package_signatures(source(key("vendor")), files(signed, "vendor"), memory) == 0


@pytest.mark.parametrize("place", [-20, 800], ids=["payload", "header"])
def test_a_package_that_was_tampered_with_is_refused(
    key: Keys, signed: pathlib.Path, memory: str, tmp_path: pathlib.Path, place: int
) -> None:
    content = bytearray((signed / "vendor-1.0-1.noarch.rpm").read_bytes())
    content[len(content) - 400 if place > 0 else place] ^= 1
    (tmp_path / "vendor-1.0-1.noarch.rpm").write_bytes(content)
    with pytest.raises(DescriptionError, match=r"vendor\.rpm is damaged"):
        check_package_signatures(source(key("vendor")), files(tmp_path, "vendor"), memory)


def test_a_signature_that_does_not_fit_is_refused(key: Keys, signed: pathlib.Path, memory: str, tmp_path: pathlib.Path) -> None:  # fmt: skip
    """All digests are right, because they are nobody's secret; the signature is another one."""
    forged = bytearray((signed / "vendor-1.0-1.noarch.rpm").read_bytes())
    at, length = _signature_of(bytes(forged))
    forged[at + length - 10] ^= 1
    (tmp_path / "vendor-1.0-1.noarch.rpm").write_bytes(forged)
    with pytest.raises(DescriptionError, match=r"vendor\.rpm has a wrong signature"):
        check_package_signatures(source(key("vendor")), files(tmp_path, "vendor"), memory)


def _signature_of(image: bytes) -> tuple[int, int]:
    """Where the RSA signature of the header lies in the file, and its length (tag 268)."""
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
def test_what_is_no_package_is_refused(
    key: Keys, memory: str, tmp_path: pathlib.Path, content: bytes
) -> None:
    (tmp_path / "vendor-1.0-1.noarch.rpm").write_bytes(content)
    with pytest.raises(DescriptionError, match=r"vendor\.rpm is damaged"):
        check_package_signatures(source(key("vendor")), files(tmp_path, "vendor"), memory)


def test_a_header_that_claims_two_gigabytes_is_refused_at_once(
    key: Keys, signed: pathlib.Path, memory: str, tmp_path: pathlib.Path
) -> None:
    good = (signed / "vendor-1.0-1.noarch.rpm").read_bytes()
    (tmp_path / "vendor-1.0-1.noarch.rpm").write_bytes(claim(good, 2 << 30))
    with pytest.raises(DescriptionError, match=r"vendor\.rpm is damaged"):
        check_package_signatures(source(key("vendor")), files(tmp_path, "vendor"), memory)


def test_a_signature_that_does_not_cover_the_payload_is_refused(
    key: Keys, memory: str, signed: pathlib.Path
) -> None:
    """Before rpm 4.14 headers held no digest of the payload: MD5, which nobody signed, was all there was."""
    said = "vendor.rpm:\n    Header V4 RSA/SHA256 Signature, key ID {0}: OK\n    MD5 digest: OK\n"
    (good,) = files(signed, "vendor")

    def old_rpm(argv: Sequence[str], **options: object) -> process.ProgramResult:
        if "-Kv" in argv:
            return process.ProgramResult(
                0, said.format("0123abcd").replace("vendor.rpm", good.path), "", 0
            )
        return process.run(argv, **options)  # type: ignore[arg-type]

    with pytest.raises(DescriptionError, match="does not cover its payload"):
        check_package_signatures(source(key("vendor")), [good], memory, run=old_rpm)


def test_a_source_without_keys_accepts_nothing(signed: pathlib.Path, memory: str) -> None:
    with pytest.raises(DescriptionError, match="those of no file"):
        check_package_signatures(source(), files(signed, "vendor"), memory)


def test_keys_that_are_asked_for_later_are_asked_of_what_is_there_already(
    key: Keys, signed: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """The same packages are the same generation; that it exists does not mean that it may be published."""
    site = Site(tmp_path)
    mirror = site.mirror("updates", [Rpm("nobody")])
    built = site.build("rocks", mirror)
    checked = dataclasses.replace(mirror, gpg_keys=(str(key("vendor").public),))
    with pytest.raises(DescriptionError, match=r'source "updates".*nobody.*is not signed'):
        site.build("rocks", checked)
    key("vendor").sign_packages(*(pathlib.Path(mirror.path) / "Packages").iterdir())
    repository(mirror.path)
    assert site.build("rocks", checked).generation.identity != built.generation.identity


# Keys


def test_keys_are_listed_with_their_end(key: Keys) -> None:
    (old,) = list_keys([str(key("old").public)])
    (vendor,) = list_keys([str(key("vendor").public)])
    assert (old.expires, vendor.expires, vendor.revoked) == (1609502400, 0, False)


def test_a_missing_key_file_is_named(tmp_path: pathlib.Path) -> None:
    with pytest.raises(NotFound, match="RPM-GPG-KEY-gone"):
        list_keys([str(tmp_path / "RPM-GPG-KEY-gone")])


def test_a_key_file_without_a_key_is_named(tmp_path: pathlib.Path) -> None:
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
    ("signer", "keys", "change", "said"),
    [
        pytest.param(
            "vendor",
            ["vendor"],
            b" ",
            r"its signature is wrong: it is not what \w+ signed",
            id="changed",
        ),
        pytest.param(
            "stranger", ["vendor"], b"", r"signed by \w+, a key that was not given", id="stranger"
        ),
        pytest.param("old", ["old"], b"", r"signed by \w+, a key that has expired", id="expired"),
        pytest.param("vendor", [], b"", "the keys asked were those of no file", id="no keys"),
    ],
)
def test_a_bad_signature_of_repomd_is_refused(
    key: Keys, document: pathlib.Path, signer: str, keys: list[str], change: bytes, said: str
) -> None:
    signature = key(signer).sign_detached(document).read_bytes()
    with pytest.raises(DescriptionError, match=said) as caught:
        check_detached_signature(
            document.read_bytes() + change,
            signature,
            [str(key(name).public) for name in keys],
            WHERE,
        )
    assert str(caught.value).startswith(f"{WHERE}: ")


@pytest.mark.parametrize(
    "signature", [b"", b"<html>404</html>", b"\x89\x01"], ids=["empty", "html", "cut"]
)
def test_what_is_no_signature_is_refused(
    key: Keys, document: pathlib.Path, signature: bytes
) -> None:
    with pytest.raises(DescriptionError, match="its signature cannot be read"):
        check_detached_signature(
            document.read_bytes(), signature, [str(key("vendor").public)], WHERE
        )


def test_a_mirror_with_a_signed_repomd_is_read(key: Keys, updates: Upstream, place: Place) -> None:
    key("vendor").sign_detached(updates.folder / "repodata/repomd.xml")
    taken = take_snapshot(_checked(updates, key("vendor")), str(place.cache))
    assert pathlib.Path(taken.path, "repodata/repomd.xml.asc").exists()


def test_a_mirror_without_the_signature_that_is_demanded_is_refused(
    key: Keys, updates: Upstream, place: Place
) -> None:
    with pytest.raises(DescriptionError, match=r"repodata/repomd\.xml: it carries no signature"):
        take_snapshot(_checked(updates, key("vendor")), str(place.cache))
    assert not list(place.cache.glob("*/[0-9a-f]*"))


def test_a_signature_is_asked_for_although_an_unchecked_run_was_here_first(key: Keys, updates: Upstream, place: Place) -> None:  # fmt: skip
    take_snapshot(Source("updates", url=updates.url), str(place.cache))
    with pytest.raises(DescriptionError, match="carries no signature"):
        take_snapshot(_checked(updates, key("vendor")), str(place.cache))


def test_a_signature_that_is_newer_than_its_repomd_is_no_forgery(
    key: Keys, updates: Upstream, place: Place
) -> None:
    """Upstream publishes between our two requests: both are read again."""

    def publish() -> None:
        repository(updates.folder, [Rpm("bash", "5.2")])
        key("vendor").sign_detached(updates.folder / "repodata/repomd.xml")

    key("vendor").sign_detached(updates.folder / "repodata/repomd.xml")
    updates.fail("*.asc", meanwhile(publish))
    taken = take_snapshot(_checked(updates, key("vendor")), str(place.cache))
    head = (updates.folder / "repodata/repomd.xml").read_bytes()
    assert pathlib.Path(taken.path, "repodata/repomd.xml").read_bytes() == head


def _checked(server: Upstream, key: SecretKey) -> Source:
    return Source("updates", url=server.url, gpg_keys=(str(key.public),), repo_gpgcheck=True)


# Ours


def test_what_the_site_signs_is_good_for_whoever_has_its_public_key(
    key: Keys, document: pathlib.Path, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    monkeypatch.setenv("GNUPGHOME", str(key("vendor").home))
    signature = pathlib.Path(sign_file(str(document), key("vendor").user))
    given = tmp_path / "RPM-GPG-KEY-site"
    given.write_text(export_public_key(key("vendor").user))
    assert signature == document.with_name("repomd.xml.asc")
    check_detached_signature(document.read_bytes(), signature.read_bytes(), [str(given)], WHERE)


def test_a_secret_key_that_is_not_there_is_told(key: Keys, document: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setenv("GNUPGHOME", str(key("vendor").home))
    with pytest.raises(CommandError, match=r"nobody@example\.org"):
        sign_file(str(document), "nobody@example.org")
    with pytest.raises(NotFound, match=r"nobody@example\.org"):
        export_public_key("nobody@example.org")
    assert not document.with_name("repomd.xml.asc").exists()
