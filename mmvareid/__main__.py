"""The command line: ``mmvareid COMMAND ...`` runs a tool of the package.

So what is typed here and what ``python tools/...`` does in a clone is one code.
"""

import importlib.util
import sys
from pathlib import Path

TOOLS = Path(__file__).parent / ".mim" / "tools"
# Command -> its tool, and what it does.
COMMANDS = {
    "train": ("train.py", "train a model from a config"),
    "eval": ("test.py", "score a checkpoint on a test set"),
    "eval-features": ("analysis_tools/eval_features.py", "score features of any toolbox"),
    "report": ("analysis_tools/report.py", "an evaluation as one HTML page"),
    "extract": ("inference/extract.py", "make a gallery of a folder of pictures"),
    "search": ("inference/search.py", "search pictures of people in a gallery"),
    "verification": ("analysis_tools/verification.py", "thresholds for one person or two"),
    "synth": ("dataset_converters/make_synthetic.py", "draw synthetic people"),
    "viewpoints-pose": (
        "dataset_converters/viewpoints_from_pose.py",
        "tell viewpoints from body points",
    ),
    "viewpoints-images": (
        "dataset_converters/viewpoints_from_images.py",
        "tell viewpoints by a classifier",
    ),
    "viewpoints-convert": (
        "dataset_converters/convert_viewpoints.py",
        "write the authors' pickle as CSV",
    ),
    "viewpoints-audit": ("analysis_tools/audit_viewpoints.py", "check a viewpoint file"),
}


def main() -> None:
    """Run the tool that the first argument names."""
    name, *rest = sys.argv[1:] or ["--help"]
    if name in ("-h", "--help"):
        width = max(map(len, COMMANDS))
        print("usage: mmvareid COMMAND ...\n")
        for command, (_, what) in COMMANDS.items():
            print(f"  {command:{width}}  {what}")
        print("\nmmvareid COMMAND --help tells more.")
        return
    if name not in COMMANDS:
        sys.exit(f"mmvareid: {name!r} has to be one of {', '.join(COMMANDS)}")
    sys.argv = [f"mmvareid {name}", *rest]
    spec = importlib.util.spec_from_file_location("mmvareid_tool", TOOLS / COMMANDS[name][0])
    assert spec and spec.loader
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    try:
        tool.main()
    except (ValueError, OSError) as error:
        if name in ("train", "eval"):  # may come from anywhere in a long run
            raise
        sys.exit(f"mmvareid {name}: {error}")


if __name__ == "__main__":
    main()
