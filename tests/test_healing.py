"""Healing: Poisson's equation against a dense solution of it, donors mirrored and turned, files, the command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import restauro
from restauro.donor import Donor
from restauro.errors import ImageError, MaskError, ParameterError, ParameterTypeError, PolicyError
from restauro.files.reading import read_picture
from restauro.methods.heal import Heal
from restauro.picture import TURNS, as_seen, as_stored, stored_places
from tests.panels import save
from tests.promises.pictures import DTYPES, holes, picture, seeds

SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1))


def copied(image: np.ndarray, hole: np.ndarray, offset: tuple[int, int], mirror: str, turn: int) -> np.ndarray:
    """Return what is at the donor for each pixel of a picture, NaN where there is nothing, by NumPy's own turns."""
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    middle = (rows[0] + rows[-1], columns[0] + columns[-1])  # twice
    far = 4 * max(image.shape)
    wide = np.full((2 * far + 1, 2 * far + 1), np.nan)  # twice as fine, the donor's middle in its own
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    wide[2 * (y - offset[0]) - middle[0] + far, 2 * (x - offset[1]) - middle[1] + far] = image
    wide = {"none": wide, "left-right": wide[:, ::-1], "up-down": wide[::-1]}[mirror]
    wide = np.rot90(wide, turn // 90)
    return wide[2 * y - middle[0] + far, 2 * x - middle[1] + far]


def solved(image: np.ndarray, hole: np.ndarray, unknown: np.ndarray, donor: np.ndarray) -> np.ndarray:
    """Solve Poisson's equation densely: sum of f_p - f_q over what can be compared is that of the donor."""
    pixels = np.argwhere(hole)
    number = {tuple(pixel): k for k, pixel in enumerate(pixels)}
    A, b = np.zeros((len(pixels), len(pixels))), np.zeros(len(pixels))
    for (y, x), k in number.items():
        for dy, dx in SIDES:
            q = (y + dy, x + dx)
            if not (0 <= q[0] < hole.shape[0] and 0 <= q[1] < hole.shape[1]):
                continue
            if q not in number and (unknown[q] or np.isnan(donor[q])):
                continue
            A[k, k] += 1
            b[k] += donor[y, x] - donor[q]
            if q in number:
                A[k, number[q]] -= 1
            else:
                b[k] += image[q]
    return np.linalg.lstsq(A, b, rcond=None)[0]


def is_fixed(hole: np.ndarray, unknown: np.ndarray, donor: np.ndarray) -> bool:
    """Whether every hole has a pixel beside it that can be compared."""
    from scipy import ndimage

    labels, count = ndimage.label(hole)
    rim = ~hole & ~unknown & ~np.isnan(donor)
    near = ndimage.grey_dilation(labels, footprint=np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]]))
    found = {int(labels[y + dy, x + dx]) for y, x in np.argwhere(rim & (near > 0)) for dy, dx in SIDES
             if 0 <= y + dy < hole.shape[0] and 0 <= x + dx < hole.shape[1]}  # fmt: skip
    return set(range(1, count + 1)) <= found


@given(
    seed=seeds,
    mirror=st.sampled_from(["none", "left-right", "up-down"]),
    turn=st.sampled_from([0, 90, 180, 270]),
    beside=st.booleans(),
    other=st.booleans(),
)
@settings(max_examples=60)
def test_it_is_a_dense_solution_of_poisson_s_equation(
    seed: int, mirror: str, turn: int, beside: bool, other: bool
) -> None:
    rng = np.random.default_rng(seed)
    shape = int(rng.integers(16, 40)), int(rng.integers(16, 40))
    image, source = picture(rng, shape), picture(rng, shape)
    hole = np.zeros(shape, bool)
    side = int(rng.integers(2, 7))
    top, left = (int(rng.integers(0, length - side + 1)) for length in shape)
    hole[top : top + side, left : left + side] = holes(rng, (side, side)) if side > 2 else True
    hole[top, left] = hole[top + side - 1, left + side - 1] = True  # its box is square
    unknown = (rng.random(shape) < 0.1) & ~hole if beside else np.zeros(shape, bool)
    offset = int(rng.integers(-9, 10)), int(rng.integers(-9, 10))
    known = np.where(hole | unknown, np.nan, image)
    donor = copied(source if other else known, hole, offset, mirror, turn)
    arguments: dict[str, Any] = {"mirror": mirror, "turn": turn, "unknown": unknown}
    if other:
        arguments["source"] = source
    if np.isnan(donor[hole]).any():
        with pytest.raises((MaskError, ParameterError), match=r"^\d+ of \d+ hole pixels|^Holes would be healed"):
            restauro.heal(known, hole, offset, **arguments)
        return
    healed = restauro.heal(known, hole, offset, **arguments)
    np.testing.assert_array_equal(healed[~hole], known[~hole])
    assert np.isfinite(healed[hole]).all()
    if is_fixed(hole, unknown, donor):
        np.testing.assert_allclose(healed[hole], solved(image, hole, unknown, donor), rtol=0, atol=2e-5)


