"""Grain: noise with the spectrum and the covariance of what is around, nowhere else, the same for the same seed."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

import restauro
from restauro.errors import ParameterError
from restauro.filters import gaussian
from restauro.method import make_method, method_names
from tests.networks import needed, ready
from tests.panels import CLEAN, HOLE, files_in, save

inpaint = partial(restauro.inpaint, workers=1)
SIDE = 240
WIDE = np.zeros((SIDE, SIDE), bool)
WIDE[72:168, 64:176] = True
IN, OUT = np.s_[92:148, 92:148], [np.s_[8:64, 8:64], np.s_[8:64, 150:206], np.s_[176:232, 90:146], np.s_[92:148, 4:60]]
OCTAVES = (1 / 4, 1 / 8, 1 / 16)  # cycles a pixel, the lower end of each


def film(seed: int = 0, coarse: float = 0.8) -> np.ndarray:
    """Return a slope with grain that has much in common in its bands, [H, W, 3]."""
    rng = np.random.default_rng(seed)
    own, common = ([gaussian(rng.normal(size=(SIDE, SIDE)), coarse) for _ in range(count)] for count in (3, 1))
    grain = np.stack([4 * one / one.std() + 5 * common[0] / common[0].std() for one in own], axis=-1)
    y, x = np.mgrid[:SIDE, :SIDE]
    return 90 + (x + y)[..., np.newaxis] * [0.2, 0.15, 0.1] + grain


def canvas(seed: int = 0) -> np.ndarray:
    """Return threads that waver a little, [H, W, 3]."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    waver = [gaussian(rng.normal(size=(SIDE, SIDE)), 12) for _ in range(2)]
    weave = np.sin(x + waver[0] / waver[0].std()) * np.sin(1.1 * y + waver[1] / waver[1].std())
    fine = gaussian(rng.normal(size=(SIDE, SIDE)), 1)
    return 120 + (7 * weave + 3 * fine / fine.std())[..., np.newaxis] * [1, 0.9, 0.8]


def power(plane: np.ndarray) -> np.ndarray:
    """Return the mean power of each octave of a square [n, n], without a slope."""
    side = len(plane)
    y, x = np.mgrid[:side, :side]
    slope = np.stack([np.ones(side * side), y.ravel(), x.ravel()], axis=1)
    rest = plane.ravel() - slope @ np.linalg.lstsq(slope, plane.ravel(), rcond=None)[0]
    spectrum = np.abs(np.fft.fft2(rest.reshape(side, side) * np.outer(*[np.hanning(side)] * 2))) ** 2
    f = np.hypot(np.fft.fftfreq(side)[:, np.newaxis], np.fft.fftfreq(side))
    return np.array([spectrum[(f >= low) & (f < 2 * low)].mean() for low in OCTAVES])


def ratios(filled: np.ndarray) -> np.ndarray:
    """Return how many times the power outside is inside, by octave."""
    bands = range(filled.shape[2])
    inside, outside = (
        np.mean([power(filled[place][..., c].astype(float)) for c in bands for place in places], axis=0)
        for places in ([IN], OUT)
    )
    return inside / outside


@pytest.mark.parametrize("method", ["harmonic", "edge-enhancing", "network"])
@pytest.mark.parametrize("made", [film, partial(film, coarse=1.3), canvas])
def test_octaves_have_the_power_that_they_have_outside(made: Any, method: str) -> None:
    """Single pictures differ by chance, so it's the mean of four; 0.8 to 1.25 is wanted."""
    found = []
    for seed in range(4):
        truth = np.rint(made(seed)).astype(np.uint8)
        found.append(ratios(inpaint(np.where(WIDE[..., np.newaxis], 0, truth), WIDE, method, grain="match")))
    smooth = ratios(inpaint(truth, WIDE, method))
    assert smooth[:2].max() < 0.3  # that is what it is for
    mean = np.mean(found, axis=0)
    assert mean.min() > 0.8
    assert mean.max() < 1.25


def test_bands_vary_together_as_they_do_outside() -> None:
    truth = film(3)
    added = inpaint(truth, WIDE, "harmonic", grain="match") - inpaint(truth, WIDE, "harmonic")
    inside, outside = (
        np.corrcoef(some.reshape(-1, 3).T)[[0, 0, 1], [1, 2, 2]]
        for some in (added[IN], (truth - np.stack([gaussian(truth[..., c], 8) for c in range(3)], -1))[OUT[0]])
    )
    np.testing.assert_allclose(inside, outside, rtol=0, atol=0.12)


