"""The settings as text: a TOML file of all keys, the values in effect, ``docs/configuration.md``.

``python -m unposed_jobs.config.reference`` prints the page; ``make reference`` writes it, and
``unposed.example.toml``.
"""

from __future__ import annotations

import json
import re
import textwrap
from typing import Any

from pydantic.fields import FieldInfo

from unposed_jobs.config.fields import fields_of, kind_of, limits_of, unit_of
from unposed_jobs.config.loading import Effective
from unposed_jobs.config.settings import SECTIONS

WIDTH = 100
_HEAD = """\
Every setting of Unposed with its default. To change one, remove the # before it.
{home} stands for $UNPOSED_HOME (./var where it is not set), {cache} for $UNPOSED_CACHE
(~/.cache/unposed). `unposed catalogue check FILE...` writes a short file for your own export;
`unposed config --effective` prints the values in effect and where each came from.
Made by `make reference`."""
_PAGE = """\
# Configuration

Every setting has a default. A command's flag overrides `unposed.toml` (`--config FILE`, else
`$UNPOSED_CONFIG`, else `./unposed.toml`), which overrides the default. `unposed config` prints all
of this as a TOML file, `unposed config --effective` the values in effect and where each came from.
`{home}` stands for `$UNPOSED_HOME` (`./var` where it is not set), `{cache}` for `$UNPOSED_CACHE`
(`~/.cache/unposed`). Secrets are never settings: boto3, pyiceberg and Airflow read their own
environment. Made by `make reference`; edit `unposed_jobs/config/`.
"""
_SECRET = re.compile(r"secret|token|password|credential|access-key", re.IGNORECASE)


def as_toml() -> str:
    """Every key with its description, unit, limits and default; each default is a comment."""
    lines = [f"# {line}" for line in _HEAD.splitlines()]
    for name, section in SECTIONS.items():
        lines += ["", "", *_wrapped(_text(section.__doc__)), f"[{name}]"]
        for key, item in fields_of(section).items():
            lines += ["", *_wrapped(_text(item.description))]
            if limits := _limits(item):
                lines += _wrapped(f"({limits})")
            lines.append(f"#{key} = {toml(_default(item))}")
            lines += [f"#{key} = {toml(one)}  # for example" for one in item.examples or ()]
    return "\n".join(lines) + "\n"


def as_effective(found: Effective) -> str:
    """A file of the values in effect, each with its origin in a comment; no secrets."""
    lines = [f"# File: {found.source or 'none; every value is a default'}"]
    for name, section in SECTIONS.items():
        lines += ["", f"[{name}]"]
        values = getattr(found.settings, name)
        for key in fields_of(section):
            value = toml(_without_secrets(getattr(values, key)))
            lines.append(f"{key} = {value}  # {found.origins[name, key]}")
    return "\n".join(lines) + "\n"


def as_markdown() -> str:
    """``docs/configuration.md``."""
    lines = _PAGE.splitlines()
    for name, section in SECTIONS.items():
        lines += ["", f"## [{name}]", _text(section.__doc__), ""]
        lines += ["| key | default | values | meaning |", "|---|---|---|---|"]
        for key, item in fields_of(section).items():
            text = _text(item.description)
            if item.examples:
                such = ", ".join(f"`{toml(one)}`" for one in item.examples)
                text += f" For example {such}."
            cells = (f"`{key}`", f"`{toml(_default(item))}`", _limits(item) or kind_of(item), text)
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def toml(value: Any) -> str:
    """A value as TOML: texts, numbers, booleans, lists, and tables of texts in one line."""
    if isinstance(value, dict):
        pairs = ", ".join(f"{_key(key)} = {toml(item)}" for key, item in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml(item) for item in value)}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _key(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else toml(text)


def _default(item: FieldInfo) -> Any:
    return item.get_default(call_default_factory=True)


def _limits(item: FieldInfo) -> str:
    return ", ".join(text for text in (unit_of(item), limits_of(item)) if text)


def _text(described: str | None) -> str:
    """A docstring as one paragraph, in the backticks of Markdown."""
    return " ".join((described or "").replace("``", "`").split())


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent="# ", subsequent_indent="# ", break_long_words=False
    )


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: "***" if _SECRET.search(key) else _without_secrets(item)
            for key, item in value.items()
        }
    if isinstance(value, str):
        return re.sub(r"(://[^/:@]*):[^/@]*@", r"\1:***@", value)
    return value


if __name__ == "__main__":
    print(as_markdown(), end="")
