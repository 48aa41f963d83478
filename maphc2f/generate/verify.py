"""Checking a dataset folder against what it says of itself, and repairing what can be derived.

* :func:`verify` returns a :class:`Report` that names file and row of every finding.
* :func:`repair` rebuilds PNG projections and removes damaged shards, so that generate makes them again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyarrow import ArrowException

from maphc2f.errors import DatasetError
from maphc2f.generate.folder import DatasetInfo, read_info
from maphc2f.generate.pictures import Symmetry
from maphc2f.generate.plan import SPLITS, PlannedShard, plan_category
from maphc2f.generate.recheck import checked_windows
from maphc2f.generate.rows import digest_facts
from maphc2f.generate.sources import read_inventory
from maphc2f.generate.strays import Report, check_scores, check_strays
from maphc2f.manifest import load_manifest
from maphc2f.quality.invariants import check_sample
from maphc2f.sample import MAPS
from maphc2f.shards.files import file_sha256
from maphc2f.shards.index import IndexEntry, read_entries, row_digest
from maphc2f.shards.png import decode_png, pixel_sha256
from maphc2f.shards.reader import dataset_digest, read_rows
from maphc2f.shards.writer import project, projection_paths
from maphc2f.spec import CategorySpec, DatasetSpec, recipe_digest
from maphc2f.substrates.inventory import assign_splits, splits_present

Pixels = NDArray[Any]


@dataclass(frozen=True, slots=True)
class _Expected:
    """What a category's rows are held against: its stanza, if the manifest can be read, and whether PNG files exist."""

    category: CategorySpec | None
    projected: bool


@dataclass(frozen=True, slots=True)
class _Good:
    image: Pixels
    foreground: NDArray[np.bool_]


def verify(root: Path, *, progress: Callable[[int], None] = lambda _: None) -> Report:
    """Verify a dataset folder.

    Every shard is hashed; every row decoded, hashed, checked against the invariants and, with its good picture, for
    changes outside the part; the PNG files compared with the shards' bytes; missing, extra and stray files named.

    Args:
        root: The dataset folder.
        progress: Told of rows as they are done.

    Raises:
        DatasetError: ``root`` is not a dataset at all.
    """
    report = Report()
    info = read_info(root)
    dataset = _manifest(root, report)
    entries = _entries(root, report)
    planned = _check_plan(root, dataset, entries, report)
    _check_recipes(root, dataset, info, entries, report)
    for category in sorted({entry.category for entry in entries}):
        own = [entry for entry in entries if entry.category == category]
        goods = _check_goods(root, [e for e in own if e.config == "good"], report)
        stanza = next((c for c in dataset.categories if c.name == category), None) if dataset else None
        expected = _Expected(stanza, info.layout == "both")
        for entry in own:
            if entry.config == "default":
                for row in _check_shard(root, entry, report):
                    _check_row(root, entry, row, goods, expected, report)
                    report.samples += 1
                    progress(1)
    check_strays(root, planned, entries, report)
    check_scores(root, entries, report)
    if report.ok:
        report.content_digest = dataset_digest(root)
        if info.content_digest is None:
            report.add("dataset.json", "", "content digest is missing: run generate again", missing=True)
        elif report.content_digest != info.content_digest:
            report.add("dataset.json", "", "content digest is not that of the shards")
    return report


def _manifest(root: Path, report: Report) -> DatasetSpec | None:
    try:
        return load_manifest(root / "manifest.toml")
    except Exception as error:  # noqa: BLE001  # whatever is wrong with it is the finding
        report.add("manifest.toml", "", f"unreadable: {error}")
        return None


def _entries(root: Path, report: Report) -> list[IndexEntry]:
    from maphc2f.shards.index import read_entry

    entries = []
    for path in sorted((root / "index").glob("*.json")):
        try:
            entry = read_entry(path)
        except DatasetError as error:
            report.add(path.relative_to(root), "", error.what)
            continue
        if entry.key.entry_path(root) != path:
            report.add(path.relative_to(root), "", f"names another shard, {entry.key.shard_id}")
            continue
        entries.append(entry)
    return sorted(entries, key=lambda e: e.key)


