# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The boot menu is one text for BIOS and UEFI, quoted for GRUB's shell."""

from __future__ import annotations

import dataclasses
import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.media.boot_menu import (
    Entry,
    Menu,
    check,
    render,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError

KERNEL = "images/pxeboot/vmlinuz"
INITRD = "images/pxeboot/initrd.img"
COMPUTE = Entry("Install a compute node", url="http://10.1.1.1/rocks/kickstart")
FRONTEND = Entry("Install the frontend", kickstart="text\n", arguments=("inst.text",))


def test_one_cd_installs_the_frontend_and_starts_compute_nodes_as_in_the_paper() -> None:
    menu = Menu("ROCKS", (COMPUTE, FRONTEND))
    assert (
        render(menu, KERNEL, INITRD)
        == """\
search --no-floppy --set=root --label ROCKS
set default=0
set timeout=60
menuentry 'Install a compute node' {
    linux /images/pxeboot/vmlinuz inst.stage2=hd:LABEL=ROCKS \
inst.ks=http://10.1.1.1/rocks/kickstart inst.ks.sendmac ip=dhcp
    initrd /images/pxeboot/initrd.img
}
menuentry 'Install the frontend' {
    linux /images/pxeboot/vmlinuz inst.stage2=hd:LABEL=ROCKS \
inst.ks=hd:LABEL=ROCKS:/ks/2.cfg inst.text
    initrd /images/pxeboot/initrd.img
}
"""
    )


def test_boot_loader_and_kernel_use_the_serial_console() -> None:
    text = render(Menu("ROCKS", (COMPUTE,), timeout=5, console="ttyS1,9600"), KERNEL, INITRD)
    assert text.startswith(
        "serial --unit=1 --speed=9600\n"
        "terminal_input console serial\n"
        "terminal_output console serial\n"
    )
    assert "console=tty0 console=ttyS1,9600\n" in text


def test_special_characters_of_grubs_shell_are_quoted() -> None:
    entry = Entry("Don't touch; $HOME {", arguments=("a=b c", "x;y", "it's"))
    text = render(Menu("ROCKS", (entry,)), KERNEL, INITRD)
    assert "menuentry 'Don'\\''t touch; $HOME {' {" in text
    assert " 'a=b c' 'x;y' 'it'\\''s'\n" in text


@pytest.mark.programs
@settings(max_examples=40, deadline=None)
@given(
    title=st.text(st.sampled_from("ab '\"\\$`{};&|#%<>()[]"), min_size=1, max_size=10),
    argument=st.text(st.sampled_from("ab '\"\\$`{};&|#%<>()[]"), min_size=1, max_size=10),
)
def test_no_title_and_no_argument_adds_a_command_to_the_menu(title: str, argument: str) -> None:
    text = render(Menu("ROCKS", (Entry(title, arguments=(argument,)),)), KERNEL, INITRD)
    process.run(["grub-script-check"], stdin=text, timeout=20)
    plain = render(Menu("ROCKS", (Entry("a", arguments=("b",)),)), KERNEL, INITRD)
    # GRUB quotes like a POSIX shell.
    lines = [shlex.split(line) for line in text.splitlines()]
    expected = [shlex.split(line) for line in plain.splitlines()]
    expected[3][1] = title
    expected[4][-1] = argument
    assert lines == expected


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        pytest.param({"label": "my disk"}, "the label 'my disk'", id="a label with a space"),
        pytest.param({"label": "x" * 33}, "the label 'x{33}'", id="a long label"),
        pytest.param(
            {"console": "hvc0; reboot"}, "the console 'hvc0; reboot'", id="an invalid console"
        ),
        pytest.param({"entries": ()}, "no entry", id="an empty menu"),
        pytest.param({"entries": (Entry(""),)}, "the entry ''", id="no title"),
        pytest.param(
            {"entries": (Entry("a", arguments=("b\n}",)),)},
            "the entry 'a' .*line break",
            id="a line break",
        ),
        pytest.param(
            {"entries": (Entry("a", "text", "http://b"),)},
            "the entry 'a' .*kickstart and url",
            id="two kickstarts",
        ),
    ],
)
def test_an_invalid_menu_is_refused(change: dict[str, object], fact: str) -> None:
    menu = dataclasses.replace(Menu("ROCKS", (COMPUTE,)), **change)  # type: ignore[arg-type]
    with pytest.raises(DescriptionError, match=f"^boot medium: .*{fact}"):
        check(menu)


def test_one_error_lists_all_faults_of_a_menu() -> None:
    with pytest.raises(DescriptionError) as caught:
        check(Menu("", (), console="x"))
    assert caught.value.what.count(";") == 2


def test_a_valid_menu_raises_no_error() -> None:
    check(Menu("ROCKS_9.4-x86", (COMPUTE, FRONTEND), console="ttyS0"))
