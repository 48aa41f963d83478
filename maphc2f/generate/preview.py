"""A look at samples before a long run.

* :func:`preview` makes some and writes a page or a sheet: good | defect | mask.
"""

from __future__ import annotations

import base64
import html
import string
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from maphc2f.errors import IncompleteDatasetError
from maphc2f.generate.compose import CategoryContext
from maphc2f.generate.group import make_groups
from maphc2f.generate.overlay import TextureBank
from maphc2f.generate.pictures import PicturePool, Symmetry
from maphc2f.generate.plan import check_names, plan_groups
from maphc2f.generate.profile import Clock
from maphc2f.generate.sheet import RGB, as_rgb, close_up, contact_sheet, encode_sheet, fit_tile, write_sheet
from maphc2f.generate.sources import SourceOptions, take_inventory
from maphc2f.generate.worker import pin_threads
from maphc2f.sample import Sample
from maphc2f.shards.files import write_atomic
from maphc2f.spec import CategorySpec, DatasetSpec
from maphc2f.substrates.base import open_substrate
from maphc2f.substrates.inventory import splits_present

TILE = 224
SHEET_COLUMNS = 2

PAGE = string.Template("""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>$title</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem;
       color: #1c1c1c; background: #fafafa }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(34rem, 1fr)); gap: 1.2rem }
figure { margin: 0; padding: .6rem; background: #fff; border: 1px solid #ddd; border-radius: .4rem }
figure img { width: 100%; display: block }
figcaption { margin-top: .4rem; color: #333 }
code { background: #eee; padding: .1rem .3rem }
</style>
<h1>$title</h1>
<p>Each figure shows the good picture, the picture with its defect, the mask, and a close-up.</p>
<main>
$figures
</main>
</html>
""")


@dataclass(frozen=True, slots=True)
class Shown:
    """A sample with its good picture."""

    good: NDArray[Any]
    sample: Sample

    def strip(self) -> RGB:
        """Return good, defect, mask and a close-up side by side."""
        height, width = self.sample.mask.shape
        shape = round(TILE * min(1.0, height / width)), round(TILE * min(1.0, width / height))
        defect = as_rgb(self.sample.image)
        zoomed = close_up(defect, self.sample.row["defects"][0]["bbox"], shape)
        views = (as_rgb(self.good), defect, as_rgb(self.sample.mask), zoomed)
        return contact_sheet([fit_tile(view, shape) for view in views], columns=len(views))

    def caption(self) -> str:
        """Return what it is."""
        row, defect = self.sample.row, self.sample.row["defects"][0]
        length = max(defect["length_m"], 0.0) * 1e3
        return (
            f"{row['sample_id']}: {row['defect_family']} ({defect['scenario']}), {row['material']}, "
            f"severity {row['severity']:.2f}, {length:.2g} mm, SQE {row['sqe_score']:.2f}"
        )


def preview(dataset: DatasetSpec, options: SourceOptions, out: Path, count: int) -> int:
    """Write ``count`` samples to ``out`` (``.html`` or ``.png``) and return how many there are.

    They are the last stages of the first groups of each category, as generate would make them.

    Raises:
        UserError: As for a run.
        IncompleteDatasetError: Nothing could be made.
    """
    check_names(dataset)
    pin_threads()
    shown = list(_samples(dataset, options, count))
    if not shown:
        msg = "no valid sample: the part may be too small for these defects, or its foreground is wrong"
        raise IncompleteDatasetError(msg)
    if out.suffix.lower() == ".png":
        strips = [item.strip() for item in shown]
        shape = max(s.shape[0] for s in strips), max(s.shape[1] for s in strips)
        write_sheet(out, contact_sheet([fit_tile(strip, shape) for strip in strips], SHEET_COLUMNS))
    else:
        page = _page(dataset.name, shown).encode()
        write_atomic(out, lambda file: file.write(page))
    return len(shown)


def _samples(dataset: DatasetSpec, options: SourceOptions, count: int) -> Iterator[Shown]:
    chosen = dataset.categories[:count]
    textures = TextureBank(dataset.textures, dataset.seed)
    for number, category in enumerate(chosen):
        wanted = count // len(chosen) + (number < count % len(chosen))
        one = dataset.model_copy(update={"categories": (category,)})
        inventory = take_inventory(one, options)[category.name]
        substrate = open_substrate(
            category, root=options.data_root, seed=dataset.seed, size=dataset.size, specimens=options.specimens
        )
        pool = PicturePool(dataset, category, substrate, inventory)
        yield from _of_category(CategoryContext(dataset, category, pool, textures, maps=()), wanted)


def _of_category(context: CategoryContext, wanted: int) -> Iterator[Shown]:
    category: CategorySpec = context.category
    enough = category.model_copy(update={"count": wanted * context.dataset.snapshots})
    groups = plan_groups(enough, context.dataset.snapshots, splits=splits_present(context.pool.splits))
    whole = [replace(group, count=context.dataset.snapshots) for group in groups[:wanted]]
    samples, _ = make_groups(context, whole, Clock())
    last = {sample.row["sample_id"]: sample for sample in samples}
    sources = {p.sha256[:12]: p for p in context.pool.accepted}
    for group in whole:
        names = [f"{category.name}-{group.first + k:06d}" for k in reversed(range(group.count))]
        sample = next((last[name] for name in names if name in last), None)
        if sample is not None:
            source = context.pool.get(sources[sample.row["substrate_id"].rsplit("-", 1)[-1]])
            yield Shown(Symmetry.from_row(sample.row["substrate_transform"]).array(source.image), sample)


def _page(title: str, shown: list[Shown]) -> str:
    figures = []
    for item in shown:
        data = base64.b64encode(encode_sheet(item.strip(), ".jpg")).decode()
        caption = html.escape(item.caption())
        figures.append(
            f'<figure><img src="data:image/jpeg;base64,{data}" alt="{caption}" loading="lazy">'
            f"<figcaption>{caption}</figcaption></figure>"
        )
    return PAGE.substitute(title=html.escape(f"maphc2f preview: {title}"), figures="\n".join(figures))
