# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What empties a distribution, or has no effect, is not published without consent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.build.result import (
    BuildResult,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import Source
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from support.distributions import Site
from support.rpms import Rpm

FOO = Rpm("foo", "1")
BAR = Rpm("bar", "1")
MANY = [Rpm(f"package-{number}") for number in range(10)]


def refused(site: Site, *sources: Source, match: str, **options: Any) -> BuildResult:
    """Check that a build is refused, changes nothing, and is published with consent."""
    before = site.tree("rocks").resolve()
    with pytest.raises(DescriptionError, match=match):
        site.build("rocks", *sources, **options)
    assert site.tree("rocks").resolve() == before
    with pytest.raises(DescriptionError, match=match):
        site.dry_run("rocks", *sources, **options)
    return site.build("rocks", *sources, allow_shrink=True, **options)


class TestLostPackages:
    def test_a_mirror_that_became_empty(self, site: Site) -> None:
        local = site.directory("local", [BAR])
        site.build("rocks", site.mirror("os", [FOO]), local)

        result = refused(site, site.mirror("os", []), local, match=r'source "os".*no packages')

        assert result.changes.removed == ("foo-1-1.noarch",)
        assert any('source "os"' in remark for remark in result.remarks)

    def test_a_folder_that_is_not_mounted(self, site: Site) -> None:
        os_ = site.mirror("os", [FOO])
        site.build("rocks", os_, site.directory("local", [BAR]))

        refused(site, os_, site.directory("local", []), match=r'source "local".*mount')

    def test_a_mirror_that_lost_most_packages(self, site: Site) -> None:
        site.build("rocks", site.mirror("os", MANY))

        refused(site, site.mirror("os", MANY[:4]), match=r'source "os".*has 4 packages, and had 10')

    def test_a_mirror_that_lost_a_few_packages_is_published(self, site: Site) -> None:
        site.build("rocks", site.mirror("os", MANY))

        assert site.build("rocks", site.mirror("os", MANY[:5])).changed

    def test_packages_that_another_source_replaces_are_not_lost(self, site: Site) -> None:
        os_ = site.mirror("os", MANY)
        site.build("rocks", os_)
        newer = [Rpm(rpm.name, "9") for rpm in MANY]

        result = site.build("rocks", os_, site.mirror("updates", newer))

        assert result.generation.packages == {"os": 0, "updates": 10}
        assert site.build("rocks", os_, site.mirror("updates", [*newer, FOO])).changed

    def test_an_intended_choice_of_fewer_packages_is_published(self, site: Site) -> None:
        site.build("rocks", site.mirror("os", MANY))

        assert site.build("rocks", site.mirror("os", MANY, include=("package-1",))).changed

    def test_new_folders_can_be_empty(self, site: Site) -> None:
        assert site.build("rocks", site.mirror("os", [FOO]), site.directory("local", [])).changed

    def test_an_empty_distribution(self, site: Site) -> None:
        refused(site, site.directory("local", []), match="no source has a package")

    def test_consent_is_required_once(self, site: Site) -> None:
        site.build("rocks", site.mirror("os", MANY))
        site.build("rocks", site.mirror("os", []), allow_shrink=True)

        assert not site.build("rocks", site.mirror("os", [])).changed


class TestArchitectures:
    def test_sources_for_another_architecture(self, site: Site) -> None:
        arm = site.directory("arm", [Rpm("a", arch="aarch64"), Rpm("b", arch="aarch64")])

        refused(site, site.mirror("os", [FOO]), arm, match=r'source "arm".*x86_64.*aarch64: 2')

    def test_sources_with_only_source_packages(self, site: Site) -> None:
        srpms = site.directory("srpms", [Rpm("a", source=True)])

        refused(site, site.mirror("os", [FOO]), srpms, match=r'source "srpms".*source packages: 1')

    def test_left_out_packages_are_counted(self, site: Site) -> None:
        rpms = [FOO, Rpm("a", source=True), Rpm("b", arch="aarch64"), Rpm("c", arch="aarch64")]
        os_ = site.mirror("os", rpms)

        for _number in range(2):
            (remark,) = [
                remark for remark in site.build("rocks", os_).remarks if "aarch64" in remark
            ]
            assert 'source "os"' in remark
            assert "aarch64: 2, source packages: 1" in remark

    @pytest.mark.parametrize(
        ("arch", "hint"),
        [("amd64", "x86_64"), ("arm64", "aarch64"), ("AMD64", "x86_64"), ("z80", "s390x")],
    )
    def test_an_unknown_architecture(self, site: Site, arch: str, hint: str) -> None:
        with pytest.raises(DescriptionError, match=f'"{arch}".*{hint}'):
            site.build("rocks", site.mirror("os", [FOO]), arch=arch)
        assert not site.root.exists()


class TestPatterns:
    @pytest.mark.parametrize("option", ["include", "exclude", "wins"])
    def test_a_misspelt_pattern(self, site: Site, option: str) -> None:
        os_ = site.mirror("os", [Rpm("kernel"), FOO], **{option: ("kernal*", "foo")})

        refused(site, os_, match=rf'"kernal\*" of {option}.*did you mean kernel')

    @pytest.mark.parametrize("pattern", ["foo", "foo.noarch", "foo-1-1.noarch", "foo-0:1-*"])
    def test_every_form_of_a_name_matches(self, site: Site, pattern: str) -> None:
        result = site.build("rocks", site.mirror("os", [FOO, BAR], exclude=(pattern,)))

        assert site.nevras("rocks") == ["bar-0:1-1.noarch"]
        assert not any(pattern in remark for remark in result.remarks)

    @pytest.mark.parametrize("option", ["exclude", "wins"])
    def test_a_guard_against_packages_of_other_sources_is_a_remark(
        self, site: Site, option: str
    ) -> None:
        local = site.directory("local", [BAR], **{option: ("foo",)})

        for _number in range(2):
            result = site.build("rocks", site.mirror("os", [FOO]), local)
            assert any(f'"foo" of {option}' in remark for remark in result.remarks)

    def test_a_pattern_of_which_the_last_package_disappears_is_a_remark(self, site: Site) -> None:
        site.build("rocks", site.mirror("os", [*MANY, FOO], exclude=("foo",)))

        result = site.build("rocks", site.mirror("os", [*MANY, BAR], exclude=("foo",)))

        assert any('"foo" of exclude' in remark for remark in result.remarks)

    def test_a_misspelt_install_only_pattern(self, site: Site) -> None:
        os_ = site.mirror("os", [FOO])

        refused(site, os_, match='"kernal" of install_only', install_only=("kernal",))


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    numbers=st.lists(st.sets(st.integers(0, 9), min_size=1), min_size=2, max_size=4),
    others=st.sets(st.integers(10, 14)),
)
def test_a_build_that_is_not_refused_keeps_half_of_the_packages(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[set[int]], others: set[int]
) -> None:
    """The counts of incremental builds are those of the mirror, whatever was built before."""
    site = Site(tmp_path_factory.mktemp("site"))
    foreign = [Rpm(f"package-{number}", arch="s390x") for number in sorted(others)]
    published = 0
    for step in numbers:
        rpms = [Rpm(f"package-{number}") for number in sorted(step)]
        mirror = site.mirror("os", [*rpms, *foreign])
        try:
            site.build("rocks", mirror)
        except DescriptionError:
            assert len(rpms) * 2 < published
        else:
            assert len(rpms) * 2 >= published
            published = len(rpms)
