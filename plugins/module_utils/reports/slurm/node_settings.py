# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The attributes of a node that Slurm uses.  A faulty value is left out, and the node stays."""

from __future__ import annotations

import re
from typing import NamedTuple

from ...errors import DescriptionError, RocksError
from ..model import Snapshot
from ..validators import is_word

FEATURES = "slurm_features"
"""Further features, separated by commas."""
WEIGHT = "slurm_weight"
"""Slurm takes nodes with a lower weight first."""
GPU_TYPE = "gpu_type"
"""The type of the GPUs, such as ``a100``."""
GPU_DEVICE = "gpu_device"
"""The device files of the GPUs without their numbers, or the library that finds them."""
DETECTIONS = ("nvidia", "nvml", "oneapi", "rsmi")  # AutoDetect in gres.conf(5)
_DEVICE = re.compile("(/[A-Za-z0-9_.-]+)+")
MAX_WEIGHT = (1 << 32) - 2  # slurm.conf(5)


class NodeSettings(NamedTuple):
    """The valid values of one node, and what is wrong with the others."""

    features: tuple[str, ...]
    weight: str
    gpu_type: str
    gpu_device: str
    faults: tuple[RocksError, ...]


def node_settings(snapshot: Snapshot, node: str) -> NodeSettings:
    """Return the settings of a node."""
    features = [word.strip() for word in snapshot.attribute(node, FEATURES).split(",")]
    weight = snapshot.attribute(node, WEIGHT)
    gpu_type = snapshot.attribute(node, GPU_TYPE)
    faults: list[RocksError] = [
        DescriptionError(f"{FEATURES} contains {word!r}", node, "separate words by commas")
        for word in features
        if word and not is_word(word)
    ]
    if weight and not (weight.isascii() and weight.isdigit() and int(weight[:11]) <= MAX_WEIGHT):
        faults.append(
            DescriptionError(f"{WEIGHT} is {weight!r}", node, f"set a number up to {MAX_WEIGHT}")
        )
        weight = ""
    if gpu_type and not is_word(gpu_type):
        faults.append(DescriptionError(f"{GPU_TYPE} is {gpu_type!r}", node, "set one plain word"))
        gpu_type = ""
    device = snapshot.attribute(node, GPU_DEVICE)
    if device and device not in DETECTIONS and not _DEVICE.fullmatch(device):
        hint = f"set a path such as /dev/nvidia, or one of {', '.join(DETECTIONS)}"
        faults.append(DescriptionError(f"{GPU_DEVICE} is {device!r}", node, hint))
        device = ""
    return NodeSettings(
        features=tuple(filter(is_word, features)),
        weight=weight,
        gpu_type=gpu_type,
        gpu_device=device,
        faults=tuple(faults),
    )
