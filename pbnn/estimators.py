"""The door for scikit-learn: `BNNRegressor` and `BNNClassifier`, in pipelines, searches and cross-validation."""

from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass, replace
from inspect import signature
from numbers import Integral
from typing import Any, Self

import numpy as np
import pandas as pd
import xarray as xr

from pbnn.errors import DataError, MissingExtraError, SpecError, unknown
from pbnn.graph.build import build
from pbnn.graph.censoring import Censored
from pbnn.graph.layers import categorical_columns
from pbnn.graph.support import support_of
from pbnn.graph.texts import as_texts, from_texts
from pbnn.infer import fit
from pbnn.infer.methods import METHODS, as_method
from pbnn.predict import predict
from pbnn.spec.layers import Dense, Embedding, Layer, as_layers
from pbnn.spec.likelihoods import LIKELIHOODS, Bernoulli, Categorical, Gaussian, Likelihood
from pbnn.spec.network import Network
from pbnn.spec.priors import DEFAULT_WEIGHTS, FanIn, Normal

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils import check_array, check_consistent_length, check_random_state, column_or_1d
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise MissingExtraError(
        'estimators: scikit-learn is not installed. Install it with: pip install "pbnn[sklearn]"'
    ) from error

_OF_NETWORK = ("layers", "activation", "prior_scale", "likelihood")
"""Parameters that a whole network replaces."""


