"""Measures what VGG-16's features are divided by, and stores it in src/restauro/training/vgg_scales.json.

python3 dev.py bench vgg_scales FILE
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import _pictures
import _tables
from restauro.training import vgg

STORED = _tables.CLONE / "src" / "restauro" / "training" / "vgg_scales.json"


def chosen() -> list[str]:
    """Return the names of 64 training paintings, at even steps of their index."""
    with (_folder() / "index.csv").open(encoding="utf-8", newline="") as file:
        names = [row["file"] for row in csv.DictReader(file)]
    return [names[i * len(names) // vgg.MEASURED] for i in range(vgg.MEASURED)]


def _folder() -> Path:
    return _pictures.shared() / "data" / "paintings-train"


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("file", type=Path, help="weights of VGG-16, .safetensors or .pth")
    arguments = options.parse_args()
    paintings = chosen()
    weights = vgg.read_weights(arguments.file)
    scales = vgg.measured_scales(weights, (_pictures.read(_folder() / name) for name in paintings))
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    others = [one for one in stored["weights"] if one["sha256"] != weights.sha256]
    made = {
        "meaning": "mean activation after pool1, pool2, pool3 over the middle of 64 paintings, 256 pixels at most",
        "command": "python3 dev.py bench vgg_scales FILE",
        "weights": [*others, {"file": arguments.file.name, "sha256": weights.sha256, "scales": scales}],
        "paintings": paintings,
    }
    text = json.dumps(made, indent=1) + "\n"
    sys.stdout.write(text)
    if not arguments.print_only:
        STORED.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
