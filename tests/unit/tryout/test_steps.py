# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How steps run: an action, a condition with a deadline, and an outcome for each."""

from __future__ import annotations

import pathlib
from typing import Any, Sequence

import pytest
import yaml
from lab.machine.chassis import Chassis
from tryout import steps
from tryout.__main__ import settings_for
from tryout.medium import VENDORS, Medium
from tryout.site import Settings, Site
from tryout.step import FAILED, NOT_REACHED, PASSED, SKIPPED, Outcome, Step, run_steps

from ansible_collections.npaci.rocks.plugins.module_utils.errors import CommandError

SPECIFICATION = (
    pathlib.Path(__file__).parents[3] / "roles" / "distribution" / "meta" / "argument_specs.yml"
)


class Local:
    """A frontend whose commands run on this machine."""

    def argv(self, argv: Sequence[str]) -> list[str]:
        return list(argv)

    def run(self, *argv: str, **options: Any) -> str:
        raise CommandError("no frontend in this test")


@pytest.fixture
def site(tmp_path: pathlib.Path) -> Site:
    medium = Medium(tmp_path / "dvd.iso", VENDORS[0], "9.6")
    return Site(Settings(medium=medium, firmware="bios"), tmp_path, Local(), ())


def outcomes(site: Site, *story: Step) -> tuple[list[Outcome], list[str]]:
    shown: list[str] = []
    return list(run_steps(story, site, shown.append, pause=0.01)), shown


def test_a_step_ends_when_its_condition_is_met_and_shows_each_state_once(site: Site) -> None:
    states = iter(["a", "a", "b", "b", "end"])
    last = [""]

    def condition(_site: Site) -> bool:
        last[0] = next(states)
        return last[0] == "end"

    (outcome,), shown = outcomes(
        site, Step("wait", condition=condition, progress=lambda _: last[0])
    )
    assert outcome.state == PASSED
    assert [line.strip() for line in shown[1:3]] == ["a", "b"] and len(shown) == 4


def test_after_a_failure_no_step_runs(site: Site) -> None:
    ran = []

    def fail(_site: Site) -> None:
        raise CommandError("the disk is full", "frontend-0", "free some space")

    results, _shown = outcomes(site, Step("fail", fail), Step("next", lambda _: ran.append(1)))
    assert [result.state for result in results] == [FAILED, NOT_REACHED] and not ran
    assert "the disk is full" in results[0].reason


def test_a_step_fails_at_its_deadline_with_its_last_state(site: Site) -> None:
    step = Step("never", condition=lambda _: False, seconds=0.05, progress=lambda _: "booting")
    (outcome,), _shown = outcomes(site, step)
    assert outcome.state == FAILED and "booting" in outcome.reason


def test_a_skipped_step_has_its_reason(site: Site) -> None:
    (outcome,), _shown = outcomes(site, Step("job", skip=lambda _: "no scheduler"))
    assert (outcome.state, outcome.reason) == (SKIPPED, "no scheduler")


@pytest.mark.programs
def test_a_program_that_fails_is_an_error_with_its_last_lines(site: Site) -> None:
    site.start("broken", "sh", "-c", "echo the reason; exit 3")
    with pytest.raises(CommandError, match="the reason"):
        while not site.has_ended("broken"):
            pass


def test_every_step_has_a_title_of_its_own_and_a_deadline() -> None:
    story = [*steps.FRONTEND, *steps.CLUSTER]
    assert len({step.title for step in story}) == len(story)
    assert all(0 < step.seconds <= steps.INSTALL_SECONDS for step in story)


def test_an_installer_that_has_stopped_ends_the_wait_at_once(
    site: Site, tmp_path: pathlib.Path
) -> None:
    site.machine = Chassis(tmp_path)
    install = steps.FRONTEND[0]
    assert not install.condition(site)
    (tmp_path / "console").write_text(
        "missing packages: python3-flask\nThe installer will now terminate.\n"
    )
    with pytest.raises(RuntimeError, match="python3-flask"):
        install.condition(site)


def test_an_order_that_failed_ends_the_wait_with_its_reason(site: Site) -> None:
    site.states = lambda: {"compute-0-0": "up", "compute-0-1": "failed: foreign disk"}  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="compute-0-1 failed: foreign disk"):
        steps.CLUSTER[3].condition(site)


@pytest.mark.parametrize(("version", "scheduler"), [("9.6", "slurm"), ("10.1", "none")])
def test_the_job_is_left_out_where_there_is_no_slurm(
    tmp_path: pathlib.Path, version: str, scheduler: str
) -> None:
    settings = settings_for(Medium(tmp_path / "dvd.iso", VENDORS[0], version))
    assert settings.scheduler == scheduler
    job = next(step for step in steps.CLUSTER if step.title == "Run a job")
    reason = job.skip(Site(settings, tmp_path, Local(), ()))
    assert bool(reason) == (scheduler == "none")
    names = [source["name"] for source in settings.distribution["distribution_sources"]]
    assert names == ["crb", "epel"]
    options = yaml.safe_load(SPECIFICATION.read_text())["argument_specs"]["main"]["options"]
    assert set(settings.distribution) <= set(options)
