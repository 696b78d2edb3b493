"""How a spec says what other tools call the augmentation of images."""

from __future__ import annotations

from collections.abc import Mapping

_RESIZED = "random resized crops are augment area=0.08,1, and aspect= if the ratios are not 3/4 to 4/3"
TIMM_POLICY = (
    "timm's rand-m9 is much like augment policy=randaugment(2, 27): its magnitudes go to 10, those of randaugment to "
    "30, and it leaves out each operation with a probability of one half"
)
_CENTRAL = "validation and tests always cut the centre; augment from= is the side that images are scaled to"

AUGMENTATIONS: Mapping[str, str] = {
    **dict.fromkeys(("randomresizedcrop", "randomsizedcrop", "rrc", "randomcropandresize"), _RESIZED),
    "randomcrop": "every crop is random in training: augment crop=224 from=256, or with padding augment pad=4; the "
    "layer crop cuts all maps in the same way",
    **dict.fromkeys(("centercrop", "resizecrop"), f"{_CENTRAL}; the layer crop cuts all maps in the same way"),
    **dict.fromkeys(
        ("randomhorizontalflip", "horizontalflip", "randomflip", "randomleftright"),
        "it is augment flip=horizontal, with a probability of one half",
    ),
    **dict.fromkeys(
        ("scalejitter", "scalejittering", "multiscale"),
        "augment from=256,512 draws the side that an image is scaled to",
    ),
    **dict.fromkeys(
        ("randomerasing", "randomerase"),
        "it is augment erase=random(0.5), with the probability in brackets; what is erased becomes 0",
    ),
    **dict.fromkeys(
        ("padifsmaller", "padifneeded"),
        "with augment from=260,1040 fill=black, images that are scaled to less than the crop are padded",
    ),
    **dict.fromkeys(("coarsedropout", "cutout"), "a square that becomes 0 is augment erase=cutout(16)"),
    "totensor": "it is range=1 of the input line",
    **dict.fromkeys(
        ("randomrotation", "randomaffine", "randomperspective", "randomverticalflip", "verticalflip"),
        "a spec does not turn, shear or invert images",
    ),
    **dict.fromkeys(
        ("autoaugment", "augmix"),
        "the policies that choose among operations are augment policy=trivialaugment and policy=randaugment(2, 9)",
    ),
    **dict.fromkeys(("trivialaugment", "trivialaugmentwide"), "it is augment policy=trivialaugment"),
    "randaugment": "it is augment policy=randaugment(2, 9): the number of operations and their magnitude",
}
"""What other tools call a change of images, as ``plain_word`` returns it, and how a spec says it, or that it does
not."""

OF_THE_INPUT: Mapping[str, str] = {"normalize": "it is mean=0.485,0.456,0.406 std=0.229,0.224,0.225 of the input line"}
"""What other tools call a preparation of all images, where their word is also that of a layer."""

MIRRORED = (
    *("fliph", "fliplr", "flipp", "flipprob", "hflip", "hflipprob", "horizontalflip", "horizontalflipp"),
    *("horizontalflipprob", "mirror", "mirroring", "randomflip", "randomhflip", "randomhorizontalflip", "randommirror"),
)
TURNED = ("flipud", "flipv", "randomverticalflip", "randomvflip", "verticalflip", "vflip", "vflipprob")
"""Words for mirror images, and for those that are upside down."""

OF_AUGMENT: Mapping[str, str] = {
    **dict.fromkeys(("padding", "padpixels"), "pad={}"),
    "mixupalpha": "mixup={}",
    "cutmixalpha": "cutmix={}",
    **dict.fromkeys(("scale", "arearange", "cropscale", "areas"), "area={}"),
    **dict.fromkeys(("ratio", "ratios", "aspectratio", "aspectratiorange", "aspects"), "aspect={}"),
    **dict.fromkeys(("resize", "resizesize", "imagesize", "shorterside"), "from={}"),
    **dict.fromkeys(("randomresizedcrop", "rrc"), "area={}"),
    "randaugment": "policy=randaugment(2, {})",
    **dict.fromkeys(("cutout", "cutoutlength", "cutoutsize"), "erase=cutout({})"),
    **dict.fromkeys(("randomerasing", "randomerase", "reprob", "randomeraseprob"), "erase=random({})"),
}
"""Keys of other tools for those of the augment line, and how to write them."""
