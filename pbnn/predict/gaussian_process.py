"""The Gaussian process that a Laplace approximation is, in function space."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr

from pbnn.errors import ModelError, SpecError
from pbnn.graph.build import BNN
from pbnn.predict.linearized import Linearization
from pbnn.target import Target


@final
@dataclass(frozen=True, slots=True, eq=False)
class LaplaceGP:
    """Mean and kernel of a network linearised at the mode of a Laplace approximation.

    Values are those of a continuous response without noise, in its units; or for classes and counts the network's
    outputs, such as logits. Outputs that give the logarithm of a noise come last.

    Attributes
    ----------
    bnn
        The model.
    linearization
        The mode, and the Gaussian of the weights there.

    Examples
    --------
    >>> import numpy as np, pbnn
    >>> from pbnn import likelihoods
    >>> X = np.linspace(-1, 1, 20)[:, None]
    >>> bnn = pbnn.build(pbnn.Network([], likelihoods.Gaussian()), X, X[:, 0] ** 2)
    >>> gp = pbnn.laplace_gp(bnn, pbnn.fit(bnn, pbnn.Laplace(tune=None), seed=1, progress=False))
    >>> gp.kernel(X[:3], X[:2]).shape
    (3, 2)
    """

    bnn: BNN
    linearization: Linearization

    def __repr__(self) -> str:
        return f"LaplaceGP({self.bnn!r}; {self.linearization.gaussian.dim} weights uncertain)"

    def mean(self, X: Any) -> np.ndarray:
        """Return the mean function at inputs `(obs, feature)`: `(obs,)`, or `(obs, output)` for several."""
        target = Target.of(self.bnn, "float64")
        f = np.asarray(target.outputs(self.linearization.mode.astype(float), self._inputs(X)))
        loc, scale = self._units()
        return self._squeezed(loc + scale * f, 1)

    def kernel(self, X: Any, X2: Any = None) -> np.ndarray:
        """Return the covariances of the function at `X` with that at `X2`, or at `X` itself.

        Returns
        -------
        numpy.ndarray
            `(obs, obs2)`, or `(obs, obs2, output, output)` for several outputs.
        """
        left, right = (self.features(inputs) for inputs in (X, X if X2 is None else X2))
        return self._squeezed(np.einsum("nap,mbp->nmab", left, right, optimize=True), 2)

    def variance(self, X: Any) -> np.ndarray:
        """Return the variances of the function: the diagonal of the kernel, `(obs,)` or `(obs, output)`."""
        _, covariance = self.linearization.moments(self.bnn, self._inputs(X), "float64")
        _, scale = self._units()
        return self._squeezed(scale**2 * np.diagonal(covariance, axis1=1, axis2=2), 1)

    def pymc(self, output: int = 0) -> tuple[pm.gp.mean.Mean, pm.gp.cov.Covariance]:
        """Return mean and covariance functions for `pm.gp`, of one output by its number.

        Examples
        --------
        >>> import numpy as np, pbnn, pymc as pm
        >>> from pbnn import likelihoods
        >>> X = np.linspace(-1, 1, 20)[:, None]
        >>> bnn = pbnn.build(pbnn.Network([], likelihoods.Gaussian()), X, X[:, 0] ** 2)
        >>> mean, cov = pbnn.laplace_gp(bnn, pbnn.fit(bnn, pbnn.Laplace(tune=None), seed=1, progress=False)).pymc()
        >>> with pm.Model() as model:
        ...     gp = pm.gp.Latent(mean_func=mean, cov_func=cov)
        ...     f = gp.prior("f", X[:4])
        """
        n = len(self.bnn.model.coords["out_unit"])
        if not 0 <= output < n:
            raise SpecError(f"laplace_gp: output must be a number from 0 to {n - 1}; got {output!r}.")
        return _Mean(self, output), _Covariance(self, output)

    def features(self, X: Any) -> np.ndarray:
        """Return features `(obs, output, k)` whose products are the kernel."""
        _, j = self.linearization.jacobians(self.bnn, self._inputs(X), "float64")
        _, scale = self._units()
        return scale[:, None] * self.linearization.gaussian.whiten(j)

    def _inputs(self, X: Any) -> np.ndarray:
        """Return standardised inputs `(obs, feature)`."""
        return self.bnn.columns.standardize(self.bnn.columns.encode(X, "laplace_gp"))

    def _units(self) -> tuple[np.ndarray, np.ndarray]:
        """Return offset and scale of the outputs `(output,)` in the units of a continuous response."""
        n, response = len(self.bnn.model.coords["out_unit"]), self.bnn.response
        k = len(response.names)
        # Logs and logits have none; nor have those of a mixture, which are of three kinds.
        if response.support.units != "shift and scale" or n > 2 * k:
            return np.zeros(n), np.ones(n)
        # The log noise of a heteroscedastic one has no unit.
        return (
            np.concatenate([np.broadcast_to(np.ravel(response.loc), k), np.zeros(n - k)]),
            np.concatenate([np.broadcast_to(np.ravel(response.scale), k), np.ones(n - k)]),
        )

    def _squeezed(self, values: np.ndarray, trailing: int) -> np.ndarray:
        """Drop the dims of the output where there is but one."""
        return values.reshape(values.shape[:-trailing]) if values.shape[-1] == 1 else values


def laplace_gp(bnn: BNN, idata: xr.DataTree) -> LaplaceGP:
    """Return the Gaussian process that a Laplace approximation is (Khan et al. 2019, arXiv:1906.01930).

    Its posterior over functions is that of the network linearised at the mode: predictions of `predictive="glm"` have
    its mean and its variance.

    Parameters
    ----------
    bnn
        The model, from `build` or `load`.
    idata
        Its fit by `pbnn.Laplace`.

    Returns
    -------
    LaplaceGP
        With `mean`, `kernel` and `variance` at any inputs, and `pymc()` for use in `pm.gp`.

    Raises
    ------
    ModelError
        If the fit is not of a Laplace approximation.
    """
    if not isinstance(bnn, BNN):
        raise ModelError(
            f"laplace_gp: the first argument must be what pbnn.build returned; got {type(bnn).__name__}."
        )
    if idata.attrs.get("method") != "laplace":
        raise ModelError(
            f"laplace_gp: idata must be the fit of a Laplace approximation; got one of {idata.attrs.get('method')}."
        )
    return LaplaceGP(bnn, Linearization.stored(idata))


class _Mean(pm.gp.mean.Mean):
    """The mean function in the form that PyMC takes."""

    def __init__(self, gp: LaplaceGP, output: int) -> None:
        super().__init__()
        self._gp, self._output = gp, output

    def __call__(self, X: Any) -> Any:
        return pt.as_tensor(np.reshape(self._gp.mean(_values(X)), (len(_values(X)), -1))[:, self._output])


class _Covariance(pm.gp.cov.Covariance):
    """The kernel in the form that PyMC takes."""

    def __init__(self, gp: LaplaceGP, output: int) -> None:
        super().__init__(len(gp.bnn.columns.names))
        self._gp, self._output = gp, output

    def _features(self, X: Any) -> np.ndarray:
        return self._gp.features(_values(X))[:, self._output]

    def diag(self, X: Any) -> Any:
        """Return the variances `(obs,)`."""
        return pt.as_tensor((self._features(X) ** 2).sum(axis=1))

    def full(self, X: Any, Xs: Any = None) -> Any:
        """Return the covariances `(obs, obs2)`."""
        left = self._features(X)
        return pt.as_tensor(left @ (left if Xs is None else self._features(Xs)).T)


def _values(X: Any) -> np.ndarray:
    """Return inputs as numbers; PyMC hands on constants and shared variables of PyTensor."""
    if isinstance(X, np.ndarray):
        return X
    try:
        return np.asarray(X.eval() if hasattr(X, "eval") else X)
    except Exception as error:
        raise ModelError(
            "laplace_gp: inputs of its mean and kernel must be known numbers, not random variables; they were fitted "
            "to a network that is differentiated at each input."
        ) from error
