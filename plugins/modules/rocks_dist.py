#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_dist
short_description: Build and publish a distribution
version_added: 0.1.0
description:
  - Gathers packages from mirrors, parent distributions and folders of RPMs, takes the newest of each by rpm's order of
    versions, and publishes one installable tree with the XML of its profiles. Any distribution can be the parent of
    another.
  - A build is a generation, named by the hash of its content, and never changes. Publishing switches one link, so that
    clients see the old tree or the new one. Older generations stay, to go back to.
  - Nothing is published when a source is damaged, a signature is wrong, a package needs what is not there, or the XML
    of the profiles has an error, used or not; what is published then stays as it is.
  - In check mode only metadata are read, and the result is the same.
  - While it fetches, it tells the journal how far it is; C(journalctl -f -t ansible-rocks_dist) shows it.
options:
  state:
    description: V(present) builds and publishes it, V(absent) removes it with all its generations.
    type: str
    choices: [present, absent]
    default: present
  sources:
    description:
      - Where its packages come from. Of packages with equal versions the source with the lower O(sources[].priority)
        is taken, then the earlier one in this list.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the source, by which results and errors call it.
        type: str
        required: true
      type:
        description:
          - V(mirror) is an RPM repository; V(parent) is a distribution of this frontend or another one, whose XML is
            inherited; V(directory) is a folder of RPM files without metadata.
        type: str
        choices: [mirror, parent, directory]
        default: mirror
      url:
        description: URL (http, https or file) of the folder that holds C(repodata).
        type: str
        default: ''
      path:
        description: The same on this machine; either this or O(sources[].url).
        type: str
        default: ''
      priority:
        description:
          - Breaks ties between packages of equal version, and nothing else. The lower number is preferred, as in dnf.
          - Without it, 10 for a directory and 99 for the others.
        type: int
      wins:
        description:
          - Patterns of package names. Of these the distribution takes this source's packages, whatever versions the
            others have.
        type: list
        elements: str
        default: []
      include:
        description: Patterns of names or NEVRAs; only these packages are seen.
        type: list
        elements: str
        default: []
      exclude:
        description: Patterns of names or NEVRAs; these packages are not seen.
        type: list
        elements: str
        default: []
      gpg_keys:
        description: Files with the public keys that sign its packages or metadata.
        type: list
        elements: path
        default: []
      gpgcheck:
        description: Refuse packages that none of the keys has signed. Without it, when there are keys.
        type: bool
      repo_gpgcheck:
        description: Refuse metadata that none of the keys has signed.
        type: bool
        default: false
      fetch:
        description:
          - V(needed) fetches the packages that were chosen, V(everything) the whole repository, which then lies in
            C(Mirrors/) of the tree.
        type: str
        choices: [needed, everything]
        default: needed
      ca:
        description: File with the certificates that its server's certificate is checked against.
        type: str
        default: ''
      certificate:
        description: File with the client's certificate, for instance that of a subscription.
        type: str
        default: ''
      key:
        description: File with the key of O(sources[].certificate).
        type: str
        default: ''
      proxy:
        description: URL of a proxy.
        type: str
        default: ''
  release:
    description: The release whose installer will read the profiles. Needed when there are profiles to compile.
    type: str
    choices: [rhel7, rhel8, rhel9, rhel10, f44, f45, fedora]
  xml:
    description:
      - Folders that hold C(graphs/) and C(nodes/), put over the parents' XML; a later one adds to an earlier one
        (C(extend-X.xml)) or takes the place of its files.
    type: list
    elements: path
    default: []
  versions:
    description: Take the newest of each package, or all versions.
    type: str
    choices: [newest, all]
    default: newest
  pins:
    description: Package name to C([epoch:]version[-release]), which is taken although there are newer ones.
    type: dict
    default: {}
  install_only:
    description: Patterns of packages that are installed side by side; without it, the kernels.
    type: list
    elements: str
  install_only_limit:
    description: How many versions of those are taken.
    type: int
    default: 1
  drop_stale:
    description: When a package changed between noarch and an architecture, leave out the older of the two.
    type: bool
    default: false
  layout:
    description:
      - V(links) shares folders of hard links between generations and distributions.
      - V(symlink) makes one symbolic link for each package.
    type: str
    choices: [links, symlink]
    default: links
  closure:
    description:
      - V(whole) fails when any package needs what no package provides; V(profiles) only when something that a profile
        installs does. V(warn) says so and goes on; V(off) does not look.
    type: str
    choices: [whole, profiles, warn, 'off']
    default: whole
  open:
    description: Patterns of capabilities that may stay without a provider.
    type: list
    elements: str
    default: []
  sign_key:
    description: GnuPG key, by fingerprint or mail address, that signs the metadata. Its public half lies in the tree.
    type: str
    default: ''
  profiles:
    description: Profiles to compile besides those of the nodes.
    type: list
    elements: dict
    default: []
    suboptions:
      root:
        description: The root in the graph.
        type: str
        required: true
      attributes:
        description: The attributes that decide what it holds.
        type: dict
        default: {}
  nodes:
    description:
      - Compile the profiles of all nodes and memberships that the cluster database gives this distribution, and keep
        the generations that install orders need.
      - Without it, when there is a database.
    type: bool
  graph:
    description: Name of the graph.
    type: str
    default: default
  eval_user:
    description: Who the programs of C(<eval>) run as, when we are root.
    type: str
    default: nobody
  eval_timeout:
    description: Seconds after which such a program is killed, and the build fails.
    type: float
    default: 30
  generation:
    description:
      - Publish this generation instead of building one. The beginning of its name is enough; V(previous) is the one that
        was published before.
    type: str
  promote_from:
    description: Publish what another distribution publishes, such as a test distribution, instead of building.
    type: str
  keep:
    description: How many generations stay, the published one included.
    type: int
    default: 3
  in_use:
    description: Generations that stay in any case.
    type: list
    elements: str
    default: []
  wait:
    description: Seconds to wait for another builder of this distribution.
    type: float
    default: 600
  details:
    description: Return RV(chosen) and RV(left_out).
    type: bool
    default: false
