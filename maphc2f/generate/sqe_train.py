"""Training the learned estimator from nothing: categories in, one file with its card out.

* :func:`train_model` makes the samples, spoils them, trains, counts on what was left out and returns the file.
* :func:`default_categories` are those that the shipped model learns from; :data:`KEPT_OUT` are its examination.
* :class:`Course` says how much is made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from maphc2f import __version__
from maphc2f.errors import ManifestError
from maphc2f.features import load
from maphc2f.features.scattering import VERSION as FEATURES
from maphc2f.generate.material import Ground, Wanted, make_material
from maphc2f.generate.plan import check_names
from maphc2f.generate.sources import SourceOptions
from maphc2f.generate.worker import pin_threads
from maphc2f.quality.judged import INPUTS, READ_TERMS
from maphc2f.quality.model import to_bytes
from maphc2f.quality.ranking import (
    PASTED,
    STAGES,
    Material,
    Settings,
    accuracy,
    cross_validate,
    pairs_of,
    rounded,
    train,
    v1_scores,
)
from maphc2f.quality.spoil import SPOILINGS
from maphc2f.spec import DatasetSpec

KEPT_OUT = ("btad_01", "cable", "candle", "leather", "metal_nut", "pcb3", "pill", "tile")
"""Bundled categories that the shipped model never sees: parts and textures of all three families."""

VARIED_SHARE = 0.5
"""Of the training's good pictures: drawn surfaces are rougher than many a photographed one."""


@dataclass(frozen=True, slots=True)
class Course:
    """How much is made, and how it is learnt.

    Attributes:
        samples: Intact samples of each category.
        per_sample: Spoilings of each.
        varied_share: Good pictures that are made smoother and flatter first.
        settings: Of the training; its seed is the dataset's, whatever stands there.
    """

    samples: int = 32
    per_sample: int = 9
    varied_share: float = VARIED_SHARE
    settings: Settings = field(default_factory=Settings)


def default_categories(names: Sequence[str]) -> tuple[str, ...]:
    """Return those of ``names`` that are not kept for the examination."""
    return tuple(name for name in names if name not in KEPT_OUT)


def train_model(
    dataset: DatasetSpec,
    options: SourceOptions,
    course: Course,
    note: Callable[[str], None] = lambda _: None,
) -> bytes:
    """Train an estimator on all categories of a dataset.

    Args:
        dataset: Categories, size and seed; counts, stages and snapshots in it do not matter.
        options: Where pictures are.
        course: How much is made.
        note: Told one line a category.

    Returns:
        The content of a ``.safetensors`` file; the same bytes for the same arguments on one thread.

    Raises:
        UserError: As for a run, or nothing could be made.
    """
    check_names(dataset)
    pin_threads()
    backbone = load("scattering")
    wanted = Wanted(course.samples, per_sample=course.per_sample, varied_share=course.varied_share)
    materials = []
    for category in dataset.categories:
        material = make_material(Ground.of(dataset, category.name, options), wanted, backbone)
        note(f"{category.name}: {len(material.intact)} intact and {len(material.lesser)} lesser samples")
        if len(material.intact) and len(material.lesser):
            materials.append(material)
    if not materials:
        raise ManifestError(
            "not a single sample could be made and spoiled",
            where="sqe train",
            rule="there must be something to rank",
            remedy="ask for more --samples, or look at 'maphc2f preview' with the same options",
        )
    settings = replace(course.settings, seed=dataset.seed)
    model = train(materials, settings)
    note(f"trained {model.parameters} parameters; counting on what is left out in turn")
    counted = cross_validate(materials, settings) if _enough(materials) else {}
    return to_bytes(model.with_card(_card(dataset, course, materials, counted)))


def _enough(materials: Sequence[Material]) -> bool:
    """Whether every fold has something to train on and something to count."""
    return len(materials) > 1 or len(materials[0].intact) >= 8


def _card(
    dataset: DatasetSpec, course: Course, materials: Sequence[Material], counted: dict[str, tuple[float, int]]
) -> dict[str, Any]:
    """Return the model card: what it is, what it was made from, how good it is and where it ends."""
    pairs = pairs_of(materials)
    spoiled = {kind: pair for kind, pair in counted.items() if kind in SPOILINGS}
    total = sum(count for _, count in spoiled.values())
    return {
        "title": "Learned Synthesis Quality Estimator",
        "generator": f"maphc2f {__version__}",
        "use": "ranks synthetic defect samples of this generator by how well label, picture and optics agree",
        "limits": "knows the faults below and what is unlike intact samples; not whether a defect is likely",
        "features": FEATURES,
        "input_count": len(INPUTS),
        "terms": ["physics", *READ_TERMS],
        "spoilings": list(SPOILINGS),
        "ranking": [*STAGES, *PASTED],
        "training": {
            "categories": sorted(material.category for material in materials),
            "sources": sorted({category.source.kind for category in dataset.categories}),
            "licences": sorted({category.source.licence for category in dataset.categories}),
            "seed": dataset.seed,
            "intact": sum(len(material.intact) for material in materials),
            "pairs": len(pairs.kinds),
            "samples": course.samples,
            "per_sample": course.per_sample,
            "varied_share": course.varied_share,
            "settings": {**asdict(course.settings), "seed": dataset.seed},
        },
        "accuracy_on_left_out": {
            "all": round(sum(share * count for share, count in spoiled.values()) / total, 3) if total else None,
            "by_kind": rounded(counted),
            "v1_by_kind": rounded(accuracy(materials, v1_scores)),
        },
    }
