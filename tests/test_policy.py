"""What a fill is made of: said by every method, counted, allowed or refused, by a caller or by a policy file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

import restauro
from restauro.errors import MethodError, ParameterError, PolicyError
from restauro.method import DEFAULT_METHOD, NATURES, make_method, method_class, method_names
from restauro.methods.telea import Telea
from restauro.policy import Policy, find_policy, wider_than
from tests.panels import CLEAN, HOLE, files_in, save
from tests.promises.pictures import holes, seeds


@pytest.mark.parametrize("name", method_names())
def test_every_method_says_what_its_fill_is_made_of(name: str) -> None:
    assert method_class(name).nature in NATURES


def test_the_default_method_interpolates() -> None:
    assert method_class(DEFAULT_METHOD).nature == "interpolates"


@pytest.mark.parametrize("said", [None, "invents"])
def test_a_method_that_does_not_say_is_refused(said: str | None) -> None:
    @dataclass(frozen=True)
    class Silent(Telea):
        name: ClassVar[str] = "silent"
        nature: ClassVar[str] = said  # type: ignore[assignment]

    with pytest.raises(MethodError, match=r"^Silent doesn't say what its fill is made of: give the class"):
        Silent()


@pytest.mark.parametrize("allow", [("interpolates",), {"interpolates", "corrects"}, "interpolates,learned"])
def test_another_nature_is_refused(allow: Any) -> None:
    image = np.zeros((20, 20), np.uint8)
    mask = np.eye(20, dtype=bool)
    before = image.copy()
    restauro.inpaint(image, mask, "telea", allow=allow)
    with pytest.raises(PolicyError, match=r"^Method 'patchmatch' copies, and what is allowed is .*interpolates.*: use"):
        restauro.inpaint(image, mask, "patchmatch", allow=allow, out=image)
    np.testing.assert_array_equal(image, before)


def test_a_mixture_needs_leave_for_all_that_it_is_made_of(tmp_path: Path) -> None:
    """A network's fill with texture is learned and copied."""
    image, mask = np.random.default_rng(0).integers(0, 255, (40, 40), np.uint8), np.zeros((40, 40), bool)
    mask[12:24, 12:24] = True
    for allow in ("learned", "copies"):
        with pytest.raises(
            PolicyError, match=r"^Method 'network' copies and has learned from other pictures, and what"
        ):
            restauro.inpaint(image, mask, "network", detail=0.5, allow=allow)
    restauro.inpaint(image, mask, "network", detail=0.5, allow="learned,copies")
    restauro.inpaint(image, mask, "network", allow="learned")
    panel = save(tmp_path / "panel.tif", image)
    method = make_method("network", {"detail": 0.5})
    restored = restauro.restore_file(panel, tmp_path / "out.tif", mask=mask, method=method)
    assert restored.natures == {"copies": 144, "learned": 144}
    with pytest.raises(ParameterError, match=r"^Method 'network' copies texture, which has its grain: leave grain out"):
        restauro.inpaint(image, mask, "network", detail=0.5, grain="match")


@pytest.mark.parametrize("allow", [(), "", "copy", ["copies", "kopies"], 3, [3], [["copies"]]])
def test_what_can_not_be_allowed_is_an_error(allow: Any) -> None:
    with pytest.raises(
        ParameterError, match=r"^allow=.* isn't known: it must be some of interpolates, copies, learned"
    ):
        restauro.inpaint(np.zeros((4, 4)), np.eye(4), allow=allow)


def dimmed_and_lost() -> tuple[np.ndarray, np.ndarray]:
    """A stain, part of which is NaN, so that nothing can be corrected there; and its mask."""
    panel = np.random.default_rng(1).uniform(0.4, 0.6, (60, 60))
    stain = np.zeros((60, 60), bool)
    stain[20:40, 20:40] = True
    damaged = np.where(stain, 0.5 * panel, panel)
    damaged[28:31, 28:33] = np.nan
    return damaged, stain


def test_what_tone_can_not_correct_is_refused_where_only_that_is_allowed() -> None:
    damaged, stain = dimmed_and_lost()
    restored = restauro.inpaint(damaged, stain, "tone", allow=("corrects", "interpolates"))
    assert np.isfinite(restored).all()
    with pytest.raises(PolicyError, match=r"^15 pixels are lost, not dimmed, and so interpolated, which isn't"):
        restauro.inpaint(damaged, stain, "tone", allow=("corrects",))
    damaged[np.isnan(damaged)] = 0.25
    restauro.inpaint(damaged, stain, "tone", allow=("corrects",))


