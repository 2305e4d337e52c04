"""Say whether a marketplace would accept a folder's pictures, and what is to be mended.

Each subfolder is a product; in the folder itself ABC_1.jpg and ABC_2.jpg are one product's. Every
failing rule is printed with its picture, what was found and wanted, and the remedy. The rules are
files in unposed_jobs/pictures/marketplaces, each with its source, its date and how sure it is.
"""

from __future__ import annotations

import argparse
import json
from itertools import groupby
from typing import TYPE_CHECKING, Any

from unposed_jobs.cli import _pictures
from unposed_jobs.errors import UnposedError

if TYPE_CHECKING:
    from unposed_jobs.pictures.standards import Failing, Listed, Market


_MOST = 3
"""Pictures that a line of the table names."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    _pictures.add_folder(parser, optional=True)
    parser.add_argument(
        "--for", dest="markets", nargs="+", required=True, metavar="MARKET",
        help="zalando, amazon, about-you, ajio, myntra, tata-cliq, walmart, nordstrom, "
        "google-merchant, catalogue, or a .toml file",
    )  # fmt: skip
    parser.add_argument(
        "--format", choices=("table", "json"), default="table", help="(default: table)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Look, judge, print; 1 where a product is not ready."""
    from unposed_jobs.pictures import facts, standards

    _pictures.folder_last(arguments, arguments.markets)
    if arguments.folder is None:
        raise UnposedError("no folder of pictures; run: unposed ready --for MARKET FOLDER")
    markets = [standards.market(name) for name in arguments.markets]
    products: dict[str, list[Listed]] = {}
    unread: list[str] = []
    for one in _pictures.looked(arguments, facts.ALL):
        listed = products.setdefault(one.found.product, [])
        if one.seen is None:
            unread.append(one.found.name)
            continue
        listed.append(
            standards.Listed(one.found.name, one.seen.facts, one.file_bytes, one.file_format)
        )
    failing = {
        (product, market.name): standards.judge(market, pictures, _part(arguments, pictures))
        for product, pictures in products.items()
        for market in markets
    }
    if arguments.format == "json":
        for (product, name), rules in failing.items():
            print(json.dumps(_columns_of(product, name, rules)))
    else:
        _print(failing, markets)
    done = all(standards.ready(rules) for rules in failing.values())
    return int(not done or bool(unread))


def _part(arguments: argparse.Namespace, pictures: list[Listed]) -> str | None:
    if arguments.about or not pictures:
        return str(arguments.about) if arguments.about else None
    return _pictures.part_of(arguments, pictures[0].picture)


def _columns_of(product: str, market: str, rules: list[Failing]) -> dict[str, Any]:
    from unposed_jobs.pictures import standards

    return {
        "product": product,
        "market": market,
        "ready": standards.ready(rules),
        "failing": [
            {
                "rule": one.rule.rule,
                "level": one.rule.level,
                "picture": one.picture,
                "measure": one.rule.measure,
                "found": one.found,
                "wanted": one.rule.wanted,
                "remedy": one.remedy,
                "source": one.rule.source,
                "read": one.rule.read,
                "confidence": one.rule.confidence,
            }
            for one in rules
        ],
    }


def _row(failing: list[Failing]) -> list[str]:
    """One rule of a product, with all pictures that fail it in the same way."""
    rule = failing[0].rule
    found = list(dict.fromkeys(one.found for one in failing))
    pictures = [one.picture for one in failing if one.picture]
    more = f" and {len(pictures) - _MOST} more" if len(pictures) > _MOST else ""
    return [
        rule.rule, rule.level, rule.wanted, ", ".join(found[:_MOST]), failing[0].remedy,
        rule.confidence, ", ".join(pictures[:_MOST]) + more,
    ]  # fmt: skip


def _print(failing: dict[tuple[str, str], list[Failing]], markets: list[Market]) -> None:
    from unposed_jobs.pictures import standards

    rows = []
    for (product, name), rules in failing.items():
        alike: dict[tuple[str, str], list[Failing]] = {}
        for one in rules:
            alike.setdefault((one.rule.rule, one.remedy), []).append(one)
        rows += [[product, name, *_row(group)] for group in alike.values()]
    title = (
        "product",
        "market",
        "rule",
        "level",
        "wanted",
        "found",
        "remedy",
        "source",
        "pictures",
    )
    if rows:
        _pictures.table(title, rows)
    titles = {market.name: market.title for market in markets}
    for name, group in groupby(sorted(failing, key=lambda key: key[1]), key=lambda key: key[1]):
        keys = list(group)
        done = sum(standards.ready(failing[key]) for key in keys)
        print(f"{titles[name]}: {done} of {len(keys)} products are ready")
