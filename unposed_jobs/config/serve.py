"""``[serve]``: the web application."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from unposed_jobs.config.fields import STRICT, Count, Section, Texts, Unit


@dataclass(frozen=True, config=STRICT)
class ServeSettings(Section):
    """The web application, `unposed serve`."""

    section: ClassVar[str] = "serve"

    host: str = "127.0.0.1"
    """The network address that it listens on. Any other than this machine's own needs `https`."""
    port: Annotated[int, Field(ge=1, le=65535)] = 8642
    """Its port."""
    https: bool = False
    """People reach it by https, through a proxy that ends it: cookies then travel by nothing
    else."""
    names: Annotated[Texts, Field(examples=[["unposed.example.com"]])] = ()
    """Host names that people reach it by, beside this machine's own; others are refused."""
    proxies: Annotated[Texts, Field(examples=[["10.0.0.7"]])] = ()
    """Network addresses of proxies whose word about the visitor's address is taken."""
    folder: str = "{home}/serve"
    """A local folder for what is made of published tables and pictures; it may be removed."""
    memory: Annotated[int, Field(ge=128), Unit("MiB")] = 1024
    """Most memory of the queries."""
    columns: Annotated[Texts, Field(examples=[["brand", "season"]])] = ()
    """The columns of `[catalogue] carry` to filter by and to export; empty: all of them."""
    history_days: Annotated[Count, Unit("days")] = 60
    """Published days that are looked at for how long a gap has been there."""
    session_hours: Annotated[Count, Unit("hours")] = 12
    """How long a login lasts."""
    requests_a_minute: Annotated[Count, Unit("requests")] = 600
    """Of one person or, before a login, of one address; pictures count a tenth."""
    export_rows: Annotated[Count, Unit("rows")] = 100_000
    """Most rows of an export."""
    webhook: Annotated[str, Field(examples=["https://studio.example.com/unposed"])] = ""
    """An https address that assignments are posted to, signed with $UNPOSED_WEBHOOK_SECRET."""
    smtp: Annotated[str, Field(examples=["mail.example.com:587"])] = ""
    """The mail server of the digest; login from $UNPOSED_SMTP_USER and $UNPOSED_SMTP_PASSWORD."""
    mail_from: str = ""
    """The digest's sender."""
    links: Annotated[Texts, Field(examples=[["Shop=https://shop.example.com/p/{product_id}"]])] = ()
    """Where else a product is, each a name and an https address; shown on its page."""
    airflow: Annotated[str, Field(examples=["https://airflow.example.com"])] = ""
    """The Airflow whose weekly training asks about a candidate, which an owner then answers on its
    page; by the user of $UNPOSED_AIRFLOW_USER and $UNPOSED_AIRFLOW_PASSWORD."""
    language: Literal["en", "de"] = "en"
    """Of the pages, where a browser asks for none of theirs."""
    login: Literal["token", "oidc"] = "token"
    """How people log in: by a token that `unposed people` makes, or at an OpenID provider."""
    oidc_issuer: Annotated[str, Field(examples=["https://login.example.com"])] = ""
    """The provider's address; its secret is $UNPOSED_OIDC_SECRET."""
    oidc_client: str = ""
    """The client id that the provider knows this application by."""
    oidc_claim: str = "groups"
    """The claim that tells a person's groups."""
    owners: Texts = ()
    """Groups of the provider whose people may do all."""
    editors: Texts = ()
    """Groups whose people may decide."""
    readers: Texts = ("*",)
    """Groups whose people may read; `*`: everybody whom the provider lets in."""
    log_addresses: bool = False
    """Whether the log keeps the network address of who writes."""
