"""Where the pictures of a run come from.

* :func:`resolve_sources` replaces or drops categories whose set is not there, or refuses.
* :func:`take_inventory` decodes and hashes every source picture; :func:`shows_no_part` tells where it finds no part.
* :func:`write_inventory`, :func:`read_inventory` keep it in the dataset folder.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from maphc2f.errors import ManifestError, PictureError
from maphc2f.manifest import as_procedural
from maphc2f.shards.files import file_sha256, write_atomic
from maphc2f.spec import CategorySpec, DatasetSpec, canonical_digest
from maphc2f.substrates.base import SourcePicture, Substrate, open_substrate, require_accepted
from maphc2f.substrates.files import KEEP_OUT_NOTE, FileSubstrate, list_files
from maphc2f.substrates.locate import find_category_root
from maphc2f.substrates.specimens import Specimens

Missing = Literal["refuse", "procedural", "skip"]
SETS = ("mvtec_ad", "visa", "btad")
"""Kinds of source that procedural pictures may stand for; others are the user's own."""

LOOKED_AT = 3
"""Pictures of a category whose foreground is looked at before a run."""

SHOWN = 3
"""Refused pictures named in a message."""

Inventory = Mapping[str, tuple[SourcePicture, ...]]


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How to find pictures.

    Attributes:
        data_root: Folder that holds the benchmark sets, or None: procedural pictures for all of them.
        missing: What to do with categories that are not below the data root.
        specimens: Rule that groups pictures of one physical part.
    """

    data_root: Path | None = None
    missing: Missing = "refuse"
    specimens: Specimens | None = None


def _is_set(category: CategorySpec) -> bool:
    return category.source.kind in SETS


def resolve_sources(dataset: DatasetSpec, options: SourceOptions) -> DatasetSpec:
    """Return the dataset with every category's source settled.

    Raises:
        ManifestError: Some sets are not below the data root and nothing says what to do, or none is left.
    """
    if options.data_root is None:
        lost = {c.name for c in dataset.categories if _is_set(c)}
        action: Missing = "procedural"
    else:
        root = options.data_root
        lost = {c.name for c in dataset.categories if _is_set(c) and find_category_root(root, c) is None}
        action = options.missing
    if lost and action == "refuse":
        raise ManifestError(
            f"{len(lost)} of {len(dataset.categories)} categories are not there ({', '.join(sorted(lost)[:5])}...)",
            where=f"--data-root {options.data_root}",
            rule="every category asked for needs its pictures",
            remedy="use --missing procedural or --missing skip, or name fewer with --categories",
        )
    kept = [
        as_procedural(c) if c.name in lost else c for c in dataset.categories if c.name not in lost or action != "skip"
    ]
    if not kept:
        raise ManifestError(
            "no category is left",
            where=f"--data-root {options.data_root}",
            rule="at least one must have pictures",
            remedy="check the folder, or use --missing procedural",
        )
    return dataset.model_copy(update={"categories": tuple(kept), "textures_digest": _textures_digest(dataset.textures)})


def _textures_digest(folder: str | None) -> str | None:
    """Return the digest of a folder of textures: it enters the recipe of samples that use them.

    Raises:
        ManifestError: The folder is missing or empty.
    """
    if folder is None:
        return None
    names = list_files(Path(folder)) if Path(folder).is_dir() else ()
    if not names:
        raise ManifestError(
            "no picture found",
            where=f"--textures {folder}",
            rule="a folder of texture pictures",
            remedy="check the path, or leave it out for procedural textures",
        )
    return canonical_digest([[name, file_sha256(Path(folder) / name)] for name in names])


def take_inventory(
    dataset: DatasetSpec, options: SourceOptions, *, progress: Callable[[str], None] = lambda _: None
) -> dict[str, tuple[SourcePicture, ...]]:
    """Return every source picture by category, the refused ones with their reason.

    Raises:
        UserError: A folder is missing, or holds no usable picture.
    """
    inventory = {}
    for category in dataset.categories:
        substrate = open_substrate(
            category, root=options.data_root, seed=dataset.seed, size=dataset.size, specimens=options.specimens
        )
        pictures = substrate.inventory()
        require_accepted(pictures, where=category.source.path or category.name)
        _require_keep_out(category, pictures)
        inventory[category.name] = pictures
        refused = [picture for picture in pictures if not picture.accepted]
        if refused:
            names = ", ".join(picture.key for picture in refused[:SHOWN]) + (", ..." if len(refused) > SHOWN else "")
            share = f"{len(refused)} of {len(pictures)} pictures refused"
            progress(f"{category.name}: {share}, reasons in inventory.parquet: {names}")
        if shows_no_part(category, substrate, pictures):
            progress(
                f"warning: {category.name}: no part found on its ground in the pictures looked at, so all of each "
                "picture counts as the part, and defects of an edge start at the picture's border; give masks with "
                "--foreground DIR, or --foreground full if that is right"
            )
    return inventory


def _require_keep_out(category: CategorySpec, pictures: Sequence[SourcePicture]) -> None:
    """Refuse a folder of keep-out masks of which none belongs to a picture.

    Raises:
        PictureError: It keeps nothing out.
    """
    folder = category.source.keep_out_path
    if folder is not None and not any(KEEP_OUT_NOTE in picture.notes for picture in pictures if picture.accepted):
        raise PictureError(
            "no mask there belongs to a picture",
            where=f"categories.{category.name}.source.keep_out_path (--keep-out) {folder}",
            rule="masks are called as their pictures, white where no defect may lie",
            remedy="check the folder and the names",
        )


def shows_no_part(category: CategorySpec, substrate: Substrate, pictures: Sequence[SourcePicture]) -> bool:
    """Whether the automatic foreground of an object's files is the whole picture in each of a few looked at."""
    if category.foreground != "auto" or category.kind != "object" or category.source.kind == "procedural":
        return False
    accepted = [picture for picture in pictures if picture.accepted]
    few = accepted[:: max(1, len(accepted) // LOOKED_AT)][:LOOKED_AT]
    masks = [substrate.load(picture).foreground for picture in few]
    return all(mask is None or bool(mask.all()) for mask in masks)


def write_inventory(root: Path, inventory: Inventory) -> None:
    """Write ``inventory.parquet``."""
    names = [field.name for field in fields(SourcePicture)]
    rows = [{"category": category, **asdict(p)} for category in sorted(inventory) for p in inventory[category]]
    types = {"width": pa.int32(), "height": pa.int32(), "bit_depth": pa.int32(), "accepted": pa.bool_()}
    schema = pa.schema([pa.field(name, types.get(name, pa.string())) for name in ["category", *names]])
    table = pa.Table.from_pylist(rows, schema=schema)
    write_atomic(root / "inventory.parquet", lambda file: pq.write_table(table, file))


def read_inventory(root: Path, categories: Sequence[str] | None = None) -> dict[str, tuple[SourcePicture, ...]]:
    """Read ``inventory.parquet``, all of it or some categories."""
    filters = None if categories is None else [("category", "in", list(categories))]
    found: dict[str, list[SourcePicture]] = defaultdict(list)
    for row in pq.read_table(root / "inventory.parquet", filters=filters).to_pylist():
        found[row.pop("category")].append(SourcePicture(**row))
    return {category: tuple(pictures) for category, pictures in found.items()}


def nominal_size(images: Path) -> tuple[int, int]:
    """Return a typical width and height of the pictures in a folder, from their headers, px.

    It only sets the nominal field of view, from which defect sizes are drawn. The median is rounded to quarter
    octaves, so that adding a picture hardly ever moves it.

    Raises:
        PictureError: The folder is missing or holds no usable picture.
    """
    names = list_files(images) if images.is_dir() else ()
    if not names:
        raise PictureError(
            "no picture found" if images.is_dir() else "no such folder",
            where=f"--images {images}",
            rule="a folder of good pictures (PNG, JPEG, BMP or TIFF)",
            remedy="check the path",
        )
    sizes = []
    for name in names:
        try:
            with Image.open(images / name) as header:
                sizes.append(header.size)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            continue  # the inventory says why it cannot be used
    if not sizes:
        # No header can be read: the inventory knows the reasons.
        pictures = FileSubstrate(images.resolve(), "", "texture", "", "full").inventory()
        sizes = [(p.width, p.height) for p in require_accepted(pictures, where=f"--images {images}")]
    width, height = (float(np.median([size[axis] for size in sizes])) for axis in (0, 1))
    return _quarter_octave(width), _quarter_octave(height)


def _quarter_octave(length: float) -> int:
    return max(16, round(2 ** (round(4 * np.log2(max(length, 1.0))) / 4)))