class _Estimator(BaseEstimator):
    """What regression and classification share: parameters, the fit, and draws of the response."""

    def __init__(
        self,
        layers=(20,),
        *,
        activation="tanh",
        prior_scale=None,
        likelihood=None,
        network=None,
        method="mclmc",
        standardize=True,
        random_state=None,
        verbose=0,
    ):
        self.layers = layers
        self.activation = activation
        self.prior_scale = prior_scale
        self.likelihood = likelihood
        self.network = network
        self.method = method
        self.standardize = standardize
        self.random_state = random_state
        self.verbose = verbose

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters; if `deep`, also the fields of specs and options, such as `method__draws`."""
        params = super().get_params(deep)
        if deep:
            for name in list(params):
                for key, value in _fields_of(self._spec(name)).items():
                    params[f"{name}__{key}"] = value
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters; one such as `method__draws=500` changes that field of the method's options.

        Raises
        ------
        ValueError
            If there is no such parameter, or the value is none for it.
        """
        super().set_params(**{name: value for name, value in params.items() if "__" not in name})
        changes: dict[str, dict[str, Any]] = {}
        for whole in (name for name in params if "__" in name):
            if whole not in (known := self.get_params()):
                raise ValueError(unknown(type(self).__name__, "parameter", whole, known))
            name, _, key = whole.partition("__")
            changes.setdefault(name, {})[key] = params[whole]
        for name, values in changes.items():
            setattr(self, name, replace(self._spec(name), **values))
        return self

    def fit(self, X: Any, y: Any) -> Self:
        """Build the network for the data, and infer its posterior.

        Parameters
        ----------
        X
            Inputs `(n_samples, n_features)`: an array or a DataFrame, whose categorical columns get an embedding each;
            sequences or images where the layers take them.
        y
            Response `(n_samples,)` or `(n_samples, n_outputs)`; labels `(n_samples,)` of a classifier.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If the data or a parameter cannot be used; the message says which, where, and what to do.
        """
        X = self._inputs(X, y, reset=True)
        y, likelihood = self._response(y)
        check_consistent_length(X, y)
        bnn = build(self._network(X, likelihood), X, y, standardize=self.standardize)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self.idata_ = fit(bnn, self.method, seed=seed, progress=bool(self.verbose))
        self.bnn_ = bnn
        return self

    def _spec(self, name: str) -> Any:
        """Return a parameter, and of a method's name the options that it stands for."""
        value = getattr(self, name)
        named = name == "method" and isinstance(value, str) and value.lower() in METHODS
        return as_method(value) if named else value

    def _hidden(self) -> tuple[Layer, ...]:
        """Return the hidden layers that were asked for."""
        if self.network is None:
            layers = [self.layers] if isinstance(self.layers, Integral) else self.layers
            if isinstance(layers, Iterable):
                layers = [Dense(int(n), self.activation) if isinstance(n, Integral) else n for n in layers]
            return as_layers(type(self).__name__, layers)
        if not isinstance(self.network, Network):
            raise SpecError(f"{type(self).__name__}: network must be a pbnn.Network; got {self.network!r}.")
        usual = signature(type(self)).parameters
        for name in _OF_NETWORK:
            if getattr(self, name) != usual[name].default:
                raise SpecError(
                    f"{type(self).__name__}: network= says it all; leave out {name}=, or change it in the network."
                )
        return self.network.layers

    def _network(self, X: Any, likelihood: Likelihood) -> Network:
        layers = self._hidden()
        if self.network is not None:
            return self.network
        if isinstance(X, pd.DataFrame):
            taken = {str(column) for column in categorical_columns(layers)}
            free = [str(name) for name in X.select_dtypes("category") if str(name) not in taken]
            _refuse_texts(type(self).__name__, X.drop(columns=[c for c in X if str(c) in taken]))
            layers = (*map(Embedding, free), *layers)
        scale = self.prior_scale
        return Network(layers, likelihood, DEFAULT_WEIGHTS if scale is None else Normal(scale=FanIn(scale)))

    def _likelihood(self, usual: Likelihood, *kinds: str) -> Likelihood:
        """Return the likelihood, if it is for one of these kinds of response."""
        asked = self.likelihood if self.network is None else self.network.likelihood
        likelihood = usual if asked is None else asked
        if isinstance(likelihood, tuple(LIKELIHOODS.values())) and support_of(likelihood).kind not in kinds:
            other = "BNNRegressor" if "classes" in kinds else "BNNClassifier"
            raise SpecError(
                f"{type(self).__name__}: the likelihood {type(likelihood).__name__} is one for {other}; use that, or "
                "another likelihood."
            )
        return likelihood

    def _inputs(self, X: Any, y: Any = "no_validation", *, reset: bool = False) -> Any:
        """Check `X` as scikit-learn does; a DataFrame goes on as it is, for pbnn knows its columns by name."""
        y = None if y is None else "no_validation"  # a missing y is refused in scikit-learn's words
        layers = self._hidden() if reset else self.bnn_.network.layers
        if isinstance(X, pd.DataFrame):
            return validate_data(self, X, y, reset=reset, skip_check_array=True)
        kind, least = None if categorical_columns(layers) else "numeric", 2 if reset else 1
        return validate_data(self, X, y, reset=reset, dtype=kind, allow_nd=True, ensure_min_samples=least)

    def _predict(self, X: Any, idata: xr.DataTree | None = None, **options: Any) -> xr.Dataset:
        check_is_fitted(self, "bnn_")
        idata = self.idata_ if idata is None else idata
        options = {"seed": self.idata_.attrs["seed"], "precision": "float64", **options}
        return predict(self.bnn_, idata, self._inputs(X), **options)["predictions"].to_dataset()

    def _draws(self, X: Any, n: int, random_state: Any) -> np.ndarray:
        """Return responses `(n_samples_X, [n_outputs,] n)`, each with weights of its own as long as there are some."""
        check_is_fitted(self, "bnn_")
        if isinstance(n, bool) or not isinstance(n, Integral) or n < 1:
            raise DataError(f"sample_y: n_samples must be a whole number > 0; got {n!r}.")
        rng = check_random_state(random_state)
        posterior = self.idata_["posterior"].to_dataset()
        size = posterior.sizes["chain"] * posterior.sizes["draw"]
        turns = [rng.permutation(size) for _ in range(-(-n // size))]
        places = divmod(np.concatenate(turns)[:n], posterior.sizes["draw"])
        chain, draw = (xr.DataArray(place, dims="draw") for place in places)
        chosen = posterior.isel(chain=chain, draw=draw).drop_vars(["chain", "draw"])
        tree = self.idata_.copy()
        tree["posterior"] = xr.DataTree(chosen.assign_coords(draw=np.arange(n)).expand_dims(chain=[0]))
        seed = int(rng.randint(2**31 - 1))
        y = self._predict(X, tree, seed=seed, memory=np.inf)["y"]
        return y.isel(chain=0).transpose("obs", ..., "draw").to_numpy()

    def __getstate__(self) -> dict[str, Any]:
        # A pm.Model is no data, and cannot be pickled. What makes it again is.
        state = super().__getstate__()
        return {**state, "bnn_": as_texts(self.bnn_)} if hasattr(self, "bnn_") else state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if hasattr(self, "bnn_"):
            names = ("constant_data", "X"), ("observed_data", "y")
            data = (self.idata_.get(group, {}).get(name) for group, name in names)
            self.bnn_ = from_texts(self.bnn_, *(v if v is None else v.to_numpy() for v in data))


class BNNRegressor(RegressorMixin, _Estimator):
    """Regression by a Bayesian neural network, for scikit-learn.

    Parameters
    ----------
    layers
        Hidden layers, from the input on: widths, or layers such as `pbnn.Residual(...)`; `()` is a linear model. A
        categorical column of a DataFrame that no layer takes gets a `pbnn.Embedding`.
    activation
        Of the layers that are given by their width.
    prior_scale
        Of the weights, `prior_scale / sqrt(inputs of the layer)`; None learns the scale of each layer.
    likelihood
        Of the response, such as `likelihoods.Poisson()`; None is `likelihoods.Gaussian()`.
    network
        A `pbnn.Network`, instead of the four above.
    method
        How the posterior is found: a name or options, as of `pbnn.fit`.
    standardize
        Centre and scale the inputs, and a continuous response, inside the model.
    random_state
        Seed, or `numpy.random.RandomState`; with the same number, the same fit.
    verbose
        Whether to show the progress of the fit.

    Attributes
    ----------
    bnn_
        The `pbnn.BNN`, for `pbnn.diagnose`, `pbnn.report` and all else.
    idata_
        The fit, an ArviZ `DataTree`.
    n_features_in_, feature_names_in_
        Number of columns in `fit`, and their names where they had some.

    Notes
    -----
    `method`, `likelihood` and `network` are nested parameters: `GridSearchCV(BNNRegressor(), {"method__draws": [200,
    1000]})` sets a field of the options. Predictions are computed in float64 from all draws, so that those of a row do
    not depend on the other rows. A pickle holds the training data, as `pbnn.save` does.

    Examples
    --------
    >>> import numpy as np, pbnn
    >>> from pbnn.estimators import BNNRegressor
    >>> X = np.linspace(-1, 1, 30)[:, None]
    >>> y = np.sin(3 * X[:, 0])
    >>> model = BNNRegressor(layers=(5,), method=pbnn.MAP(starts=1), random_state=1).fit(X, y)
    >>> mean, sd = model.predict(X[:4], return_std=True)
    >>> mean.shape, sd.shape, model.sample_y(X[:4], n_samples=10).shape
    ((4,), (4,), (4, 10))
    """

    def predict(self, X: Any, return_std: bool = False) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Return the mean of the response, and if asked its standard deviation.

        Parameters
        ----------
        X
            Inputs `(n_samples, n_features)`.
        return_std
            Whether to return the standard deviation of a new observation too: what the weights leave open, and the
            noise.

        Returns
        -------
        mean, or (mean, std)
            In the units of `y`, each `(n_samples,)` or `(n_samples, n_outputs)`.
        """
        summary = self._predict(X, kind="summary", quantiles=())
        mean = self._like_y(summary["mean"])
        return (mean, self._like_y(summary["sd"])) if return_std else mean

    def predict_quantiles(self, X: Any, quantiles: Sequence[float] = (0.05, 0.5, 0.95)) -> np.ndarray:
        """Return quantiles of a new observation `(n_samples, [n_outputs,] n_quantiles)`."""
        found = self._predict(X, kind="summary", quantiles=quantiles)["quantiles"]
        return self._like_y(found.transpose("obs", ..., "quantile"), 1)

    def sample_y(self, X: Any, n_samples: int = 1, random_state: Any = 0) -> np.ndarray:
        """Return draws of new observations, as `GaussianProcessRegressor.sample_y` does.

        Parameters
        ----------
        X
            Inputs `(n_samples_X, n_features)`.
        n_samples
            How many; each with other draws of the weights, as long as there are some.
        random_state
            Seed, or `numpy.random.RandomState`.

        Returns
        -------
        ndarray
            `(n_samples_X, n_samples)` or `(n_samples_X, n_outputs, n_samples)`.
        """
        return self._like_y(self._draws(X, n_samples, random_state), 1)

    def _response(self, y: Any) -> tuple[Any, Likelihood]:
        likelihood = self._likelihood(Gaussian(), "continuous", "counts")
        self._outputs = ()
        if isinstance(y, Censored):
            return y, likelihood
        values = check_array(y, ensure_2d=False, dtype="numeric", input_name="y", estimator=self)
        self._outputs = values.shape[1:]
        if isinstance(y, pd.DataFrame):
            return (y.iloc[:, 0] if self._outputs == (1,) else y), likelihood
        values = values[:, 0] if self._outputs == (1,) else values
        return (y if isinstance(y, pd.Series) else values), likelihood

    def _like_y(self, found: xr.DataArray | np.ndarray, last: int = 0) -> np.ndarray:
        """Give a result the outputs that `y` had, a column where it was one, before its `last` axes."""
        values = np.asarray(found)
        return values.reshape(len(values), *self._outputs, *values.shape[values.ndim - last :])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class BNNClassifier(ClassifierMixin, _Estimator):
    """Classification by a Bayesian neural network, for scikit-learn.

    Parameters are those of `BNNRegressor`; `likelihood=None` is `likelihoods.Bernoulli()` for two classes, and
    `likelihoods.Categorical()` for more.

    Attributes
    ----------
    classes_
        The labels, sorted.
    bnn_, idata_, n_features_in_, feature_names_in_
        As of `BNNRegressor`.

    Examples
    --------
    >>> import numpy as np, pbnn
    >>> from pbnn.estimators import BNNClassifier
    >>> X = np.linspace(-1, 1, 30)[:, None]
    >>> y = np.where(X[:, 0] > 0.3, "high", "low")
    >>> model = BNNClassifier(layers=(), method=pbnn.MAP(starts=1), random_state=1).fit(X, y)
    >>> model.predict(X[[0, -1]]).tolist(), model.predict_proba(X[:4]).shape
    (['low', 'high'], (4, 2))
    """

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable label of each row `(n_samples,)`."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of `classes_`, averaged over draws of the weights: `(n_samples, n_classes)`."""
        return self._predict(X, kind="summary", quantiles=())["p"].to_numpy()[:, self._order()]

    def sample_y(self, X: Any, n_samples: int = 1, random_state: Any = 0) -> np.ndarray:
        """Return draws of new labels `(n_samples_X, n_samples)`; see `BNNRegressor.sample_y`."""
        place = np.argsort(self._order())
        return self.classes_[place[self._draws(X, n_samples, random_state)]]

    def fit(self, X: Any, y: Any) -> Self:
        """Build the network for the data, and infer its posterior; see `BNNRegressor.fit`."""
        super().fit(X, y)
        labels = self.bnn_.response.classes
        self.classes_ = np.array([labels[i] for i in self._order()], dtype=np.asarray(y).dtype)
        return self

    def _order(self) -> np.ndarray:
        """Return the model's class for each of `classes_`: those of `Ordinal` are not in the order of the alphabet."""
        check_is_fitted(self, "bnn_")
        labels = self.bnn_.response.classes
        return np.array(sorted(range(len(labels)), key=labels.__getitem__))

    def _response(self, y: Any) -> tuple[Any, Likelihood]:
        values = column_or_1d(y, warn=True)
        check_array(values, ensure_2d=False, dtype=None, input_name="y", estimator=self)
        if pd.isna(values).any():
            row = int(np.argmax(pd.isna(values)))
            raise DataError(f"{type(self).__name__}: y is missing in row {row}; drop such rows.")
        check_classification_targets(values)
        usual = Bernoulli() if len(pd.unique(values)) == 2 else Categorical()
        return (y if isinstance(y, pd.Series) else values), self._likelihood(usual, "classes")


def _fields_of(spec: Any) -> dict[str, Any]:
    """Return the fields of a spec or of options, by name; none of anything else."""
    if not is_dataclass(spec) or isinstance(spec, type):
        return {}
    return {field.name: getattr(spec, field.name) for field in fields(spec)}


def _refuse_texts(where: str, X: pd.DataFrame) -> None:
    """Raise `DataError` if a column holds text."""
    for name in X.select_dtypes(["object", "string"]):
        if any(isinstance(value, str) for value in X[name]):
            raise DataError(
                f"{where}: X column {name!r} holds text. If it holds categories, pass "
                f"X.astype({{{name!r}: 'category'}}), and it gets a pbnn.Embedding; else turn it into numbers."
            )
