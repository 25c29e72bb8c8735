from __future__ import annotations

import json
import shlex
import shutil
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

pytest.importorskip("skimage", reason="needs the peers: pip install 'restauro[eval]'")
pytest.importorskip("cv2", reason="needs the peers: pip install 'restauro[eval]'")
pytest.importorskip("matplotlib", reason="needs the peers: pip install 'restauro[eval]'")

from restauro.cli import main
from tests.evaluation.pictures import make_pictures, write_picture


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    make_pictures(tmp_path / "pictures", 2)
    return tmp_path


def run(line: str) -> int:
    return main(["evaluate", *shlex.split(line)])


def test_it_fills_measures_and_writes(capsys: pytest.CaptureFixture[str]) -> None:
    line = "pictures --methods mean-colour,opencv-telea:radius=3 --masks cracks --size 36 --out results --workers 1"
    assert run(line) == 0
    out, err = capsys.readouterr()
    assert out == "4 fills. Written to results: results.csv, results.json, table.md, sheet.png, plots\n"
    assert err == ""
    found = json.loads(Path("results", "results.json").read_text(encoding="utf-8"))
    assert found["plan"]["ways"] == ["mean-colour", "opencv-telea:radius=3"]
    assert len(found["rows"]) == 4
    assert run(f"{line} --seed 1") == 2
    assert "holds results of other settings (seed: 0, now 1): choose another" in capsys.readouterr().err
    assert run(f"{line} --quiet") == 0  # nothing is left to do
    assert capsys.readouterr() == ("", "")


def test_a_pattern_names_pictures(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("'pictures/*.png' --methods mean-colour --masks cracks --size 36 --out results --workers 1") == 0
    assert capsys.readouterr().out.startswith("2 fills.")


def test_a_manifest_names_pictures_and_their_masks(capsys: pytest.CaptureFixture[str]) -> None:
    names = sorted(path.name for path in Path("pictures").iterdir())
    Path("masks").mkdir()
    for left, name in enumerate(names, start=8):
        mask = np.zeros((60, 60), np.uint8)
        mask[20:24, left : left + 6 * left] = 255
        write_picture(Path("masks", f"for-{name}").with_suffix(".png"), mask)
    lines = [f"pictures/{name},masks/for-{Path(name).stem}.png" for name in names]
    Path("plan.csv").write_text("\n".join(["picture,mask", *lines]), encoding="utf-8")
    line = "plan.csv --methods mean-colour --out results --workers 1"
    assert run(line) == 0
    rows = json.loads(Path("results", "results.json").read_text(encoding="utf-8"))["rows"]
    assert {row["picture"] for row in rows} == {Path(name).stem for name in names}
    assert {row["mask"] for row in rows} == {"listed"}
    assert len({row["ratio"] for row in rows}) == 2  # each has its own
    Path("plan.csv").write_text("\n".join(["picture,mask", lines[0], lines[1].split(",")[0] + ","]), encoding="utf-8")
    assert run(line) == 2
    assert "has no mask in the manifest, and others have: name all, or none." in capsys.readouterr().err
    Path("plan.csv").write_text(f"picture,mask\npictures/{names[0]},alpha\n", encoding="utf-8")
    assert run(line) == 2
    assert "Line 2 names the mask alpha: holes of undamaged pictures are mask files." in capsys.readouterr().err
    assert run("https://nowhere.test/a.png --out results") == 2
    assert "lies elsewhere, and evaluations read files here: copy it first." in capsys.readouterr().err


def test_blind_pairs_are_drawn_and_their_answers_read(capsys: pytest.CaptureFixture[str]) -> None:
    line = "pictures --methods mean-colour,telea --masks cracks --size 36 --out results --workers 1 --pairs 2"
    assert run(line) == 0
    assert capsys.readouterr().out.endswith("plots, pairs.html, pairs-key.json\n")
    key = json.loads(Path("results", "pairs-key.json").read_text(encoding="utf-8"))
    Path("anna.json").write_text(json.dumps({"pairs": key["id"], "judge": "Anna", "answers": ["left", "same"]}))
    assert run("--judged anna.json --out results") == 0
    assert capsys.readouterr().out.strip() == Path("results", "pairs.md").read_text(encoding="utf-8").strip()
    assert run(line.replace("--pairs 2", "--pairs 1")) == 2
    assert "belongs to other pairs, whose answers couldn't be read without it: choose" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("pictures --out x --judged a.json", "--judged reads answers and fills nothing: give it --out FOLDER alone."),
        ("--out x --judged a.json", "There is no pairs-key.json in x: name the folder that the page of pairs was"),
        ("pictures --out x --pairs 2 --methods telea", "--pairs shows two ways side by side: give --methods two"),
        ("--detection pictures --out x --pairs 2", "it doesn't go with --detection."),
        ("--out x", "Name PICTURES, or --dataset cifar10 with --data DIR, or --detection DIR: one of them."),
        ("pictures --dataset cifar10 --data d --out x", "one of them."),
        ("pictures --data d --out x", "--data and --download go with --dataset cifar10."),
        ("--dataset cifar10 --out x", "Say where the data set is, --data DIR, or have it fetched, --download."),
        ("--dataset cifar10 --data d --download --out x", "Say where the data set is"),
        ("pictures --bins 1,b --out x", "--bins takes numbers from 1 to 6, such as 1,2,3, and this is '1,b'."),
        ("pictures --masks craks --out x", "There is no kind of damage, mask file or folder 'craks'"),
        ("pictures --methods telia --out x", "There is no method or peer 'telia': did you mean 'telea'?"),
        (
            "pictures --out pictures/x",
            "--out pictures/x lies in pictures, and its pictures would be taken for pictures",
        ),
        ("pictures/p0.png --masks pictures --out pictures", "and its pictures would be taken for pictures or masks"),
        ("--dataset cifar10 --data pictures --out x", "There is no CIFAR-10 in pictures"),
        ("nowhere --out x", "There is no picture or folder nowhere."),
        ("--dataset cifar10 --data nowhere --out x", "There is no folder nowhere: name the one that holds"),
        ("pictures --methods telea --lpips-weights nothing --out x", "The weights nothing can't be read"),
    ],
)
def test_what_is_wrong_is_said_before_the_work(line: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line) == 2
    assert words in capsys.readouterr().err
    assert not Path("x").exists()


