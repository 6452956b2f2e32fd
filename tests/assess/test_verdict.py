from math import inf, nan

import pytest

from pbnn.assess.approximation_findings import k_hat_limit
from pbnn.assess.evidence import Evidence
from pbnn.assess.verdict import judge

GOOD = {
    "n_chains": 4,
    "n_draws": 1000,
    "n_points": 100,
    "r_hat_max": 1.004,
    "ess_bulk_min": 1500.0,
    "ess_tail_min": 1200.0,
    "mcse_share_max": 0.03,
    "noise_r_hat": 1.001,
    "log_density_r_hat": 1.002,
    "divergences": 0,
    "max_treedepth_share": 0.0,
    "bfmi_min": 0.9,
}
APPROXIMATE = {
    **{name: value for name, value in GOOD.items() if name[:5] not in ("diver", "max_t", "bfmi_")},
    "sampling": "approximate",
    "method": "advi",
    "n_chains": 1,
    "r_hat_max": nan,
    "noise_r_hat": nan,
    "log_density_r_hat": nan,
    "k_hat": 0.3,
    "converged": True,
}
UNDECIDED = {"r_hat_max": nan, "ess_bulk_min": nan, "ess_tail_min": nan, "mcse_share_max": nan}


@pytest.mark.parametrize(
    ("change", "trust", "words"),
    [
        ({}, "yes", "all 4 chains agree on the mean response at 100 inputs (R-hat at most 1.004)"),
        ({}, "yes", "at least 1,200 effective draws of each prediction, so their means are known to 0.03 sd"),
        (
            {"r_hat_max": 1.0101},
            "caution",
            "the chains do not quite agree on the mean response (R-hat up to 1.011",
        ),
        ({"r_hat_max": 1.2}, "no", "the chains disagree on the mean response (R-hat up to 1.200"),
        ({"quantity": "the probabilities"}, "yes", "all 4 chains agree on the probabilities at 100 inputs"),
        ({"r_hat_max": inf}, "no", "the chains disagree on the mean response (R-hat up to inf"),
        ({"noise_r_hat": 1.03}, "caution", "the chains do not quite agree on the noise"),
        ({"noise_r_hat": 1.3}, "no", "the chains disagree on the noise"),
        ({"log_density_r_hat": 1.04}, "yes", "agree"),
        ({"log_density_r_hat": 1.2}, "caution", "the chains differ in log density (R-hat 1.200)"),
        ({"ess_tail_min": 300.0}, "caution", "of 4,000 draws only 300 are effective in the tails"),
        ({"ess_bulk_min": 50.0}, "no", "of 4,000 draws only 50 are effective in the bulk"),
        ({"n_chains": 8, "ess_tail_min": 700.0}, "caution", "(800 are needed)"),
        ({"divergences": 3}, "caution", "3 of 4,000 draws diverged (0.07 %)"),
        ({"divergences": 800}, "no", "800 of 4,000 draws diverged (20 %)"),
        (
            {"max_treedepth_share": 0.4, "ess_bulk_min": 300.0},
            "caution",
            "40 % of the trajectories were cut at the greatest tree depth, so the chains move slowly",
        ),
        (
            {"max_treedepth_share": 0.4},
            "yes",
            "tree depth, which slows the sampler, but leaves its draws valid",
        ),
        ({"bfmi_min": 0.1}, "caution", "BFMI 0.10"),
        (
            {"interrupted": True, "n_draws": 700},
            "caution",
            "the run was interrupted, with 700 draws in a chain",
        ),
        (
            {"r_hat_max": 1.6, "ess_bulk_min": 6.0, "between_share_max": 0.03},
            "caution",
            "disagree on the mean response (R-hat up to 1.600; it should be at most 1.01), but by at most 3 %",
        ),
        (
            {"r_hat_max": 1.6, "ess_bulk_min": 6.0, "between_share_max": 0.3},
            "no",
            "by up to 30 % of the standard deviation of a new observation",
        ),
        ({"noise_r_hat": 1.3, "noise_between_max": 0.02}, "caution", "by at most 2 % of its size"),
        ({"noise_r_hat": 1.3, "noise_between_max": 0.4}, "no", "by up to 40 % of its size"),
        ({"restarts": 2}, "yes", "chains were restarted twice, and none is left out"),
        (
            {"restarts": 9, "lost_chains": 2},
            "caution",
            "2 chains could not be run, however often restarted, so a part of the posterior may be missing",
        ),
        ({"restarts": 0}, "yes", "no chain had to be restarted"),
        (
            {"bias": 0.02, "bias_mcse": 0.04},
            "yes",
            "no bias of the mean response by the step size is seen, which is known to 0.04 sd",
        ),
        (
            {"bias": 0.1, "bias_mcse": 0.04},
            "yes",
            "the step size biases the mean response by about 0.1 sd (known to 0.04 sd)",
        ),
        ({"noise_bias": 0.4, "noise_bias_mcse": 0.04}, "caution", "biases the noise by about 0.4 sd"),
        ({"bias": nan, "bias_mcse": nan}, "yes", "agree"),
        ({"n_chains": 1}, "caution", "there is one chain, so R-hat compares its parts only"),
        ({"frozen": (1, 3), "r_hat_max": 3.0}, "no", "chain 1, 3 stands still"),
        ({"non_finite": 7, **UNDECIDED}, "no", "7 of 4,000 draws give predictions that are not finite"),
        ({"n_draws": 3, **UNDECIDED}, "no", "No verdict: 3 draws in a chain are too few to compute R-hat"),
        ({"n_draws": 7, "n_chains": 1, **UNDECIDED}, "no", "No verdict: 7 draws in a chain are too few"),
        ({"divergences": None, "max_treedepth_share": None, "bfmi_min": None}, "yes", "agree"),
    ],
)
def test_chains_are_judged_in_words(change, trust, words):
    got, verdict, findings = judge(Evidence(**{**GOOD, **change}))
    assert got == trust
    assert words in verdict
    assert "nan" not in verdict
    assert findings[0].level == trust


