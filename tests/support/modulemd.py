# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read modules.yaml with libmodulemd, as dnf does: an oracle for our reader and our files."""

from __future__ import annotations

import ctypes
from typing import Mapping, NamedTuple

LIBRARY = "libmodulemd.so.2"


class _Array(ctypes.Structure):
    """GPtrArray."""

    _fields_ = [("items", ctypes.POINTER(ctypes.c_void_p)), ("length", ctypes.c_uint)]


class Modules(NamedTuple):
    """What libmodulemd reads in a file."""

    builds: Mapping[str, tuple[str, ...]]
    """``name:stream:version:context:arch`` -> NEVRAs of its packages, sorted."""
    failures: int
    """Number of documents that it refuses."""


def read_modules(text: str) -> Modules:
    """Read a modules.yaml; a file that is not YAML raises ValueError."""
    library = ctypes.CDLL(LIBRARY)
    for name, result in (
        ("modulemd_module_index_new", ctypes.c_void_p),
        ("modulemd_module_index_search_streams_by_nsvca_glob", ctypes.POINTER(_Array)),
        ("modulemd_module_stream_get_NSVCA_as_string", ctypes.c_char_p),
        ("modulemd_module_stream_v2_get_rpm_artifacts_as_strv", ctypes.POINTER(ctypes.c_char_p)),
    ):
        getattr(library, name).restype = result
    index = ctypes.c_void_p(library.modulemd_module_index_new())
    failures = ctypes.POINTER(_Array)()
    error = ctypes.c_void_p()
    library.modulemd_module_index_update_from_string(
        index, text.encode(), 0, ctypes.byref(failures), ctypes.byref(error)
    )
    if error.value:
        raise ValueError("libmodulemd cannot read the file")
    library.modulemd_module_index_upgrade_streams(index, 2, None)
    streams = library.modulemd_module_index_search_streams_by_nsvca_glob(index, None).contents
    builds = {}
    for number in range(streams.length):
        stream = ctypes.c_void_p(streams.items[number])
        name = library.modulemd_module_stream_get_NSVCA_as_string(stream).decode()
        builds[name] = _texts(library.modulemd_module_stream_v2_get_rpm_artifacts_as_strv(stream))
    return Modules(builds, failures.contents.length if failures else 0)


def _texts(array: ctypes._Pointer[ctypes.c_char_p]) -> tuple[str, ...]:
    texts: list[bytes | None] = []
    while array[len(texts)] is not None:
        texts.append(array[len(texts)])
    return tuple(sorted(text.decode() for text in texts if text))
