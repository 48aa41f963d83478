"""Pictures in files: listing a folder, taking the inventory, loading with a check of the hash.

* :func:`list_files` finds the files below a folder.
* :class:`FileSubstrate` is the source that all folder layouts share.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from maphc2f.errors import PictureError
from maphc2f.spec import Foreground, Kind
from maphc2f.substrates.base import LoadedPicture, Mask, Opening, Pixels, SourcePicture
from maphc2f.substrates.decode import Decoded, Refused, decode
from maphc2f.substrates.foreground import find_mask, foreground_auto, foreground_folder
from maphc2f.substrates.specimens import Specimens

MAX_BYTES = 1 << 30

KEEP_OUT_NOTE = "keep-out"
"""First word of the note on a picture's keep-out mask."""

_SIDECARS = {".csv", ".json", ".txt", ".md", ".xml", ".yaml", ".yml", ".toml", ".html", ".ini", ".db", ".log"}


def list_files(root: Path, under: str = "") -> tuple[str, ...]:
    """Return the files below ``root/under`` as names relative to ``root``, sorted.

    Hidden files and folders, and text files that usually lie beside pictures (.csv, .json, ...), are left out. Linked
    folders are not entered.
    """
    names: list[str] = []
    for folder, folders, files in os.walk(root / under):
        folders[:] = [name for name in folders if not name.startswith(".")]
        names += [
            (Path(folder) / file).relative_to(root).as_posix()
            for file in files
            if not file.startswith(".") and Path(file).suffix.lower() not in _SIDECARS
        ]
    return tuple(sorted(names))


@dataclass(frozen=True, slots=True)
class FileSubstrate:
    """Good pictures of one category in files.

    Attributes:
        root: Absolute folder that keys are relative to; no file outside it is read.
        under: Folder below ``root`` that holds the pictures; ignored if ``listed`` is given.
        kind: Texture or object, for the automatic foreground.
        licence: SPDX expression of the pictures.
        foreground: How the foreground is found.
        masks: Folder of foreground masks, or None.
        listed: Names to take instead of all files below ``under``.
        specimens: Rule that names the specimen, or None: every file is one.
        keep_out: Folder of masks of what no defect may touch, or None; pictures without one are open everywhere.
    """

    root: Path
    under: str
    kind: Kind
    licence: str
    foreground: Foreground
    masks: Path | None = None
    listed: tuple[str, ...] | None = None
    specimens: Specimens | None = None
    keep_out: Path | None = None

    @classmethod
    def from_opening(
        cls, opening: Opening, root: Path, under: str, *, masks: Path | None = None, listed: Sequence[str] | None = None
    ) -> FileSubstrate:
        """Build the source of ``opening`` from the folder a layout found; an explicit mask folder wins."""
        category = opening.category
        stated, kept = category.source.foreground_path, category.source.keep_out_path
        return cls(
            root=root.resolve(),
            under=under,
            kind=category.kind,
            licence=category.source.licence,
            foreground=category.foreground,
            masks=root.resolve() / stated if stated else masks,
            listed=None if listed is None else tuple(listed),
            specimens=opening.specimens,
            keep_out=root.resolve() / kept if kept else None,
        )

    def inventory(self) -> tuple[SourcePicture, ...]:
        """Decode and hash every file; duplicates and unusable files are listed with the reason.

        Raises:
            PictureError: The specimen rule does not cover an accepted picture.
        """
        names = self._found() if self.listed is None else tuple(sorted(set(self.listed)))
        pictures = _without_duplicates([self._examine(name) for name in names])
        return self._with_specimens(pictures)

    def load(self, picture: SourcePicture) -> LoadedPicture:
        """Return pixels and foreground; see :meth:`Substrate.load`."""
        try:
            # Below the root of today: the set may have moved since the inventory was taken.
            data = (self.root / picture.key).read_bytes()
        except OSError as error:
            raise _changed(picture, "cannot be read any more") from error
        if hashlib.sha256(data).hexdigest() != picture.sha256:
            raise _changed(picture, "differs from the inventory")
        try:
            image = decode(data).image
        except Refused as error:
            raise _changed(picture, f"cannot be used ({error})") from error
        return LoadedPicture(image, self._foreground(picture, image), keep_out=self._kept_out(picture, image))

    def _found(self) -> tuple[str, ...]:
        """List the pictures; masks kept below them are not pictures."""
        names = list_files(self.root, self.under)
        folders = [folder.resolve() for folder in (self.masks, self.keep_out) if folder is not None]
        for masks in folders:
            if masks.is_relative_to(self.root / self.under):
                names = tuple(name for name in names if not (self.root / name).is_relative_to(masks))
        return names

    def _foreground(self, picture: SourcePicture, image: Pixels) -> Mask | None:
        if self.foreground == "full":
            return None
        key = picture.key
        mask_path = find_mask(self.masks, key) if self.masks else None
        if mask_path is not None:
            if _mask_note(mask_path) not in picture.notes:
                raise _changed(picture, f"has a foreground mask {mask_path.name} that differs from the inventory")
            return foreground_folder(mask_path, image.shape[:2])
        if self.foreground == "folder":
            raise PictureError(
                f"no foreground mask for {key}",
                where="source.foreground_path",
                rule=f"each picture needs one in {self.masks}",
                remedy="add <name>.png, or use foreground = 'auto'",
            )
        return foreground_auto(image, self.kind)

    def _kept_out(self, picture: SourcePicture, image: Pixels) -> Mask | None:
        path = find_mask(self.keep_out, picture.key) if self.keep_out else None
        if (path is None) == (KEEP_OUT_NOTE in picture.notes) or (path and _keep_out_note(path) not in picture.notes):
            raise _changed(picture, "has a keep-out mask that differs from the inventory")
        return None if path is None else foreground_folder(path, image.shape[:2], may_be_empty=True)

    def _examine(self, name: str) -> SourcePicture:
        key = os.fsencode(name).decode("utf-8", "backslashreplace")
        path = self.root / name
        blank = SourcePicture(key, "" if key != name else str(path), "", "", self.licence, 0, 0, "", 0, accepted=False)
        try:
            _check_name(key, name)
            data = _read(path, self.root)
        except Refused as error:
            return replace(blank, reason=str(error))
        known = replace(blank, sha256=hashlib.sha256(data).hexdigest())
        try:
            decoded = decode(data)
            notes = "; ".join(filter(None, (self._notes(key, decoded), self._keep_out_notes(key, decoded))))
        except Refused as error:
            return replace(known, reason=str(error))
        height, width = decoded.image.shape[:2]
        return replace(
            known,
            specimen=known.sha256,
            width=width,
            height=height,
            mode=decoded.mode,
            bit_depth=decoded.bit_depth,
            accepted=True,
            notes=notes,
        )

    def _notes(self, key: str, decoded: Decoded) -> str:
        """Record the mask with its hash: masks decide bytes too; a missing one refuses the picture."""
        if self.masks is None or self.foreground == "full":
            return decoded.notes
        mask_path = find_mask(self.masks, key)
        if mask_path is None:
            if self.foreground == "folder":
                msg = f"no foreground mask {PurePosixPath(key).stem}.png in {self.masks}; add it or use 'auto'"
                raise Refused(msg)
            return decoded.notes
        try:
            foreground_folder(mask_path, decoded.image.shape[:2])
        except PictureError as error:
            raise Refused(str(error)) from error
        note = _mask_note(mask_path)
        return f"{decoded.notes}; {note}" if decoded.notes else note

    def _keep_out_notes(self, key: str, decoded: Decoded) -> str:
        path = find_mask(self.keep_out, key) if self.keep_out else None
        if path is None:
            return ""
        try:
            foreground_folder(path, decoded.image.shape[:2], may_be_empty=True)
        except PictureError as error:
            raise Refused(str(error)) from error
        return _keep_out_note(path)

    def _with_specimens(self, pictures: Sequence[SourcePicture]) -> tuple[SourcePicture, ...]:
        if self.specimens is None:
            return tuple(pictures)
        accepted = [p for p in pictures if p.accepted]
        names = self.specimens.assign([p.key for p in accepted], [p.path for p in accepted])
        named = {p.key: specimen for p, specimen in zip(accepted, names, strict=True)}
        return tuple(replace(p, specimen=named[p.key]) if p.accepted else p for p in pictures)


