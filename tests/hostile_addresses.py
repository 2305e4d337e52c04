"""A shop's folder beside what is none of its business, and addresses that lead out of it."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def make_shop(place: Path) -> Path:
    """A folder with one picture, and links, a pipe and a socket; its path."""
    folder, outside = place / "shop", place / "outside"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(b"a picture")
    (folder / "b.jpg").symlink_to("a.jpg")
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (folder / "link.jpg").symlink_to(outside / "secret")
    (folder / "folder").symlink_to(outside)
    (folder / "passwd.jpg").symlink_to("/etc/passwd")
    (folder / "self.jpg").symlink_to("/proc/self/environ")
    (folder / "loop.jpg").symlink_to("loop.jpg")
    os.mkfifo(folder / "pipe.jpg")
    (folder / "below.jpg").mkdir()
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(folder / "s.jpg"))
    return folder


def of_machine(folder: Path) -> list[str]:
    """Addresses of files that a catalogue in that folder may not name."""
    outside = folder.parent / "outside"
    return [
        "/etc/shadow",
        "file:///etc/passwd",
        "file:/etc/passwd",
        "file://localhost/etc/passwd",
        "FILE:///etc/hostname",
        "/proc/self/environ",
        "/proc/kmsg",
        "/proc/self/root/etc/passwd",
        f"/proc/self/cwd/{folder}/a.jpg",
        "/sys/kernel/notes",
        "/dev/zero",
        "/dev/tty",
        "/dev/stdin",
        f"{folder}/../outside/secret",
        f"{folder}/../../etc/passwd",
        f"{folder.as_uri()}/%2e%2e/outside/secret",
        f"{outside}/secret",
        f"{folder}/link.jpg",
        f"{folder}/folder/secret",
        f"{folder}/passwd.jpg",
        f"{folder}/self.jpg",
        f"{folder}/loop.jpg",
        f"{folder}/pipe.jpg",
        f"{folder}/s.jpg",
        f"{folder}/below.jpg",
        f"{folder}",
        f"{folder}2/a.jpg",
    ]


def of_elsewhere(folder: Path) -> list[str]:
    """Addresses of other machines, and what is no address."""
    return [
        "file://elsewhere/share/a.jpg",
        f"{folder}/a.jpg\0.png",
        "s3://another-bucket/a.jpg",
        "s3://user:secret@bucket/a.jpg",
        "https://169.254.169.254/latest/meta-data",
        "http://localhost:8080/admin",
        "ftp://host/a.jpg",
        "gs://bucket/a.jpg",
        "data:image/png;base64,AA",
        "javascript:alert(1)",
        "~root/.ssh/id_rsa",
        "",
    ]
