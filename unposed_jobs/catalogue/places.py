"""Where a catalogue may point: the places of its own sources, and those that the settings add."""

from __future__ import annotations

import dataclasses
import os

from unposed_jobs import storage
from unposed_jobs.catalogue import sources
from unposed_jobs.config import Settings, StorageSettings


def allowed(settings: Settings) -> StorageSettings:
    """The storage's settings with all places that pictures may be read from.

    Of this machine the folders of the sources and `image_root`, links followed, and with
    `allow_parent_paths` the folder above; of object stores their buckets; with ``[storage] roots``
    and ``buckets``.
    """
    catalogue, own = settings.catalogue, settings.storage
    roots = {os.path.realpath(sources.absolute(root)) for root in own.roots}
    buckets = set(own.buckets)
    for uri in (
        catalogue.products,
        catalogue.images,
        catalogue.videos,
        catalogue.landmarks,
        catalogue.image_root,
    ):
        if not uri or uri.startswith("iceberg:"):
            continue
        if storage.kind(uri) == "s3":
            buckets.add(uri[5:].partition("/")[0])
        elif storage.kind(uri) == "file":
            folder = sources.absolute(uri) if uri == catalogue.image_root else sources.folder(uri)
            roots.add(os.path.realpath(folder))
            if catalogue.allow_parent_paths:
                roots.add(os.path.realpath(os.path.dirname(folder)))
    return dataclasses.replace(own, roots=tuple(sorted(roots)), buckets=tuple(sorted(buckets)))
