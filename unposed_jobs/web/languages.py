"""What the pages are written in: gettext's catalogues, and numbers and days as a language has them.

The text of templates and labels is English and is what catalogues are looked up by. A catalogue is
`locale/LANGUAGE/LC_MESSAGES/pages.po`, read as it is: no compiled copy can be out of date. What
is data stays as it is: names of products and asks, what people wrote, lines of the log, and
errors, which are those of the command line.
"""

from __future__ import annotations

import datetime
import functools
import gettext
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from babel import Locale, dates, negotiate_locale, numbers
from babel.messages import mofile, pofile

FOLDER = Path(__file__).parent / "locale"
LANGUAGES = {"en": "English", "de": "Deutsch"}
"""By what a browser asks for; the first is what templates are written in."""
COOKIE = "unposed_language"
_LOCALES = {"en": "en_GB", "de": "de_DE"}


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for it
    """Marks a text that is translated where it is shown."""
    return message


@functools.cache
def catalogue(language: str) -> gettext.NullTranslations:
    """The texts of a language; the templates' own for one without a catalogue."""
    file = FOLDER / language / "LC_MESSAGES" / "pages.po"
    if not file.is_file():
        return gettext.NullTranslations()
    with file.open("rb") as opened:
        known = pofile.read_po(opened, locale=language)
    compiled = io.BytesIO()
    mofile.write_mo(compiled, known)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def choose(wanted: str | None, accepted: str, usual: str) -> str:
    """The language that somebody chose, else the first known one of a header Accept-Language, else
    the usual one."""
    if wanted in LANGUAGES:
        return str(wanted)
    ranked = []
    for place, part in enumerate(accepted[:500].split(",")):
        tag, _, weight = part.strip().partition(";q=")
        try:
            ranked.append((-float(weight or 1), place, tag.replace("-", "_")))
        except ValueError:
            continue
    tags = [tag for _, _, tag in sorted(ranked) if tag]
    return negotiate_locale(tags, list(LANGUAGES)) or usual


@dataclass(frozen=True)
class Speech:
    """One language's texts, numbers and days."""

    language: str

    @property
    def texts(self) -> gettext.NullTranslations:
        """Its catalogue."""
        return catalogue(self.language)

    @property
    def _locale(self) -> Locale:
        return Locale.parse(_LOCALES[self.language])

    def filters(self) -> dict[str, Callable[..., Any]]:
        """What templates write values by."""
        return {
            "day": self.day,
            "number": number,
            "percent": self.percent,
            "decimal": self.decimal,
            "moment": self.moment,
        }

    def word(self, value: str | None, known: Mapping[str, str]) -> str:
        """What a value is called, by one of `words`; itself where it has no word there."""
        found = known.get(value or "")
        return self.texts.gettext(found) if found else value or ""

    def day(self, value: datetime.date | None) -> str:
        """As 2 March 2026; 2. März 2026."""
        return dates.format_date(value, "long", self._locale) if value else ""

    def moment(self, value: datetime.datetime | None) -> str:
        """As 2 March 2026, 09:05 UTC."""
        return f"{self.day(value.date())}, {value:%H:%M} UTC" if value else ""

    def decimal(self, value: float) -> str:
        """With three decimals."""
        return numbers.format_decimal(value, "0.000", self._locale)

    def percent(self, value: float | None) -> str:
        """A share in per cent."""
        return "" if value is None else numbers.format_percent(value, locale=self._locale)


def number(value: float | None) -> str:
    """With thin spaces between thousands, as every language reads them."""
    return "" if value is None else f"{value:,}".replace(",", "\u202f")
