"""Groups of samples from simulation to finished rows, in batches that no sample depends on.

* :func:`make_groups` makes all samples of some groups of one category.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from maphc2f.generate.assemble import assemble
from maphc2f.generate.compose import CategoryContext, Order, Part, prepare_window
from maphc2f.generate.further import Unfinished, add_further, begin, refine
from maphc2f.generate.plan import Group, sample_id
from maphc2f.generate.profile import Clock
from maphc2f.generate.simulate import simulate_alone, simulate_group
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
        begun, retry = _round(context, orders, reasons, clock)
        add_further(context, begun, clock)
        for sample in begun:
            order = sample.parts[0].prepared.order
            if sample.valid:
                finished[order.index] = assemble(context, sample.parts)
            else:
                reasons.setdefault(order.index, sample.reason)
                retry.append(order)
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
    context: CategoryContext, orders: Sequence[Order], reasons: dict[int, str], clock: Clock
) -> tuple[list[Unfinished], list[Order]]:
    """Try the first defect of every order once; return the samples that have theirs, and the orders to redraw."""
    begun: list[Unfinished] = []
    with clock.stage("place"):
        prepared = [prepare_window(context, order) for order in orders]
    retry = [order for order, window in zip(orders, prepared, strict=True) if window is None]

    def settle(place: int, part: Part | None, reason: str) -> None:
        if part is not None:
            begun.append(begin(context, part))
            return
        reasons.setdefault(orders[place].index, reason)
        retry.append(orders[place])

    refine(context, prepared, clock, settle)
    return begun, retry


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
