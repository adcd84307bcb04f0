# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Set an attribute that the graphs of the published distributions permit.

A misspelled name has no effect, and a value that a profile does not permit ends the next build;
both are reported when the attribute is set.
"""

from __future__ import annotations

import os
from typing import Iterable, Iterator, NamedTuple

from .. import tree_paths
from ..cluster.database import Database
from ..cluster.memberships import list_memberships
from ..cluster.model import RowChange
from ..cluster.values.attribute_rules import FRONTEND_ATTRIBUTES
from ..cluster.values.attributes import INTRINSIC, set_attribute
from ..cluster.values.scoped_values import Scope
from ..errors import DescriptionError, RocksError
from ..profile.model import AttributeDeclaration
from ..profile.xml.attribute_types import value_error
from ..profile.xml.layers import XmlLayers
from ..suggestions import did_you_mean, misspelled_name


class CheckedChange(NamedTuple):
    change: RowChange
    warnings: list[str]


def set_declared_attribute(
    database: Database, name: str, value: str, scope: Scope, *, distributions: str
) -> CheckedChange:
    """Set an attribute, and return the change and a warning if the name can be a misspelled one.

    distributions  the root of the published distributions, whose graphs declare attributes

    Raises DescriptionError, with the place of the declaration, if each graph that declares the
    attribute rejects the value; and what ``set_attribute`` raises.
    """
    names = {row.distribution for row in list_memberships(database) if row.distribution}
    declarations = list(_declarations(distributions, sorted(names)))
    _check_value(name, value, [row for row in declarations if row.name == name])
    change = set_attribute(database, name, value, scope)
    known = {row.name for row in declarations} | set(FRONTEND_ATTRIBUTES)
    meant = "" if name in known else misspelled_name(name, known.union(INTRINSIC))
    warning = (
        f"no profile declares the attribute {name!r}; did you mean {meant}?"
        " If the name is right, declare it in a graph file."
    )
    return CheckedChange(change, [warning] if meant else [])


def _declarations(root: str, distributions: Iterable[str]) -> Iterator[AttributeDeclaration]:
    """Yield what the published distributions declare; files that cannot be read are left out."""
    for distribution in distributions:
        for arch in _folders(os.path.join(root, distribution)):
            xml = tree_paths.xml_folder(tree_paths.published_link(root, distribution, arch))
            for graph in _folders(os.path.join(xml, "graphs")):
                try:
                    layers = XmlLayers(xml, graph, lenient=True)
                except RocksError:
                    continue
                for row in layers.graph.attributes:
                    yield row._replace(origin=layers.absolute_origin(row.origin))


def _folders(path: str) -> list[str]:
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


def _check_value(name: str, value: str, declarations: Iterable[AttributeDeclaration]) -> None:
    errors = [(row, value_error(row, value)) for row in declarations]
    if errors and all(error for _row, error in errors):
        row, error = errors[0]
        hint = did_you_mean(value, row.values) or f"declared at {row.origin}"
        raise DescriptionError(f"attribute {name!r}: {error}", "", hint)
