"""Groups of samples from simulation to finished rows, in batches that no sample depends on.

* :func:`make_groups` makes all samples of some groups of one category.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from maphc2f.generate.compose import CategoryContext, Order, Prepared, finish, prepare_window
from maphc2f.generate.plan import Group, sample_id
from maphc2f.generate.profile import Clock
from maphc2f.generate.simulate import simulate_alone, simulate_group
from maphc2f.refine.pipeline import synthesise
from maphc2f.sample import Sample

PLACE_ATTEMPTS = 8
PICTURE_RANKS = 4
OWN_SIMULATIONS = 3
"""A sample that breaks its invariants redraws its place, then takes other pictures, then a smaller simulation."""


@dataclass(frozen=True, slots=True)
class SampleFailure:
    """A sample that found no valid form, with the first reason: later attempts are ever smaller."""

    sample_id: str
    reason: str


def make_groups(
    context: CategoryContext, groups: Sequence[Group], clock: Clock
) -> tuple[list[Sample], list[SampleFailure]]:
    """Return the samples of ``groups`` in index order, and those that failed.

    Raises:
        PictureError: A source picture changed since the inventory.
    """
    orders, failures = _first_orders(context, groups, clock)
    finished: dict[int, Sample] = {}
    reasons: dict[int, str] = {}
    while orders:
        retry = _round(context, orders, finished, reasons, clock)
        orders = []
        for order in retry:
            following = next_order(context, order, clock)
            if following is None:
                reason = reasons.get(order.index, "no place on the part")
                failures.append(SampleFailure(sample_id(context.category.name, order.index), reason))
            else:
                orders.append(following)
    return [finished[index] for index in sorted(finished)], sorted(failures, key=lambda f: f.sample_id)


def _first_orders(
    context: CategoryContext, groups: Sequence[Group], clock: Clock
) -> tuple[list[Order], list[SampleFailure]]:
    orders, failures = [], []
    for group in groups:
        with clock.stage("simulate"):
            simulated = simulate_group(context.dataset, context.category, group)
        for k in range(group.count):
            if simulated is None:
                name = sample_id(context.category.name, group.first + k)
                failures.append(SampleFailure(name, f"no {group.family} simulation grew"))
            else:
                orders.append(Order(group, group.first + k, simulated, k))
    return orders, failures


def _round(
    context: CategoryContext,
    orders: Sequence[Order],
    finished: dict[int, Sample],
    reasons: dict[int, str],
    clock: Clock,
) -> list[Order]:
    """Try every order once; fill ``finished`` and return the orders to redraw."""
    retry = []
    buckets: dict[tuple[int, ...], list[Prepared]] = defaultdict(list)
    with clock.stage("place"):
        for order in orders:
            prepared = prepare_window(context, order)
            if prepared is None:
                retry.append(order)
            else:
                buckets[prepared.inputs.picture.shape].append(prepared)
    for bucket in buckets.values():
        with clock.stage("refine"):
            results = synthesise([p.inputs for p in bucket], context.dataset.stages, context.dataset.device)
        with clock.stage("check"):
            for prepared, result in zip(bucket, results, strict=True):
                sample, check = finish(context, prepared, result)
                if sample is None:
                    reasons.setdefault(prepared.order.index, "; ".join(check.violations))
                    retry.append(prepared.order)
                else:
                    finished[prepared.order.index] = sample
    return retry


def next_order(context: CategoryContext, order: Order, clock: Clock) -> Order | None:
    """Return what to try after ``order`` was refused, or None at the end of all attempts."""
    attempt = order.attempt + 1
    if attempt < PLACE_ATTEMPTS:
        return replace(order, attempt=attempt)
    if attempt < PLACE_ATTEMPTS + PICTURE_RANKS:
        return replace(order, attempt=attempt, rank=attempt - PLACE_ATTEMPTS + 1)
    for retry in range(attempt - PLACE_ATTEMPTS - PICTURE_RANKS, OWN_SIMULATIONS):
        with clock.stage("simulate"):
            own = simulate_alone(context.dataset, context.category, order.group, order.index, retry)
        if own is not None:
            attempt = PLACE_ATTEMPTS + PICTURE_RANKS + retry
            return replace(order, attempt=attempt, rank=0, simulated=own, snapshot=0)
    return None
