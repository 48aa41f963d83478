"""The options that say what to make, shared by plan, generate and preview.

* :func:`selection_options` decorates a command with them.
* :class:`Selection` holds their values; :meth:`Selection.resolve` gives the dataset and its sources.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import click

from maphc2f.errors import ManifestError
from maphc2f.spec import DatasetSpec

F = TypeVar("F", bound=Callable[..., Any])

PREVIEW_CATEGORY_COUNT = 8

_OPTIONS = [
    click.option("--categories", metavar="all|A,B", help="Categories of the manifest."),
    click.option(
        "--manifest", type=click.Path(path_type=Path), metavar="FILE", help="Manifest; default: the bundled one."
    ),
    click.option(
        "--per-category", type=int, metavar="N", help="Samples of each category, in place of the manifest's counts."
    ),
    click.option(
        "--data-root", type=click.Path(path_type=Path), metavar="DIR", help="Folder with MVTec AD, VisA, BTAD."
    ),
    click.option(
        "--missing",
        type=click.Choice(["procedural", "skip"]),
        help="What to do with categories that are not below --data-root.",
    ),
    click.option("--images", type=click.Path(path_type=Path), metavar="DIR", help="Your folder of good pictures."),
    click.option("--count", type=int, metavar="N", help="Samples to make from --images."),
    click.option("--name", metavar="NAME", help="Name of the category; default: the folder's."),
    click.option("--material", metavar="M", help="Material of the part; see 'maphc2f list materials'."),
    click.option("--defects", metavar="MIX", help="As in crack=2,corrosion=1 or crack.star=1."),
    click.option("--pixel-size", metavar="LENGTH", help="As in 50um; default 50um, with a warning."),
    click.option("--licence", metavar="SPDX", help="Licence of your pictures; a release needs one."),
    click.option(
        "--groups", type=click.Path(path_type=Path), metavar="CSV", help="Columns file,group: pictures of one part."
    ),
    click.option("--group-regex", metavar="R", help="Regular expression whose group 1 names the part."),
    click.option("--foreground", metavar="auto|full|DIR", help="Where the part is; default auto."),
    click.option("--severity", metavar="A..B", help="Range of final sizes over the largest, as in 0.2..0.8."),
    click.option(
        "--calibration",
        type=click.Path(path_type=Path),
        multiple=True,
        metavar="TOML",
        help="Looks measured by 'maphc2f calibrate'; once for each family.",
    ),
    click.option(
        "--keep-out",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Masks, called as their pictures, of what no defect may touch.",
    ),
    click.option("--combined", type=float, metavar="SHARE", help="Share of samples with two families, 0 to 1."),
    click.option("--per-sample", metavar="N|A..B", help="Defects of the same family in each sample; default 1."),
    click.option("--size", metavar="native|N|WxH", help="Size of the pictures; default native with --images."),
    click.option(
        "--fit", type=click.Choice(["letterbox", "crop"]), help="How pictures reach --size; default letterbox."
    ),
    click.option("--seed", type=int, metavar="S", help="Any number; the same gives the same dataset. Default 0."),
    click.option("--snapshots", type=click.IntRange(1, 8), metavar="K", help="Samples of each simulation; default 4."),
    click.option(
        "--stages", type=click.Choice(["coarse", "npcf", "npcf++"]), help="Last stage to run; default npcf++."
    ),
    click.option(
        "--device",
        type=click.Choice(["cpu", "cuda", "auto"]),
        default="cpu",
        show_default=True,
        help="For the refinement.",
    ),
    click.option("--textures", type=click.Path(path_type=Path), metavar="DIR", help="Pictures for texture overlays."),
]


def selection_options(function: F) -> F:
    """Add the selection options to a command."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Values of the selection options, as typed."""

    categories: str | None = None
    manifest: Path | None = None
    per_category: int | None = None
    data_root: Path | None = None
    missing: str | None = None
    images: Path | None = None
    count: int | None = None
    name: str | None = None
    material: str | None = None
    defects: str | None = None
    pixel_size: str | None = None
    licence: str | None = None
    groups: Path | None = None
    group_regex: str | None = None
    foreground: str | None = None
    severity: str | None = None
    calibration: tuple[Path, ...] = ()
    keep_out: Path | None = None
    combined: float | None = None
    per_sample: str | None = None
    size: str | None = None
    fit: str | None = None
    seed: int | None = None
    snapshots: int | None = None
    stages: str | None = None
    device: str = "cpu"
    textures: Path | None = None

    @classmethod
    def take(cls, values: dict[str, Any]) -> Selection:
        """Take the selection's values out of a command's arguments."""
        return cls(**{field.name: values.pop(field.name) for field in fields(cls)})

    def resolve(self) -> tuple[DatasetSpec, Any]:
        """Return the dataset with sources settled, and its :class:`~maphc2f.generate.sources.SourceOptions`.

        Raises:
            UserError: A flag is wrong or two do not go together.
        """
        from maphc2f.generate.sources import resolve_sources

        self._check_combinations()
        dataset = self._from_images() if self.images is not None else self._from_manifest()
        options = self._sources()
        return resolve_sources(dataset, options), options

    def _check_combinations(self) -> None:
        own = {
            "--count": self.count,
            "--name": self.name,
            "--material": self.material,
            "--defects": self.defects,
            "--pixel-size": self.pixel_size,
            "--licence": self.licence,
            "--groups": self.groups,
            "--group-regex": self.group_regex,
            "--foreground": self.foreground,
            "--severity": self.severity,
            "--calibration": self.calibration or None,
            "--keep-out": self.keep_out,
            "--combined": self.combined,
            "--per-sample": self.per_sample,
        }
        shared = {
            "--categories": self.categories,
            "--manifest": self.manifest,
            "--per-category": self.per_category,
            "--data-root": self.data_root,
            "--missing": self.missing,
        }
        wrong, with_what = (shared, "--images") if self.images is not None else (own, "--categories")
        given = [flag for flag, value in wrong.items() if value is not None]
        if given:
            raise ManifestError(
                f"does not go with {with_what}",
                where=given[0],
                rule="--images makes one category from flags, --categories takes them from a manifest",
                remedy=f"leave {given[0]} out" if self.images is not None else "add --images DIR, or leave it out",
            )
        if self.images is not None and not (self.material and self.defects):
            flag = "--defects" if self.material else "--material"
            raise ManifestError(
                "missing",
                where=flag,
                rule="--images needs --material and --defects",
                remedy="e.g. --material steel --defects crack=1,corrosion=1",
            )
        if self.foreground not in (None, "auto", "full") and not Path(self.foreground or "").is_dir():
            raise ManifestError(
                f"no such folder '{self.foreground}'",
                where="--foreground",
                rule="auto, full or a folder of masks",
                remedy="check the path, or make masks with 'maphc2f foreground'",
            )
        if self.keep_out is not None and not self.keep_out.is_dir():
            raise ManifestError(
                f"no such folder '{self.keep_out}'",
                where="--keep-out",
                rule="a folder of masks called as their pictures",
                remedy="check the path, or leave it out",
            )
        if self.groups and self.group_regex:
            raise ManifestError(
                "given together with --groups", where="--group-regex", rule="one rule for specimens", remedy="keep one"
            )
        if self.missing and self.data_root is None:
            raise ManifestError(
                "given without --data-root",
                where="--missing",
                rule="it says what to do with sets that are not there",
                remedy="add --data-root DIR, or leave it out: without data all pictures are procedural",
            )

    def _from_manifest(self) -> DatasetSpec:
        from maphc2f.bundled import BUNDLED, bundled_path
        from maphc2f.manifest import load_manifest, select

        dataset = load_manifest(self.manifest if self.manifest is not None else bundled_path(BUNDLED))
        names = "all" if self.categories is None else self.categories
        return self._with_run_flags(select(dataset, names, self.per_category))

    def _with_run_flags(self, dataset: DatasetSpec) -> DatasetSpec:
        from maphc2f.flags import override, parse_size

        changes: dict[str, Any] = {"device": self.chosen_device()}
        for name in ("seed", "snapshots", "stages"):
            if getattr(self, name) is not None:
                changes[name] = getattr(self, name)
        if self.size is not None or self.fit is not None:
            fit: Any = self.fit or dataset.size.fit
            changes["size"] = (
                parse_size(self.size, fit=fit)
                if self.size is not None
                else dataset.size.model_copy(update={"fit": fit})
            )
        if self.textures is not None:
            changes["textures"] = str(self.textures.resolve())
        return override(dataset, **changes)

    def _from_images(self) -> DatasetSpec:
        from maphc2f.flags import Controls, RunOptions, UserCategory, user_dataset
        from maphc2f.generate.calibrate import load_calibrations
        from maphc2f.generate.sources import nominal_size

        images = self.images or Path()
        category = UserCategory(
            images=images,
            material=self.material or "",
            defects=self.defects or "",
            native_size=nominal_size(images),
            count=100 if self.count is None else self.count,
            name=self.name,
            pixel_size=self.pixel_size,
            licence=self.licence,
            foreground=self.foreground or "auto",
            severity=self.severity,
            controls=Controls(
                load_calibrations(self.calibration), self.keep_out, self.combined or 0.0, self.per_sample
            ),
        )
        fit: Any = self.fit or "letterbox"
        options = RunOptions(
            size=self.size or "native",
            fit=fit,
            seed=0 if self.seed is None else self.seed,
            snapshots=self.snapshots or 4,
            stages=self.stages or "npcf++",
            device=self.chosen_device(),
            textures=self.textures,
        )
        return user_dataset(category, options)

    def chosen_device(self) -> str:
        """Return ``cpu`` or ``cuda``.

        Raises:
            ManifestError: CUDA was asked for and is not there.
        """
        if self.device == "cpu":
            return "cpu"
        import torch

        available = torch.cuda.is_available()
        if self.device == "cuda" and not available:
            raise ManifestError(
                "no CUDA device",
                where="--device cuda",
                rule="torch must see a GPU",
                remedy="use --device cpu, or install a CUDA build of torch",
            )
        return "cuda" if available else "cpu"

    def _sources(self) -> Any:
        from maphc2f.generate.sources import SourceOptions
        from maphc2f.substrates.specimens import Specimens

        specimens = None
        if self.groups is not None:
            specimens = Specimens.from_csv(self.groups)
        elif self.group_regex is not None:
            specimens = Specimens.from_regex(self.group_regex)
        return SourceOptions(self.data_root, self.missing or "refuse", specimens)  # type: ignore[arg-type]

    def warnings(self, dataset: DatasetSpec) -> list[str]:
        """Return what a user should know before a run."""
        if self.images is None or self.pixel_size is not None:
            return []
        assumed = dataset.categories[0].pixel_size
        return [f"no --pixel-size given, {assumed * 1e6:g} um assumed: sizes in metres are only as good as that"]
