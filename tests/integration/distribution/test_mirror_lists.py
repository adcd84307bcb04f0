# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Mirror lists and metalinks, compared with dnf, which reads them with librepo."""

from __future__ import annotations

import hashlib
import pathlib
from typing import Iterator, Optional

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import Source
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    DescriptionError,
    NotFound,
    RocksError,
)
from support.distributions import Site
from support.dnf import dnf
from support.rpms import Rpm, repository
from support.upstream import Upstream, status, text, upstream

FOO = Rpm("foo", "1")
BAR = Rpm("bar", "1")


def metalink(
    urls: list[tuple[str, int]], repomd: Optional[bytes] = None, old: Optional[bytes] = None
) -> str:
    """Return a metalink as MirrorManager writes it."""

    def hashes(data: Optional[bytes]) -> str:
        if data is None:
            return ""
        return (
            '<verification><hash type="md5">0</hash>'
            f'<hash type="sha256">{hashlib.sha256(data).hexdigest()}</hash></verification>'
        )

    alternates = (
        f"<mm0:alternates><mm0:alternate>{hashes(old)}</mm0:alternate></mm0:alternates>"
        if old
        else ""
    )
    resources = "".join(
        f'<url protocol="{url.partition(":")[0]}" type="http" preference="{preference}">{url}</url>'
        for url, preference in urls
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<metalink version="3.0" xmlns="http://www.metalinker.org/"'
        ' xmlns:mm0="http://fedorahosted.org/mirrormanager"><files><file name="repomd.xml">'
        f"{hashes(repomd)}{alternates}"
        f'<resources maxconnections="1">{resources}</resources></file></files></metalink>'
    )


@pytest.fixture
def server(tmp_path: pathlib.Path) -> Iterator[Upstream]:
    repository(tmp_path / "www" / "os", [FOO, BAR])
    with upstream(tmp_path / "www") as server:
        yield server


def repomd(server: Upstream, name: str = "os") -> bytes:
    return (server.folder / name / "repodata" / "repomd.xml").read_bytes()


class TestMirrorList:
    @pytest.mark.parametrize("name", ["mirrorlist?arch=x86_64&repo=BaseOS-9", "mirrorlist-9"])
    def test_the_repository_of_a_mirror_is_read(
        self, site: Site, server: Upstream, name: str
    ) -> None:
        lines = f"# repo = baseos-9 arch = x86_64\nrsync://absent/os\n\n  {server.url}/os/ \n"
        server.fail(name.replace("?", "[?]"), text(lines.encode()), times=9)

        result = site.build("rocks", Source("os", url=f"{server.url}/{name}"))

        assert result.generation.packages == {"os": 2}
        assert not site.build("rocks", Source("os", url=f"{server.url}/{name}")).changed

    def test_the_next_mirror_replaces_an_absent_one(self, site: Site, server: Upstream) -> None:
        lines = f"{server.url}/absent\n{server.url}/os\n"
        server.fail("list", text(lines.encode()), times=9)

        assert site.build("rocks", Source("os", url=f"{server.url}/list")).changed

    def test_a_package_that_one_mirror_lacks_is_fetched_from_the_next(
        self, site: Site, server: Upstream, tmp_path: pathlib.Path
    ) -> None:
        repository(tmp_path / "www" / "second", [FOO, BAR])
        lines = f"{server.url}/os\n{server.url}/second\n"
        server.fail("list", text(lines.encode()), times=9)
        server.fail(f"os/Packages/{BAR.filename}", status(404), times=99)

        site.build("rocks", Source("os", url=f"{server.url}/list"))

        assert site.nevras("rocks") == ["bar-0:1-1.noarch", "foo-0:1-1.noarch"]

    def test_all_mirrors_are_in_the_error(self, site: Site, server: Upstream) -> None:
        server.fail("list", text(f"{server.url}/a\n{server.url}/b\n".encode()), times=9)

        with pytest.raises(RocksError, match=r"(?s)/a/repodata.*/b/repodata"):
            site.build("rocks", Source("os", url=f"{server.url}/list"))

    def test_a_list_without_a_usable_mirror(self, site: Site, server: Upstream) -> None:
        server.fail("list", text(b"rsync://mirror.example/os\n"), times=9)

        with pytest.raises(DescriptionError, match="no mirror"):
            site.build("rocks", Source("os", url=f"{server.url}/list"))

    @pytest.mark.parametrize("body", [b"<html>http://a/</html>", b"404 page not found", b"\0\1"])
    def test_other_pages_are_no_lists(self, site: Site, server: Upstream, body: bytes) -> None:
        server.fail("list", text(body), times=9)

        with pytest.raises(NotFound, match="mirror list"):
            site.build("rocks", Source("os", url=f"{server.url}/list"))


