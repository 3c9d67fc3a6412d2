"""Makes of a checkpoint a file to give away: weights and plain facts, without what training needs.

    python tools/misc/publish_model.py CHECKPOINT OUT.pth

The file is OUT-1a2b3c4d.pth, with the first 8 hex digits of its SHA-256, and
torch.load(weights_only=True) reads it. Optimizer, schedulers and message hub are left out. Of a
run with EMAHook the averaged weights are kept: the hook saves these as `state_dict`, and the
others as `ema_state_dict`. The config stays as text, with the paths that it names.

Nothing in CHECKPOINT is executed.
"""

import argparse
import hashlib
import io
from pathlib import Path
from typing import Any

import torch

import mmvareid
from mmvareid.fileio.checkpoints import load_checkpoint_safely
from mmvareid.fileio.weights import weights_in
from mmvareid.fileio.whole_files import whole_file

FACTS = ("cfg", "dataset_meta", "epoch", "iter", "experiment_name", "mmengine_version")


def published(content: Any, source: Path) -> dict[str, dict]:
    """Return the weights of a checkpoint, and of its meta what is plain data.

    Args:
        content (Any): As of :func:`mmvareid.fileio.checkpoints.load_checkpoint_safely`.
        source (Path): Where it is from, for the message.

    Raises:
        ValueError: It is neither a checkpoint nor a state dict.
    """
    weights = weights_in(content, source)
    meta = content["meta"] if isinstance(content.get("meta"), dict) else {}
    facts = {key: meta[key] for key in FACTS if key in meta and _is_plain(meta[key])}
    return {
        # Copies: a view would be written with all of the storage behind it.
        "state_dict": {name: value.detach().clone() for name, value in weights.items()},
        "meta": {**facts, "mmvareid_version": mmvareid.__version__},
    }


def _is_plain(value: Any) -> bool:
    """Whether a value consists of what JSON has too."""
    if isinstance(value, dict):
        return all(isinstance(key, str | int) and _is_plain(v) for key, v in value.items())
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or type(value) in (bool, int, float, str)


def write_hashed(content: dict, out: Path) -> Path:
    """Write all of a file, or nothing, and return its path, which ends with its hash.

    Args:
        content (dict): What :func:`torch.load` will return.
        out (Path): The path less the hash, with or without ``.pth``.
    """
    # In memory, since a file's name would be part of its content, and so of the hash.
    buffer = io.BytesIO()
    torch.save(content, buffer)
    digest = hashlib.sha256(buffer.getbuffer()).hexdigest()
    path = out.with_name(f"{out.name.removesuffix('.pth')}-{digest[:8]}.pth")
    with whole_file(path) as part:
        part.write_bytes(buffer.getbuffer())
        torch.load(part, weights_only=True)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path, help="checkpoint file")
    parser.add_argument("out", type=Path, help="file to write; its name gets the hash")
    args = parser.parse_args()
    try:
        if not args.out.parent.is_dir():
            raise FileNotFoundError(
                f"the folder {args.out.parent} does not exist; make it, or name another"
            )
        content = load_checkpoint_safely(str(args.checkpoint), map_location="cpu")
        path = write_hashed(published(content, args.checkpoint), args.out)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    if "ema_state_dict" in content:
        print("the weights are the moving average, which EMAHook saves as state_dict")
    sizes = [file.stat().st_size / 1e6 for file in (args.checkpoint, path)]
    print(f"{path}: {sizes[1]:.1f} MB of {sizes[0]:.1f}")


if __name__ == "__main__":
    main()
