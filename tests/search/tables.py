"""Tables of fold scores whose truth is known: a smooth function, what folds add to all, and noise of each."""

import numpy as np
import optuna

from pbnn.search import recommend, report_part

FOLDS = 5


def truth(x, y):
    return -2 * ((x - 0.3) ** 2 + (y - 0.6) ** 2) + 0.1 * np.sin(9 * x)


def searched(seed, pruner, trials=25, noise=0.05, common=0.3):
    """A study of random trials on such a table, and how many folds were scored."""
    table = np.random.default_rng(seed)
    folds = table.normal(0, common, FOLDS)
    scored = 0

    def score(trial):
        nonlocal scored
        at = [trial.suggest_float(name, 0, 1) for name in "xy"]
        rows = folds + truth(*at) + np.random.default_rng([seed, trial.number]).normal(0, noise, FOLDS)
        for fold, value in enumerate(rows):
            scored += 1
            report_part(trial, f"fold{fold}", value)
            if trial.should_prune():
                raise optuna.TrialPruned
        return rows.mean()

    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.RandomSampler(seed=seed), pruner=pruner
    )
    study.optimize(score, n_trials=trials)
    return study, scored


def regret(study):
    """What the recommended trial falls short of the best of those tried, truly."""
    true = [truth(**t.params) for t in study.trials]
    return max(true) - truth(**recommend(study).params)


def best_was_stopped(study):
    best = max(study.trials, key=lambda t: truth(**t.params))
    return best.state == optuna.trial.TrialState.PRUNED
