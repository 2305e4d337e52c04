"""Send a work list by e-mail: to a studio, a seller, an editor.

The list is a query as the page's address has it, or the name in a saved view's address. Nothing is
sent where it is empty. The mail server is [serve] smtp.

examples:
  unposed digest --to studio@example.com "assignee=Kim&due=2026-03-06"
  unposed digest --to seller@example.com --marketplace amazon "col.seller=Rossi"
  unposed digest --to me@example.com friday-3f9a21
"""

from __future__ import annotations

import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add this command's flags."""
    parser.add_argument(
        "list", nargs="?", default="", metavar="LIST", help="which list (default: all to do)"
    )
    parser.add_argument("--to", required=True, metavar="ADDRESS", help="who gets it")
    parser.add_argument("--marketplace", choices=("amazon",), default="", help="its codes too")
    parser.add_argument("--print", action="store_true", help="print it instead of sending it")


def run(arguments: argparse.Namespace) -> int:
    """Compose and send."""
    from unposed_jobs import config
    from unposed_jobs.decisions import Store
    from unposed_jobs.web import digest, views
    from unposed_jobs.web.reading import Day

    settings = config.load(arguments.config)
    store = Store.open(settings.decisions.store)
    saved = views.find(store, arguments.list)
    query = saved.query if saved else arguments.list
    message = digest.compose(
        Day(settings, store), settings.serve, arguments.to, query, arguments.marketplace
    )
    if message is None:
        print("nothing to send: the list is empty")
    elif arguments.print:
        body = message.get_body(("plain",))
        print(message["Subject"], "", body.get_content() if body else "", sep="\n", end="")
    else:
        digest.send(settings.serve, message)
        print(f"sent to {arguments.to}: {message['Subject']}")
    return 0