def test_it_is_as_strong_as_it_is_beside() -> None:
    """Grain that is stronger on one side is so in the hole."""
    rng = np.random.default_rng(5)
    strength = np.linspace(1, 12, SIDE)
    truth = 500 + strength * rng.normal(size=(SIDE, SIDE))
    added = inpaint(truth, WIDE, "harmonic", grain="match") - inpaint(truth, WIDE, "harmonic")
    for columns in (slice(70, 90), slice(150, 170)):
        assert 0.75 < added[80:160, columns].std() / strength[columns].mean() < 1.33


def test_an_edge_beside_the_hole_is_not_grain() -> None:
    rng = np.random.default_rng(6)
    truth = 100 + 2 * rng.normal(size=(SIDE, SIDE))
    truth[20:60] += 80  # a strip beside the hole, as dark and light as grain isn't
    added = inpaint(truth, WIDE, "harmonic", grain="match") - inpaint(truth, WIDE, "harmonic")
    assert 1.5 < added[IN].std() < 3


def damaged(truth: np.ndarray, seed: int) -> np.ndarray:
    """Return a picture with dust and scratches, light and dark."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    picture = truth.copy()
    for _ in range(60):
        row, column = rng.uniform(0, SIDE, 2)
        picture[np.hypot(y - row, x - column) < rng.uniform(0.7, 2.5)] += rng.choice([-110, 110])
    for _ in range(4):
        angle, row, column = rng.uniform(0, np.pi), *rng.uniform(20, SIDE - 20, 2)
        picture[np.abs((y - row) * np.cos(angle) - (x - column) * np.sin(angle)) < 1.1] += 110
    return picture


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
@pytest.mark.parametrize("made", [film, canvas])
def test_damage_beside_the_hole_that_is_not_marked_is_not_grain(made: Any, dtype: type) -> None:
    found = []
    for seed in range(3):
        pictures = [np.clip(one, 0, 255).astype(dtype) for one in (made(seed), damaged(made(seed), seed))]
        smooth, grainy = ([inpaint(one, WIDE, "harmonic", grain=how) for one in pictures] for how in (None, "match"))
        clean, unmarked = ((more[IN].astype(float) - less[IN]).std() for less, more in zip(smooth, grainy, strict=True))
        found.append(unmarked / clean)
    assert min(found) > 0.85
    assert np.mean(found) < 1.12
    assert max(found) < 1.25


def test_thin_cracks_have_it_too() -> None:
    truth = film(7)[..., 0]
    cracks = np.zeros((SIDE, SIDE), bool)
    cracks[:, 20:220:25] = cracks[:, 21:221:25] = cracks[:, 22:222:25] = cracks[:, 23:223:25] = True
    smooth, grainy = (inpaint(truth, cracks, "harmonic", grain=grain) for grain in (None, "match"))
    stds = [np.diff(some, axis=0)[cracks[1:]].std() / np.diff(truth, axis=0).std() for some in (smooth, grainy)]
    assert stds[0] < 0.6
    assert 0.8 < stds[1] < 1.25


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    shape=st.sampled_from([(9, 12), (33, 40, 1), (40, 31, 2), (20, 64, 3), (25, 30, 5), (1, 30), (30, 1, 3)]),
    dtype=st.sampled_from(["uint8", "uint16", "int16", "float16", "float32", "float64", "bool"]),
    method=st.sampled_from(["harmonic", "telea", "edge-enhancing"]),
    partial=st.sampled_from([None, "cover"]),
)
def test_promises_hold(seed: int, shape: tuple[int, ...], dtype: str, method: str, partial: str | None) -> None:
    """Nothing outside changes, values stay in range, what is under the hole doesn't matter, nor do threads."""
    rng = np.random.default_rng(seed)
    image = (rng.random(shape) * (1 if np.dtype(dtype).kind in "fb" else 250)).astype(dtype)
    hole = rng.random(shape[:2]) < 0.3
    hole.flat[0] = False
    marks = hole if partial is None else hole * rng.choice([0.5, 1], shape[:2])
    restored = restauro.inpaint(image, marks, method, grain="match", partial=partial, seed=seed, workers=2)
    assert (restored.dtype, restored.shape) == (image.dtype, image.shape)
    np.testing.assert_array_equal(restored[~hole], image[~hole])
    assert np.isfinite(restored).all()
    if partial is None:
        image[hole] = np.nan if image.dtype.kind == "f" else 1
    again = restauro.inpaint(image, marks, method, grain="match", partial=partial, seed=seed, workers=1)
    np.testing.assert_array_equal(restored, again)


def test_a_flat_picture_has_no_grain() -> None:
    for value in (np.uint8(77), np.uint16(7), np.float64(0.3), np.float64(0)):
        image = np.full((60, 60, 3), value)
        np.testing.assert_array_equal(inpaint(image, WIDE[50:110, 50:110], "harmonic", grain="match"), image)


