"""Two fingerprints have the same digest if and only if the two kickstarts are equal."""

from __future__ import annotations

import pathlib

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    compile_profile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.model import Profile
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.fingerprint import (
    DIGEST,
    MAX_SHOWN,
    fingerprint,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.render import render
from support.kickstarts import single_node_tree

# Few values and texts, so that equal kickstarts are frequent: also of different profiles, such as
# `UTC` in the XML and `&zone;` with the value UTC.
VALUES = st.fixed_dictionaries(
    {"zone": st.sampled_from(["UTC", "CET"])},
    optional={name: st.sampled_from(["yes", "no"]) for name in ("x", "free")},
)
PARTS = st.lists(
    st.sampled_from(
        [
            "<main><timezone>&zone;</timezone></main>",
            "<main><timezone>UTC</timezone></main>",
            '<main cond="x"><reboot/></main>',
            "<main><reboot/></main>",
            "<package>gcc</package>",
            '<package cond="not x">gcc</package>',
            "<post>echo &zone;</post>",
            "<post>echo UTC</post>",
            "\n",
            "<description>another line</description>",
        ]
    ),
    max_size=3,
).map("".join)


def compile_text(folder: pathlib.Path, text: str, values: dict[str, str]) -> Profile:
    return compile_profile(single_node_tree(folder, text), "compute", values, "rhel9")


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(PARTS, VALUES, PARTS, VALUES)
def test_digests_are_equal_if_and_only_if_the_kickstarts_are(
    tmp_path: pathlib.Path,
    text: str,
    values: dict[str, str],
    other_text: str,
    other_values: dict[str, str],
) -> None:
    profile = compile_text(tmp_path, text, values)
    other = compile_text(tmp_path, other_text, other_values)
    equal = render(profile, values) == render(other, other_values)
    one = fingerprint(profile, values)
    two = fingerprint(other, other_values)
    assert (one.kickstart == two.kickstart) == equal
    # A difference always has an explanation.
    assert equal or (one.profile, one.values) != (two.profile, two.values)


def test_a_moved_line_of_the_xml_changes_nothing(tmp_path: pathlib.Path) -> None:
    text = "<main><timezone>UTC</timezone></main>"
    one = fingerprint(compile_text(tmp_path, text, {}), {})
    assert one == fingerprint(compile_text(tmp_path, f"\n<!-- -->\n{text}", {}), {})


def test_only_values_that_the_kickstart_uses_count(tmp_path: pathlib.Path) -> None:
    text = '<main cond="gpu"><reboot/></main><main><timezone>&zone;</timezone></main>'
    values = {"zone": "UTC", "free": "1"}
    profile = compile_text(tmp_path, text, values)
    assert fingerprint(profile, values).values == {"zone": "UTC"}
    values["gpu"] = "yes"
    profile = compile_text(tmp_path, text, values)
    assert fingerprint(profile, values).values == {"zone": "UTC", "gpu": "yes"}


def test_a_long_value_is_kept_as_its_digest(tmp_path: pathlib.Path) -> None:
    text = "<post>echo '&key;'</post>"
    values = {"key": "k" * (MAX_SHOWN + 1)}
    shown = fingerprint(compile_text(tmp_path, text, values), values).values["key"]
    assert shown.startswith(DIGEST) and len(shown) < MAX_SHOWN
