"""laplace-torch on a network whose weights are given: run by `bench_laplace.py` with a Python that has it.

`python laplace_torch_peer.py IN.npz OUT.npz REPEATS`

IN holds standardised `x` and `y`, `x_new`, `kind` (regression or classification), `noise`, and for each layer `w<i>`
`(n_in, n_out)`, `b<i>`, and the standard deviations of their priors, `sw<i>`, `sb<i>`. OUT gets, for each structure,
the posterior precision in the order of torch's parameters (of KFAC its log determinant), the variances of the
linearised outputs at `x_new`, the log marginal likelihood, and seconds: of `fit`, of the predictive, and of tuning.
"""

import sys
import time

import numpy as np
import torch
from laplace import Laplace
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

TUNING_STEPS = 100
"""Of Adam at 0.1 on noise and prior precisions: those of laplace-torch's own regression example."""


def network(given) -> nn.Sequential:
    """Return the network with the given weights: tanh between affine maps."""
    n = sum(name.startswith("w") for name in given.files)
    layers = []
    for i in range(n):
        w, b = given[f"w{i}"], given[f"b{i}"]
        layer = nn.Linear(*w.shape)
        layer.weight.data = torch.tensor(w.T, dtype=torch.float32).contiguous()
        layer.bias.data = torch.tensor(b, dtype=torch.float32)
        layers += [layer, nn.Tanh()]
    return nn.Sequential(*layers[:-1])


def prior_precisions(given) -> torch.Tensor:
    """Return the prior precision of each weight and bias, one for each tensor."""
    n = sum(name.startswith("w") for name in given.files)
    scales = [float(given[f"{kind}{i}"]) for i in range(n) for kind in ("sw", "sb")]
    return torch.tensor([s**-2 for s in scales], dtype=torch.float32)


def seconds(run, repeats: int) -> list[float]:
    """Return the time of each of several calls."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return times


def main() -> None:
    """Fit each structure, and write what was found."""
    source, out, repeats = sys.argv[1], sys.argv[2], int(sys.argv[3])
    given = np.load(source)
    kind = str(given["kind"])
    x, x_new = (torch.tensor(given[name], dtype=torch.float32) for name in ("x", "x_new"))
    y = torch.tensor(given["y"])
    y = y.long() if kind == "classification" else y.float().reshape(len(x), -1)
    loader = DataLoader(TensorDataset(x, y), batch_size=int(given["batch_size"]))
    model, prior = network(given), prior_precisions(given)
    noise = {"sigma_noise": float(given["noise"])} if kind == "regression" else {}
    found = {}
    for structure in [str(s) for s in given["structures"]]:

        def made(structure: str = structure):
            return Laplace(
                model,
                kind,
                subset_of_weights="all",
                hessian_structure=structure,
                prior_precision=prior,
                **noise,
            )

        def fit():
            la = made()
            la.fit(loader)
            return la

        found[f"{structure}_fit_s"] = seconds(fit, repeats)
        la = fit()

        def predict(la=la):
            return la._glm_predictive_distribution(x_new)

        # The first call may finish the fit: what a user waits for is that of those after it.
        _, variance = predict()
        found[f"{structure}_predict_s"] = seconds(predict, repeats)
        found[f"{structure}_variance"] = variance.detach().numpy()
        found[f"{structure}_log_marginal_likelihood"] = float(la.log_marginal_likelihood())
        precision = la.posterior_precision
        if structure == "kron":
            found["kron_logdet"] = float(la.log_det_posterior_precision)
        else:
            found[f"{structure}_precision"] = precision.detach().numpy()
    if bool(given["tune"]):
        found["full_tune_s"] = [tuning(loader, model, prior, kind, noise)]
    np.savez(out, **found)


def tuning(loader, model, prior, kind: str, noise: dict[str, float]) -> float:
    """Return the seconds that it takes to tune noise and prior precisions of a full structure, after its fit."""
    la = Laplace(
        model, kind, subset_of_weights="all", hessian_structure="full", prior_precision=prior, **noise
    )
    la.fit(loader)
    log_prior = torch.log(prior.clone()).requires_grad_()
    log_noise = torch.log(torch.tensor(noise["sigma_noise"])).requires_grad_()
    optimizer = torch.optim.Adam([log_prior, log_noise], lr=0.1)
    start = time.perf_counter()
    for _ in range(TUNING_STEPS):
        optimizer.zero_grad()
        loss = -la.log_marginal_likelihood(log_prior.exp(), log_noise.exp())
        loss.backward()
        optimizer.step()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