def planned_shards(root: Path, dataset: DatasetSpec) -> list[PlannedShard]:
    """Return the plan of a dataset folder; its inventory tells which splits have pictures."""
    inventory = read_inventory(root)
    shards: list[PlannedShard] = []
    for category in dataset.categories:
        splits = splits_present(assign_splits(inventory.get(category.name, ()), dataset.seed, category.name))
        shards += plan_category(dataset, category, splits=splits or SPLITS)
    return shards


def _check_recipes(
    root: Path, dataset: DatasetSpec | None, info: DatasetInfo, entries: list[IndexEntry], report: Report
) -> None:
    """Check that manifest, ``dataset.json`` and shards speak of the same recipes."""
    if dataset is not None:
        for category in dataset.categories:
            if recipe_digest(dataset, category) != info.recipe_digests.get(category.name):
                report.add("manifest.toml", "", f"recipe of {category.name} is not the one in dataset.json")
    for entry in entries:
        if entry.config == "default" and entry.recipe_digest != info.recipe_digests.get(entry.category):
            report.add(entry.key.entry_path(root).relative_to(root), "", "recipe is not the one in dataset.json")


def _check_plan(
    root: Path, dataset: DatasetSpec | None, entries: list[IndexEntry], report: Report
) -> list[PlannedShard] | None:
    """Check that what is planned is committed; return the plan, or None if manifest or inventory cannot be read."""
    if dataset is None:
        return None
    committed = {entry.key.shard_id: entry for entry in entries if entry.config == "default"}
    try:
        planned = planned_shards(root, dataset)
    except (OSError, ArrowException) as error:
        report.add("inventory.parquet", "", f"unreadable: {error}")
        return None
    for shard in planned:
        name = shard.key.data_path(root).relative_to(root)
        entry = committed.pop(shard.key.shard_id, None)
        if entry is None:
            report.add(name, "", f"shard of {shard.rows} samples is not committed: run generate again", missing=True)
            continue
        for failed in entry.failed:
            report.add(name, failed, "sample failed and is missing", missing=True)
    for entry in committed.values():
        report.add(entry.key.data_path(root).relative_to(root), "", "shard is not in the plan")
    return planned


def _check_shard(root: Path, entry: IndexEntry, report: Report) -> Iterator[dict[str, Any]]:
    """Check a shard's file and yield its rows, if it can be read at all."""
    path = entry.key.data_path(root)
    name = path.relative_to(root)
    if not path.is_file():
        report.add(name, "", "missing")
        return
    whole = path.stat().st_size == entry.bytes
    if not whole:
        report.add(name, "", f"has {path.stat().st_size} bytes, committed were {entry.bytes}: truncated or altered")
    elif file_sha256(path) != entry.sha256:
        report.add(name, "", "bytes are not those committed")
    count = 0
    try:
        for row in read_rows(path):
            count += 1
            yield row
    except DatasetError as error:
        report.add(name, "", error.what)
        return
    except Exception as error:  # noqa: BLE001  # damaged pages raise whatever the decoder meets
        report.add(name, f"#{count}", f"unreadable from here on: {type(error).__name__}")
        return
    if count != entry.rows:
        report.add(name, "", f"has {count} rows, committed were {entry.rows}")


def _check_goods(root: Path, entries: list[IndexEntry], report: Report) -> dict[str, _Good]:
    goods: dict[str, _Good] = {}
    for entry in entries:
        name = entry.key.data_path(root).relative_to(root)
        for row in _check_shard(root, entry, report):
            try:
                good = _Good(decode_png(row["image"]["bytes"]), decode_png(row["foreground"]["bytes"]) > 0)
            except (ValueError, TypeError):
                report.add(name, row["substrate_id"], "picture cannot be decoded")
                continue
            if pixel_sha256(good.image) != row["image_sha256"]:
                report.add(name, row["substrate_id"], "pixels are not those hashed")
            goods[row["substrate_id"]] = good
            report.goods += 1
    return goods


