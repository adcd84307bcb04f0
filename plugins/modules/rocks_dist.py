#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_dist
short_description: Build and publish a distribution
version_added: 0.1.0
description:
  - Collects packages from mirrors, parent distributions and folders of RPMs, chooses the newest
    version of each by rpm's version order, and publishes one installable tree with the XML of its
    profiles. Any distribution can be the parent of another one.
  - The result of a build is a generation. It is named by the hash of its content, and never
    changes. Publishing switches one link, so that clients see either the old tree or the new one.
    Older generations are kept, and you can publish them again.
  - If a source is damaged, a signature is wrong, a requirement of a package is not met, or the XML
    of the profiles has an error, the build fails and the published generation stays as it was. This
    includes errors in XML that no profile uses.
  - If no source has a complete installer, so that no node can boot from the distribution, this is
    one of the RV(remarks), and with O(release) a warning.
  - In check mode, only metadata is read; the result is the same.
  - While packages are fetched, the progress is logged to the journal; C(journalctl -f -t
    ansible-rocks_dist) shows it.
options:
  state:
    description: V(present) builds and publishes the distribution, V(absent) removes it with all its
      generations.
    type: str
    choices: [present, absent]
    default: present
  sources:
    description:
      - Sources of packages. If versions are equal, the source with the lower O(sources[].priority)
        is preferred, then the earlier one in this list.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the source in results and errors.
        type: str
        required: true
      type:
        description:
          - V(mirror) is an RPM repository, V(parent) is a distribution of this or another frontend,
            whose XML is inherited, and V(directory) is a folder of RPM files without metadata.
        type: str
        choices: [mirror, parent, directory]
        default: mirror
      url:
        description:
          - URL (http, https or file) of the folder that contains C(repodata).
          - It can also be the URL of an installation medium. Each repository that its C(.treeinfo)
            lists is then a source of its own, such as C(dvd-baseos) of the source C(dvd).
          - It can also be the URL of a mirror list or metalink.
          - C($basearch), C($arch) and C($releasever) are replaced, the latter by the number of
            O(release).
          - Write a user and password into the URL if the server requires them. Errors do not show
            them.
        type: str
        default: ''
      path:
        description:
          - Path of that folder on this machine, instead of O(sources[].url).
          - The path of an installation medium is its ISO file, or the folder where it is mounted.
        type: path
        default: ''
      priority:
        description:
          - Decides between packages of equal version, and nothing else. As in dnf, the lower number
            is preferred.
          - The default is 10 for a directory, and 99 for other sources.
        type: int
      wins:
        description:
          - Patterns of package names. These packages are always taken from this source, whatever
            versions the others have.
          - Module streams of other sources that contain a package of such a name are left out.
        type: list
        elements: str
        default: []
      include:
        description: Patterns of names, NEVRAs or, with a slash, of paths in the source. All other
          packages of the source are ignored.
        type: list
        elements: str
        default: []
      exclude:
        description: Patterns of names, NEVRAs or, with a slash, of paths of packages to ignore.
        type: list
        elements: str
        default: []
      gpg_keys:
        description: Files with the public keys that sign the packages or the metadata.
        type: list
        elements: path
        default: []
      gpgcheck:
        description: Refuse packages that none of the keys has signed. By default true if there are
          keys.
        type: bool
      repo_gpgcheck:
        description: Refuse metadata that none of the keys has signed.
        type: bool
        default: false
      trust_installer:
        description:
          - Publish the installer of this source (kernel, initial RAM disk and second stage)
            although no signature covers it.
          - If a source has O(sources[].gpg_keys), its installer is otherwise refused unless it can
            be verified, by O(sources[].installer_checksums) or by the signed metadata of a parent
            (O(sources[].repo_gpgcheck)). The vendors do not sign their C(.treeinfo).
        type: bool
        default: false
      installer_checksums:
        description:
          - File with SHA-256 checksums, signed by one of O(sources[].gpg_keys). The signature is in
            the file (clear-signed), or beside it, with C(.asc), C(.sig) or C(.sign) added to its
            name.
          - It lists the ISO image that the source is, the one in O(sources[].installer_iso), or the
            installer's images by their paths in the source.
          - Images that it does not cover are left out, which is one of the RV(remarks).
        type: path
        default: ''
      installer_iso:
        description: ISO image of the same release, such as the vendor's C(boot.iso). The installer
          of the source must have the same kernel, initial RAM disk and second stage.
        type: path
        default: ''
      skip_metadata:
        description: Metadata that is not taken from this source, for example because it is faulty.
          With V(modules), the packages of its module streams are left out too.
        type: list
        elements: str
        choices: [advisories, groups, modules]
        default: []
      fetch:
        description:
          - V(needed) fetches the chosen packages. V(everything) fetches the whole repository, and
            publishes it in C(Mirrors/) of the tree.
        type: str
        choices: [needed, everything]
        default: needed
      ca:
        description: File with the CA certificates that verify the server's certificate.
        type: path
        default: ''
      certificate:
        description: File with the client certificate, for example of a subscription.
        type: path
        default: ''
      key:
        description: File with the key of O(sources[].certificate).
        type: path
        default: ''
      proxy:
        description: URL of a proxy.
        type: str
        default: ''
  release:
    description: The release whose installer reads the profiles. Required if there are profiles to
      compile.
    type: str
    choices: [rhel7, rhel8, rhel9, rhel10, f44, f45, fedora]
  xml:
    description:
      - Folders with C(graphs/) and C(nodes/), which have precedence over the XML of parents. A
        later folder extends an earlier one (C(extend-X.xml)) or replaces its files.
    type: list
    elements: path
    default: []
  versions:
    description: Choose the newest version of each package, or all versions.
    type: str
    choices: [newest, all]
    default: newest
  pins:
    description: Package name to the version C([epoch:]version[-release]) to choose, even if there
      are newer ones. Of a module stream, the build that contains this version is chosen.
    type: dict
    default: {}
  install_only:
    description: Patterns of packages of which several versions can be installed. The default are
      the kernels.
    type: list
    elements: str
  install_only_limit:
    description: Number of versions of those packages to choose.
    type: int
    default: 1
  drop_stale:
    description: If a package changed between noarch and an architecture, leave out the older one.
    type: bool
    default: false
  layout:
    description:
      - V(links) uses folders of hard links that generations and distributions share.
      - V(symlink) makes one symbolic link for each package.
    type: str
    choices: [links, symlink]
    default: links
  closure:
    description:
      - V(whole) fails if a requirement of any package is not met, V(profiles) only if a package in
        a profile cannot be installed. V(warn) adds warnings instead of failing, and V(off) does not
        check.
    type: str
    choices: [whole, profiles, warn, 'off']
    default: whole
  open:
    description: Patterns of capabilities that do not need a provider.
    type: list
    elements: str
    default: []
  allow_shrink:
    description:
      - Publish the distribution although a source has become empty or has lost more than half of
        its packages, has only packages for other architectures, the distribution is empty, or a
        pattern matches no package. Each of these is then one of the RV(remarks).
      - Without this option they are errors, because a mirror that failed, a folder that is not
        mounted and a misspelt word look like this.
    type: bool
    default: false
  allow_older:
    description:
      - Publish the distribution although the signed metadata of a source
        (O(sources[].repo_gpgcheck)) is older than that of the published generation.
      - Without this option it is an error, because old metadata is signed too, and an attacker can
        send it to hold back security updates. A mirror that is behind another one looks like this.
    type: bool
    default: false
  sign_key:
    description: GnuPG key (fingerprint or mail address) that signs the metadata. The tree contains
      its public key.
    type: str
    default: ''
  profiles:
    description: Profiles to compile in addition to those of the nodes.
    type: list
    elements: dict
    default: []
    suboptions:
      root:
        description: The root in the graph.
        type: str
        required: true
      attributes:
        description: The attributes that the profile depends on.
        type: dict
        default: {}
  nodes:
    description:
      - Compile the profiles of all nodes and memberships of this distribution in the cluster
        database, and keep the generations that install orders use.
      - By default true if there is a database.
    type: bool
  graph:
    description: Name of the graph.
    type: str
    default: default
  eval_user:
    description: User that runs the programs of C(<eval>) if the module runs as root.
    type: str
    default: nobody
  eval_timeout:
    description: Seconds after which such a program is killed and the build fails.
    type: float
    default: 30
  generation:
    description:
      - Publish this generation instead of building one. The beginning of its name is sufficient;
        V(previous) is the one that was published before.
    type: str
  promote_from:
    description: Publish the generation of another distribution, for example of a test distribution,
      instead of building.
    type: str
  keep:
    description: Number of generations to keep, including the published one.
    type: int
    default: 3
  in_use:
    description: Generations to keep in any case.
    type: list
    elements: str
    default: []
  wait:
    description: Seconds to wait for another build of this distribution.
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
- name: Build one distribution from stock, third-party and local software
  npaci.rocks.rocks_dist:
    name: rocks
    release: rhel9
    sources:
      - name: baseos
        url: https://mirror.stream.centos.org/9-stream/BaseOS/x86_64/os
        gpg_keys: [/etc/pki/rpm-gpg/RPM-GPG-KEY-centosofficial]
        installer_iso: /srv/CentOS-Stream-9-x86_64-boot.iso
        installer_checksums: /srv/CHECKSUM
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

