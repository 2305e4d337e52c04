"""``[storage]``: where pictures may be read from, and how patiently."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from unposed_jobs.config.fields import STRICT, Count, Seconds, Section, Texts, TextTable, Unit


@dataclass(frozen=True, config=STRICT)
class StorageSettings(Section):
    """Where pictures may be read from, how long to wait, and how much at once.

    Limits on requests hold for one host and port, and for all processes of a machine together.
    """

    section: ClassVar[str] = "storage"

    roots: Annotated[Texts, Field(examples=[["/mnt/media"]])] = ()
    """Folders whose files a catalogue may name, in addition to those of its sources and its
    `image_root`; links are resolved first."""
    buckets: Annotated[Texts, Field(examples=[["media/shop"]])] = ()
    """Buckets (``"name"``, ``"name/prefix"``) that it may name, in addition to those of its sources
    and its `image_root`."""
    request_seconds: Seconds = 10.0
    """Longest wait for an object store's answer, or for the next bytes of one."""
    picture_seconds: Seconds = 120.0
    """Longest time for one object, or for 8 MiB of a larger one, all attempts together."""
    http_hosts: Annotated[Texts, Field(examples=[["cdn.shop.com", "*.shop.com"]])] = ()
    """Hosts that pictures may be read from; ``*`` in a pattern is any text, ``"*"`` alone is every
    host. A pattern with a port (``"cdn.shop.com:8443"``) allows that port only. Empty: nothing is
    fetched."""
    http_private_addresses: bool = False
    """Whether a host may have a private, loopback or link-local address."""
    http_requests: Count = 32
    """Most requests at once."""
    http_requests_per_second: Annotated[float, Field(ge=0.1), Unit("requests per second")] = 2000.0
    """Most requests that are begun in a second."""
    http_seconds: Seconds = 60.0
    """Longest time of one request, from its first byte to the last of the answer."""
    http_attempts: Count = 5
    """Attempts for one picture where the host is busy or answers by a fault; two where it does not
    answer at all."""
    http_contact: str = ""
    """A mail or web address that is sent to the hosts in User-Agent."""
    http_ca_bundle: str = ""
    """A PEM file of certificate authorities; empty: the machine's (``$SSL_CERT_FILE``)."""
    http_tokens: Annotated[TextTable, Field(examples=[{"cdn.shop.com": "CDN_TOKEN"}])] = field(
        default_factory=dict
    )
    """Host pattern = the environment variable that holds its token, which is sent as
    ``Authorization: Bearer TOKEN``, or a whole header (``X-Api-Key: TOKEN``); https only."""
