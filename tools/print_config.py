"""Prints a config with its bases merged and its options applied."""

import argparse

from mmengine.config import DictAction

from mmvareid.config import load_config


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config file")
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, help="key=value ...")
    args = parser.parse_args()
    print(load_config(args.config, args.cfg_options).pretty_text)


if __name__ == "__main__":
    main()
