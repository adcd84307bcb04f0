"""Faulty input and broken sources: an error names each, and the published tree is unchanged."""

from __future__ import annotations

import dataclasses
import itertools
import os
import pathlib
import shutil
from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import Source
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


class TestFaultyInput:
    def assert_refused(
        self,
        site: Site,
        error: type[Exception],
        pattern: str,
        *sources: Source,
    ) -> None:
        """Check the error, and that the published tree is unchanged."""
        before = content(site.tree("rocks"))
        with pytest.raises(error, match=pattern):
            site.build("rocks", *sources)
        assert content(site.tree("rocks")) == before

    @pytest.fixture(autouse=True)
    def publish_a_generation(self, site: Site) -> None:
        site.build("rocks", site.mirror("os", [BASH]))

    def test_different_packages_of_one_nevra_and_equal_priority_are_refused(
        self, site: Site
    ) -> None:
        other = dataclasses.replace(BASH, variant="other")

        self.assert_refused(
            site,
            Conflict,
            r'bash-5\.1\.8-6\.el9\.x86_64: "os" \([0-9a-f]{12}…\) and "updates" \([0-9a-f]{12}…\)',
            site.mirror("os", [BASH]),
            site.mirror("updates", [other]),
        )

    def test_a_package_with_another_checksum_than_in_the_metadata_is_refused(
        self, site: Site
    ) -> None:
        os_ = site.mirror("os", [BASH, GLIBC])
        path = pathlib.Path(os_.path) / "Packages" / GLIBC.filename
        path.write_bytes(image(dataclasses.replace(GLIBC, variant="other")))

        self.assert_refused(site, DescriptionError, rf"{path}: .*sha256", os_)

    def test_a_missing_package_is_refused(self, site: Site) -> None:
        os_ = site.mirror("os", [BASH, GLIBC])
        (pathlib.Path(os_.path) / "Packages" / GLIBC.filename).unlink()

        self.assert_refused(site, DescriptionError, r"glibc.*\.rpm: ", os_)

    def test_metadata_with_another_checksum_than_in_repomd_is_refused(self, site: Site) -> None:
        os_ = site.mirror("os", [BASH, GLIBC])
        (primary,) = (pathlib.Path(os_.path) / "repodata").glob("*-primary.xml.zst")
        primary.write_bytes(primary.read_bytes()[:-1])

        self.assert_refused(site, DescriptionError, r"-primary\.xml\.zst: .*checksum", os_)

    def test_metadata_with_another_size_than_in_repomd_is_refused(self, site: Site) -> None:
        os_ = site.mirror("os", [BASH, GLIBC])
        repomd = pathlib.Path(os_.path) / "repodata" / "repomd.xml"
        text = repomd.read_text()
        begin = text.index("<open-size>") + len("<open-size>")
        repomd.write_text(f"{text[:begin]}9{text[begin:]}")

        self.assert_refused(site, DescriptionError, r'source "os".*: .* bytes', os_)

    @pytest.mark.parametrize("kind", ["mirror", "directory"])
    def test_a_missing_source_is_refused(self, site: Site, kind: str) -> None:
        source = getattr(site, kind)("missing")
        shutil.rmtree(source.path)

        self.assert_refused(site, NotFound, r'source "missing" \(', source)

    def test_one_error_lists_all_missing_sources(self, site: Site) -> None:
        sources = [site.mirror("first"), site.mirror("os", [BASH]), site.directory("last")]
        for source in (sources[0], sources[2]):
            shutil.rmtree(source.path)

        self.assert_refused(site, NotFound, r'\n  source "first" .*\n  source "last" ', *sources)

    def test_a_full_disk_is_an_error_with_the_name_of_the_distribution(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail_disk_full(path: str, *_arguments: object) -> None:
            raise OSError(28, "No space left on device", path)

        os_ = site.mirror("os", [BASH, GLIBC])
        monkeypatch.setattr(os, "link", fail_disk_full)

        self.assert_refused(site, Unavailable, r'No space left on device .*"rocks"', os_)

    def test_a_source_that_changes_during_each_build_is_refused(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        local = site.directory("local", [ROCKS])
        numbers = itertools.count()
        create_set = pool.create_set

        def add_package(*arguments: Any) -> None:
            write(Rpm(f"extra-{next(numbers)}"), local.path)
            create_set(*arguments)

        monkeypatch.setattr(pool, "create_set", add_package)

        self.assert_refused(site, Unavailable, r'^source "local" .*changed', local)
