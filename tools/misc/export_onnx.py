"""Writes a trained model as an ONNX file; docs/export.md says what is in it.

    python tools/misc/export_onnx.py CONFIG CHECKPOINT OUT.onnx

Images go in as float32 RGB, 0 to 255, resized; unit descriptors come out. Where onnxruntime is
installed, the file is run, and written only if it gives what the model gives.
"""

import argparse
from pathlib import Path

from mmengine.config import DictAction

from mmvareid.apis import load_model
from mmvareid.apis.export import BATCHES, export_onnx
from mmvareid.config import load_config
from mmvareid.fileio.outputs import check_outputs


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="config file")
    parser.add_argument("checkpoint", help="checkpoint file")
    parser.add_argument("out", type=Path, help="file to write")
    parser.add_argument(
        "--cfg-options", nargs="+", action=DictAction, help="override the config: key=value"
    )
    args = parser.parse_args()
    if args.out.parent.is_dir():
        check_outputs(parser, args.out)
    try:
        cfg = load_config(args.config, args.cfg_options)
        model = load_model(cfg, args.checkpoint, device="cpu")
        difference = export_onnx(model, cfg, args.out)
    except (ImportError, OSError, ValueError) as error:
        parser.error(str(error))
    if difference is None:
        print("not compared with the model, since onnxruntime is not installed")
    else:
        sizes = " and ".join(map(str, BATCHES))
        print(f"largest difference from the model on {sizes} images: {difference:.1e}")
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
