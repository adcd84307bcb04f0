# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A frontend's HTTP service as sites run it: nginx and gunicorn from the role's templates.

``run_site()`` starts both in a namespace, each as its own user, with the caller's database and
folder of distributions; the service connects with its own database account.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import sys
import tempfile
from dataclasses import dataclass
from typing import Any, Iterator, Mapping

import jinja2

from .daemons import Daemon
from .namespaces import Namespace
from .waiting import until

ROOT = pathlib.Path(__file__).parents[2]
TEMPLATES = ROOT / "roles" / "frontend" / "templates"
SERVICE_UID = 64001
WEB_USER = "www-data"
SERVICE_ACCOUNT = "rocks_service"
SERVICE_PASSWORD = "not in any URL"
READY_SECONDS = 20.0
MOST_CLIENTS = 16384


@dataclass(frozen=True)
class Site:
    """The running service; all users can read ``folder``, as they can /etc and /run."""

    folder: pathlib.Path
    namespace: Namespace
    gunicorn: Daemon
    nginx: Daemon

    @property
    def socket(self) -> pathlib.Path:
        return self.folder / "run" / "service.sock"


@contextlib.contextmanager
def public_folder() -> Iterator[pathlib.Path]:
    """Make a folder that other users can enter, unlike pytest's."""
    with tempfile.TemporaryDirectory(prefix="rocks-site-") as path:
        os.chmod(path, 0o755)
        yield pathlib.Path(path)


def service_settings(
    folder: pathlib.Path,
    database: str,
    url: str = "http://10.1.1.1",
    viewers: str = "127.0.0.1",
    authority: str = "",
) -> str:
    """Return the service's rocks.yml, with its own database account, whose password is in a file.

    database  the part of the URL after the account: ``localhost/NAME?socket=PATH``
    """
    credentials = folder / "service.cnf"
    credentials.write_text(f"[client]\npassword = {SERVICE_PASSWORD}\n", encoding="utf-8")
    os.chown(credentials, SERVICE_UID, SERVICE_UID)
    credentials.chmod(0o400)
    return (
        f"service: mysql://{SERVICE_ACCOUNT}@{database}&credentials={credentials}\n"
        f"distributions: {folder}/install\nurl: {url}\n"
        f"viewers: {viewers}\nauthority: '{authority}'\n"
    )


def configure(folder: pathlib.Path, rocks_yml: str, variables: Mapping[str, Any]) -> None:
    """Render the role's templates into ``place``."""
    import grp

    run = folder / "run"
    run.mkdir(exist_ok=True)
    os.chown(run, SERVICE_UID, grp.getgrnam(WEB_USER).gr_gid)
    run.chmod(0o2750)
    log = folder / "log"
    log.mkdir(exist_ok=True)
    values = {
        "frontend_most_clients": MOST_CLIENTS,
        "frontend_nginx_user": WEB_USER,
        "frontend_nginx_workers": 2,
        "frontend_nginx_pid": folder / "nginx.pid",
        "frontend_nginx_log": log,
        "frontend_nginx_access_log": log / "access.log",
        "frontend_nginx_site": folder / "rocks.conf",
        "frontend_nginx_service": folder / "rocks-service.conf",
        "frontend_service_socket": run / "service.sock",
        "frontend_distributions": folder / "install",
        "frontend_boot_files": folder / "boot",
        "frontend_collections": ROOT / ".collections",
        **variables,
    }
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    for template, name in (
        ("nginx.conf.j2", "nginx.conf"),
        ("nginx-rocks.conf.j2", "rocks.conf"),
        ("nginx-rocks-service.conf.j2", "rocks-service.conf"),
        ("gunicorn.conf.py.j2", "gunicorn.conf.py"),
    ):
        (folder / name).write_text(
            environment.get_template(template).render(values), encoding="utf-8"
        )
    (folder / "rocks.yml").write_text(rocks_yml, encoding="utf-8")


@contextlib.contextmanager
def run_service(folder: pathlib.Path, namespace: Namespace) -> Iterator[Daemon]:
    """Run gunicorn as the service's user."""
    argv = [
        *(
            "setpriv",
            f"--reuid={SERVICE_UID}",
            f"--regid={SERVICE_UID}",
            "--clear-groups",
            "--inh-caps=-all",
        ),
        *(sys.executable, "-m", "gunicorn", "-c", str(folder / "gunicorn.conf.py")),
    ]
    env = {
        "ROCKS_CONFIG": str(folder / "rocks.yml"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": "/nonexistent",
    }
    with namespace.daemon(argv, folder / "log" / "gunicorn.log", env=env) as daemon:
        until((folder / "run" / "service.sock").exists, READY_SECONDS, "gunicorn's socket")
        yield daemon


@contextlib.contextmanager
def run_site(
    folder: pathlib.Path, namespace: Namespace, rocks_yml: str, variables: Mapping[str, Any] = {}
) -> Iterator[Site]:
    """Run nginx and the service until the block ends."""
    configure(folder, rocks_yml, variables)
    # A setting of the namespace: the kernel limits every socket's queue to it.
    namespace.run(["sysctl", "-qw", f"net.core.somaxconn={MOST_CLIENTS}"], timeout=10)
    with contextlib.ExitStack() as inside:
        gunicorn = inside.enter_context(run_service(folder, namespace))
        argv = ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
        nginx = inside.enter_context(namespace.daemon(argv, folder / "log" / "nginx.log"))
        site = Site(folder, namespace, gunicorn, nginx)
        try:
            until(lambda: _answers(site), READY_SECONDS, "the HTTP service to answer")
        except TimeoutError as error:
            logs = "\n".join(
                log.read_text(errors="replace")[-2000:]
                for log in sorted((folder / "log").iterdir())
            )
            raise TimeoutError(f"{error}\n{logs}") from None
        yield site


def _answers(site: Site) -> bool:
    probe = [
        "curl",
        "-s",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "-m",
        "5",
        "http://127.0.0.1/rocks/health",
    ]
    return site.namespace.run(probe, timeout=10, ok=range(256)).stdout == "200"