- name: Build a distribution without a network, from a DVD
  npaci.rocks.rocks_dist:
    name: rocks
    release: rhel9
    sources:
      - name: dvd
        path: /srv/rhel-9.4-x86_64-dvd.iso
        gpg_keys: [/etc/pki/rpm-gpg/RPM-GPG-KEY-redhat-release]
        installer_checksums: /srv/CHECKSUM
      - name: local
        type: directory
        path: /export/local

- name: Show what would change
  npaci.rocks.rocks_dist:
    name: rocks
    sources: "{{ rocks_sources }}"
  check_mode: true
  diff: true

- name: Add the packages of a department to the distribution of the campus
  npaci.rocks.rocks_dist:
    name: physics
    sources:
      - name: campus
        type: parent
        url: http://rocks.example.edu/install/campus/x86_64
      - name: physics
        type: directory
        path: /export/physics

- name: Publish the previous generation again
  npaci.rocks.rocks_dist:
    name: rocks
    generation: previous

- name: Promote the tested generation to production
  npaci.rocks.rocks_dist:
    name: production
    promote_from: rocks
"""

RETURN = r"""
generation:
  description: The name of the generation, which is the hash of its content.
  returned: when O(state=present)
  type: str
tree:
  description: The folder of the generation.
  returned: when O(state=present)
  type: str
