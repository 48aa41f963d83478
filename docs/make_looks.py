"""Write the table of ranges in docs/methods/rendering.md from :data:`maphc2f.render.appearance.LOOKS`.

* :func:`ranges` returns the table; :func:`document` the page with it; :func:`main` writes the page.

Run ``python docs/make_looks.py`` after a change of a range.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from maphc2f.render.appearance import LOOKS, Looks

PAGE = Path(__file__).with_name("methods") / "rendering.md"
BEGIN, END = "<!-- ranges: begin -->\n", "<!-- ranges: end -->\n"
PHYSICAL = ("crack", "corrosion", "deformation")
"""Families whose looks are drawn from ranges; those of a pasted layer are those of the layer."""

OF_CRACKS = ("fracture_lift", "core_share", "mouth_darkness", "shade", "bridging")
"""Parameters that mean nothing for other families."""


def cell(value: object) -> str:
    """Return a value or a range as text; what does not apply as a dash."""
    if value is None or value is False or value in ((0.0, 0.0), 0.0):
        return "—"
    if value is True:
        return "yes"
    return " .. ".join(f"{part:g}" for part in value) if isinstance(value, tuple) else f"{value:g}"


def ranges() -> str:
    """Return the table: parameters down, looks across."""
    names = [name for name in LOOKS if name.split("/")[0] in PHYSICAL]
    lines = [f"| parameter | {' | '.join(name.replace('/', '.') for name in names)} |", "|---" * (len(names) + 1) + "|"]
    for field in fields(Looks):
        cells = [cell(getattr(LOOKS[name], field.name)) for name in names]
        if field.name == "contrast":
            # Where the share of the surface's own light decides, the contrast is not drawn.
            cells = [
                "—" if LOOKS[name].darkening is not None else text for name, text in zip(names, cells, strict=True)
            ]
        if field.name in OF_CRACKS:
            cells = [text if name.startswith("crack") else "—" for name, text in zip(names, cells, strict=True)]
        lines.append(f"| `{field.name}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def document(page: str) -> str:
    """Return the text of the page with the table between its marks.

    Raises:
        ValueError: The page lacks the marks.
    """
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        msg = f"{PAGE.name} lacks {BEGIN.strip()} or {END.strip()}"
        raise ValueError(msg)
    return head + begin + ranges() + end + tail


def main() -> None:
    """Write the page."""
    PAGE.write_text(document(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