extends_documentation_fragment:
  - npaci.rocks.attributes
  - npaci.rocks.database
  - npaci.rocks.distribution
author: the npaci.rocks contributors (@npaci)
seealso:
  - module: npaci.rocks.rocks_dist_info
  - module: npaci.rocks.rocks_iso
  - module: npaci.rocks.rocks_reinstall
"""

EXAMPLES = r"""
- name: Stock, updates, third party and local software as one distribution
  npaci.rocks.rocks_dist:
    name: rocks
    release: rhel9
    sources:
      - name: baseos
        url: https://mirror.stream.centos.org/9-stream/BaseOS/x86_64/os
        gpg_keys: [/etc/pki/rpm-gpg/RPM-GPG-KEY-centosofficial]
      - name: appstream
        url: https://mirror.stream.centos.org/9-stream/AppStream/x86_64/os
        gpg_keys: [/etc/pki/rpm-gpg/RPM-GPG-KEY-centosofficial]
      - name: contrib
        type: directory
        path: /export/contrib
      - name: local
        type: directory
        path: /export/local
        wins: ["kernel*"]
    xml: [/usr/share/rocks/xml, /etc/rocks/xml]

- name: What would change
  npaci.rocks.rocks_dist:
    name: rocks
    sources: "{{ rocks_sources }}"
  check_mode: true
  diff: true

- name: The campus' distribution, with a department's packages
  npaci.rocks.rocks_dist:
    name: physics
    sources:
      - name: campus
        type: parent
        url: http://rocks.example.edu/install/campus/x86_64
      - name: physics
        type: directory
        path: /export/physics

- name: Back to what was published before
  npaci.rocks.rocks_dist:
    name: rocks
    generation: previous

- name: What was tested becomes production
  npaci.rocks.rocks_dist:
    name: production
    promote_from: rocks
"""

RETURN = r"""
generation:
  description: The name of the generation, the hash of its content.
  returned: when O(state=present)
  type: str
tree:
  description: Its folder.
  returned: when O(state=present)
  type: str
packages:
  description: How many packages are from which source.
  returned: when O(state=present)
  type: dict
added:
  description: NEVRAs of packages that the published generation did not have.
  returned: when O(state=present)
  type: list
  elements: str
removed:
  description: NEVRAs of packages that it had.
  returned: when O(state=present)
  type: list
  elements: str
upgraded:
  description: Packages whose version went up.
  returned: when O(state=present)
  type: list
  elements: dict
  contains: &change
    name:
      description: Name of the package.
      type: str
    arch:
      description: Its architecture.
      type: str
    before:
      description: The version that was published.
      type: str
    after:
      description: The version now.
      type: str