def test_a_hole_with_nothing_beside_to_compare_is_copied_as_it_is() -> None:
    image = picture(np.random.default_rng(1), (20, 12))
    hole = np.zeros(image.shape, bool)
    hole[:10] = True
    np.testing.assert_allclose(restauro.heal(image, hole, (10, 0))[:10], image[10:], rtol=0, atol=1e-9)


def square(shape: tuple[int, ...], top: int = 10, left: int = 12, side: int = 9) -> np.ndarray:
    hole = np.zeros(shape[:2], bool)
    hole[top : top + side, left : left + side] = True
    return hole


@pytest.mark.parametrize("bands", [None, 1, 3, 5])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_registered_picture_in_another_light_gives_what_was_there(dtype: str, bands: int | None) -> None:
    """All dtypes; the other picture is darker by a constant."""
    shape = (40, 50) if bands is None else (40, 50, bands)
    truth = picture(np.random.default_rng(2), shape, dtype)
    if dtype == "bool":
        source = truth
    elif np.dtype(dtype).kind == "f":
        source = (truth - truth.dtype.type(0.25)).astype(dtype)
    else:
        truth = truth // 2 + np.dtype(dtype).type(np.iinfo(dtype).max // 4)
        source = truth - np.dtype(dtype).type(np.iinfo(dtype).max // 8)
    hole = square(shape)
    damaged = truth.copy()
    damaged[hole] = 0
    healed = restauro.heal(damaged, hole, source=source)
    np.testing.assert_array_equal(healed[~hole], truth[~hole])
    off = np.abs(healed[hole].astype(float) - truth[hole].astype(float)).max()
    large = 1e-6 * float(np.iinfo(dtype).max) if np.dtype(dtype).itemsize == 4 and np.dtype(dtype).kind != "f" else 1
    assert off <= (1e-3 if dtype == "float16" else 1e-6 if np.dtype(dtype).kind == "f" else large)


def test_other_layouts_of_memory_and_byte_orders() -> None:
    truth, hole = picture(np.random.default_rng(3), (40, 50, 3), "uint16"), square((40, 50))
    expected = restauro.heal(truth, hole, (12, 3), source=truth, turn=90)
    wide = np.zeros((80, 150, 3), np.uint16)
    wide[::2, ::3] = truth
    for other in (np.asfortranarray(truth), wide[::2, ::3], truth[::-1, ::-1][::-1, ::-1], truth.astype(">u2")):
        np.testing.assert_array_equal(restauro.heal(truth, hole, (12, 3), source=other.astype("u2"), turn=90), expected)
        np.testing.assert_array_equal(restauro.heal(other, hole, (12, 3), source=other, turn=90), expected)


@pytest.mark.parametrize("exponent", [-1000, 1000])
def test_numbers_of_any_size(exponent: int) -> None:
    truth, hole = picture(np.random.default_rng(3), (40, 50)), square((40, 50))
    healed = np.ldexp(restauro.heal(np.ldexp(truth, exponent), hole, (12, 3)), -exponent)
    np.testing.assert_allclose(healed, restauro.heal(truth, hole, (12, 3)), rtol=0, atol=1e-6)


def test_the_number_of_workers_changes_nothing() -> None:
    image = picture(np.random.default_rng(4), (400, 420, 3), "uint8")
    hole = square(image.shape, 20, 30, 150)
    hole[220::40, 10:200:3] = True
    alone = restauro.heal(image, hole, (0, 210), workers=1)
    for workers in (2, 3):
        np.testing.assert_array_equal(restauro.heal(image, hole, (0, 210), workers=workers), alone)


def test_progress_and_in_place() -> None:
    image, hole = picture(np.random.default_rng(4), (60, 70, 3), "uint8"), square((60, 70))
    expected, seen = restauro.heal(image, hole, (0, 20)), []
    assert restauro.heal(image, hole, (0, 20), out=image, progress=seen.append) is image
    np.testing.assert_array_equal(image, expected)
    assert seen == sorted(seen)
    assert seen[-1] == 1


def test_what_can_not_be_healed_from_is_an_error() -> None:
    image, hole = picture(np.random.default_rng(5), (40, 50)), square((40, 50))
    for offset, says in (
        (
            (0, 0),
            r"^Holes would be healed from themselves, as the offset is \(0, 0\): use offset=\.\.\. of some pixels",
        ),
        ((1_000_001, 0), r"^down=1000001 is out of range: it must be -1e\+06 to 1e\+06 pixels"),
    ):
        with pytest.raises(ParameterError, match=says):
            restauro.heal(image, hole, offset)
    for offset in ("40,-12", (1,), (1, 2, 3), None, 7):
        with pytest.raises(ParameterTypeError, match=r"^offset must be rows and columns, such as"):
            restauro.heal(image, hole, offset)  # type: ignore[arg-type]
    with pytest.raises(ParameterTypeError, match=r"^down must be a whole number"):
        restauro.heal(image, hole, (1.5, 2))  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match=r"^mirror=sideways isn't known: it must be none or left-right or up-down"):
        restauro.heal(image, hole, (5, 5), mirror="sideways")
    with pytest.raises(ParameterError, match=r"^turn=45 isn't a quarter turn: it must be 0, 90, 180 or 270 degrees"):
        restauro.heal(image, hole, (5, 5), turn=45)
    for offset, count, place in (((4, 0), 45, "row 10, column 12"), ((-11, 0), 9, "row 10, column 12")):
        with pytest.raises(MaskError, match=rf"^{count} of 81 hole pixels would be .* first is at {place}\)"):
            restauro.heal(image, hole, offset)
    with pytest.raises(ImageError, match=r"^The source has shape \(40, 49\) and dtype float64; it must have"):
        restauro.heal(image, hole, source=image[:, 1:])
    with pytest.raises(ImageError, match="and dtype float32; it must have"):
        restauro.heal(image, hole, source=image.astype(np.float32))
    source = image.copy()
    source[15, 15] = np.nan
    with pytest.raises(MaskError, match=r"^1 of 81 hole pixels .* first is at row 15, column 15\)"):
        restauro.heal(image, hole, source=source)
    with pytest.raises(ParameterError, match=r"^A stack can't be healed as one"):
        restauro.inpaint(np.stack([image] * 2), np.stack([hole] * 2), Heal(right=12))