def test_sixteen_bits_and_large_and_small_floats() -> None:
    base = film(2)[..., 0]
    expected = inpaint(base, WIDE, "harmonic", grain="match")
    for scale in (1e-200, 1e200):
        got = inpaint(base * scale, WIDE, "harmonic", grain="match")
        np.testing.assert_allclose(got / scale, expected, rtol=1e-9)
    sixteen = inpaint(np.rint(base * 200).astype(np.uint16), WIDE, "harmonic", grain="match")
    np.testing.assert_allclose(sixteen / 200, expected, rtol=0, atol=0.1)


def test_weights_mix_it_with_what_is_there() -> None:
    truth = film(1)
    half = restauro.inpaint(truth, WIDE * 0.5, "harmonic", partial="cover", grain="match")
    np.testing.assert_allclose(half, (truth + inpaint(truth, WIDE, "harmonic", grain="match")) / 2)


def test_pictures_of_a_stack_are_filled_as_if_alone() -> None:
    images = np.stack([film(1), film(2)]).astype(np.float32)
    both = restauro.inpaint(images, np.stack([WIDE, WIDE.T]), "harmonic", grain="match", seed=3)
    for image, mask, filled in zip(images, (WIDE, WIDE.T), both, strict=True):
        np.testing.assert_array_equal(filled, inpaint(image, mask, "harmonic", grain="match", seed=3))


def test_seeds_differ_and_rims_do_not() -> None:
    truth = film(4)
    first, second = (inpaint(truth, WIDE, grain="match", seed=seed) for seed in (1, 2))
    assert np.abs(first - second)[WIDE].mean() > 3
    smooth = inpaint(truth, WIDE)
    for grainy in (first, second):
        beside = np.abs(grainy - smooth)[72, 64:176].mean()
        assert beside < 0.9 * np.abs(grainy - smooth)[100, 64:176].mean()


def test_large_pictures_are_worked_on_in_squares(monkeypatch: pytest.MonkeyPatch) -> None:
    """Squares change the noise, but not what it is like; nothing is left out."""
    truth = film(8)
    monkeypatch.setattr(restauro.grain, "_TILE", 64)
    added = inpaint(truth, WIDE, "harmonic", grain="match") - inpaint(truth, WIDE, "harmonic")
    stds = [added[y : y + 24, x : x + 28].std() for y in range(72, 168, 24) for x in range(64, 176, 28)]
    assert min(stds) > 4
    assert max(stds) < 9


def test_it_can_be_stopped_and_done_again() -> None:
    class Enough(Exception):  # noqa: N818
        pass

    def stop(fraction: float) -> None:
        raise Enough

    truth, rng = film(9), np.random.default_rng(0)
    specks = rng.random((SIDE, SIDE)) < 0.3
    out = truth.copy()
    with pytest.raises(Enough):
        restauro.inpaint(out, specks, "harmonic", grain="match", out=out, progress=stop)
    np.testing.assert_array_equal(out[~specks], truth[~specks])
    again = restauro.inpaint(truth, specks, "harmonic", grain="match", progress=lambda fraction: None)
    np.testing.assert_array_equal(again, inpaint(truth, specks, "harmonic", grain="match"))


class TestRefusals:
    def test_of_other_words(self) -> None:
        with pytest.raises(ParameterError, match=r"^grain='film' isn't known: it must be 'match', or None\.$"):
            inpaint(CLEAN, HOLE, grain="film")
        with pytest.raises(ParameterError, match="grain=True isn't known"):
            inpaint(CLEAN, HOLE, grain=True)

    @pytest.mark.parametrize(
        ("method", "why"), [("patchmatch", "copies texture, which has"), ("tone", "keeps the gra")]
    )
    def test_of_methods_that_have_their_own(self, method: str, why: str) -> None:
        with pytest.raises(
            ParameterError, match=f"Method '{method}' {why}.*: leave grain out, or fill by one of telea, "
        ):
            inpaint(CLEAN, HOLE, method, grain="match")

    def test_where_all_is_corrected(self) -> None:
        with pytest.raises(ParameterError, match=r"Nothing is filled, all of it is corrected, .*: leave grain out"):
            inpaint(CLEAN, HOLE, "telea", partial="tone", grain="match")

    def test_it_is_added_where_light_is_lost_alone(self) -> None:
        truth, weights = film(5), WIDE * 0.4
        weights[IN] = 1
        plain, grainy = (restauro.inpaint(truth, weights, partial="tone", grain=grain) for grain in (None, "match"))
        np.testing.assert_array_equal(plain[weights < 1], grainy[weights < 1])
        assert np.abs(plain - grainy)[IN].std() > 2