def test_one_fill_and_being_stopped_at_the_sheet(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = "pictures/p0.png --methods mean-colour --masks cracks --out results --workers 1"

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("restauro.evaluation.sheets.draw", stop)
        assert run(line) == 130
    assert capsys.readouterr().err == "Stopped; what is done is in results, and the same command goes on.\n"
    assert run(line) == 0
    assert capsys.readouterr().out.startswith("1 fill. Written to results: ")


def test_a_data_set_is_evaluated_as_in_training(capsys: pytest.CaptureFixture[str]) -> None:
    Path("cifar").mkdir()
    content = np.random.default_rng(0).integers(0, 256, (10_000, 3073), np.uint8)
    Path("cifar", "test_batch.bin").write_bytes(content.tobytes())
    here = Path.cwd()
    line = (
        "--dataset cifar10 --data cifar --masks marks --methods mean-colour --pictures 3 --out results --workers 1 -q"
    )
    assert run(line) == 0
    rows = json.loads(Path("results", "results.json").read_text(encoding="utf-8"))["rows"]
    assert [row["picture"] for row in rows] == ["00000", "00001", "00002"]
    picture = content[1, 1:].reshape(3, 32, 32).transpose(1, 2, 0)
    from restauro.damage.synthesis import marks
    from restauro.datasets import hole_generator

    hole = marks(32, 32, hole_generator(0, 1))
    apart = np.abs(np.rint(picture[~hole].mean(axis=0)) - picture[hole])
    assert rows[1]["l1_hole"] == pytest.approx(100 * apart.mean() / 255)
    assert rows[1]["l1"] == pytest.approx(100 * apart.sum() / 255 / 3072)
    assert run(line.replace("--data cifar", f"--data {here / 'cifar'}")) == 0  # the same, called otherwise
    content[7, 7] += 1
    Path("cifar", "test_batch.bin").write_bytes(content.tobytes())
    capsys.readouterr()
    assert run(line) == 2
    assert "other settings (pictures: CIFAR-10 sha256" in capsys.readouterr().err


def test_detection_is_judged_on_pictures_with_masks(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a detector of its own: what is dark is damage."""
    detection, scores = ModuleType("restauro.detection.detecting"), ModuleType("restauro.evaluation.detection")
    import dataclasses

    Scores = dataclasses.make_dataclass("Scores", ["precision", "recall", "f1", "iou"])
    detection.detect = lambda image, kind, workers=None: image.max(axis=2) < 60
    scores.score = lambda found, truth: Scores(
        *[float((found & truth).sum() / part.sum()) for part in (found, truth, found | truth, found | truth)]
    )
    monkeypatch.setitem(sys.modules, "restauro.detection.detecting", detection)
    monkeypatch.setitem(sys.modules, "restauro.evaluation.detection", scores)
    (folder / "museum").mkdir()
    for name, half in (("a", 10), ("b", 20)):
        panel, mask = np.full((40, 40, 3), 200, np.uint8), np.zeros((40, 40), np.uint8)
        panel[:half] = 10
        mask[:20] = 255
        write_picture(folder / "museum" / f"{name}.png", panel)
        write_picture(folder / "museum" / f"{name}_mask.png", mask)
    assert run("--detection museum --kind losses --out found") == 0
    out = capsys.readouterr().out
    assert "# Detection of losses\n\n2 pictures." in out
    assert "| mean " in out
    lines = Path("found", "detection.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("picture,kind,precision,recall,f1,iou,marked,truth,seconds")
    assert lines[1].startswith("a,losses,1,0.5,0.5,0.5,0.25,0.5,")
    assert lines[2].startswith("b,losses,1,1,1,1,0.5,0.5,")
    inverted, soft = mask.copy(), mask.copy()
    inverted[:30], soft[20] = 255, 100
    for name, changed in (("inverted", inverted), ("soft", soft)):
        shutil.copytree(folder / "museum", folder / name)
        write_picture(folder / name / "b_mask.png", changed)
    assert run("--detection inverted --kind losses --out other") == 2
    message = "b_mask.png: 75.0% of the picture is hole, so the mask looks inverted: use --mask-polarity black where"
    assert message in " ".join(capsys.readouterr().err.split())
    assert run("--detection soft --kind losses --out cut") == 0  # at half, and grown by 1 pixel
    assert Path("cut", "detection.csv").read_text(encoding="utf-8").splitlines()[2].startswith("b,losses,1,0.95238")
    capsys.readouterr()
    (folder / "museum" / "b_mask.png").unlink()
    assert run("--detection museum --out other") == 2
    assert "There is no mask for it in museum: it would be called" in capsys.readouterr().err


def test_what_is_no_picture_is_said_in_restores_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.png").write_text("no picture")
    assert main(["evaluate", "text.png", "--out", "out", "--masks", "text", "--methods", "harmonic"]) == 2
    err = capsys.readouterr().err
    assert "The picture text.png: The file isn't a picture that can be read, whatever its name says" in err
    assert "Vips" not in err
