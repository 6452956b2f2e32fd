"""Layers written a second time, as loops in plain NumPy: they take complex numbers, so that a derivative is exact.

`get(name, prior, shape, n_in)` gives the parameter of that name.
"""

import cmath
import math

import numpy as np
from scipy.stats import norm

from pbnn.spec import layers, priors


def relu(x):
    return np.where(np.real(x) > 0, x, 0.0)


ACTIVATIONS = {"tanh": np.tanh, "relu": relu, "sin": np.sin, "identity": lambda x: x}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def apply(layer, x, get, net, codes):
    """Return what leaves a layer that `x` `(obs, ..., n_in)` enters; `codes` are the categories by column."""
    match layer:
        case layers.Dense():
            return np.stack([rows(layer, row, get, net) for row in x])
        case layers.Conv1D():
            size, stride, dilation = (layer.size,), (layer.stride,), (layer.dilation,)
            return convolution(layer, x, size, stride, dilation, get, net)
        case layers.Conv2D():
            pairs = [
                v if isinstance(v, tuple) else (v, v) for v in (layer.size, layer.stride, layer.dilation)
            ]
            return convolution(layer, x, *pairs, get, net)
        case layers.AveragePool():
            return pool(layer, x, lambda window: sum(window) / len(window))
        case layers.MaxPool():
            return pool(layer, x, lambda window: max(window, key=lambda v: v.real))
        case layers.Flatten():
            return np.stack([row.ravel() for row in x])
        case layers.Reshape():
            return np.stack([row.reshape(layer.shape) for row in x])
        case layers.GRU() | layers.LSTM():
            return recurrent(layer, x, get, net)
        case layers.SelfAttention():
            return attention(layer, x, get, net)
        case layers.PositionalEncoding():
            return x + encoding(*x.shape[1:], layer.base)
        case layers.FourierFeatures():
            w = standard_normals(layer.seed, (layer.n, x.shape[-1])) / lengthscale(layer, get)
            phase = np.stack([[sum(w[k] * row) for k in range(layer.n)] for row in x])
            return math.sqrt(2) * np.concatenate([np.cos(phase), np.sin(phase)], axis=1)
        case layers.RBF():
            n, width = layer.centers, x.shape[-1]
            at = standard_normals(layer.seed, (n, width)) if isinstance(n, int) else np.array(n)
            scale = lengthscale(layer, get)
            return np.array([[np.exp(-sum((row - c) ** 2) / (2 * scale**2)) for c in at] for row in x])
        case layers.Concat():
            return np.concatenate(branches(layer, x, get, net, codes), axis=-1)
        case layers.Parallel():
            return sum(branches(layer, x, get, net, codes))
        case layers.GroupDense():
            return grouped(layer, x, get, net, codes[layer.column])
        case layers.Embedding():
            of_row = codes[layer.column]
            table = get("weight", layer.weight, (of_row.max() + 1, layer.units), 1)
            return np.concatenate([x, table[of_row]], axis=1)
        case layers.Frozen():
            known = {name: np.array(values, dtype=float) for name, values in layer.values}

            def fixed(name, prior, shape, n_in):
                return known[name] if name in known else get(name, prior, shape, n_in)

            return apply(layer.layer, x, fixed, net, codes)
        case layers.Residual():
            return x + chain(layer.layers, x, get, net, codes, "")
    raise AssertionError(layer)


def chain(parts, x, get, net, codes, stem):
    for i, part in enumerate(parts):
        x = apply(part, x, lambda name, *rest, i=i: get(f"{stem}{i}_{name}", *rest), net, codes)
    return x


def branches(layer, x, get, net, codes):
    return [chain(branch, x, get, net, codes, f"{i}_") for i, branch in enumerate(layer.branches)]


def affine_parameters(layer, get, net, n_in, units, weight=None):
    w = get("weight", weight or layer.weight or net.weights, (n_in, units), n_in)
    if layer.bias is False:
        return w, np.zeros(units)
    return w, get("bias", net.biases if layer.bias is True else layer.bias, (units,), n_in)


def rows(layer, x, get, net):
    """A dense layer at each position of one observation."""
    w, b = affine_parameters(layer, get, net, x.shape[-1], layer.units)
    out = np.empty((*x.shape[:-1], layer.units), dtype=complex)
    for at in np.ndindex(x.shape[:-1]):
        for k in range(layer.units):
            out[at][k] = b[k] + sum(x[at][i] * w[i, k] for i in range(x.shape[-1]))
    return ACTIVATIONS[layer.activation](out)