@pytest.mark.parametrize("orientation", list(TURNS))
@given(seed=seeds, mirror=st.sampled_from(["none", "left-right", "up-down"]), turn=st.sampled_from([0, 90, 180, 270]))
@settings(max_examples=15)
def test_donors_are_turned_as_pictures_are(orientation: int, seed: int, mirror: str, turn: int) -> None:
    rng = np.random.default_rng(seed)
    seen = int(rng.integers(2, 20)), int(rng.integers(2, 20))
    hole = holes(rng, seen)
    offset = int(rng.integers(-5, 5)), int(rng.integers(-5, 5))
    donor = Donor.at(offset, mirror, turn, hole)
    turned = donor.moved(*stored_places(orientation, seen))
    names = np.arange(hole.size).reshape(seen)
    stored = as_stored(names, orientation)
    for pixel in np.ndindex(seen):
        origin = donor.matrix @ pixel + donor.shift
        (place,) = np.argwhere(stored == names[pixel])
        if ((origin >= 0) & (origin < seen)).all():
            assert stored[tuple(turned.matrix @ place + turned.shift)] == names[tuple(origin)]


class TestFiles:
    @pytest.mark.parametrize("orientation", [1, 3, 6, 7])
    def test_offsets_are_of_the_picture_as_it_is_seen(self, tmp_path: Path, orientation: int) -> None:
        seen = picture(np.random.default_rng(6), (40, 50, 3), "uint8")
        hole = square(seen.shape, side=8)
        hole[12, 20] = True
        stored = np.ascontiguousarray(as_stored(seen, orientation))
        panel = save(tmp_path / "panel.tif", stored, orientation=orientation)
        other = save(tmp_path / "other.tif", np.roll(seen, 3, axis=1))
        for donor, source in ((None, None), (other, np.roll(seen, 3, axis=1))):
            method = Heal(down=9, right=-10, mirror="left-right", turn=90)
            out = tmp_path / "out.tif"
            healed = restauro.restore_file(panel, out, mask=hole, method=method, donor=donor, overwrite=True)
            expected = restauro.heal(seen, hole, (9, -10), source=source, mirror="left-right", turn=90)
            np.testing.assert_array_equal(as_seen(read_picture(out).pixels, orientation), expected)
            assert healed.parameters == {"down": 9, "right": -10, "mirror": "left-right", "turn": 90}
            assert healed.guidance == ({} if donor is None else {"donor": other})
            assert (healed.method, healed.natures, healed.changed_outside) == ("heal", {"copies": 65}, 0)

    def test_places_in_messages_are_as_they_are_seen(self, tmp_path: Path) -> None:
        seen, hole = picture(np.random.default_rng(6), (40, 50, 3), "uint8"), square((40, 50))
        panel = save(tmp_path / "panel.tif", np.ascontiguousarray(as_stored(seen, 6)), orientation=6)
        with pytest.raises(MaskError, match=r"^45 of 81 .* first is at row 10, column 16\)"):
            restauro.restore_file(panel, tmp_path / "o.tif", mask=hole, method=Heal(right=-4), dry_run=True)

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            (
                lambda p: p[:-1],
                r"other.tif is 50 x 39 pixels and the picture 50 x 40: register it",
            ),
            (lambda p: p[..., 0], "other.tif has 1 bands of uint8 and the picture 3 bands of uint8: convert it"),
            (
                lambda p: p.astype(np.uint16),
                "other.tif has 3 bands of uint16 and the picture 3 bands of uint8",
            ),
        ],
    )
    def test_another_picture_must_be_alike(self, tmp_path: Path, change: Any, says: str) -> None:
        seen = picture(np.random.default_rng(6), (40, 50, 3), "uint8")
        panel, other = save(tmp_path / "panel.tif", seen), save(tmp_path / "other.tif", change(seen))
        with pytest.raises(ImageError, match=says):
            restauro.restore_file(panel, tmp_path / "o.tif", mask=square((40, 50)), method=Heal(), donor=other)

    def test_only_healing_takes_a_donor(self, tmp_path: Path) -> None:
        panel = save(tmp_path / "panel.tif", picture(np.random.default_rng(6), (40, 50), "uint8"))
        with pytest.raises(ParameterError, match=r"^Method 'telea' takes no donor: restauro\.Heal does"):
            restauro.restore_file(panel, tmp_path / "o.tif", mask=square((40, 50)), method="telea", donor=panel)

    def test_a_policy_binds_it(self, tmp_path: Path) -> None:
        panel = save(tmp_path / "panel.tif", picture(np.random.default_rng(6), (40, 50), "uint8"))
        (tmp_path / "restauro.toml").write_text('allow = ["interpolates"]', encoding="utf-8")
        with pytest.raises(PolicyError, match="Method 'heal' copies, and what is allowed is interpolates"):
            restauro.restore_file(panel, tmp_path / "o.tif", mask=square((40, 50)), method=Heal(right=12))