class TestMetalink:
    def test_the_preferred_mirror_is_read(self, site: Site, server: Upstream) -> None:
        urls = [
            ("rsync://absent/os/repodata/repomd.xml", 100),
            (f"{server.url}/absent/repodata/repomd.xml", 1),
            (f"{server.url}/os/repodata/repomd.xml", 99),
        ]
        server.fail("metalink*", text(metalink(urls, repomd(server)).encode()), times=9)

        assert site.build("rocks", Source("os", url=f"{server.url}/metalink?repo=os")).changed
        assert not server.requests_for("absent/*")

    def test_an_outdated_mirror_is_not_used(
        self, site: Site, server: Upstream, tmp_path: pathlib.Path
    ) -> None:
        repository(tmp_path / "www" / "outdated", [FOO])
        urls = [
            (f"{server.url}/outdated/repodata/repomd.xml", 99),
            (f"{server.url}/os/repodata/repomd.xml", 1),
        ]
        server.fail("metalink*", text(metalink(urls, repomd(server)).encode()), times=9)

        result = site.build("rocks", Source("os", url=f"{server.url}/metalink?repo=os"))

        assert result.generation.packages == {"os": 2}

    def test_an_older_state_that_the_metalink_lists_is_used(
        self, site: Site, server: Upstream
    ) -> None:
        urls = [(f"{server.url}/os/repodata/repomd.xml", 9)]
        content = metalink(urls, b"newer", old=repomd(server))
        server.fail("metalink*", text(content.encode()), times=9)

        assert site.build("rocks", Source("os", url=f"{server.url}/metalink?repo=os")).changed

    @pytest.mark.parametrize("body", ["<metalink", "<!DOCTYPE a><metalink/>"])
    def test_a_damaged_metalink_is_an_error(self, site: Site, server: Upstream, body: str) -> None:
        server.fail("metalink*", text(body.encode()), times=9)

        with pytest.raises(DescriptionError, match="metalink"):
            site.build("rocks", Source("os", url=f"{server.url}/metalink?repo=os"))


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    places=st.permutations(["rsync://absent/os", "{url}/absent", "{url}/outdated", "{url}/os"]),
    blanks=st.sampled_from(["", " ", "\t", "\n", "# a comment\n"]),
    option=st.sampled_from(["mirrorlist", "metalink"]),
)
def test_dnf_reads_the_same_packages(
    server: Upstream,
    tmp_path_factory: pytest.TempPathFactory,
    places: list[str],
    blanks: str,
    option: str,
) -> None:
    """dnf uses librepo; the outdated mirror counts only in a list, which has no checksums."""
    repository(server.folder / "outdated", [FOO])
    urls = [place.format(url=server.url) for place in places]
    content = "".join(f"{blanks}{url}\n" for url in urls)
    if option == "metalink":
        numbered = [(f"{url}/repodata/repomd.xml", 99 - i) for i, url in enumerate(urls)]
        content = metalink(numbered, repomd(server))
    (server.folder / "list").write_text(content)
    scratch = tmp_path_factory.mktemp("dnf")
    (scratch / "reposdir").mkdir()
    (scratch / "reposdir" / "os.repo").write_text(
        f"[os]\nname = os\n{option} = {server.url}/list\n"
    )
    site = Site(scratch / "site")

    site.build("rocks", Source("os", url=f"{server.url}/list"))
    listed = dnf(scratch, {}, "repoquery", "--qf", "%{name}")

    assert [nevra.partition("-")[0] for nevra in site.nevras("rocks")] == sorted(listed.split())
