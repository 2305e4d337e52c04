"""Types of settings with their ranges and units, and the one-line error of a wrong value."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo

from unposed_jobs.errors import UnposedError


@dataclass(frozen=True)
class Unit:
    """What a number counts; documentation only."""

    name: str


def _list_as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _values_as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): str(item) for key, item in value.items()}
    return value


Share = Annotated[float, Field(ge=0, le=1), Unit("share")]
Count = Annotated[int, Field(ge=1)]
CountOrNone = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0.1), Unit("seconds")]
Texts = Annotated[tuple[str, ...], BeforeValidator(_list_as_tuple)]
Numbers = Annotated[tuple[float, ...], BeforeValidator(_list_as_tuple)]
WholeNumbers = Annotated[tuple[int, ...], BeforeValidator(_list_as_tuple)]
TextTable = Annotated[dict[str, str], BeforeValidator(_values_as_text)]

STRICT = ConfigDict(strict=True, extra="forbid", use_attribute_docstrings=True)
"""No text is taken for a number, no unknown key is passed over, docstrings describe the fields."""


class Section:
    """A section of ``unposed.toml``: a frozen pydantic dataclass, valid whenever it exists.

    Raises UnposedError, with the section, the key and what would be right, for a wrong value or an
    unknown key.
    """

    section: ClassVar[str]
    """Its name in the file."""

    @model_validator(mode="wrap")
    @classmethod
    def _refuse_in_one_line(cls, data: Any, handler: Any) -> Any:
        try:
            return handler(data)
        except ValidationError as error:
            raise UnposedError(_explain(cls, error)) from None


def fields_of(section: type[Section]) -> dict[str, FieldInfo]:
    """The fields of a section, in their order."""
    return getattr(section, "__pydantic_fields__")  # noqa: B009 - unknown to mypy


def refuse_unknown(given: Iterable[str], known: Iterable[str], what: str) -> None:
    """Raise UnposedError for the first name of `given` that is not among `known`."""
    names = list(known)
    for name in given:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(names)}"
            raise UnposedError(f"unknown {what}: {name}; {hint}")


def _explain(section: type[Section], error: ValidationError) -> str:
    fields = fields_of(section)
    mistakes = error.errors()
    unknown = [str(item["loc"][0]) for item in mistakes if item["loc"][0] not in fields]
    try:
        refuse_unknown(unknown, fields, f"setting in [{section.section}]")
    except UnposedError as refusal:
        return str(refusal)
    first = mistakes[0]
    key = str(first["loc"][0])
    where = f"[{section.section}] {key}"
    if first["type"] == "value_error":
        return f"{where} {first['ctx']['error']}"
    value = first["input"]
    limits = limits_of(fields[key])
    if limits and first["type"].startswith(("greater", "less", "literal")):
        shown = f"{value:g}" if isinstance(value, float) else repr(value)
        return f"{where} must be {limits}, not {shown}"
    return f"{where} must be {kind_of(fields[key])}, not {value!r}"


def limits_of(field: FieldInfo) -> str:
    """The range or the choices of a field in words; empty where there is none."""
    if typing.get_origin(field.annotation) is Literal:
        return _either([str(item) for item in typing.get_args(field.annotation)])
    bounds: dict[str, Any] = {}
    for item in field.metadata:
        for name in ("ge", "gt", "le"):
            if getattr(item, name, None) is not None:
                bounds[name] = getattr(item, name)
    if "ge" in bounds and "le" in bounds:
        return f"from {bounds['ge']:g} to {bounds['le']:g}"
    if "ge" in bounds:
        return f"{bounds['ge']:g} or more"
    return f"more than {bounds['gt']:g}" if "gt" in bounds else ""


def _either(names: list[str]) -> str:
    if len(names) > 2:
        return f"one of {', '.join(names)}"
    return " or ".join(names)


_KINDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    tuple[str, ...]: "a list of texts",
    tuple[float, ...]: "a list of numbers",
    tuple[int, ...]: "a list of whole numbers",
    dict[str, str]: "a table of texts",
}


def kind_of(field: FieldInfo) -> str:
    """What a field holds, in words."""
    return _KINDS.get(field.annotation, limits_of(field))  # type: ignore[arg-type]


def unit_of(field: FieldInfo) -> str:
    """The unit of a field; empty where there is none."""
    return next((item.name for item in field.metadata if isinstance(item, Unit)), "")
