"""Real input that is too large for the repository: where it lies, and what happens when it is not
there.
"""

from __future__ import annotations

import os
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[2]
SAMPLES = pathlib.Path(os.environ.get("ROCKS_SAMPLES", ROOT.parent / "shared" / "samples"))


def sample(name: str) -> pathlib.Path:
    """Return the folder of a sample.

    If it is missing, the test is skipped; in CI it fails.
    """
    path = SAMPLES / name
    if not path.is_dir():
        message = (
            f"the sample {name!r} is not at {path}; set ROCKS_SAMPLES to the folder that holds it"
        )
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)  # the samples may not be published
    return path