def _mask_note(path: Path) -> str:
    return f"foreground {path.name} sha256 {hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"


def _keep_out_note(path: Path) -> str:
    return f"{KEEP_OUT_NOTE} {path.name} sha256 {hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"


def _check_name(key: str, name: str) -> None:
    if key != name:
        msg = "its name is not valid UTF-8; rename the file"
        raise Refused(msg)
    if not key.isprintable():
        msg = "its name has control characters; rename the file"
        raise Refused(msg)


def _read(path: Path, root: Path) -> bytes:
    """Return the bytes of a regular file inside ``root``; pipes and devices are never opened."""
    try:
        target = path.resolve(strict=True)
        if not target.is_relative_to(root):
            msg = "a link that leaves the folder; copy the picture into it"
            raise Refused(msg)
        if not target.is_file():
            msg = "not a regular file; remove it"
            raise Refused(msg)
        if target.stat().st_size > MAX_BYTES:
            msg = f"more than {MAX_BYTES >> 30} GiB; tile or shrink the picture"
            raise Refused(msg)
        return target.read_bytes()
    except (OSError, RuntimeError) as error:
        msg = f"cannot be read ({getattr(error, 'strerror', None) or 'link loop'}); repair or remove it"
        raise Refused(msg) from error


def _without_duplicates(pictures: Sequence[SourcePicture]) -> list[SourcePicture]:
    """Keep the first of equal files by key; a picture twice would weigh twice and could cross the splits."""
    first: dict[str, str] = {}
    kept = []
    for picture in sorted(pictures, key=lambda p: p.key):
        if picture.accepted and first.setdefault(picture.sha256, picture.key) != picture.key:
            reason = f"same bytes as {first[picture.sha256]}; remove one of them"
            picture = replace(picture, accepted=False, reason=reason)  # noqa: PLW2901
        kept.append(picture)
    return kept


def _changed(picture: SourcePicture, what: str) -> PictureError:
    return PictureError(
        f"{picture.key} {what}",
        where=picture.path or picture.key,
        rule="pictures must stay as they were when the inventory was taken",
        remedy="restore the file and run again",
    )
