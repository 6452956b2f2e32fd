"""How well a number tells two groups apart, or a label one class from the others: AUROC, average precision, F1.

Each comes with what every row adds to its error (the influence), so that standard errors over rows follow.
"""

import numpy as np
from scipy.stats import rankdata


def auroc(score: np.ndarray, positive: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the probability that a positive row scores higher than a negative one; ties count half.

    Parameters
    ----------
    score
        `(obs,)`, higher for what is thought positive.
    positive
        `(obs,)`, booleans.

    Returns
    -------
    float, numpy.ndarray
        The area under the ROC curve, NaN if all rows are of one kind; and the influence of each row, the root of whose
        sum of squares is the standard error.

    References
    ----------
    DeLong, DeLong & Clarke-Pearson (1988), Comparing the areas under two or more correlated receiver operating
    characteristic curves, 10.2307/2531595.

    Examples
    --------
    >>> import numpy as np
    >>> auroc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))[0]
    0.75
    """
    positive = np.asarray(positive, dtype=bool)
    influence = np.zeros(len(score))
    n, m = int(positive.sum()), int((~positive).sum())
    if n == 0 or m == 0:
        return float("nan"), np.full(len(score), np.nan)
    rank = rankdata(score)
    above = (rank[positive] - rankdata(score[positive])) / m  # share of negative rows below
    below = 1 - (rank[~positive] - rankdata(score[~positive])) / n
    area = float(above.mean())
    influence[positive] = (above - area) / np.sqrt(n * max(n - 1, 1))
    influence[~positive] = (below - area) / np.sqrt(m * max(m - 1, 1))
    return area, influence


def average_precision(score: np.ndarray, positive: np.ndarray) -> float:
    """Return the area under the precision-recall curve as the mean precision at each positive row.

    Parameters
    ----------
    score, positive
        As of `auroc`.

    Examples
    --------
    >>> import numpy as np
    >>> round(average_precision(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])), 3)
    0.833
    """
    order = np.argsort(-score, kind="stable")
    hits, ordered = np.cumsum(positive[order]), score[order]
    last = np.append(ordered[1:] != ordered[:-1], True)  # of those with equal scores
    hits, seen = hits[last], np.flatnonzero(last) + 1
    if hits[-1] == 0:
        return float("nan")
    return float(np.sum(np.diff(hits, prepend=0) * hits / seen) / hits[-1])


def roc(score: np.ndarray, positive: np.ndarray, flagged: np.ndarray) -> np.ndarray:
    """Return the share of positive rows that are found where a share `flagged` of the negative ones is flagged too.

    Parameters
    ----------
    score, positive
        As of `auroc`.
    flagged
        `(point,)`, between 0 and 1.

    Returns
    -------
    numpy.ndarray
        `(point,)`, the ROC curve; within rows of equal scores it is straight. NaN if all rows are of one kind.

    Examples
    --------
    >>> import numpy as np
    >>> found = roc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]), np.array([0, 0.5, 1]))
    >>> found.tolist()
    [0.5, 1.0, 1.0]
    """
    positive = np.asarray(positive, dtype=bool)
    if positive.all() or not positive.any():
        return np.full(len(flagged), np.nan)
    falling = -np.unique(score)[::-1]
    shares = [
        np.searchsorted(np.sort(-score[kind]), falling, side="right") / kind.sum()
        for kind in (~positive, positive)
    ]
    # Where the curve is vertical, `interp` takes its upper end.
    return np.interp(flagged, np.r_[0.0, shares[0]], np.r_[0.0, shares[1]])


def false_positive_rate(score: np.ndarray, positive: np.ndarray, recall: float = 0.95) -> float:
    """Return the share of negative rows that score as high as the best threshold that finds `recall` of the positive.

    Parameters
    ----------
    score, positive
        As of `auroc`.
    recall
        The share of positive rows to find.

    Examples
    --------
    >>> import numpy as np
    >>> false_positive_rate(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))
    0.5
    """
    positive = np.asarray(positive, dtype=bool)
    if positive.all() or not positive.any():
        return float("nan")
    found = np.sort(score[positive])[::-1]
    threshold = found[int(np.ceil(recall * len(found) - 1e-9)) - 1]
    return float((score[~positive] >= threshold).mean())


def macro_auroc(p: np.ndarray, codes: np.ndarray) -> tuple[float, float, int]:
    """Return AUROC of the second of two classes, or the mean over classes of each against the rest; its error.

    Parameters
    ----------
    p
        Probabilities `(obs, class)`.
    codes
        The class of each row `(obs,)`.

    Returns
    -------
    float, float, int
        AUROC; its standard error over rows, to which a class with one row adds nothing; and the number of classes
        averaged: those of which there is a row, and a row of another.
    """
    of = [1] if p.shape[1] == 2 else range(p.shape[1])
    pairs = [auroc(p[:, code], codes == code) for code in of]
    pairs = [pair for pair in pairs if np.isfinite(pair[0])]
    if not pairs:
        return float("nan"), float("nan"), 0
    influence = np.mean([i for _, i in pairs], axis=0)
    alone = p.shape[1] == 2 and min(np.bincount(codes, minlength=2)) < 2
    se = float("nan") if alone else float(np.sqrt((influence**2).sum()))
    return float(np.mean([area for area, _ in pairs])), se, len(pairs)


def macro_f1(predicted: np.ndarray, codes: np.ndarray, classes: int) -> tuple[float, float]:
    """Return the mean over classes of F1, the harmonic mean of precision and recall, and its standard error over rows.

    Classes that neither occur nor are predicted do not count. The error is by the delta method.

    Parameters
    ----------
    predicted, codes
        The predicted and the observed class of each row `(obs,)`.
    classes
        How many there are.

    Examples
    --------
    >>> import numpy as np
    >>> round(macro_f1(np.array([0, 0, 1]), np.array([0, 1, 1]), 2)[0], 3)
    0.667
    """
    n = len(codes)
    hits = np.bincount(codes[predicted == codes], minlength=classes)
    named = np.bincount(codes, minlength=classes) + np.bincount(predicted, minlength=classes)
    used = np.flatnonzero(named)
    f1 = np.divide(2 * hits, named, out=np.zeros(classes), where=named > 0)
    # A row that is right adds 2 / named to F1 of its class; each name it takes costs F1 / named.
    cost = np.divide(f1, named, out=np.zeros(classes), where=named > 0)
    gain = np.divide(2.0, named, out=np.zeros(classes), where=named > 0)
    influence = np.where(predicted == codes, gain[codes], 0.0) - cost[codes] - cost[predicted]
    se = np.sqrt((influence**2).sum() * n / (n - 1)) / len(used) if n > 1 else np.nan
    return float(f1[used].mean()), float(se)