downgraded:
  description: Packages whose version went down.
  returned: when O(state=present)
  type: list
  elements: dict
  contains: *change
rebuilt:
  description: NEVRAs of packages with another content under the same version.
  returned: when O(state=present)
  type: list
  elements: str
advisories:
  description: Identifiers of advisories that the published generation did not have.
  returned: when O(state=present)
  type: list
  elements: str
conflicts:
  description: Packages of one version and different content, of which the priority decided.
  returned: when O(state=present)
  type: list
  elements: dict
  contains:
    package:
      description: The NEVRA.
      type: str
    taken:
      description: The source that it was taken from.
      type: str
    left_out:
      description: The other source.
      type: str
remarks:
  description: What is no fault, but may surprise, such as a package whose two architectures differ in their versions.
  returned: when O(state=present)
  type: list
  elements: str
unmet:
  description: What packages or profiles need and the distribution does not have, with O(closure=warn).
  returned: when O(state=present)
  type: list
  elements: str
lint:
  description: What the XML of the profiles should not say, each with file and line. Errors end the build.
  returned: when O(state=present)
  type: list
  elements: str
chosen:
  description: Every package with its source, and why it was chosen.
  returned: when O(details=true)
  type: list
  elements: dict
  contains: &verdict
    package:
      description: The NEVRA.
      type: str
    source:
      description: Its source.
      type: str
    reason:
      description: Why.
      type: str
left_out:
  description: Every package of the sources that was not chosen, and why.
  returned: when O(details=true)
  type: list
  elements: dict
  contains: *verdict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.argument_specs import (
    database_spec,
    distribution_spec,
    source_spec,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.progress_log import (
    periodic_reporter,
)
from ansible_collections.npaci.rocks.plugins.module_utils.module_errors import errors_as_failure
from ansible_collections.npaci.rocks.plugins.module_utils.settings import load
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.build_distribution import (
    BuildRequest,
    collect_warnings,
    module_result,
    run,
)

PROGRESS_SECONDS = 5
PROFILE = {"root": {"type": "str", "required": True}, "attributes": {"type": "dict", "default": {}}}
RELEASES = ["rhel7", "rhel8", "rhel9", "rhel10", "f44", "f45", "fedora"]
CLOSURES = ["whole", "profiles", "warn", "off"]


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "sources": {"type": "list", "elements": "dict", "options": source_spec()},
            "release": {"type": "str", "choices": RELEASES},
            "xml": {"type": "list", "elements": "path", "default": []},
            "versions": {"type": "str", "choices": ["newest", "all"], "default": "newest"},
            "pins": {"type": "dict", "default": {}},
            "install_only": {"type": "list", "elements": "str"},
            "install_only_limit": {"type": "int", "default": 1},
            "drop_stale": {"type": "bool", "default": False},
            "layout": {"type": "str", "choices": ["links", "symlink"], "default": "links"},
            "closure": {"type": "str", "choices": CLOSURES, "default": "whole"},
            "open": {"type": "list", "elements": "str", "default": []},
            "sign_key": {"type": "str", "default": "", "no_log": False},
            "profiles": {"type": "list", "elements": "dict", "default": [], "options": PROFILE},
            "nodes": {"type": "bool"},
            "graph": {"type": "str", "default": "default"},
            "eval_user": {"type": "str", "default": "nobody"},
            "eval_timeout": {"type": "float", "default": 30},
            "generation": {"type": "str"},
            "promote_from": {"type": "str"},
            "keep": {"type": "int", "default": 3},
            "in_use": {"type": "list", "elements": "str", "default": []},
            "wait": {"type": "float", "default": 600},
            "details": {"type": "bool", "default": False},
            **database_spec(),
            **distribution_spec(),
        },
        supports_check_mode=True,
        mutually_exclusive=[("sources", "generation", "promote_from")],
        required_if=[("state", "present", ("sources", "generation", "promote_from"), True)],
    )
    with errors_as_failure(module):
        request = BuildRequest(module.params, load(), dry_run=module.check_mode)
        # The journal shows the progress of a long build: journalctl -f -t ansible-rocks_dist
        outcome = run(request, periodic_reporter(PROGRESS_SECONDS, module.log))
        for warning in collect_warnings(outcome):
            module.warn(warning)
        module.exit_json(
            **module_result(outcome, module.params["name"], details=module.params["details"])
        )


if __name__ == "__main__":
    main()