def convolution(layer, x, size, stride, dilation, get, net):
    axes, channels = len(size), x.shape[-1]
    ends, lengths = [], []
    for a in range(axes):
        n, reach = x.shape[1 + a], (size[a] - 1) * dilation[a] + 1
        padding = layer.padding[a] if isinstance(layer.padding, tuple) else layer.padding
        if padding == "same":
            length = math.ceil(n / stride[a])
            total = max(0, (length - 1) * stride[a] + reach - n)
            before = total // 2
        else:
            before = {"valid": 0, "causal": reach - 1}.get(padding, padding)
            after = 0 if padding == "causal" else before
            length = (n + before + after - reach) // stride[a] + 1
        ends.append(before)
        lengths.append(length)
    inside = channels // layer.groups
    w, b = affine_parameters(layer, get, net, math.prod(size) * inside, layer.filters)
    w = w.reshape(*size, inside, layer.filters)
    out = np.zeros((len(x), *lengths, layer.filters), dtype=complex)
    for n in range(len(x)):
        for at in np.ndindex(*lengths):
            for f in range(layer.filters):
                first = (f // (layer.filters // layer.groups)) * inside
                total = b[f]
                for offset in np.ndindex(*size):
                    place = [
                        p * s + o * d - e
                        for p, s, o, d, e in zip(at, stride, offset, dilation, ends, strict=True)
                    ]
                    if all(0 <= p < m for p, m in zip(place, x.shape[1:-1], strict=True)):
                        for c in range(inside):
                            total = total + x[(n, *place, first + c)] * w[(*offset, c, f)]
                out[(n, *at, f)] = total
    return ACTIVATIONS[layer.activation](out)


def pool(layer, x, reduce):
    lengths, axes = x.shape[1:-1], x.ndim - 2

    def each(value):
        return value if isinstance(value, tuple) else (value,) * axes

    if layer.size is None:
        channels = [[x[(n, ..., c)].ravel() for c in range(x.shape[-1])] for n in range(len(x))]
        return np.array([[reduce(list(values)) for values in row] for row in channels])
    size, stride = each(layer.size), each(layer.size if layer.stride is None else layer.stride)
    count = [(m - s) // t + 1 for m, s, t in zip(lengths, size, stride, strict=True)]
    out = np.empty((len(x), *count, x.shape[-1]), dtype=complex)
    for at in np.ndindex(out.shape):
        places = [
            tuple(p * t + o for p, t, o in zip(at[1:-1], stride, offset, strict=True))
            for offset in np.ndindex(*size)
        ]
        out[at] = reduce([x[(at[0], *place, at[-1])] for place in places])
    return out


def recurrent(layer, x, get, net):
    n, gates = layer.units, 3 if isinstance(layer, layers.GRU) else 4
    w, b = affine_parameters(layer, get, net, x.shape[-1], gates * n)
    u = get("recurrent", layer.recurrent or net.weights, (n, gates * n), n)
    out = np.empty((*x.shape[:2], n), dtype=complex)
    for row in range(len(x)):
        h, c = np.zeros(n), np.zeros(n)
        for t in range(x.shape[1]):
            a, back = x[row, t] @ w + b, h @ u
            if gates == 3:
                r, z = sigmoid(a[:n] + back[:n]), sigmoid(a[n : 2 * n] + back[n : 2 * n])
                h = (1 - z) * np.tanh(a[2 * n :] + r * back[2 * n :]) + z * h
            else:
                i, f, g, o = np.split(a + back, 4)
                c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
                h = sigmoid(o) * np.tanh(c)
            out[row, t] = h
    return out if layer.return_sequence else out[:, -1]


def attention(layer, x, get, net):
    heads, units, (obs, time, width) = layer.heads, layer.units, x.shape

    def matrix(name, n_in, n_out):
        own = getattr(layer, name)
        return affine_parameters(
            layer, lambda part, *rest: get(f"{name}_{part}", *rest), net, n_in, n_out, own
        )

    q, k, v = (matrix(name, width, heads * units) for name in ("query", "key", "value"))
    w, b = matrix("out", heads * units, width)
    out = np.empty(x.shape, dtype=complex)
    for n in range(obs):
        for t in range(time):
            mixed = []
            for head in range(heads):
                at = slice(head * units, (head + 1) * units)
                query = (x[n, t] @ q[0] + q[1])[at]
                seen = range(t + 1) if layer.causal else range(time)
                scores = [sum(query * (x[n, s] @ k[0] + k[1])[at]) / math.sqrt(units) for s in seen]
                weights = [cmath.exp(score) for score in scores]
                values = [(x[n, s] @ v[0] + v[1])[at] for s in seen]
                mixed.extend(sum(a * value for a, value in zip(weights, values, strict=True)) / sum(weights))
            out[n, t] = np.array(mixed) @ w + b
    return out


def encoding(time, width, base):
    out = np.empty((time, width))
    for t in range(time):
        for i in range(width):
            angle = t / base ** ((i - i % 2) / width)
            out[t, i] = math.cos(angle) if i % 2 else math.sin(angle)
    return out


def grouped(layer, x, get, net, codes):
    n_in, groups = x.shape[-1], int(codes.max()) + 1
    w, b = affine_parameters(layer, get, net, n_in, layer.units)
    own = get("deviation", priors.Normal(0.0, layer.spread), (groups, n_in, layer.units), n_in)
    shift = np.zeros((groups, layer.units))
    if layer.bias is not False:
        shift = get("bias_deviation", priors.Normal(0.0, layer.bias_spread), (groups, layer.units), n_in)
    return ACTIVATIONS[layer.activation](
        np.stack([row @ (w + own[g]) + b + shift[g] for row, g in zip(x, codes, strict=True)])
    )


def lengthscale(layer, get):
    if isinstance(layer.lengthscale, int | float):
        return layer.lengthscale
    return get("lengthscale", layer.lengthscale, (), None)


def standard_normals(seed, shape):
    """The quantiles of the normal distribution at 53 bits of the generator."""
    bits = np.random.PCG64(seed).random_raw(math.prod(shape))
    return norm.ppf([((int(b) >> 11) + 0.5) / 2**53 for b in bits]).reshape(shape)
