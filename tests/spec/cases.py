"""Dozens of specs, fed to the same invariants."""

from pbnn.spec.layers import (
    ACTIVATIONS,
    GRU,
    LSTM,
    RBF,
    AveragePool,
    Concat,
    Conv1D,
    Conv2D,
    Dense,
    Embedding,
    Flatten,
    FourierFeatures,
    Frozen,
    GroupDense,
    LayerNorm,
    MaxPool,
    Parallel,
    PositionalEncoding,
    Reshape,
    Residual,
    SelfAttention,
)
from pbnn.spec.likelihoods import Bernoulli, Categorical, Gaussian, Poisson, StudentT
from pbnn.spec.network import Network
from pbnn.spec.priors import (
    ARD,
    R2D2,
    FanIn,
    HalfNormal,
    Horseshoe,
    Laplace,
    LogNormal,
    MatrixNormal,
    Normal,
    Pretrained,
    PyMC,
    RelevantInputs,
    ResponseSD,
    SpikeSlab,
)
from pbnn.spec.priors import StudentT as StudentTPrior

SCALES = [
    0.1,
    3,
    FanIn(),
    FanIn(2**0.5),
    HalfNormal(0.3),
    LogNormal(FanIn(0.1), sigma=0.5),
    HalfNormal(LogNormal(1e-300)),
]
PRIORS = [
    *(Normal(scale=scale) for scale in SCALES),
    *(Laplace(-0.1, scale) for scale in SCALES),
    *(StudentTPrior(2.5, 1e9, scale) for scale in SCALES),
    HalfNormal(),
    HalfNormal(FanIn(1 / 3)),
    LogNormal(2.0, sigma=1e-7),
    Normal(scale=LogNormal(HalfNormal(per="network"), per="input"), centered=True),
    ARD(),
    Horseshoe(RelevantInputs(1.5, 100, 0.1), None, each="weight"),
    SpikeSlab(HalfNormal(per="unit"), included=0.1),
    R2D2(0.9, concentration=1e-3),
    MatrixNormal(),
    Pretrained(((0.1, 1e300), (-1e-300, 0.0)), ((1.0, 2.0), (3.0, 4.0))),
    PyMC("Gumbel", mu=0, beta=0.1),
]
LAYERS = [
    *(Dense(i + 1, activation) for i, activation in enumerate(ACTIVATIONS)),
    *(Dense(3, weight=prior, bias=prior) for prior in PRIORS),
    Dense(10**6, bias=False),
    LayerNorm(),
    LayerNorm(0.1, gain=None, offset=None),
    LayerNorm(gain=HalfNormal(2), offset=Laplace()),
    Residual([Dense(3)]),
    Residual([LayerNorm(), Dense(3), Residual([Dense(3, "sin", weight=Normal(scale=HalfNormal()))])]),
]
MORE_LAYERS = [
    Conv1D(4, 3),
    Conv1D(4, 3, "relu", stride=2, padding="causal", dilation=2, groups=2, weight=Normal(), bias=False),
    Conv2D(8, 3),
    Conv2D(8, [3, 5], stride=(2, 1), padding=(0, 1), dilation=2, bias=Laplace()),
    AveragePool(),
    AveragePool(2),
    MaxPool((2, 1), stride=1),
    Flatten(),
    Reshape([4, 3]),
    Reshape((8, 8, 1)),
    GRU(3),
    LSTM(3, return_sequence=True, weight=Normal(), recurrent=Laplace(), bias=False),
    SelfAttention(2, 3),
    SelfAttention(1, 4, causal=True, weight=Laplace(), query=Normal(), out=StudentTPrior(), bias=Normal()),
    PositionalEncoding(100),
    FourierFeatures(10, LogNormal(0.5), seed=7),
    RBF(5),
    RBF([[0, 1.5], [2, -3]], HalfNormal()),
    Concat([[], Dense(2), [Dense(3), Dense(4)]]),
    Parallel([Dense(2, "identity"), [Dense(3), Dense(2)]]),
    GroupDense("site", 3),
    GroupDense(-1, 3, "relu", categories=4, spread=FanIn(0.1), bias=False, weight=Normal()),
    Frozen(Dense(2, weight=Normal()), {"weight": [[1, 2.5]], "bias": (0, 1e-300)}),
    Frozen(Residual([Dense(2)]), {"0_bias": [0.0, 0.1]}),
]
LAYERS = [*LAYERS, *MORE_LAYERS]
EMBEDDINGS = [
    Embedding("species"),
    Embedding(3, 5),
    Embedding(-1, categories=7),
    Embedding('a "quoted" \\ column\n<b>°√', weight=Normal(scale=HalfNormal())),
]
NOISES = [0.1, 2, HalfNormal(0.5), HalfNormal(ResponseSD(0.3)), LogNormal(ResponseSD(), sigma=2.0)]
LIKELIHOODS = [
    Gaussian(),
    Gaussian("heteroscedastic"),
    *(Gaussian(noise) for noise in NOISES),
    StudentT(),
    *(StudentT(2.1, noise) for noise in NOISES),
    StudentT(df=HalfNormal(10)),
    Bernoulli(),
    Categorical(),
    Poisson(),
]
NETWORKS = [
    *(Network([layer], Gaussian()) for layer in LAYERS),
    *(Network([embedding, Dense(3)], Gaussian()) for embedding in EMBEDDINGS),
    *(Network([], likelihood) for likelihood in LIKELIHOODS),
    *(Network([Dense(2)], Poisson(), weights=prior, biases=prior) for prior in PRIORS),
    Network([*EMBEDDINGS, *LAYERS], StudentT(df=LogNormal(8.0)), weights=StudentTPrior(), biases=Laplace()),
]
