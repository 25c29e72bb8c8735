from __future__ import annotations

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'restauro[train]'")

from restauro.training.muon import Muon, orthogonalised


@pytest.mark.parametrize("shape", [(16, 16), (8, 40), (40, 8)])
def test_singular_values_come_near_one_and_vectors_stay(shape: tuple[int, int]) -> None:
    matrix = torch.from_numpy(np.random.default_rng(3).normal(size=shape)).float()
    u, _, v = np.linalg.svd(matrix.numpy(), full_matrices=False)
    found = u.T @ orthogonalised(matrix).numpy() @ v.T  # in the basis of the singular vectors
    assert ((np.diag(found) > 0.5) & (np.diag(found) < 1.3)).all()
    assert np.abs(found - np.diag(np.diag(found))).max() < 0.1


def test_other_parameters_step_as_adamw_does() -> None:
    ours = torch.nn.Parameter(torch.linspace(-1, 1, 7))
    theirs = torch.nn.Parameter(ours.detach().clone())
    options = {"lr": 0.03, "weight_decay": 0.1, "betas": (0.9, 0.99)}
    optimisers = Muon([], [ours], **options), torch.optim.AdamW([theirs], **options)
    for step in range(5):
        for parameter, optimiser in zip((ours, theirs), optimisers, strict=True):
            optimiser.zero_grad()
            (parameter * torch.arange(7.0) * (step - 2)).sum().backward()
            optimiser.step()
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)


def test_a_kernels_step_has_the_size_of_adams_whatever_the_gradients() -> None:
    for scale in (1e-6, 1e6):
        kernel = torch.nn.Parameter(torch.zeros(32, 8, 3, 3))
        kernel.grad = scale * torch.from_numpy(np.random.default_rng(5).normal(size=kernel.shape)).float()
        Muon([kernel], [], lr=0.01).step()
        assert 0.7 < float(kernel.detach().square().mean().sqrt()) / (0.2 * 0.01) < 1.3


def test_state_goes_into_a_checkpoint_and_back() -> None:
    def parameters() -> tuple[torch.nn.Parameter, torch.nn.Parameter]:
        return torch.nn.Parameter(torch.ones(4, 2, 3, 3)), torch.nn.Parameter(torch.ones(4))

    def step(optimiser: Muon, kernel: torch.Tensor, bias: torch.Tensor, number: int) -> None:
        optimiser.zero_grad()
        ((kernel.sum((1, 2, 3)) * bias) ** 2 / (number + 1)).sum().backward()
        optimiser.step()

    kernel, bias = parameters()
    whole = Muon([kernel], [bias])
    for number in range(4):
        step(whole, kernel, bias, number)
        if number == 1:
            saved = copy.deepcopy(whole.state_dict())
            other_kernel, other_bias = (torch.nn.Parameter(x.detach().clone()) for x in (kernel, bias))
            resumed = Muon([other_kernel], [other_bias])
            resumed.load_state_dict(saved)
    for number in (2, 3):
        step(resumed, other_kernel, other_bias, number)
    assert torch.equal(kernel, other_kernel)
    assert torch.equal(bias, other_bias)


def test_layers_that_take_or_give_pictures_are_not_hidden() -> None:
    layers = [torch.nn.Conv2d(4, 8, 3), torch.nn.Conv2d(8, 8, 3), torch.nn.Conv2d(8, 3, 3)]
    hidden, others = Muon.of(torch.nn.Sequential(*layers)).param_groups
    assert [id(parameter) for parameter in hidden["params"]] == [id(layers[1].weight)]
    assert len(others["params"]) == 5
