"""Static fonts out of the packaged variable ones, made once per installation.

reportlab takes only a variable font's default instance (for Noto Sans Hebrew that is Thin) and has no bold, so
`fontTools.varLib.instancer` cuts the weights that we print. Making them takes about three seconds; they are kept
in a folder of the caller's, named by the versions that went in, so that an upgrade makes new ones.
"""

from __future__ import annotations

import hashlib
import importlib
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Cut:
    """One static font: its name, where its variable font lies (module, file in it), and the weight."""

    name: str
    module: str
    file: str
    weight: int


SANS: Final = ("fontpkg_noto_sans", "files/NotoSans[wdth,wght].ttf")
CUTS: Final = (
    Cut("ProoflineSans-Regular", *SANS, 400),
    Cut("ProoflineSans-SemiBold", *SANS, 600),
    Cut("ProoflineSans-Bold", *SANS, 700),
    Cut("ProoflineSans-Italic", "fontpkg_noto_sans", "files/NotoSans-Italic[wdth,wght].ttf", 400),
    Cut("ProoflineMono-Regular", "fontpkg_jetbrains_mono", "files/JetBrainsMono[wght].ttf", 400),
    Cut(
        "ProoflineHebrew-Regular",
        "justmytype_intl_rtl",
        "fonts/ofl/notosanshebrew/NotoSansHebrew[wdth,wght].ttf",
        400,
    ),
    Cut(
        "ProoflineArabic-Regular",
        "justmytype_intl_rtl",
        "fonts/ofl/notosansarabic/NotoSansArabic[wdth,wght].ttf",
        400,
    ),
)
DISTRIBUTIONS: Final = ("fontpkg-noto-sans", "fontpkg-jetbrains-mono", "justmytype-intl-rtl", "fonttools")
# Tables that reportlab never reads; without them a font loads faster and takes less memory.
UNUSED: Final = (
    "GSUB",
    "GPOS",
    "GDEF",
    "STAT",
    "BASE",
    "MATH",
    "DSIG",
    "gasp",
    "meta",
    "avar",
    "HVAR",
    "MVAR",
)
RECIPE: Final = "1"


def key() -> str:
    """What the cut fonts depend on, as a short name."""
    parts = [RECIPE, *(f"{name} {version(name)}" for name in DISTRIBUTIONS)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def prepared(folder: Path) -> Path:
    """The folder with all static fonts, made if it is not there. Safe for two processes at once."""
    target = folder / f"fonts-{key()}"
    if target.is_dir():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fonts-") as made:
        ready = Path(made) / "ready"
        ready.mkdir()
        for cut in CUTS:
            make(cut, ready / f"{cut.name}.ttf")
        try:
            ready.rename(target)
        except OSError:  # another process was faster; its bytes are the same
            if not target.is_dir():
                raise
    return target


def source(cut: Cut) -> Path:
    """The variable font's file. LookupError naming the package when it is not installed."""
    module = importlib.import_module(cut.module)
    path = Path(str(module.__path__[0])) / cut.file
    if not path.is_file():
        raise LookupError(f"The package {cut.module} holds no {cut.file}, so {cut.name} cannot be made.")
    return path


def make(cut: Cut, path: Path) -> None:
    """Cut one weight and write it; the same bytes for the same packages."""
    # fontTools is needed only here: loading it in every worker would cost memory for nothing
    from fontTools.ttLib import TTFont
    from fontTools.varLib.instancer import instantiateVariableFont

    font = TTFont(source(cut), recalcTimestamp=False)
    for tag in UNUSED:
        if tag in font and tag not in {"avar", "HVAR", "MVAR"}:
            del font[tag]
    place = {
        axis.axisTag: cut.weight if axis.axisTag == "wght" else axis.defaultValue
        for axis in font["fvar"].axes
    }
    static = instantiateVariableFont(font, place, inplace=True)
    for tag in UNUSED:
        if tag in static:
            del static[tag]
    for record in static["name"].names:
        if record.nameID in {1, 4, 6, 16}:
            record.string = cut.name
    static.save(path, reorderTables=True)