packages:
  description: The number of packages from each source.
  returned: when O(state=present)
  type: dict
added:
  description: NEVRAs of new packages, compared with the published generation.
  returned: when O(state=present)
  type: list
  elements: str
removed:
  description: NEVRAs of removed packages.
  returned: when O(state=present)
  type: list
  elements: str
upgraded:
  description: Packages with a higher version.
  returned: when O(state=present)
  type: list
  elements: dict
  contains: &change
    name:
      description: Name of the package.
      type: str
    arch:
      description: Architecture of the package.
      type: str
    before:
      description: The version in the published generation.
      type: str
    after:
      description: The version in this generation.
      type: str
downgraded:
  description: Packages with a lower version.
  returned: when O(state=present)
  type: list
  elements: dict
  contains: *change
rebuilt:
  description: NEVRAs of packages with other content under the same version.
  returned: when O(state=present)
  type: list
  elements: str
advisories:
  description: Identifiers of new advisories.
  returned: when O(state=present)
  type: list
  elements: str
conflicts:
  description: Packages with equal version and different content, of which the priority chose one.
  returned: when O(state=present)
  type: list
  elements: dict
  contains:
    package:
      description: The NEVRA.
      type: str
    taken:
      description: The source of the chosen package.
      type: str
    left_out:
      description: The other source.
      type: str
remarks:
  description: Facts that are not errors but can surprise, for example different versions for two
    architectures, or the number of source packages that were left out.
  returned: when O(state=present)
  type: list
  elements: str
unmet:
  description: Requirements of packages or profiles that are not met, with O(closure=warn).
  returned: when O(state=present)
  type: list
  elements: str
lint:
  description: Warnings about the XML of the profiles, each with file and line.
  returned: when O(state=present)
  type: list
  elements: str
chosen:
  description: Every package with its source, and the reason why it was chosen.
  returned: when O(details=true)
  type: list
  elements: dict
  contains: &verdict
    package:
      description: The NEVRA.
      type: str
    source:
      description: The source.
      type: str
    reason:
      description: The reason.
      type: str
left_out:
  description: Every package of the sources that was not chosen, and the reason.
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
            "allow_shrink": {"type": "bool", "default": False},
            "allow_older": {"type": "bool", "default": False},
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
        for warning in collect_warnings(outcome, module.params["release"] or ""):
            module.warn(warning)
        module.exit_json(
            **module_result(outcome, module.params["name"], details=module.params["details"])
        )


if __name__ == "__main__":
    main()
