# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The command that ipmi_sim calls to read and switch its machine (``chassis_control``).

python -m lab.machine.control FOLDER get power boot        prints "power:1", "boot:pxe"
python -m lab.machine.control FOLDER set power 1
"""

from __future__ import annotations

import pathlib
import sys
from typing import Callable, Mapping

from .chassis import Chassis, open_chassis

# IPMI's boot devices by ipmi_sim's names. It does not pass on whether they apply to one start or to
# all; because the standard's flags expire, they apply to one.
BOOT = {"pxe": "network", "default": "disk"}


def main(argv: list[str]) -> int:
    """Answer one call; return 1 for a feature that machines of the lab do not have."""
    chassis = open_chassis(pathlib.Path(argv[0]))
    verb = argv[1]
    words = argv[2:]
    if verb == "get":
        return _get(chassis, words)
    return _set(chassis, words[0], words[1])


def _get(chassis: Chassis, names: list[str]) -> int:
    names_of = {device: name for name, device in BOOT.items()}
    answers: Mapping[str, Callable[[], str]] = {
        "power": lambda: str(int(chassis.is_on())),
        "boot": lambda: names_of.get(chassis.next_boot(), "none"),
    }
    for name in names:
        if name not in answers:
            return 1
        print(f"{name}:{answers[name]()}")
    return 0


def _set(chassis: Chassis, name: str, value: str) -> int:
    if name == "power":
        chassis.power_on() if value == "1" else chassis.power_off()
    elif name == "reset":
        chassis.reset()
    elif name == "shutdown":
        chassis.press_button()
    elif name == "boot":
        chassis.boot_from(BOOT[value], once=True) if value in BOOT else chassis.forget_once()
    else:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
