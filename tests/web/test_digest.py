"""A list by e-mail, taken by a small mail server of our own."""

from __future__ import annotations

import dataclasses
import email
import email.policy
import socketserver
import threading

import pytest

from unposed_jobs.decisions import Decision
from unposed_jobs.errors import MachineError, UnposedError
from unposed_jobs.web import digest
from unposed_jobs.web.reading import Day


class Mail(socketserver.ThreadingTCPServer):
    """Takes what it is handed."""

    def __init__(self):
        self.got = []
        super().__init__(("127.0.0.1", 0), _Talk)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def name(self):
        return f"127.0.0.1:{self.server_address[1]}"


class _Talk(socketserver.StreamRequestHandler):
    def handle(self):
        self.say("220 ready")
        while line := self.rfile.readline().strip().upper():
            if line.startswith(b"DATA"):
                self.say("354 go on")
                lines = []
                while (text := self.rfile.readline()) != b".\r\n":
                    lines.append(text)
                self.server.got.append(
                    email.message_from_bytes(b"".join(lines), policy=email.policy.default)
                )
            self.say("221 bye" if line.startswith(b"QUIT") else "250 good")

    def say(self, text):
        self.wfile.write(f"{text}\r\n".encode())


@pytest.fixture
def mail():
    with Mail() as made:
        yield made
        made.shutdown()


@pytest.fixture
def serve(served, mail):
    return dataclasses.replace(
        served.settings.serve, smtp=mail.name, mail_from="unposed@example.com"
    )


def test_what_is_assigned_goes_out_as_text_and_file(served, serve, mail):
    served.store.decide(
        [Decision("assign", product_id="=1+2", ask_id=3, assignee="Kim")], "M. Rossi"
    )
    day = Day(served.settings, served.store)
    message = digest.compose(day, serve, "kim@example.com", "assignee=Kim", "amazon")
    digest.send(serve, message)
    (got,) = mail.got
    assert got["To"] == "kim@example.com"
    assert got["Subject"] == "1 picture to take or add, audit of 2 March 2026"
    assert "- Shirt =1+2 (=1+2): side" in got.get_body(("plain",)).get_content()
    (file,) = got.iter_attachments()
    assert "'=1+2" in file.get_content()
    assert digest.compose(day, serve, "a@example.com", "assignee=Nobody") is None


def test_no_sender_no_header_of_others_no_password_in_the_clear(served, serve, mail, monkeypatch):
    day = Day(served.settings, served.store)
    with pytest.raises(UnposedError, match="mail_from"):
        digest.compose(day, served.settings.serve, "a@example.com", "")
    with pytest.raises(UnposedError, match="one line"):
        digest.compose(day, serve, "a@example.com\r\nBcc: b@example.com", "")
    message = digest.compose(day, serve, "a@example.com", "")
    monkeypatch.setenv(digest.USER, "u")
    monkeypatch.setenv(digest.PASSWORD, "p")
    with pytest.raises(UnposedError, match="no encryption"):
        digest.send(serve, message)
    with pytest.raises(MachineError, match="did not take"):
        digest.send(dataclasses.replace(serve, smtp="127.0.0.1:1"), message)
    assert mail.got == []
