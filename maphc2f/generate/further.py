"""The second and any further defect of samples that show several.

* :func:`add_further` completes samples whose first defect is made.

Each further defect has a simulation of its own and is placed beside those before it, so the first is what it would be
alone, and no sample depends on the others in its batch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from maphc2f.generate.compose import CategoryContext, Order, Part, Prepared, check_part, prepare_further
from maphc2f.generate.plan import defects_wanted, group_families
from maphc2f.generate.profile import Clock
from maphc2f.generate.simulate import simulate_further
from maphc2f.refine.pipeline import synthesise

FURTHER_PLACES = 8
FURTHER_SIMULATIONS = 4
"""A further defect is placed 8 times, then so is one of half its size, a quarter and an eighth."""


@dataclass(slots=True)
class Unfinished:
    """A sample under way.

    Attributes:
        parts: Its defects so far.
        least: Number without which it is no valid sample.
        wanted: Number that was drawn for it.
        reason: Why a defect was refused last.
    """

    parts: list[Part]
    least: int
    wanted: int
    reason: str = "no place on the part beside its other defects"

    @property
    def valid(self) -> bool:
        """Whether it shows enough defects."""
        return len(self.parts) >= self.least


@dataclass(slots=True)
class _Trial:
    sample: Unfinished
    order: Order | None
    attempts: int = field(default=0)


def begin(context: CategoryContext, part: Part) -> Unfinished:
    """Return the sample of a first defect, with how many it is to show."""
    order = part.prepared.order
    families = len(group_families(context.seed, context.category, order.group))
    return Unfinished([part], *defects_wanted(context.seed, context.category, families, order.index))


def add_further(context: CategoryContext, samples: Sequence[Unfinished], clock: Clock) -> None:
    """Add defects to ``samples`` until each shows what is wanted, or finds no more room.

    Args:
        context: Of their category.
        samples: With their first defects; completed in place.
        clock: For the time of each stage.
    """
    number = 1
    open_ = [sample for sample in samples if sample.wanted > number]
    while open_:
        trials = [_Trial(sample, _order(context, sample, number, 0, clock)) for sample in open_]
        while trials:
            _round(context, trials, clock)
            trials = [trial for trial in trials if len(trial.sample.parts) == number]
            trials = [trial for trial in trials if _again(context, trial, number, clock)]
        number += 1
        open_ = [sample for sample in open_ if len(sample.parts) == number and sample.wanted > number]


def _order(context: CategoryContext, sample: Unfinished, number: int, retry: int, clock: Clock) -> Order | None:
    first = sample.parts[0].prepared.order
    with clock.stage("simulate"):
        simulated = simulate_further(context.dataset, context.category, first.group, first.index, number, retry)
    if simulated is None:
        return None
    attempt = retry * FURTHER_PLACES
    return replace(first, simulated=simulated, snapshot=0, attempt=attempt, part=number)


def _again(context: CategoryContext, trial: _Trial, number: int, clock: Clock) -> bool:
    """Give ``trial`` its next order; False at the end of all attempts."""
    trial.attempts += 1
    retry, place = divmod(trial.attempts, FURTHER_PLACES)
    if trial.order is not None and place:
        trial.order = replace(trial.order, attempt=trial.attempts)
        return True
    retry += 1 if place else 0
    trial.attempts = retry * FURTHER_PLACES
    if retry >= FURTHER_SIMULATIONS:
        return False
    trial.order = _order(context, trial.sample, number, retry, clock)
    return True


def _round(context: CategoryContext, trials: Sequence[_Trial], clock: Clock) -> None:
    """Try every order once; parts that hold are added to their samples."""

    def settle(place: int, part: Part | None, reason: str) -> None:
        if part is None:
            trials[place].sample.reason = reason
        else:
            trials[place].sample.parts.append(part)

    with clock.stage("place"):
        prepared = [
            None if trial.order is None else prepare_further(context, trial.order, trial.sample.parts)
            for trial in trials
        ]
    refine(context, prepared, clock, settle)


def refine(
    context: CategoryContext,
    prepared: Sequence[Prepared | None],
    clock: Clock,
    settle: Callable[[int, Part | None, str], None],
) -> None:
    """Refine and check windows in batches of one shape.

    Args:
        context: Of their category.
        prepared: Windows; None where there was no place.
        clock: For the time of each stage.
        settle: Told of each window's position, its part or None, and why it was refused.
    """
    buckets: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for place, window in enumerate(prepared):
        if window is not None:
            buckets[window.inputs.picture.shape].append(place)
    for places in buckets.values():
        windows = [window for place in places if (window := prepared[place]) is not None]
        with clock.stage("refine"):
            results = synthesise([w.inputs for w in windows], context.dataset.stages, context.dataset.device)
        with clock.stage("check"):
            for place, window, result in zip(places, windows, results, strict=True):
                part, verdict = check_part(context, window, result)
                settle(place, part, "; ".join(verdict.violations))