def test_pixels_are_counted_by_what_they_are_filled_with(tmp_path: Path) -> None:
    damaged, stain = dimmed_and_lost()
    panel = save(tmp_path / "panel.tif", damaged.astype(np.float32))
    restored = restauro.restore_file(panel, tmp_path / "out.tif", mask=stain, method="tone")
    assert restored.natures == {"corrects": 385, "interpolates": 15}
    soft = np.where(stain, 0.5, 0)
    soft[22:25, 22:25] = 0.95
    restored = restauro.restore_file(
        panel, tmp_path / "soft.tif", mask=soft, method="patchmatch", partial="tone", dry_run=True
    )
    assert restored.natures == {"corrects": 391, "copies": 9}
    empty = restauro.restore_file(panel, tmp_path / "copy.tif", mask=np.zeros_like(stain), method="telea")
    assert empty.natures == {}


@pytest.mark.parametrize("width", range(1, 12))
def test_a_straight_crack_is_as_wide_as_it_is_to_within_a_pixel(width: int) -> None:
    hole = np.zeros((60, 70), bool)
    hole[20 : 20 + width] = True
    assert wider_than(width, hole, None) is None
    assert wider_than(width + 1, hole, None) is None
    if width > 2:
        assert wider_than(width - 2, hole, None) == (20 + (width - 1) // 2, 0)


@given(seed=seeds, width=st.integers(1, 20), beside=st.booleans())
@settings(max_examples=60)
def test_widths_are_those_of_exact_distances(seed: int, width: int, beside: bool) -> None:
    rng = np.random.default_rng(seed)
    shape = int(rng.integers(8, 60)), int(rng.integers(8, 60))
    hole = ndimage.binary_dilation(holes(rng, shape), iterations=int(rng.integers(1, 6)))
    hole[rng.integers(shape[0]), rng.integers(shape[1])] = False
    unknown = (rng.random(shape) < 0.05) & ~hole if beside else None
    known = ~hole if unknown is None else ~(hole | unknown)
    if not known.any():
        return
    far = hole & (ndimage.distance_transform_edt(~known) > (width + 1) / 2 + 1e-9)
    place = wider_than(width, hole, unknown)
    assert (place is not None) == far.any()
    assert place is None or place == tuple(np.argwhere(far)[0])


class TestFiles:
    @pytest.fixture
    def wide(self, tmp_path: Path) -> Path:
        hole = HOLE.copy()
        hole[18:27, 8:20] = True
        return save(tmp_path / "wide.png", np.where(hole, 255, 0).astype(np.uint8))

    def policy(self, folder: Path, text: str) -> Path:
        folder.mkdir(exist_ok=True)
        path = folder / "restauro.toml"
        path.write_text(text, encoding="utf-8")
        return path

    def test_it_is_read(self, tmp_path: Path) -> None:
        path = self.policy(tmp_path, 'allow = ["interpolates", "copies"]  # no networks\nwidest-hole = 40\n')
        assert Policy.read(path) == Policy(path, frozenset({"interpolates", "copies"}), 40)
        assert Policy.read(self.policy(tmp_path, "")).allow == frozenset(NATURES)

    def test_the_nearest_one_is_found(self, tmp_path: Path) -> None:
        deep = tmp_path / "a" / "b"
        deep.mkdir(parents=True)
        assert find_policy(deep) is None
        above = self.policy(tmp_path, "")
        assert find_policy(deep) == above
        nearer = self.policy(tmp_path / "a", "")
        assert find_policy(deep) == nearer

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("allow = 3", "allow=3 isn't known: it must be some of"),
            ('allow = ["magic"]', r"allow=\['magic'\] isn't known"),
            ("widest-hole = 0", "says widest-hole = 0: it must be a whole number of pixels, 1 to 2000"),
            ("widest-hole = true", "widest-hole = True"),
            ("widest-hole = 2.5", "widest-hole = 2.5"),
            ("alow = []", 'says alow, which means nothing: it can say allow = .* or widest-hole = 40'),
            ("allow", "isn't TOML"),
            (b"\xff\xfe", "isn't TOML"),
        ],
    )  # fmt: skip
    def test_what_is_no_policy_is_an_error(self, tmp_path: Path, panel: Path, text: Any, says: str) -> None:
        path = tmp_path / "restauro.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(PolicyError, match=rf"^The policy {path}.*{says}"):
            restauro.Restoration.open(panel)

    def test_a_policy_that_is_named_must_be_there(self, panel: Path, tmp_path: Path) -> None:
        with pytest.raises(PolicyError, match=r"missing.toml can't be read \(No such file"):
            restauro.Restoration.open(panel, policy=tmp_path / "missing.toml")

    def test_it_binds_whatever_is_allowed_beside(self, tmp_path: Path, panel: Path, losses: Path) -> None:
        path = self.policy(tmp_path, 'allow = ["interpolates"]')
        before = files_in(tmp_path)
        for allow in (None, ["copies"], NATURES):
            for dry_run in (False, True):
                with pytest.raises(
                    PolicyError,
                    match=rf"^The policy {path} forbids it. Method 'patchmatch' copies, and what is",
                ):
                    restauro.restore_file(
                        panel, tmp_path / "out.tif", mask=losses, method="patchmatch", allow=allow, dry_run=dry_run
                    )
        assert files_in(tmp_path) == before
        restored = restauro.restore_file(panel, tmp_path / "out.tif", mask=losses, method="telea")
        assert (restored.policy, restored.natures) == (path, {"interpolates": 124})

    def test_a_named_one_stands_in_place_of_the_folder_s(self, tmp_path: Path, panel: Path, losses: Path) -> None:
        self.policy(tmp_path, 'allow = ["interpolates"]')
        named = self.policy(tmp_path / "other", "")
        restored = restauro.restore_file(
            panel, tmp_path / "out.tif", mask=losses, method="patchmatch", policy=named, dry_run=True
        )
        assert restored.policy == named

    def test_wide_holes_are_refused(self, tmp_path: Path, panel: Path, losses: Path, wide: Path) -> None:
        self.policy(tmp_path, "widest-hole = 6")
        restauro.restore_file(panel, tmp_path / "out.tif", mask=losses, method="telea")
        with pytest.raises(PolicyError, match=r"forbids holes wider than 6 pixels, and one is, at row 21, column 11: "):
            restauro.restore_file(panel, tmp_path / "wide.tif", mask=wide, method="telea")
        assert not (tmp_path / "wide.tif").exists()
        restauro.restore_file(panel, tmp_path / "toned.tif", mask=wide, method="tone")  # that is no hole


