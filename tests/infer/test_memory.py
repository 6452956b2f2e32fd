"""The size of what a fit keeps: said before, refused over a limit, with options that fit."""

import re
from dataclasses import replace

import pytest

from pbnn.errors import MethodError
from pbnn.infer import ADVI, MAP, MCLMC, NUTS, SGMCMC, SWAG, fit
from pbnn.infer.memory import bytes_kept, check_memory
from pbnn.target import Target

pytestmark = pytest.mark.slow

METHODS = [MCLMC(), MCLMC(thin=7), MCLMC(adjusted=True), SGMCMC(), SWAG(), NUTS(), ADVI()]


@pytest.mark.parametrize("method", [MCLMC(draws=320, chains=2, thin=1, tune=1600), NUTS(100, 50, 2)])
def test_is_the_size_of_the_result(network, method):
    tree = fit(network, method, seed=1, progress=False)
    groups = [tree[g] for g in ("posterior", "sample_stats", "half_step") if g in tree.children]
    n = sum(values.nbytes for group in groups for values in group.data_vars.values())
    # What is kept beside each draw is counted as six numbers of the same type.
    assert 0.7 * n < bytes_kept(method, Target.of(network, method.precision)) < 1.3 * n


@pytest.mark.parametrize("method", METHODS, ids=lambda m: type(m).__name__)
@pytest.mark.parametrize("part", [0.9, 0.3, 0.01])
def test_what_is_proposed_fits(network, method, part):
    target = Target.of(network, method.precision)
    limit = part * bytes_kept(method, target)
    with pytest.raises(MethodError, match=r"keeps .* numbers: .* That is over memory=.* draws=\d+") as caught:
        check_memory(method, target, limit, show=False)
    proposed = {k: int(v) for k, v in re.findall(r"(draws|thin)=(\d+)", str(caught.value))}
    check_memory(replace(method, **proposed), target, limit, show=False)
    if "thin" in proposed:
        assert proposed["thin"] * proposed["draws"] >= method.thin * method.draws


def test_says_it_on_stderr_only_with_progress(network, capsys):
    target = Target.of(network, "float32")
    check_memory(MCLMC(), target, None, show=False)
    assert capsys.readouterr().err == ""
    check_memory(MCLMC(), target, None, show=True)
    assert re.fullmatch(r"MCLMC keeps 4 × 1000 draws of \d+ numbers: .* [kM]B\.\n", capsys.readouterr().err)


@pytest.mark.parametrize("memory", [0, -1.0, "1 GB", True])
def test_refuses_what_is_no_size(network, memory):
    with pytest.raises(MethodError, match="memory must be a positive number of bytes"):
        fit(network, MAP(), memory=memory)


def test_nothing_fits(network):
    with pytest.raises(MethodError, match="Not even one draw of each chain fits"):
        fit(network, MCLMC(), memory=10, progress=False)