def _check_row(
    root: Path, entry: IndexEntry, row: dict[str, Any], goods: dict[str, _Good], expected: _Expected, report: Report
) -> None:
    name = entry.key.data_path(root).relative_to(root)
    for problem in _row_problems(row, goods, expected.category):
        report.add(name, row["sample_id"], problem)
    if expected.projected:
        for column, path in projection_paths(root, row).items():
            if not path.is_file():
                report.add(path.relative_to(root), row["sample_id"], f"{column} file is missing")
            elif path.read_bytes() != row[column]["bytes"]:
                report.add(path.relative_to(root), row["sample_id"], f"{column} file differs from the shard")


def _row_problems(row: dict[str, Any], goods: dict[str, _Good], category: CategorySpec | None) -> Iterator[str]:
    try:
        image, mask = decode_png(row["image"]["bytes"]), decode_png(row["mask"]["bytes"])
        extra = {column: decode_png(row[column]["bytes"]) for column in MAPS if row[column] is not None}
    except (ValueError, TypeError):
        yield "picture cannot be decoded"
        return
    if pixel_sha256(image) != row["image_sha256"]:
        yield "image pixels are not those hashed"
    if pixel_sha256(mask) != row["mask_sha256"]:
        yield "mask pixels are not those hashed"
    if (
        row_digest(row["sample_id"], row["image_sha256"], row["mask_sha256"], digest_facts(row))
        != row["content_digest"]
    ):
        yield "values are not those hashed"
    if (row["height"], row["width"], row["bit_depth"]) != (*image.shape[:2], 8 * image.dtype.itemsize):
        yield "size or bit depth is not the one declared"
    if "soft_mask" in extra and not np.array_equal(mask == 255, extra["soft_mask"] >= 128):
        yield "mask is not soft_mask >= 128"
    good = goods.get(row["substrate_id"])
    if good is None:
        yield f"good picture {row['substrate_id']} is missing"
        return
    symmetry = Symmetry.from_row(row["substrate_transform"])
    turned = symmetry.array(good.image), symmetry.array(good.foreground)
    share = category.min_visible_share if category is not None else None
    for window in checked_windows(row, share, turned, (image, mask)):
        yield from check_sample(window).violations
    if sum(defect["area_px"] for defect in row["defects"]) != int((mask > 0).sum()):
        yield "areas of the defects do not add up to the mask"


def repair(root: Path, report: Report) -> list[str]:
    """Rebuild or remove what ``report`` found, and return one line for each thing done.

    PNG files are written again from their shard; damaged shards and stray temporary files are removed, so that
    generate makes them again. Files that the generator never made are left alone: they may be somebody's.
    """
    done = []
    damaged = {f.file for f in report.findings if f.file.startswith("data/")}
    entries = [entry for entry in read_entries_leniently(root) if entry is not None]
    for entry in entries:
        name = str(entry.key.data_path(root).relative_to(root))
        if name in damaged:
            entry.key.entry_path(root).unlink(missing_ok=True)
            entry.key.data_path(root).unlink(missing_ok=True)
            done.append(f"{name}: removed, run generate again to make it anew")
    for finding in report.findings:
        path = root / finding.file
        if finding.file.startswith("index/") and path.is_file():
            path.unlink()
            done.append(f"{finding.file}: removed, run generate again")
        elif finding.problem == "left by a killed writer":
            path.unlink(missing_ok=True)
            done.append(f"{finding.file}: removed")
    pictures = {f.row for f in report.findings if f.file.startswith(("images/", "masks/")) and f.row}
    for entry in read_entries(root):
        if entry.config == "default" and pictures:
            rows = [row for row in read_rows(entry.key.data_path(root)) if row["sample_id"] in pictures]
            project(root, rows)
            done += [f"{row['sample_id']}: files written again" for row in rows]
    return done


def read_entries_leniently(root: Path) -> list[IndexEntry | None]:
    """Return every readable index entry; None for each that is damaged."""
    from maphc2f.shards.index import read_entry

    found: list[IndexEntry | None] = []
    for path in sorted((root / "index").glob("*.json")):
        try:
            found.append(read_entry(path))
        except DatasetError:
            found.append(None)
    return found