class TestCommandLine:
    @pytest.fixture(autouse=True)
    def _folder(self, panel: Path, losses: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)

    def run(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "restauro", "restore", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, **options)

    def test_natures_are_said_and_refused(self, tmp_path: Path) -> None:
        common = ("panel.tif", "--mask", "losses.png", "--overwrite", "-o", "out.tif", "--method")
        ran = self.run(*common, "telea", "--allow", "interpolates,copies")
        assert ran.returncode == 0, ran.stderr
        assert "filled (5.5 %) by telea (interpolates) in" in ran.stdout
        refused = self.run(*common, "patchmatch", "--allow", "interpolates,corrects")
        assert refused.returncode == 2
        assert refused.stderr.endswith(
            "panel.tif: Method 'patchmatch' copies, and what is allowed is corrects, interpolates: use --method of "
            "telea, harmonic, biharmonic, coherence, edge-enhancing, navier-stokes, tone, or use --allow "
            "copies,corrects,interpolates if that is meant.\n"
        )
        said = json.loads(self.run(*common, "telea", "--json").stdout)
        assert (said["natures"], said["policy"]) == ({"interpolates": 124}, None)

    def test_a_policy_is_found_and_said(self, tmp_path: Path) -> None:
        policy = tmp_path / "restauro.toml"
        policy.write_text('allow = ["interpolates"]', encoding="utf-8")
        common = ("--mask", "losses.png", "--method", "patchmatch")
        for arguments in (("panel.tif", "-o", "out.tif"), ("-", "-o", "-", "--format", "png")):
            with Path("panel.tif").open("rb") as piped:
                refused = self.run(*arguments, *common, stdin=piped)
            assert refused.returncode == 2
            assert f"The policy {policy} forbids it. Method 'patchmatch' copies" in refused.stderr
            assert refused.stderr.rstrip().endswith("edge-enhancing, navier-stokes.")
            assert "--allow" not in refused.stderr  # which can't widen what a policy allows
        said = json.loads(self.run("panel.tif", "-o", "out.tif", "--mask", "losses.png", "--json").stdout)
        assert said["policy"] == os.fspath(policy)
        (tmp_path / "p.toml").write_text("", encoding="utf-8")
        assert self.run("panel.tif", "-o", "b.tif", *common, "--policy", "p.toml", "--dry-run").returncode == 0


def test_a_stack_is_counted_as_one() -> None:
    images = np.stack([CLEAN, CLEAN])
    with pytest.raises(PolicyError, match="Method 'telea' interpolates, and what is allowed is copies"):
        restauro.inpaint(images, np.stack([HOLE, HOLE]), "telea", allow=["copies"])
