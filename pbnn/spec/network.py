"""The network: layers, a likelihood, and the priors of the layers that name none."""

from dataclasses import dataclass
from typing import final

from pbnn.errors import SpecError
from pbnn.spec.json import from_json, to_json
from pbnn.spec.layers import Layer, as_layers
from pbnn.spec.likelihoods import LIKELIHOODS, Likelihood
from pbnn.spec.priors import DEFAULT_BIASES, DEFAULT_WEIGHTS, Prior, check_prior
from pbnn.spec.table import html_table, network_rows, text_table
from pbnn.spec.unknowns import leave_open


@final
@leave_open
@dataclass(frozen=True, slots=True)
class Network:
    """A Bayesian neural network, declared.

    Parameters
    ----------
    layers
        The hidden layers, from the input on; `[]` is a linear model. The output layer is added by the likelihood.
    likelihood
        The distribution of the response.
    weights, biases
        Priors of every layer that names none, the output layer included.

    Raises
    ------
    SpecError
        If a part is not what it should be; the message lists what is known.

    Examples
    --------
    >>> import pbnn
    >>> from pbnn import likelihoods
    >>> net = pbnn.Network([pbnn.Dense(50, "tanh")], likelihoods.Gaussian())
    >>> pbnn.Network.from_json(net.to_json()) == net
    True
    """

    layers: tuple[Layer, ...]
    likelihood: Likelihood
    weights: Prior = DEFAULT_WEIGHTS
    biases: Prior = DEFAULT_BIASES

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", as_layers("Network", self.layers))
        if isinstance(self.likelihood, type) and self.likelihood.__name__ in LIKELIHOODS:
            raise SpecError(
                f"Network: likelihood is a class; write likelihoods.{self.likelihood.__name__}()."
            )
        if not isinstance(self.likelihood, tuple(LIKELIHOODS.values())):
            raise SpecError(
                f"Network: likelihood must be one of {', '.join(sorted(LIKELIHOODS))} from pbnn.likelihoods; "
                f"got {self.likelihood!r}."
            )
        check_prior("Network: weights", self.weights)
        check_prior("Network: biases", self.biases)

    def to_json(self) -> str:
        """Return the network as JSON text; `from_json` gives back an equal one."""
        return to_json(self)

    @classmethod
    def from_json(cls, text: str) -> "Network":
        """Return the network that `to_json` wrote.

        Raises
        ------
        SpecError
            If the text is no JSON, or describes no network.
        """
        return from_json(text, cls)

    def __str__(self) -> str:
        return text_table(network_rows(self))

    def _repr_html_(self) -> str:
        return html_table(network_rows(self))
