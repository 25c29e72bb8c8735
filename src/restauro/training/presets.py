"""The runs that are there to be chosen from, a reason for each number."""

from __future__ import annotations

from dataclasses import replace

from restauro.training.preset import Phase, Preset

_COURSE = Preset(
    name="cifar10-course",
    title="The founding course project's network and training, as they were, on CIFAR-10",
    network="course",
    network_options={"leaky": False, "quirks": True},  # as its code does, not its README
    loss="l1",  # plain mean absolute error over the whole picture
    side=32,  # CIFAR-10's pictures, whole
    fetches="cifar10",
    masks="marks",
    batch=32,  # 1,562 steps an epoch; the 16 of 50,000 pictures that are left over begin the next
    phases=(Phase(rate=1e-3, epochs=4.0),),  # Keras' default rate of Adam, never lowered
    flip=False,  # it had none
)
_CIFAR10 = Preset(
    name="cifar10",
    title="CIFAR-10 as well as an hour on two cores allows",
    network="correcting",
    network_options={"width": 64, "blocks": 1},  # 4 million weights: an hour is enough for 15 epochs
    loss="hole-l1",  # what lies outside the holes is pasted back, so nothing is spent on it
    side=32,  # CIFAR-10's pictures, whole
    fetches="cifar10",
    masks="marks",
    batch=64,  # 128 is 8 % faster a picture, and takes half as many steps
    phases=(Phase(rate=3e-3, epochs=16.0, schedule="cosine", warm_up=200),),  # falls to 0: the last epochs gain most
    optimiser="muon",  # as far as AdamW in about half the steps, in short trials
    weight_decay=0.01,  # AdamW's default
    clip_norm=1.0,  # a rare batch of tiny holes has long gradients
    ema=0.998,  # a mean over some 500 steps
    validate_every=3124,  # four epochs: all test pictures take a quarter of an epoch's time
)
_PAPER = Preset(
    name="paper",
    title="Liu et al. 2018: the paper's network, loss and two phases, at 512 pixels",
    network="unet",
    network_options={"width": 64, "depth": 8, "batch_norm": True},  # the paper's table
    loss="partial-conv",  # all six terms
    side=512,  # the paper's size
    masks="strokes",  # of the six bins of hole ratio that the paper tests with
    batch=6,  # the paper's, on one GPU of 16 GB
    flip=True,  # not in the paper; pictures of scenes have no preferred side
    # The rates are the paper's. It gives days, not steps: ten (ImageNet, Places2), then one for the second phase, on
    # one V100. These numbers have that proportion, and a GPU of today needs some days for them.
    phases=(Phase(rate=2e-4, steps=500_000), Phase(rate=5e-5, steps=50_000, freeze_batch_norm=True)),
    validate_every=5000,  # a minute on a GPU each hour or two
    validation_pictures=500,  # that many tell two networks apart
    checkpoint_every=500,
    compile=True,
)
_DAMAGE = Preset(
    name="damage",
    title="A network that finds cracks, scratches, losses, dust and stains, on damage rendered for it",
    task="find",
    network="damage",
    # 0.86 million weights, 10 GMAC for 512 x 512 pixels
    network_options={"width": 16, "depth": 5, "looks": 4, "only": ""},
    loss="marks",
    side=128,  # a quarter of what is rendered: four times the steps in the same time
    masks="none",  # damage is rendered with its marks
    batch=16,  # a fifth less time an example than 8
    phases=(Phase(rate=2e-3, steps=60_000, schedule="cosine", warm_up=100),),  # some five hours of one core
    optimiser="adamw",  # with normalisation as far as Muon in as many steps, and cheaper
    weight_decay=0.01,
    clip_norm=1.0,
    ema=0.998,
    validate_every=1000,
)
_STAINS = replace(
    _DAMAGE,
    name="stains",
    title="A network that finds stains, in pictures made smaller, on damage rendered for it",
    network_options={**_DAMAGE.network_options, "looks": 1, "only": "stain"},
    side=256,  # they are large
    batch=8,
    phases=(Phase(rate=2e-3, steps=5000, schedule="cosine", warm_up=100),),  # some two hours of one core
    ema=0.995,
)
_PAINTINGS = Preset(
    name="paintings",
    title="A network that corrects the default method's fill, on paintings",
    network="refining",
    network_options={"width": 48, "depth": 4, "blocks": 2},  # 6.9 million weights, 34 GMAC for 512 x 512 pixels
    loss="hole-psnr",  # what tables show
    side=128,  # more around a hole would be dearer by its square
    masks="pieces",  # all kinds of damage, in pixels of pictures of 192 to 512
    fill="edge-enhancing",  # the best that there is without training
    batch=64,  # Muon's own time, whatever the batch, is a tenth of one of 32
    phases=(Phase(rate=8e-4, steps=20_000, schedule="cosine", warm_up=200),),  # some twenty hours of one core with bf16
    least_scale=0.5,  # scans have less detail a pixel than whole pictures made small
    optimiser="muon",  # in as many steps 0.02 to 0.04 dB further than AdamW
    weight_decay=0.01,
    clip_norm=1.0,
    ema=0.998,
    validate_every=1000,
)
_PAINTINGS_PCONV = replace(
    _PAINTINGS,
    name="paintings-pconv",
    title="The same by the layers of Liu et al. 2018, partial convolutions",
    network="unet",
    network_options={"width": 32, "depth": 5, "batch_norm": True, "corrects": True},  # 2.9 million weights, 9 GMAC
    batch=16,
    phases=(Phase(rate=6e-4, steps=120_000, schedule="cosine", warm_up=200),),
    least_scale=0.0,
    optimiser="adamw",
)
PRESETS: dict[str, Preset] = {
    preset.name: preset for preset in (_COURSE, _CIFAR10, _PAPER, _DAMAGE, _STAINS, _PAINTINGS, _PAINTINGS_PCONV)
}
