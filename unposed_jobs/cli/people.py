"""Say who may use the pages of unposed serve, and make their tokens.

examples:
  unposed people add "M. Rossi" --role editor     # prints a token, once
  unposed people block "M. Rossi"
  unposed people list
"""

from __future__ import annotations

import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add this command's flags."""
    parser.add_argument("action", choices=("add", "block", "list"), help="what to do")
    parser.add_argument(
        "name",
        nargs="?",
        default="",
        metavar="NAME",
        help="whom to add or block, as the log will call them",
    )
    parser.add_argument(
        "--role",
        choices=("reader", "editor", "owner"),
        default="reader",
        help="a reader looks, an editor decides, an owner says who the others are "
        "(default: reader)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Change or print the store's people."""
    import getpass

    from unposed_jobs import config
    from unposed_jobs.decisions import Store
    from unposed_jobs.errors import UnposedError
    from unposed_jobs.web.people import People

    if arguments.action != "list" and not arguments.name:
        raise UnposedError(f"unposed people {arguments.action} needs a name; see: --help")
    people = People(Store.open(config.load(arguments.config).decisions.store))
    by = f"{getpass.getuser()} at the command line"
    if arguments.action == "add":
        print(people.add(arguments.name, arguments.role, by))
    elif arguments.action == "block":
        people.block(arguments.name, by)
    else:
        for one in people.all():
            state = "blocked" if one.blocked else one.role
            print(f"{state:<8} {one.since:%Y-%m-%d} {one.name}")
    return 0
