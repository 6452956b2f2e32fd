"""The options of the Gaussians whose precision is a curvature."""

from dataclasses import KW_ONLY, dataclass
from typing import Literal, final

from pbnn.errors import MethodError, unknown
from pbnn.infer.option_checks import Precision, check_counts, check_number, check_precision, require

LAPLACE_STRUCTURES = ("auto", "full", "kron", "diag", "lowrank")
PREDICTIVES = ("glm", "probit", "mc")
TUNINGS = ("online", "after")
SUBSETS = "'all', 'last_layer', or a list of names of weights such as [\"out_weight\"]"


@final
@dataclass(frozen=True, slots=True)
class Laplace:
    """A Gaussian at a mode of the weights, with the curvature there (MacKay 1992, 10.1162/neco.1992.4.3.448).

    The curvature of a network's likelihood is the generalised Gauss–Newton matrix, with which the Laplace approximation
    is the exact posterior of the network linearised at the mode (Khan et al. 2019, arXiv:1906.01930; Immer et al. 2021,
    arXiv:2008.08400). Prior scales and noise are held where the marginal likelihood is largest (Immer et al. 2021,
    arXiv:2104.04975), or at their joint mode with the weights. Of a general `pm.Model` it is the Hessian of the log
    density of all unconstrained variables.

    Parameters
    ----------
    structure
        Of the precision: `"full"`, `"kron"` (Kronecker factors for each matrix of weights), `"diag"`, `"lowrank"` (the
        leading eigenvectors), or `"auto"`: the first of full, kron, diag that fits into `memory` and a minute or so.
        A full matrix takes the smaller of weights and observations for its side.
    draws
        Independent draws that are kept.
    subset
        The weights that are uncertain, the others being held at the mode: `"all"`, `"last_layer"`, or their names.
    predictive
        How predictions use the draws: `"glm"`, the network linearised at the mode, for which the approximation is made;
        `"probit"`, the same with the class probabilities in closed form (MacKay 1992, 10.1162/neco.1992.4.5.720), of
        which it is not known how much is epistemic;
        `"mc"`, the network itself, whose predictions suffer where the Gaussian is wide.
    tune
        Of prior scales and noise: `"online"`, in turn with training, as long as the marginal likelihood rises;
        `"after"` it; or None.
    prior_precision
        Whether the prior scale of each `"layer"` is tuned, or `"one"` factor of all.
    rank
        Of `"lowrank"`.
    starts
        Independent starts; the one of largest marginal likelihood is kept.
    steps
        Most iterations of L-BFGS in each climb.
    memory
        Bytes that matrices and blocks of Jacobians may take.
    """

    structure: Literal["auto", "full", "kron", "diag", "lowrank"] = "auto"
    draws: int = 1000
    _: KW_ONLY
    subset: str | tuple[str, ...] = "all"
    predictive: Literal["glm", "probit", "mc"] = "glm"
    tune: Literal["online", "after"] | None = "online"
    prior_precision: Literal["layer", "one"] = "layer"
    rank: int = 50
    starts: int = 1
    steps: int = 1_000
    memory: float = 2e9
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        for name, known in (
            ("structure", LAPLACE_STRUCTURES),
            ("predictive", PREDICTIVES),
            ("tune", (*TUNINGS, None)),
            ("prior_precision", ("layer", "one")),
        ):
            if getattr(self, name) not in known:
                raise MethodError(unknown("Laplace", name, getattr(self, name), [k for k in known if k]))
        if not isinstance(self.subset, str):
            object.__setattr__(self, "subset", tuple(self.subset))
        require(
            self,
            self.subset in ("all", "last_layer") or (isinstance(self.subset, tuple) and bool(self.subset)),
            "subset",
            SUBSETS,
        )
        check_counts(self, "draws", "rank", "starts", "steps")
        check_number(self, "memory", 0, float("inf"), "a number of bytes")
        check_precision(self)


@final
@dataclass(frozen=True, slots=True)
class GaussNewtonVI:
    """Gaussian variational inference by natural gradients, with the Gauss–Newton matrix for the Hessian.

    Variational online Gauss–Newton and its full-batch form (Khan et al. 2018, arXiv:1806.04854; Osawa et al. 2019,
    arXiv:1906.02506; Khan & Rue 2023, arXiv:2107.04562): the Gaussian that ADVI looks for, in fewer passes over the
    data. Steps are taken at a falling sequence of learning rates, each until the evidence lower bound (ELBO) stops
    rising.

    Parameters
    ----------
    structure
        Of the precision: `"diag"`, `"kron"` (Kronecker factors for each matrix of weights), or `"full"`. Of the
        diagonal one the last steps take the whole Hessian, so that it comes to the optimum of mean-field ADVI.
    draws
        Independent draws from the approximation that are kept.
    steps
        Most steps, in blocks of 20.
    samples
        Pairs of draws, on both sides of the mean, in each estimate of the gradient; the curvature is taken at one of
        each.
    batch_size
        Rows in each estimate, drawn with replacement; None takes all rows.
    learning_rate
        The first and largest one: how far the precision goes towards its new estimate, and the mean along the natural
        gradient, where 1 is a Newton step.
    """

    structure: Literal["diag", "kron", "full"] = "diag"
    draws: int = 1000
    _: KW_ONLY
    steps: int = 10_000
    samples: int = 1
    batch_size: int | None = None
    learning_rate: float = 0.1
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        if self.structure not in ("diag", "kron", "full"):
            raise MethodError(unknown("GaussNewtonVI", "structure", self.structure, ("diag", "kron", "full")))
        check_counts(self, "draws", "steps", "samples")
        if self.batch_size is not None:
            check_counts(self, "batch_size")
        check_number(self, "learning_rate", 0, 1, "a number between 0 and 1")
        check_precision(self)
