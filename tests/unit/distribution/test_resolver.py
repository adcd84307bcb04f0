"""The rules that choose the packages of a distribution (paper, 6.2.1)."""

from __future__ import annotations

import random
from typing import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.evr import evr_key, parse_evr
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import (
    Package,
    Policy,
    Resolution,
    Source,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.resolve.resolver import (
    check_pins,
    resolve_packages,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.resolve.rules import (
    build_rules,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import NotFound

DEFAULT_POLICY = Policy()
SOURCES = (Source("os"), Source("updates"), Source("local", "directory"))


def rpm(nevra: str, source: str = "os", content: str = "") -> Package:
    """Return a package; files of one NEVRA differ in ``content``."""
    stem, _dot, arch = nevra.rpartition(".")
    name, version, release = stem.rsplit("-", 2)
    evr = parse_evr(f"{version}-{release}")
    checksum = (content or nevra).encode().hex()[:64].ljust(64, "0")
    return Package(
        name=name,
        arch=arch,
        epoch=evr.epoch,
        version=evr.version,
        release=evr.release,
        checksum=checksum,
        checksum_type="sha256",
        size=100,
        location=f"Packages/{nevra}.rpm",
        source=source,
    )


def resolve(
    *packages: Package,
    sources: Sequence[Source] = SOURCES,
    policy: Policy = DEFAULT_POLICY,
) -> Resolution:
    return resolve_packages(packages, build_rules(policy, sources))


def chosen(resolution: Resolution) -> list[tuple[str, str]]:
    return [(package.nevra, package.source) for package in resolution.chosen_packages]


def reasons(resolution: Resolution) -> dict[str, str]:
    return {verdict.package.nevra: verdict.reason for verdict in resolution.verdicts}


def test_a_distribution_only_includes_the_most_recent_software() -> None:
    resolution = resolve(
        rpm("bash-5.1-6.x86_64"), rpm("bash-5.1-9.x86_64", "updates"), rpm("zsh-5.8-9.x86_64")
    )

    assert chosen(resolution) == [("bash-5.1-9.x86_64", "updates"), ("zsh-5.8-9.x86_64", "os")]
    assert reasons(resolution)["bash-5.1-6.x86_64"] == 'older than 5.1-9 of source "updates"'


def test_a_package_rebuilt_later_does_not_beat_a_newer_version() -> None:
    rebuilt = rpm("glibc-2.34-99.x86_64", "local")

    assert chosen(resolve(rpm("glibc-2.34-100.x86_64", "updates"), rebuilt)) == [
        ("glibc-2.34-100.x86_64", "updates")
    ]


def test_an_epoch_decides_although_no_file_name_shows_it() -> None:
    resolution = resolve(rpm("nginx-2:1.20.1-14.x86_64"), rpm("nginx-1.24.0-4.x86_64", "updates"))

    assert chosen(resolution) == [("nginx-2:1.20.1-14.x86_64", "os")]


def test_two_architectures_do_not_compete() -> None:
    resolution = resolve(rpm("glibc-2.34-100.x86_64"), rpm("glibc-2.34-99.i686"))

    assert [nevra for nevra, _source in chosen(resolution)] == [
        "glibc-2.34-99.i686",
        "glibc-2.34-100.x86_64",
    ]


def test_two_versions_that_cannot_be_installed_side_by_side_give_a_remark() -> None:
    resolution = resolve(rpm("usbguard-1.0-15.x86_64"), rpm("usbguard-1.0-8.i686"))

    (remark,) = resolution.remarks
    assert remark.startswith("usbguard-1.0-8.i686 and usbguard-1.0-15.x86_64 cannot")


class TestBetweenNoarchAndAnArchitecture:
    OLD = "containers-common-1-21.noarch"
    NEW = "containers-common-1-110.x86_64"

    def test_both_packages_stay_with_a_remark(self) -> None:
        resolution = resolve(rpm(self.OLD), rpm(self.NEW))

        assert [nevra for nevra, _source in chosen(resolution)] == [self.OLD, self.NEW]
        (remark,) = resolution.remarks
        assert remark.startswith(f"{self.OLD} is older than {self.NEW}: ")

    def test_drop_stale_drops_the_older_package(self) -> None:
        resolution = resolve(rpm(self.OLD), rpm(self.NEW), policy=Policy(drop_stale=True))

        assert [nevra for nevra, _source in chosen(resolution)] == [self.NEW]
        assert reasons(resolution)[self.OLD] == "replaced by 1-110, which is x86_64"
        assert resolution.remarks == ()

    def test_drop_stale_drops_an_older_package_of_an_architecture(self) -> None:
        resolution = resolve(
            rpm("ukify-252-45.x86_64"), rpm("ukify-252-49.noarch"), policy=Policy(drop_stale=True)
        )

        assert [nevra for nevra, _source in chosen(resolution)] == ["ukify-252-49.noarch"]


@pytest.mark.parametrize(
    ("nevra", "reason"),
    [
        pytest.param("bash-5.1-6.src", "a source package", id="source packages"),
        pytest.param("bash-5.1-6.aarch64", "not for x86_64", id="another architecture"),
    ],
)
def test_a_package_that_no_node_can_install_is_left_out(nevra: str, reason: str) -> None:
    resolution = resolve(rpm(nevra))

    assert (chosen(resolution), reasons(resolution)) == ([], {nevra: reason})


class TestTwoFilesOfOneNevra:
    FIRST = rpm("foo-1-1.noarch", "os", "first")
    SECOND = rpm("foo-1-1.noarch", "updates", "second")

    def test_sources_of_equal_priority_leave_the_pair_undecided(self) -> None:
        resolution = resolve(self.FIRST, self.SECOND)

        assert [(clash.winner, clash.loser) for clash in resolution.undecided] == [
            (self.FIRST, self.SECOND)
        ]

    def test_the_directory_of_the_site_wins_over_upstream_with_a_clash(self) -> None:
        local = rpm("foo-1-1.noarch", "local", "ours")

        resolution = resolve(self.FIRST, local)

        assert chosen(resolution) == [("foo-1-1.noarch", "local")]
        assert [(clash.winner, clash.loser) for clash in resolution.clashes] == [
            (local, self.FIRST)
        ]
        assert not resolution.undecided

    def test_a_lower_priority_number_is_preferred_as_in_dnf(self) -> None:
        sources = (Source("os", priority=50), Source("updates", priority=40))

        assert chosen(resolve(self.FIRST, self.SECOND, sources=sources)) == [
            ("foo-1-1.noarch", "updates")
        ]

    def test_priority_does_not_beat_a_newer_version(self) -> None:
        sources = (Source("os", priority=1), Source("updates", priority=99))

        resolution = resolve(self.FIRST, rpm("foo-1-2.noarch", "updates"), sources=sources)

        assert chosen(resolution) == [("foo-1-2.noarch", "updates")]

    def test_the_same_file_in_two_sources_is_not_a_clash(self) -> None:
        resolution = resolve(self.FIRST, self.FIRST._replace(source="updates"))

        assert chosen(resolution) == [("foo-1-1.noarch", "os")]
        assert not resolution.clashes
        assert not resolution.undecided

    def test_files_with_checksums_of_two_algorithms_are_compared_by_size(self) -> None:
        other = self.SECOND._replace(checksum="f" * 128, checksum_type="sha512")

        assert not resolve(self.FIRST, other).undecided
        assert resolve(self.FIRST, other._replace(size=101)).undecided


class TestPins:
    VERSIONS = (
        rpm("slurm-23.2-1.x86_64"),
        rpm("slurm-22.5-1.x86_64", "updates"),
        rpm("slurm-1:20.1-1.x86_64"),
    )

    @pytest.mark.parametrize(
        ("pin", "nevra"),
        [
            pytest.param("22.5", "slurm-22.5-1.x86_64", id="a version"),
            pytest.param("22.5-1", "slurm-22.5-1.x86_64", id="version and release"),
            pytest.param("1:20.1-1", "slurm-1:20.1-1.x86_64", id="with an epoch"),
            pytest.param("20.1", "slurm-1:20.1-1.x86_64", id="without the epoch"),
        ],
    )
    def test_a_pinned_version_stays_although_newer_ones_exist(self, pin: str, nevra: str) -> None:
        resolution = resolve(*self.VERSIONS, policy=Policy(pins={"slurm": pin}))

        assert [name for name, _source in chosen(resolution)] == [nevra]
        assert set(reasons(resolution).values()) == {f"pinned to {pin}"}

    def test_a_pin_on_a_missing_version_is_an_error_with_the_available_versions(self) -> None:
        with pytest.raises(NotFound) as raised:
            resolve(*self.VERSIONS, policy=Policy(pins={"slurm": "24.1"}))

        assert '"24.1"' in raised.value.what
        assert raised.value.hint.endswith("1:20.1-1, 23.2-1, 22.5-1")

    def test_a_pin_on_an_unknown_package_is_an_error_with_similar_names(self) -> None:
        with pytest.raises(NotFound, match=r'"slrum".*slurm\?'):
            check_pins(["slrum"], ["bash", "slurm"])


def test_a_source_wins_a_name_with_an_older_version() -> None:
    sources = (Source("os"), Source("local", "directory", wins=("kernel*",)))

    resolution = resolve(
        rpm("kernel-5.14-70.x86_64"),
        rpm("kernel-5.14-1.site.x86_64", "local"),
        rpm("bash-5-2.noarch"),
        rpm("bash-5-1.noarch", "local"),
        sources=sources,
    )

    assert chosen(resolution) == [("bash-5-2.noarch", "os"), ("kernel-5.14-1.site.x86_64", "local")]
    assert reasons(resolution)["kernel-5.14-70.x86_64"] == 'source "local" wins this name'


def test_install_only_packages_stay_up_to_the_limit() -> None:
    kernels = [rpm(f"kernel-core-5.14-{build}.x86_64") for build in (70, 80, 90)]

    resolution = resolve(*kernels, policy=Policy(install_only_limit=2))

    assert [nevra for nevra, _source in chosen(resolution)] == [
        "kernel-core-5.14-90.x86_64",
        "kernel-core-5.14-80.x86_64",
    ]


def test_one_kernel_stays_by_default() -> None:
    kernels = [rpm(f"kernel-core-5.14-{build}.x86_64") for build in (70, 80)]

    assert [nevra for nevra, _source in chosen(resolve(*kernels))] == ["kernel-core-5.14-80.x86_64"]


def test_every_version_stays_when_the_policy_is_all() -> None:
    resolution = resolve(rpm("a-1-1.noarch"), rpm("a-2-1.noarch"), policy=Policy(versions="all"))

    assert [nevra for nevra, _source in chosen(resolution)] == ["a-2-1.noarch", "a-1-1.noarch"]


@pytest.mark.parametrize(
    "glob",
    [
        pytest.param("kernel-debug*", id="a name"),
        pytest.param("kernel-debug.x86_64", id="a name with its architecture"),
        pytest.param("kernel-debug-5.14-*", id="a NEVRA"),
        pytest.param("kernel-debug-0:5.14-70.x86_64", id="a NEVRA with its epoch"),
    ],
)
def test_globs_include_and_exclude_packages(glob: str) -> None:
    packages = (rpm("kernel-debug-5.14-70.x86_64"), rpm("bash-5-1.noarch"))

    without = resolve(*packages, sources=[Source("os", exclude=(glob,))])
    only = resolve(*packages, sources=[Source("os", include=(glob,))])

    assert chosen(without) == [("bash-5-1.noarch", "os")]
    assert chosen(only) == [("kernel-debug-5.14-70.x86_64", "os")]
    assert reasons(without)["kernel-debug-5.14-70.x86_64"] == 'excluded by source "os"'
    assert reasons(only)["bash-5-1.noarch"] == 'not included by source "os"'


def test_a_package_that_one_source_excludes_can_come_from_another() -> None:
    resolution = resolve(
        rpm("a-2-1.noarch", "updates"),
        rpm("a-1-1.noarch"),
        sources=(Source("os"), Source("updates", exclude=("a",))),
    )

    assert chosen(resolution) == [("a-1-1.noarch", "os")]


def test_every_candidate_gets_a_verdict() -> None:
    packages = [
        rpm("a-1-1.noarch"),
        rpm("a-1-1.noarch", "updates"),
        rpm("a-1-1.src"),
        rpm("a-2-1.noarch"),
    ]

    assert len(resolve(*packages).verdicts) == len(packages)


NAMES = st.sampled_from("ab")
ARCHES = st.sampled_from(["noarch", "x86_64", "i686", "src"])
PACKAGES = st.lists(
    st.builds(
        lambda name, version, arch, source: rpm(
            f"{name}-{version}-1.{arch}", source, f"{name}{version}{arch}"
        ),
        NAMES,
        st.sampled_from(["1", "1~rc1", "1^git", "2", "1:0"]),
        ARCHES,
        st.sampled_from(["os", "updates", "local"]),
    ),
    max_size=12,
)


@given(PACKAGES, st.randoms())
def test_the_order_of_the_candidates_does_not_matter(
    packages: list[Package], chance: random.Random
) -> None:
    shuffled = packages[:]
    chance.shuffle(shuffled)

    assert resolve(*shuffled) == resolve(*packages)


@given(PACKAGES)
def test_no_chosen_package_is_older_than_another_candidate_of_its_name_and_architecture(
    packages: list[Package],
) -> None:
    resolution = resolve(*packages)

    for winner in resolution.chosen_packages:
        rivals = [
            package
            for package in packages
            if (package.name, package.arch) == (winner.name, winner.arch)
        ]
        assert evr_key(winner.evr) == max(evr_key(rival.evr) for rival in rivals)


@given(PACKAGES)
def test_resolving_the_chosen_packages_again_changes_nothing(packages: list[Package]) -> None:
    winners = resolve(*packages).chosen_packages

    assert resolve(*winners).chosen_packages == winners
