"""For arbitrary layouts and disks, the commands destroy nothing that a reinstallation keeps.

The lab's installer carries out the commands on a model of the disks.
"""

from __future__ import annotations

import copy
from typing import Callable

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from partition import Options, decide
from partition_layout import LayoutLine, Refusal, parse_layout

from support.disks import Content, Machine

NAMES = ("sda", "sdb", "sdc", "sdd", "sde", "sdf")
ROOTS = (
    "/ RK_ROOT xfs 1000\nswap RK_SWAP swap 100",
    "/ RK_ROOT xfs 1000 disk=1,2 raid=1\nswap RK_SWAP swap 100 disk=1,2 raid=1",
    "/boot RK_BOOT ext4 500 format\nlvm RK_SYS lvm 3000 grow disk=1\n/ RK_ROOT xfs 1000 vg=RK_SYS\n"
    "/home RK_HOME xfs 500 keep vg=RK_SYS",
    "/boot RK_BOOT xfs 500 format disk=1,2 raid=1\nlvm RK_SYS lvm 3000 disk=1,2 raid=1\n"
    "/ RK_ROOT xfs 1000 vg=RK_SYS",
)
DATA = (
    "/data RK_DATA xfs 1000 grow keep disk={a}",
    "/data RK_DATA ext4 1000 keep disk={a},{b} raid=1",
    "/data RK_DATA xfs 1000 grow keep disk={a},{b} raid=0",
    "/data RK_DATA xfs 1000 keep disk=2,3,4,5 raid=10",
    "lvm RK_VG lvm 3000 disk={a}\n/data RK_DATA xfs 1000 keep vg=RK_VG",
    "lvm RK_VG lvm 3000 grow disk={a},{b}\n/data RK_DATA xfs 1000 grow keep vg=RK_VG\n"
    "/opt RK_OPT ext4 500 format vg=RK_VG",
    "lvm RK_VG lvm 3000 disk={a},{b} raid=1\n/data RK_DATA xfs 1000 keep vg=RK_VG",
)
MORE = ("", "/scratch RK_SCRATCH xfs 900 keep disk={a}", "/var RK_VAR xfs 900 format disk={b}")


def layout_text(root: str, data: str, more: str, first: int) -> str:
    return "\n".join([root, data, more]).format(a=first, b=first + 1)


def is_valid(text: str) -> bool:
    try:
        parse_layout(text)
    except Refusal:
        return False
    return True


layouts = st.builds(
    layout_text,
    st.sampled_from(ROOTS),
    st.sampled_from(("", *DATA)),
    st.sampled_from(MORE),
    st.integers(1, 3),
).filter(is_valid)


def install(machine: Machine, lines: list[LayoutLine], wipe: bool = False) -> str:
    """Install a layout, and return what the program decided."""
    disks, groups = machine.read()
    options = Options(wipe=wipe, efi=False, os_disk="", table="gpt")
    commands, mode = decide(disks, lines, options, groups)
    machine.carry_out(commands)
    return mode


def formatted(lines: list[LayoutLine]) -> set[str]:
    return {line.label for line in lines if line.format or line.mount == "/"}


def labelled(machine: Machine) -> dict[str, int]:
    return {item.label: item.number for item in machine.contents() if item.label}


# ---- accidents


def lose_disk(machine: Machine, name: str) -> None:
    machine.clear(name)
    del machine.disks[name]


def lose_label(machine: Machine, name: str) -> None:
    for part in machine.disks[name].values():
        part.label = ""


def reformat(machine: Machine, name: str) -> None:
    for part in machine.disks[name].values():
        if part.label:
            part.fstype = "btrfs"


def lose_volume(machine: Machine, _name: str) -> None:
    for _devices, volumes in machine.groups.values():
        volumes.pop(min(volumes))


def fill(machine: Machine, name: str) -> None:
    if not machine.disks[name]:
        machine.disks[name][f"{name}1"] = Content("xfs", "science")


def add_group(machine: Machine, name: str) -> None:
    if not machine.disks[name]:
        machine.disks[name][f"{name}1"] = Content("LVM2_member")
        machine.groups["vg0"] = ((f"/dev/{name}1",), {"home": Content("xfs", "home")})


ACCIDENTS: tuple[Callable[[Machine, str], None], ...] = (
    lose_disk,
    Machine.clear,
    lose_label,
    reformat,
    lose_volume,
    fill,
    add_group,
)
accidents = st.lists(st.tuples(st.sampled_from(ACCIDENTS), st.sampled_from(NAMES)), max_size=3)


@settings(max_examples=30, deadline=None)
@given(layouts)
def test_an_equal_layout_keeps_every_kept_volume(text: str) -> None:
    lines = parse_layout(text)
    machine = Machine({name: {} for name in NAMES})
    assert install(machine, lines) == "first"
    before = labelled(machine)
    assert set(before) == {line.label for line in lines if line.fstype != "lvm"}
    assert install(machine, lines) == "reuse"
    after = labelled(machine)
    assert {label for label in after if after[label] != before.get(label)} == formatted(lines)


@settings(max_examples=50, deadline=None)
@given(layouts, layouts, st.booleans(), accidents)
def test_whatever_happened_nothing_but_what_the_layout_formats_is_destroyed(
    first: str, second: str, equal: bool, happened: list[tuple[Callable[..., None], str]]
) -> None:
    machine = Machine({name: {} for name in NAMES})
    install(machine, parse_layout(first))
    for accident, name in happened:
        if name in machine.disks:
            accident(machine, name)
    lines = parse_layout(first if equal else second)
    before = copy.deepcopy(machine)
    data = {
        item.number
        for item in machine.contents()
        if item.kind == "" and item.label not in formatted(lines)
    }
    try:
        mode = install(machine, lines)
    except Refusal as refusal:
        event("refused")
        assert str(refusal).count("; ") or "no disk" in str(refusal) or "required" in str(refusal)
        assert machine == before
        return
    event(mode)
    assert data <= machine.surviving()
    assert {line.label for line in lines if line.fstype != "lvm"} <= set(labelled(machine))


@settings(max_examples=20, deadline=None)
@given(layouts, layouts)
def test_a_wipe_leaves_foreign_disks_while_ours_are_enough(first: str, second: str) -> None:
    machine = Machine({name: {} for name in NAMES})
    install(machine, parse_layout(first))
    ours = {name for name, parts in machine.disks.items() if parts}
    needed = {number for line in parse_layout(second) for number in line.disks}
    assume(len(needed) <= len(ours))
    for name in NAMES:
        fill(machine, name)
    science = {item.number for item in machine.contents() if item.label == "science"}
    assert install(machine, parse_layout(second), wipe=True) == "wipe"
    assert science <= machine.surviving()


def test_the_model_loses_an_array_with_its_disk() -> None:
    machine = Machine({name: {} for name in NAMES})
    install(machine, parse_layout(ROOTS[1]))
    machine.clear("sda")
    with pytest.raises(Refusal, match=r"RK_ROOT \(/\) is on sdb1, but the layout requires"):
        install(machine, parse_layout(ROOTS[1]))