class TestCommandLine:
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        rng = np.random.default_rng(7)
        save(tmp_path / "scan.png", picture(rng, (40, 50, 3), "uint16"))
        save(tmp_path / "m.png", np.uint8(255) * square((40, 50)))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "restauro", "heal", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def test_a_file_is_healed(self) -> None:
        common = ("scan.png", "--mask", "m.png", "--offset", "12,-7", "--mirror", "up-down", "-o", "out.png")
        dry = self.run(*common, "--dry-run")
        assert "81 pixels (4.0 %) would be filled by heal (copies) and written to out.png" in dry.stdout
        ran = self.run(*common, "--json", "--save-mask", "used.png")
        assert ran.returncode == 0, ran.stderr
        said = json.loads(ran.stdout)
        assert said["parameters"] == {"down": 12, "right": -7, "mirror": "up-down", "turn": 0}
        assert (said["changed_outside"], said["natures"]) == (0, {"copies": 81})
        scan, hole = read_picture("scan.png").pixels, square((40, 50))
        np.testing.assert_array_equal(
            read_picture("out.png").pixels, restauro.heal(scan, hole, (12, -7), mirror="up-down")
        )
        np.testing.assert_array_equal(read_picture("used.png").pixels > 0, hole)
        other = self.run("scan.png", "--mask", "m.png", "--donor", "scan.png", "--turn", "180", "-o", "b.png", "--json")
        assert json.loads(other.stdout)["guidance"] == {"donor": "scan.png"}

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            ("scan.png --offset 4,5 -o o.png", "Error: Say what to heal: --mask FILE, or another of the masks"),
            ("scan.png --mask m.png -o o.png", "Error: Say where to heal from: --offset 40,-12 (down and right), or "),
            ("scan.png --mask m.png --offset 4,5", "Error: Say where to write: -o scan-healed.png"),
            ("scan.png --mask m.png --offset 4 -o o.png", "'4' isn't two whole numbers, down and right: 40,-12."),
            ("scan.png --mask m.png --offset 4,b -o o.png", "'4,b' isn't two whole numbers"),
            ("scan.png --mask none.png --offset 4,5 -o o.png", "Error: There is no mask none.png: give a file"),
            ("scan.png --mask m.png --offset 9000000,0 -o o.png", "Error: down=9000000 is out of range"),
            ("scan.png --mask m.png --offset 4,0 -o o.png", "scan.png: 45 of 81 hole pixels would be copied"),
            ("scan.png --mask m.png --donor x.png -o o.png", "x.png"),
            ("scan.png --mask m.png --offset 12,0 -o scan.png", "scan.png is the picture itself: choose"),
        ],
    )  # fmt: skip
    def test_wrong_usage_gets_a_sentence(self, arguments: str, says: str) -> None:
        refused = self.run(*arguments.split())
        assert refused.returncode == 2
        assert says in refused.stderr
        assert "Traceback" not in refused.stderr
        assert not Path("o.png").exists()
