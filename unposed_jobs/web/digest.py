"""A list by e-mail: what a studio or a seller is to photograph, as text and as a file.

Sent by a command that a schedule starts, not by the server: who gets which list when is the
schedule's to say.
"""

from __future__ import annotations

import os
import smtplib
import ssl
from email.message import EmailMessage
from urllib.parse import parse_qsl

from unposed_jobs.config import ServeSettings
from unposed_jobs.errors import MachineError, UnposedError
from unposed_jobs.web import exports
from unposed_jobs.web.filters import GAP_SORTS, Filter
from unposed_jobs.web.languages import Speech
from unposed_jobs.web.reading import Day
from unposed_jobs.web.rows import export_names, export_row, gap_rows

USER, PASSWORD = "UNPOSED_SMTP_USER", "UNPOSED_SMTP_PASSWORD"
MOST_WRITTEN = 50
"""Rows in the text; the file has all."""
_TIMEOUT_SECONDS = 30
_in_words = Speech("en").day


def compose(
    day: Day, settings: ServeSettings, to: str, query: str, marketplace: str = ""
) -> EmailMessage | None:
    """The message of a work list's query; None where the list is empty.

    Raises UnposedError where there is no sender or an address is none.
    """
    if not settings.mail_from:
        raise UnposedError("[serve] mail_from must say who sends the digest")
    wanted = Filter.read(dict(parse_qsl(query)), day.about.columns, GAP_SORTS)
    rows = list(gap_rows(day, wanted, "", settings.export_rows))
    if not rows:
        return None
    message = EmailMessage()
    count = f"{len(rows)} picture{'' if len(rows) == 1 else 's'} to take or add"
    try:
        message["From"], message["To"] = settings.mail_from, to
        message["Subject"] = f"{count}, audit of {_in_words(day.about.run_date)}"
    except ValueError:
        raise UnposedError("an address of the digest is not one line") from None
    lines = [f"{count}:", ""]
    for row in rows[:MOST_WRITTEN]:
        due = f", {_in_words(row['due'])}" if row["due"] else ""
        name = f"{row['title']} ({row['product_id']})" if row["title"] else row["product_id"]
        code = f" [{row['shot_code']}]" if row["shot_code"] else ""
        lines.append(f"- {name}: {row['ask_name']}{code}{due}")
    if len(rows) > MOST_WRITTEN:
        lines.append(f"... and {len(rows) - MOST_WRITTEN} more in the file")
    message.set_content("\n".join(lines) + "\n")
    values = (export_row(day, row, marketplace) for row in rows)
    message.add_attachment(
        b"".join(exports.as_csv(export_names(day, marketplace), values)),
        maintype="text",
        subtype="csv",
        filename=f"unposed-{day.about.run_date}.csv",
    )
    return message


def send(settings: ServeSettings, message: EmailMessage) -> None:
    """Hand the message to the mail server, encrypted wherever it can be.

    Raises UnposedError without a server or where the password would travel in the clear,
    MachineError where the server does not take it.
    """
    host, _, port = settings.smtp.partition(":")
    if not host or (port and not port.isdecimal()):
        raise UnposedError("[serve] smtp must be a mail server, such as mail.example.com:587")
    user, password = os.environ.get(USER), os.environ.get(PASSWORD)
    try:
        with smtplib.SMTP(host, int(port or 587), timeout=_TIMEOUT_SECONDS) as server:
            server.ehlo()
            if server.has_extn("starttls"):
                server.starttls(context=ssl.create_default_context())
                server.ehlo()
            elif user:
                raise UnposedError(f"{host} offers no encryption: the password is not sent")
            if user and password:
                server.login(user, password)
            server.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        reason = " ".join(str(error).split())[:200]
        raise MachineError(f"the mail server {host} did not take the digest: {reason}") from None
