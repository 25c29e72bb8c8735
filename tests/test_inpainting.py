"""`inpaint`'s answers to wrong arguments; cores; progress in long work."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import restauro
from restauro import errors
from restauro.inpainting import load_kernels
from restauro.methods.telea import Telea
from restauro.numerics.threads import usable_cores

IMAGE = np.full((6, 8, 3), 9, np.uint8)
MASK = np.zeros((6, 8), bool)
MASK[2:4, 3:6] = True


@pytest.mark.parametrize(
    ("image", "mask", "arguments", "error", "message"),
    [
        (IMAGE.astype(np.int64), MASK, {}, errors.ImageTypeError, "dtype int64, which has no rule; convert it to one"),
        (IMAGE.astype(complex), MASK, {}, errors.ImageTypeError, "dtype complex128"),
        ([[1, 2], [3]], MASK, {}, errors.ImageTypeError, "can't be made an array"),
        (IMAGE[0, 0], MASK, {}, errors.ImageError, r"shape \(3,\); it must be \[H, W\] or \[H, W, C\]"),
        (np.zeros((0, 5), np.uint8), np.zeros((0, 5), bool), {}, errors.ImageError, "it has no pixels"),
        (IMAGE[:, :, :0], MASK, {}, errors.ImageError, "it has no pixels"),
        (
            IMAGE,
            MASK[:5],
            {},
            errors.MaskError,
            r"shape \(5, 8\) and the picture \[H, W\] = \(6, 8\): they must be equal",
        ),
        (IMAGE, MASK.T, {}, errors.MaskError, "90 degrees"),
        (
            IMAGE,
            MASK * 0.5,
            {},
            errors.MaskError,
            'may hold only 0 and 1, .* holds 0.5: cut it, .* mask > 0.5, or use partial="cover" where',
        ),
        (IMAGE, np.ones((6, 8)), {}, errors.MaskError, "no known pixel"),
        (IMAGE, None, {}, errors.MaskTypeError, "The mask must be an array .*, not NoneType"),
        (IMAGE, MASK, {"method": "telia"}, errors.MethodError, r"There is no method 'telia': did you mean 'telea'\?"),
        (IMAGE, MASK, {"method": 3}, errors.MethodError, "by name or as a Method instance, not as int"),
        (
            IMAGE,
            MASK,
            {"method": "telea", "radios": 3},
            errors.ParameterError,
            r"no parameter 'radios': did you mean 'radius'\?",
        ),
        (
            IMAGE,
            MASK,
            {"method": "telea", "radius": 0},
            errors.ParameterError,
            "radius=0 is out of range: it must be 1 to 64 pixels",
        ),
        (
            IMAGE,
            MASK,
            {"method": "telea", "radius": 3.5},
            errors.ParameterTypeError,
            "radius must be a whole number .*, not 3.5",
        ),
        (IMAGE, MASK, {"method": "telea", "radius": True}, errors.ParameterTypeError, "not True"),
        (IMAGE, MASK, {"method": "telea", "radius": "5"}, errors.ParameterTypeError, "not '5'"),
        (IMAGE, MASK, {"method": Telea(3), "radius": 5}, errors.ParameterError, "which has its own: write Telea"),
        (IMAGE, MASK, {"workers": 0}, errors.ParameterError, "workers=0 is out of range"),
        (IMAGE, MASK, {"progress": 5}, errors.ParameterTypeError, "with the share that is done, and 5 can't be called"),
        (IMAGE, MASK, {"workers": 1.5}, errors.ParameterTypeError, "workers must be a whole number"),
        (IMAGE, MASK, {"seed": -1}, errors.ParameterError, "seed=-1 is out of range"),
        (IMAGE, MASK, {"seed": "a"}, errors.ParameterTypeError, "seed must be a whole number"),
        (IMAGE, MASK, {"out": IMAGE.astype(float)}, errors.ImageError, "out has shape .* and dtype float64"),
        (IMAGE, MASK, {"out": IMAGE[:5]}, errors.ImageError, r"out has shape \(5, 8, 3\)"),
        (IMAGE, MASK, {"out": [1]}, errors.ImageTypeError, "out must be an array .*, not list"),
    ],
)
def test_wrong_arguments_get_one_sentence(
    image: Any, mask: Any, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        restauro.inpaint(image, mask, **arguments)
    assert isinstance(caught.value, restauro.RestauroError)
    assert isinstance(caught.value, (ValueError, TypeError))
    assert re.fullmatch(r"[^\n]+[.?]", str(caught.value))
    assert (IMAGE == 9).all()


def test_read_only_out() -> None:
    frozen = IMAGE.copy()
    frozen.flags.writeable = False
    with pytest.raises(errors.ImageError, match="read-only"):
        restauro.inpaint(frozen, MASK, out=frozen)


def test_instances_and_names_are_the_same_method() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (20, 20, 3), np.uint8)
    mask = rng.random((20, 20)) < 0.2
    np.testing.assert_array_equal(
        restauro.inpaint(image, mask, Telea(radius=3)), restauro.inpaint(image, mask, "telea", radius=np.int64(3))
    )
    assert (restauro.inpaint(image, mask) == restauro.inpaint(image, mask, restauro.DEFAULT_METHOD)).all()


def test_the_seed_is_0_unless_said() -> None:
    image = np.random.default_rng(2).integers(0, 255, (40, 40), np.uint8)
    mask = np.zeros((40, 40), bool)
    mask[10:30, 10:30] = True
    by_default = restauro.inpaint(image, mask, "patchmatch")
    np.testing.assert_array_equal(by_default, restauro.inpaint(image, mask, "patchmatch", seed=0))
    assert (by_default != restauro.inpaint(image, mask, "patchmatch", seed=1)).any()


def test_load_kernels_fills_a_pixel_of_a_picture_that_is_not_flat() -> None:
    seen = []

    class Spy(Telea):
        def fill(self, image: Any, hole: Any, task: Any) -> Any:
            seen.append((int(hole.sum()), image.dtype, image.shape[2], len(np.unique(image)) > 50))
            return super().fill(image, hole, task)

    load_kernels(Spy())
    assert seen == [(1, np.uint8, 3, True)]


def test_bool_is_filled_as_0_and_1_and_cut_at_a_half() -> None:
    image = np.zeros((20, 20), bool)
    image[:, 10:] = True
    mask = np.zeros_like(image)
    mask[:, 5:15] = True
    restored = restauro.inpaint(image, mask, "harmonic")
    np.testing.assert_array_equal(restored, image)
    ramp = restauro.inpaint(image.astype(np.float32), mask, "harmonic")
    np.testing.assert_array_equal(restored, ramp >= 0.5)
    assert len(np.unique(ramp.round(3))) == 12


@pytest.mark.parametrize("dtype", ["u2", "i4", "f4", "f8"])
def test_either_byte_order_is_filled_alike(dtype: str) -> None:
    rng = np.random.default_rng(5)
    image, mask = rng.integers(0, 1000, (20, 24, 2)), rng.random((20, 24)) < 0.2
    little, big = image.astype(f"<{dtype}"), image.astype(f">{dtype}")
    restored = restauro.inpaint(big, mask)
    assert restored.dtype == big.dtype
    np.testing.assert_array_equal(restored, restauro.inpaint(little, mask))
    assert (restored[mask] != image[mask]).any()
    assert restauro.inpaint(big, mask, out=big) is big
    np.testing.assert_array_equal(big, restored)


def test_array_likes() -> None:
    assert restauro.inpaint(np.array([[1, 9, 1]], np.uint8), [[0, 1, 0]]).tolist() == [[1, 1, 1]]


def test_a_container_quota_limits_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    quota = {"text": "max 100000\n"}
    monkeypatch.setattr("pathlib.Path.read_text", lambda self, encoding: quota["text"])
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(8)), raising=False)
    assert usable_cores() == 8
    quota["text"] = "250000 100000\n"
    assert usable_cores() == 3
    quota["text"] = "5000 100000\n"
    assert usable_cores() == 1


class BrokenMethod(Telea):
    """A method with a bug."""

    def fill(self, image: Any, hole: Any, task: Any) -> Any:
        raise ZeroDivisionError("a bug in the method")


@pytest.mark.parametrize("workers", [1, 3])
def test_an_error_inside_a_method_reaches_the_caller(workers: int) -> None:
    mask = np.zeros((600, 600), bool)
    mask[np.add.outer(np.arange(600) % 40 < 8, np.arange(600) % 40 < 8)] = True
    with pytest.raises(ZeroDivisionError, match="a bug in the method"):
        restauro.inpaint(np.zeros((600, 600), np.uint8), mask, BrokenMethod(), workers=workers)


class HalfBrokenMethod(Telea):
    """A method of which one thread fails while the other waits for it in a kernel."""

    def fill(self, image: Any, hole: Any, task: Any) -> Any:
        from restauro.numerics.atomics import wait_for_all

        arrivals = np.zeros(1, np.int64)

        def fails() -> None:
            raise MemoryError("no room")

        task.together([lambda: wait_for_all(arrivals, 2, task.control), fails])


def test_a_thread_that_fails_does_not_leave_others_waiting() -> None:
    mask = np.zeros((300, 300), bool)
    mask[50:250, 50:250] = True
    with pytest.raises(MemoryError, match="no room"):
        restauro.inpaint(np.zeros((300, 300), np.uint8), mask, HalfBrokenMethod(), workers=2)


@pytest.mark.parametrize("scale", [1e-30, 1e37])
def test_single_precision_of_any_scale(scale: float) -> None:
    rng = np.random.default_rng(8)
    image = rng.normal(size=(30, 30)).astype(np.float32)
    mask = np.zeros(image.shape, bool)
    mask[8:20, 8:20] = True
    scaled = restauro.inpaint((image * scale).astype(np.float32), mask)
    np.testing.assert_allclose(scaled / scale, restauro.inpaint(image, mask), rtol=1e-5, atol=1e-5)


def test_out_of_a_file_is_not_copied_onto_itself(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(np, "copyto", None)
    mapped = np.memmap(tmp_path / "a", np.uint8, "w+", shape=(40, 40))
    mapped[:] = 5
    mask = np.zeros((40, 40), bool)
    mask[3, 3] = True
    mapped[mask] = 0
    assert restauro.inpaint(mapped, mask, out=mapped) is mapped
    assert (np.asarray(mapped) == 5).all()