@pytest.mark.parametrize(
    ("change", "trust", "words"),
    [
        ({}, "yes", "close to the posterior by its importance weights (k-hat 0.30; up to 0.67 is good)"),
        ({"k_hat": 0.9}, "caution", "differs from the posterior by its importance weights (k-hat 0.90"),
        ({"k_hat": 0.9}, "caution", "pessimistic"),
        ({"k_hat": 3.3}, "caution", "far from the posterior by its importance weights (k-hat 3.30"),
        ({"k_hat": inf}, "caution", "compare with NUTS before you rely on its uncertainty"),
        ({"k_hat": inf, "method": "laplace", "predictive": "glm"}, "caution", "far from the posterior"),
        ({"k_hat": inf, "method": "laplace", "predictive": "mc"}, "no", "of which predictions are made"),
        ({"held": 0.9, "predictive": "glm"}, "caution", "90 % of the weights are held at the mode"),
        ({"k_hat": None}, "caution", "nothing here measures how close it is"),
        ({"converged": False}, "caution", "the optimiser had not converged"),
        ({"converged": False, "k_hat": 1.4}, "no", "the optimiser had not converged"),
        ({"n_draws": 50}, "caution", "there are only 50 draws"),
        ({"n_chains": 5, "r_hat_max": 1.8}, "caution", "its 5 runs disagree (R-hat up to 1.800)"),
        ({"interrupted": True}, "caution", "interrupted"),
        ({"non_finite": 1}, "no", "1 of 1,000 draws give predictions that are not finite"),
        ({"method": "map", "n_draws": 1, "k_hat": None, **UNDECIDED}, "caution", "one point, the mode"),
        (
            {"method": "map", "n_draws": 1, "k_hat": None, "converged": False, **UNDECIDED},
            "caution",
            "had not converged; the fit is one point",
        ),
    ],
)
def test_approximations_are_judged_in_words(change, trust, words):
    got, verdict, findings = judge(Evidence(**{**APPROXIMATE, **change}))
    assert got == trust
    assert words in verdict
    assert "nan" not in verdict
    assert all("R-hat at most" not in f.sentence for f in findings)


def test_findings_are_sentences_with_the_worst_first_and_advice_to_follow():
    _, verdict, findings = judge(Evidence(**{**GOOD, "divergences": 3, "r_hat_max": 1.2}))
    assert [f.level for f in findings] == ["no", "caution", "yes"]
    assert findings[1].sentence.endswith("may be missing. Raise `target_accept`.")
    assert verdict.startswith("Do not trust the predictions: the chains disagree")
    assert "3 of 4,000 draws diverged" in verdict


def test_fewer_draws_make_the_limit_of_k_hat_stricter():
    assert k_hat_limit(100) == pytest.approx(0.5)
    assert k_hat_limit(1000) == pytest.approx(2 / 3)
    assert k_hat_limit(10**6) == 0.7