def test_methods_say_whether_they_use_chance() -> None:
    ways = [ready(name) for name in method_names()]
    assert {method.name for method in ways if method.uses_chance} == {"patchmatch"}
    ways += [make_method("network", {"detail": 0.5, **needed("network")}), make_method("patchmatch", {"detail": 0})]
    rng = np.random.default_rng(1)
    image = rng.integers(0, 255, (60, 60), np.uint8)
    hole = np.zeros((60, 60), bool)
    hole[10:40, 10:40] = True
    for method in ways:
        differ = (inpaint(image, hole, method, seed=1) != inpaint(image, hole, method, seed=2)).any()
        assert differ == method.uses_chance


class TestFiles:
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        rng = np.random.default_rng(0)
        save(tmp_path / "film.tif", np.clip(CLEAN + rng.normal(0, 9, CLEAN.shape), 0, 255).astype(np.uint8))
        save(tmp_path / "losses.png", HOLE.astype(np.uint8) * 255)
        monkeypatch.chdir(tmp_path)

    def run(self, arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "restauro", "restore", *arguments.split()]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def test_variants_are_files_of_seeds_one_after_the_other(self) -> None:
        common = "film.tif --mask losses.png --grain match"
        ran = self.run(f"{common} --variants 3 --seed 5 -o out/film.tif --save-mask used.png")
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.count("by edge-enhancing with grain (interpolates) in") == 3
        written = [tifffile.imread(f"out/film-{number}.tif") for number in (1, 2, 3)]
        assert sorted(files_in(Path())) == [
            "film.tif", "losses.png", "out/film-1.tif", "out/film-2.tif", "out/film-3.tif", "used.png",
        ]  # fmt: skip
        assert (written[0] != written[1])[HOLE].mean() > 0.5
        for seed, pixels in enumerate(written, start=5):
            expected = restauro.inpaint(tifffile.imread("film.tif"), HOLE, grain="match", seed=seed)
            np.testing.assert_array_equal(pixels, expected)

    def test_what_was_done_is_recorded(self) -> None:
        ran = self.run("film.tif --mask losses.png --grain match --variants 2 -o out.tif --json")
        said = [json.loads(line) for line in ran.stdout.splitlines()]
        assert [(one["grain"], one["seed"], one["target"]) for one in said] == [
            ("match", 0, "out-1.tif"), ("match", 1, "out-2.tif"),
        ]  # fmt: skip
        plain = restauro.restore_file("film.tif", "plain.tif", mask="losses.png", seed=4, dry_run=True)
        assert (plain.grain, plain.seed, plain.changed_outside) == (None, 4, None)

    def test_nothing_is_replaced_unasked(self) -> None:
        Path("out-2.tif").write_bytes(b"mine")
        ran = self.run("film.tif --mask losses.png --grain match --variants 2 -o out.tif")
        assert (ran.returncode, Path("out-2.tif").read_bytes()) == (1, b"mine")
        assert "out-2.tif" in ran.stderr
        ran = self.run("film.tif --mask losses.png --grain match --variants 2 -o out.tif --skip-existing")
        assert (ran.returncode, Path("out-2.tif").read_bytes()) == (0, b"mine")

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            ("--grain film", "Invalid value for '--grain': 'film' is not 'match'."),
            ("--variants 1", "Invalid value for '--variants': 1 is not in the range 2<=x<=99."),
            ("--variants many", "Invalid value for '--variants': 'many' is not a valid integer range."),
            ("--grain match --method patchmatch", "Method 'patchmatch' copies texture, which has its grain: leave"),
            ("--grain match --method tone", "Method 'tone' keeps the grain that is there: leave grain out, or fill"),
            (
                "--variants 2",
                "All variants by method 'edge-enhancing' would be the same, as it leaves nothing to chance: use "
                "--grain match to vary the grain, or use --method patchmatch to vary what is copied.",
            ),
            ("--variants 2 --method tone", "as it leaves nothing to chance: use --method patchmatch to vary"),
            ("--variants 2 --grain match -o - --format png", "Variants are files, one each, and the standard output"),
            ("--partial tone --grain match", "film.tif: Nothing is filled, all of it is corrected"),
            ("--partial tone --grain match --dry-run", "film.tif: Nothing is filled, all of it is corrected"),
        ],
    )
    def test_wrong_words_are_refused(self, arguments: str, says: str) -> None:
        before = files_in(Path())
        target = "" if "-o" in arguments else "-o out.tif "
        ran = self.run(f"film.tif --mask losses.png {target}{arguments}")
        assert (ran.returncode, ran.stdout, files_in(Path())) == (2, "", before)
        assert says in " ".join(ran.stderr.split())
        assert "Traceback" not in ran.stderr

    def test_patchmatch_varies_by_itself(self) -> None:
        ran = self.run("film.tif --mask losses.png --method patchmatch --variants 2 -o out.tif")
        assert ran.returncode == 0, ran.stderr
        assert (tifffile.imread("out-1.tif") != tifffile.imread("out-2.tif"))[HOLE].any()
