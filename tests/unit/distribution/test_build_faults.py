"""Bad input and broken sources: each is named, and what is published stays as it is."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import shutil

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.storage import pool
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    Conflict,
    DescriptionError,
    NotFound,
    Unavailable,
)
from support.distributions import Site, content
from support.packages import BASH, GLIBC, ROCKS
from support.rpms import Rpm, image, write


class TestBadInput:
    """Each is named, and what is published stays as it is."""

    def untouched(
        self,
        site: Site,
        error: type[Exception],
        complaint: str,
        *sources: object,
        **options: object,
    ) -> None:
        before = content(site.tree("rocks"))
        with pytest.raises(error, match=complaint):
            site.build("rocks", *sources, **options)  # type: ignore[arg-type]
        assert content(site.tree("rocks")) == before

    @pytest.fixture(autouse=True)
    def published(self, site: Site) -> None:
        site.build("rocks", site.mirror("os", [BASH]))

    def test_two_sources_that_disagree_on_a_nevra(self, site: Site) -> None:
        other = dataclasses.replace(BASH, variant="other")

        self.untouched(
            site, Conflict, r'bash-5\.1\.8-6\.el9\.x86_64: "os" \([0-9a-f]{12}…\) and "updates" \([0-9a-f]{12}…\)',
            site.mirror("os", [BASH]), site.mirror("updates", [other]),
        )  # fmt: skip

    def test_a_package_that_is_not_what_its_metadata_promise(self, site: Site) -> None:
        os_ = site.mirror("os", [BASH, GLIBC])
        path = pathlib.Path(os_.path) / "Packages" / GLIBC.filename
        path.write_bytes(image(dataclasses.replace(GLIBC, variant="other")))

        self.untouched(
            site, DescriptionError, rf"{path}: its sha256 is .*…, the metadata promises", os_
        )

    def test_a_package_that_is_gone(self, site: Site) -> None:
        os_ = site.mirror("os", [BASH, GLIBC])
        (pathlib.Path(os_.path) / "Packages" / GLIBC.filename).unlink()

        self.untouched(
            site, DescriptionError, r"glibc.*\.rpm: no such file; the metadata names it", os_
        )

    def test_metadata_that_are_not_what_repomd_promises(self, site: Site) -> None:
        os_ = site.mirror("os", [BASH, GLIBC])
        (primary,) = (pathlib.Path(os_.path) / "repodata").glob("*-primary.xml.zst")
        primary.write_bytes(primary.read_bytes()[:-1])

        self.untouched(
            site, DescriptionError, r"-primary\.xml\.zst: it has .* bytes and not the checksum", os_
        )

    def test_metadata_that_lie_about_their_size(self, site: Site) -> None:
        os_ = site.mirror("os", [BASH, GLIBC])
        repomd = pathlib.Path(os_.path) / "repodata" / "repomd.xml"
        text = repomd.read_text()
        begin = text.index("<open-size>") + len("<open-size>")
        repomd.write_text(f"{text[:begin]}9{text[begin:]}")

        self.untouched(
            site,
            DescriptionError,
            r'source "os", its .* metadata: expands to .* bytes, repomd',
            os_,
        )

    @pytest.mark.parametrize("gone", ["mirror", "directory"])
    def test_a_source_that_is_gone(self, site: Site, gone: str) -> None:
        source = getattr(site, gone)("gone")
        shutil.rmtree(source.path)

        self.untouched(site, NotFound, r'source "gone" \(', source)

    def test_every_source_that_is_gone_is_told_at_once(self, site: Site) -> None:
        gone = [site.mirror("first"), site.mirror("os", [BASH]), site.directory("last")]
        for source in (gone[0], gone[2]):
            shutil.rmtree(source.path)

        self.untouched(
            site,
            NotFound,
            r'2 errors, nothing was changed:\n  source "first" .*\n  source "last" ',
            *gone,
        )

    def test_a_full_disk(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(path: str, *_arguments: object) -> None:
            raise OSError(28, "No space left on device", path)

        os_ = site.mirror("os", [BASH, GLIBC])
        monkeypatch.setattr(os, "link", full)

        self.untouched(
            site, Unavailable, r'No space left on device while distribution "rocks" was built', os_
        )

    def test_a_source_that_changes_all_the_time(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        local = site.directory("local", [ROCKS])
        number = 0

        def meddle(*arguments: object, **options: object) -> object:
            nonlocal number
            number += 1
            write(Rpm(f"extra-{number}"), local.path)
            return linked(*arguments, **options)  # type: ignore[arg-type]

        linked = pool.create_set
        monkeypatch.setattr(pool, "create_set", meddle)

        self.untouched(
            site, Unavailable, "it changed while the distribution was built; run again", local
        )
