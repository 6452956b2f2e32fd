"""Whether mutual information tells unfamiliar images from digits, beside a deep ensemble of the same size.

scikit-learn's digits, 8 x 8, a fifth of them held out; two hidden layers of 50 units; four chains of MCLMC, four
Gaussians of SWAG, and a deep ensemble of four networks. Held-out digits against:

- `rotated`: the same digits turned by 90 degrees. A turned 0 still is a 0, so no method can tell all of them.
- `letters`: Latin letters in twelve typefaces, reduced to 8 x 8 as the digits were (a bitmap of 32 x 32, counted in
  blocks of 4 x 4). Letters that look like a digit, such as O, l, S and b, are left out.

AUROC is the probability that an unfamiliar image has the larger mutual information (`pbnn.assess.ood`). Differences to
the ensemble are paired by split. Asked: above it. Splits that are done are kept in the result file, so a run may stop
and go on.
"""

import sys
import time
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from common import keep, kept, mean_and_se, plus_minus, split_options
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import pbnn
from pbnn import assess, likelihoods

NETWORK = pbnn.Network([pbnn.Dense(50, "relu"), pbnn.Dense(50, "relu")], likelihoods.Categorical())
SIZE = 4
METHODS = {
    "mclmc": pbnn.MCLMC(draws=250, chains=SIZE),
    "swag": pbnn.SWAG(members=SIZE),
    "ensemble": pbnn.Ensemble(members=SIZE),
}
PEER, MEASURE = "ensemble", "mutual_information"
LETTERS = "ACEFGHJKLMNPRTUVWXY" + "acdefhjkmnprtuvwxy"
FACES = [
    f"DejaVu{family}{style}"
    for family, slanted in (("Sans", "Oblique"), ("SansMono", "Oblique"), ("Serif", "Italic"))
    for style in ("", "-Bold", f"-{slanted}", f"-Bold{slanted}")
]


def letters() -> np.ndarray:
    """Return letters `(obs, 64)`, each pixel from 0 to 16 as those of the digits."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    found = []
    for face in FACES:
        font = ImageFont.truetype(folder / f"{face}.ttf", 64)
        for letter in LETTERS:
            left, top, right, bottom = font.getbbox(letter)
            ink = Image.new("L", (right - left, bottom - top))
            ImageDraw.Draw(ink).text((-left, -top), letter, fill=255, font=font)
            width = min(32, round(32 * ink.width / ink.height))
            page = Image.new("L", (32, 32))
            page.paste(ink.resize((width, 32)), ((32 - width) // 2, 0))
            bitmap = np.asarray(page) > 127
            found.append(bitmap.reshape(8, 4, 8, 4).sum(axis=(1, 3)).ravel())
    return np.stack(found).astype(float)


def rotated(X: np.ndarray) -> np.ndarray:
    """Return the images `(obs, 64)` turned by 90 degrees."""
    return np.rot90(X.reshape(-1, 8, 8), axes=(1, 2)).reshape(X.shape)


def measure(seed: int) -> dict[str, Any]:
    """Fit all methods to one split, and see how well each separates."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, test_size=0.2, random_state=seed, stratify=y)
    outside = {"rotated": rotated(X_test), "letters": letters() / 16}
    # Some pixels hardly vary among digits: in units of their spread, any other image would be far away.
    bnn = pbnn.build(NETWORK, X, y, standardize=False)
    found = {}
    for name, method in METHODS.items():
        start = time.perf_counter()
        tree = pbnn.fit(bnn, method, seed=seed, progress=False)
        wall = time.perf_counter() - start
        scores = pbnn.score(bnn, tree, X_test, y_test, seed=seed)
        auroc = {}
        for shift, X_out in outside.items():
            table = assess.ood(bnn, tree, X_test, X_out, seed=seed, resamples=2)["auroc"]
            auroc[shift] = {str(m): round(float(table.sel(measure=m)), 5) for m in table["measure"].values}
        found[name] = {
            "accuracy": float(scores["accuracy"]),
            "lpd": float(scores["lpd"]),
            "auroc": auroc,
            "wall_s": round(wall, 1),
        }
    return found


def summary(splits: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the table shows."""
    shifts: dict[str, Any] = {}
    for shift in splits[0][PEER]["auroc"]:
        area = {name: [s[name]["auroc"][shift][MEASURE] for s in splits] for name in METHODS}
        gains = {
            name: mean_and_se([ours - theirs for ours, theirs in zip(area[name], area[PEER], strict=True)])
            for name in METHODS
            if name != PEER
        }
        shifts[shift] = {
            "auroc": {name: mean_and_se(values) for name, values in area.items()},
            "above_ensemble": gains,
            "met": {name: gain[0] > 0 for name, gain in gains.items()},
        }
    names = ("accuracy", "lpd", "wall_s")
    means = {name: {what: mean_and_se([s[name][what] for s in splits]) for what in names} for name in METHODS}
    return {"n_splits": len(splits), "shifts": shifts, "in_distribution": means}


def main() -> None:
    """Measure what is not in the result file yet, one split after another."""
    args = split_options(__doc__, splits=5)
    setting = {
        "network": NETWORK.to_json(),
        "methods": {name: repr(method) for name, method in METHODS.items()},
        "n_letters": len(LETTERS) * len(FACES),
    }
    before = {} if args.afresh else kept("ood")
    results = before if before.get("setting") == setting else {}
    done = results.get("splits", {})
    for split in range(args.splits):
        if str(split) not in done:
            done[str(split)] = measure(args.seed + split)
            print(split, done[str(split)], file=sys.stderr, flush=True)
            results = {"setting": setting, "splits": done, **summary(list(done.values()))}
            keep("ood", results, args, packages=("scikit-learn", "matplotlib", "pillow"))
    show(results)


def show(results: dict[str, Any]) -> None:
    """Print the table."""
    for shift, of in results["shifts"].items():
        print(f"digits against {shift}, AUROC by mutual information, {results['n_splits']} splits")
        for name, pair in of["auroc"].items():
            gain = of["above_ensemble"].get(name)
            beside = f"; above the ensemble by {plus_minus(gain)}" if gain else ""
            print(f"  {name:10} {plus_minus(pair)}{beside}")


if __name__ == "__main__":
    main()
