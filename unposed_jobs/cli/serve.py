"""Serve the pages that people work in: the work list, products, poses, changes, the log.

Listens on this machine alone unless [serve] says otherwise, and prints an address that logs its
first owner in. What people decide is kept in [decisions] store; the next audit goes by it.
"""

from __future__ import annotations

import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add this command's flags."""
    parser.add_argument("--host", metavar="ADDRESS", help="instead of [serve] host")
    parser.add_argument("--port", type=int, metavar="N", help="instead of [serve] port")
    for name in ("products", "images", "landmarks"):
        parser.add_argument(f"--{name}", metavar="URI", help="as given to the audit")


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    from unposed_jobs import config

    settings = config.load(
        arguments.config,
        serve__host=arguments.host,
        serve__port=arguments.port,
        catalogue__products=arguments.products,
        catalogue__images=arguments.images,
        catalogue__landmarks=arguments.landmarks,
    )
    try:
        from unposed_jobs.web import server
    except ModuleNotFoundError as error:
        from unposed_jobs.errors import UnposedError

        raise UnposedError(f"{error.name} is not installed: pip install 'unposed[serve]'") from None
    server.run(settings)
    return 0
