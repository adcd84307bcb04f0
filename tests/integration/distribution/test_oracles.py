"""Resolution and version order equal those of dnf and librpm on real data."""

from __future__ import annotations

import ctypes
import pathlib
import random
import re
import shutil

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.evr import version_key
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.metadata import (
    compression,
    module_documents,
    slices,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import (
    Package,
    Policy,
    Source,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.resolve import (
    module_choice,
    module_streams,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.resolve.resolver import (
    resolve_packages,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.resolve.rules import (
    build_rules,
)
from support.distributions import Site
from support.dnf import dnf
from support.samples import sample

CS9 = Source("cs9")
NEVRA = "%{name}-%{epoch}:%{version}-%{release}.%{arch}"


def read(pattern: str) -> bytes:
    (path,) = (sample("cs9-appstream") / "repodata").glob(pattern)
    return compression.decompress(path.read_bytes(), str(path))


def compare(left: str, right: str) -> int:
    """Return -1, 0 or 1, as rpmvercmp does."""
    left_key = version_key(left)
    right_key = version_key(right)
    return (left_key > right_key) - (left_key < right_key)


@pytest.fixture(scope="module")
def cs9() -> list[Package]:
    """The 17,649 packages of CentOS Stream 9 AppStream."""
    packages = slices.slice_primary(read("*-primary.xml.gz"), "cs9", "primary").packages
    assert len(packages) == 17_649
    return packages


def test_without_modules_the_chosen_packages_are_those_of_dnf(
    cs9: list[Package], tmp_path: pathlib.Path
) -> None:
    """Compare with dnf repoquery --latest-limit=1, in a copy without modules in its repomd.xml."""
    copy = tmp_path / "cs9"
    shutil.copytree(sample("cs9-appstream"), copy, copy_function=shutil.copyfile)
    repomd = copy / "repodata" / "repomd.xml"
    repomd.chmod(0o644)
    repomd.write_text(repomd.read_text().replace('type="modules"', 'type="ignored"'))

    output = dnf(
        tmp_path / "dnf", {"cs9": copy.as_uri()}, "repoquery", "--latest-limit=1", "--qf", NEVRA
    )

    winners = resolve_packages(cs9, build_rules(Policy(), [CS9])).chosen_packages
    chosen = {f"{rpm.name}-{rpm.epoch}:{rpm.version}-{rpm.release}.{rpm.arch}" for rpm in winners}
    assert len(chosen) == 5_866
    assert chosen == set(output.split())


def test_with_modules_the_chosen_packages_are_those_of_dnf_reposync(
    cs9: list[Package], tmp_path: pathlib.Path
) -> None:
    """Compared by location, because no file name shows the epoch."""
    output = dnf(
        tmp_path / "dnf",
        {"cs9": sample("cs9-appstream").as_uri()},
        "reposync", "--repoid=cs9", "--newest-only", "--urls", "-p", str(tmp_path / "nothing"),
        options=["module_platform_id=platform:el9"],
    )  # fmt: skip

    file = module_documents.parse_modules(read("*-modules.yaml.xz"), "cs9", "modules.yaml")
    rules = build_rules(Policy(), [CS9])
    choice = module_choice.choose_modules(
        module_streams.ModuleInputs(file.documents), cs9, (), rules
    )
    rules = build_rules(Policy(), [CS9], choice.streams)
    winners = resolve_packages(cs9, rules).chosen_packages
    assert file.remarks == [] and choice.remarks == ()
    fetched_by_dnf = {line.rpartition("/")[2] for line in output.split()}
    assert len(winners) == 6_124
    assert {package.location.rpartition("/")[2] for package in winners} == fetched_by_dnf


def test_check_mode_resolves_the_whole_sample_from_its_metadata(site: Site) -> None:
    """The sample has 17,649 packages and 15 streams, but no file lists and no RPMs."""
    source = Source("cs9", path=str(sample("cs9-appstream")))

    planned = site.dry_run("rocks", source, closure="off")

    assert planned.generation.packages == {"cs9": 6_124}
    assert len(planned.verdicts()) == 17_649
    assert (
        site.dry_run("rocks", source, closure="off").generation.identity
        == planned.generation.identity
    )


@pytest.fixture(scope="module")
def rpmvercmp() -> ctypes._NamedFuncPointer:
    """Return the comparison function of librpm."""
    library = next(path for path in sorted(pathlib.Path("/usr").glob("lib*/**/librpmio.so.*")))
    function = ctypes.CDLL(str(library)).rpmvercmp
    function.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
    return function


def test_real_and_random_versions_compare_as_in_librpm(
    cs9: list[Package], rpmvercmp: ctypes._NamedFuncPointer
) -> None:
    chance = random.Random(20)
    real = sorted({text for package in cs9 for text in (package.version, package.release)})
    pairs = [(chance.choice(real), chance.choice(real)) for _ in range(20_000)]
    pairs += [(text, _mutate(text, chance)) for text in chance.choices(real, k=20_000)]
    pairs += [(_random_version(chance), _random_version(chance)) for _ in range(60_000)]

    different = [
        pair for pair in pairs if compare(*pair) != rpmvercmp(pair[0].encode(), pair[1].encode())
    ]

    assert different == []


ALPHABET = "0019aZz~^.-_+%"


def _random_version(chance: random.Random) -> str:
    return "".join(chance.choices(ALPHABET, k=chance.randrange(9)))


def _mutate(text: str, chance: random.Random) -> str:
    position = chance.randrange(len(text) + 1)
    return text[:position] + chance.choice(ALPHABET) + text[position + chance.randrange(2) :]


# Test cases of rpm for the rules in rpm-version(7); the expected order comes from rpm.
VECTORS = """
1.0 1.0|1.0 2.0|2.0.1 2.0.1a|5.5p1 5.5p10|10xyz 10.1xyz|xyz10 xyz10.1|xyz.4 8|5.5p2 5.6p1
5.6p1 6.5p1|6.0.rc1 6.0|10b2 10a1|1.0aa 1.0a|10.0001 10.1|10.0001 10.0039|4.999.9 5.0
20101121 20101122|2_0 2.0|a a+|a+ a_|+ _|1.0~rc1 1.0|1.0~rc1 1.0~rc2|1.0~rc1~git123 1.0~rc1
1.0^ 1.0|1.0^git1 1.01|1.0^20160101 1.0.1|1.0^20160102 1.0^20160101^git1|1.0~rc1^git1 1.0~rc1
1.0^git1~pre 1.0^git1|fc4 fc.4|FC5 fc4|2a 2.0|2.0 2.0.1|1b.fc17 1.fc17|1g.fc17 1.fc17
"""


@pytest.mark.parametrize("pair", re.split(r"[|\n]", VECTORS.strip()))
def test_the_documented_cases_of_rpm_compare_as_in_rpm(pair: str) -> None:
    first, second = pair.split()
    script = f"%{{lua:print(rpm.vercmp('{first}', '{second}'))}}"

    output = process.run(["rpm", "--eval", script], timeout=30).stdout.strip()

    assert compare(first, second) == int(output)
