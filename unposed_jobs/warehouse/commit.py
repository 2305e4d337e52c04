"""One commit, one snapshot: whatever is replaced goes and comes at the same moment.

pyiceberg's own `overwrite` and `delete` + `add_files` make two snapshots, and a reader between
them would find a hole. The producer below them makes one, also where nothing comes.

All that leans on pyiceberg's private classes stands here; tests/warehouse/test_pyiceberg.py fails
what an upgrade broke.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Any

from pyiceberg.exceptions import CommitFailedException, ValidationException
from pyiceberg.expressions import AlwaysTrue, BooleanExpression
from pyiceberg.manifest import DataFile, ManifestContent, ManifestFile
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table import Transaction
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Operation, Snapshot, ancestors_of
from pyiceberg.table.update import TableUpdate
from pyiceberg.table.update.snapshot import _FastAppendFiles, _OverwriteFiles, _SnapshotProducer

from unposed_jobs.errors import UnposedError
from unposed_jobs.warehouse.staging import StagedFile

RUN_ID = "unposed.run-id"
PART = "unposed.part"
OPERATION = "unposed.operation"

_log = logging.getLogger(__name__)


class KeptTransaction(Transaction):
    """Keeps the metadata that it leads to until there is another change.

    pyiceberg makes it anew whenever it is asked, seventeen times for each commit, and each time
    copies the whole history of the table.
    """

    _kept: tuple[TableMetadata, tuple[TableUpdate, ...], TableMetadata] | None = None

    @property
    def table_metadata(self) -> TableMetadata:
        """Not to be altered: pyiceberg does not."""
        base, updates = self._table.metadata, self._updates
        if self._kept is None or self._kept[0] is not base or self._kept[1] is not updates:
            self._kept = base, updates, super().table_metadata
        return self._kept[2]


class ConflictError(UnposedError):
    """Another run committed the same rows first; nothing of ours was published."""

    exit_code = 5


def replace(
    table: IcebergTable,
    predicate: BooleanExpression,
    staged: Iterable[StagedFile],
    properties: dict[str, str],
    gone: Collection[DataFile] | None = None,
) -> int:
    """Replace the files of `predicate` by the staged ones in one snapshot; returns its id.

    `predicate` must cover whole partitions, unless `gone` names the files that go. `table` is the
    state that the replacement was made for: a commit of such rows since then is a conflict, one
    of others is not.

    Raises ConflictError where another writer was first.
    """
    staged = list(staged)
    if gone is None:
        gone = _whole_files(table, predicate)
    live = {file.file_path for file in gone}
    current = table.current_snapshot()
    if current is not None and live and live == {file.path for file in staged}:
        # The commit landed and its answer was lost: the caller tries again.
        return current.snapshot_id
    transaction = KeptTransaction(table)
    producer = _Overwrite(
        Operation.APPEND if current is None else Operation.OVERWRITE,
        transaction,
        table.io,
        snapshot_properties=properties,
    )
    for file in gone:
        producer.delete_data_file(file)
    return _commit(table, transaction, producer, predicate, staged)


def _whole_files(table: IcebergTable, predicate: BooleanExpression) -> list[DataFile]:
    tasks = list(table.scan(row_filter=predicate).plan_files())
    for task in tasks:
        if task.residual != AlwaysTrue() or task.delete_files:
            raise ValueError(f"{predicate} does not cover the whole of {task.file.file_path}")
    return [task.file for task in tasks]


def add(
    table: IcebergTable,
    predicate: BooleanExpression,
    staged: Iterable[StagedFile],
    properties: dict[str, str],
) -> int:
    """Add the staged files in one snapshot; returns its id.

    A plain append never conflicts, so two of them can double rows. This one does, with any
    commit to the partitions of `predicate` since `table` was loaded.

    Raises ConflictError where another writer was first.
    """
    transaction = KeptTransaction(table)
    producer = _CheckedAppend(
        Operation.APPEND, transaction, table.io, snapshot_properties=properties
    )
    return _commit(table, transaction, producer, predicate, staged)


class _Overwrite(_OverwriteFiles):
    """An overwrite whose threads do not disturb one another.

    pyiceberg asks of all manifests at the same time, by threads, whether they may hold what goes,
    and keeps the manifest that it looks at in what they share: now and then a file that is there
    is not found, and the commit is refused.
    """

    def _build_manifest_evaluator(self, spec_id: int) -> Callable[[ManifestFile], bool]:
        made = super()._build_manifest_evaluator

        def may_hold(manifest: ManifestFile) -> bool:
            return made(spec_id)(manifest)  # Made anew for each, so nothing is shared.

        return may_hold


class _CheckedAppend(_FastAppendFiles):
    """An append with an overwrite's checks.

    An overwrite of nothing would do the same, but opens the manifests of all commits before it:
    2 s after 300 of them.
    """

    def _validate_concurrency(self) -> None:
        _SnapshotProducer._validate_concurrency(self)


def _commit(
    table: IcebergTable,
    transaction: Transaction,
    producer: _SnapshotProducer[Any],
    predicate: BooleanExpression,
    staged: Iterable[StagedFile],
) -> int:
    # Of an append, too: the predicate is what a commit by others is checked against.
    producer.delete_by_predicate(predicate)
    for file in staged:
        producer.append_data_file(file.data_file)
    try:
        producer.commit()
        transaction.commit_transaction()
    except (ValidationException, CommitFailedException) as error:
        raise ConflictError(
            f"another run wrote the same rows of {'.'.join(table.name())} at the same moment "
            f"({str(error).splitlines()[0]}); run it again"
        ) from error
    return producer.snapshot_id


def find_part(table: IcebergTable, run_id: str, part: str) -> Snapshot | None:
    """The retained snapshot that holds this part of this run, if it was committed."""
    for snapshot in ancestors_of(table.current_snapshot(), table.metadata):
        summary = snapshot.summary
        if summary is not None and (summary.get(RUN_ID), summary.get(PART)) == (run_id, part):
            return snapshot
    return None


def added_since(
    table: IcebergTable, read_at: int | None, own: Collection[int]
) -> list[DataFile] | None:
    """The data files that were committed since the snapshot `read_at` (None: since ever), but for
    those of the snapshots `own`. Only manifests of later commits are opened.

    None where the table no longer knows: the snapshot expired, or another engine wrote delete
    files.
    """
    current = table.current_snapshot()
    read = None if read_at is None else table.metadata.snapshot_by_id(read_at)
    if (read is None) != (read_at is None):
        return None
    before = 0 if read is None else read.sequence_number or 0
    files: list[DataFile] = []
    for manifest in [] if current is None else current.manifests(table.io):
        if manifest.content != ManifestContent.DATA:
            return None
        # What `add` adds is in a manifest of its own, which holds nothing else.
        if manifest.sequence_number > before and manifest.added_snapshot_id not in own:
            files += [
                entry.data_file
                for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True)
                if (entry.sequence_number or before + 1) > before and entry.snapshot_id not in own
            ]
    return files


def files_written_before(table: IcebergTable, moment: datetime) -> list[DataFile]:
    """The current data files whose snapshot was made before that time, or is expired."""
    current = table.current_snapshot()
    limit = moment.timestamp() * 1000
    files: list[DataFile] = []
    for manifest in [] if current is None else current.manifests(table.io):
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True):
            made = table.metadata.snapshot_by_id(entry.snapshot_id or 0)
            if made is None or made.timestamp_ms < limit:
                files.append(entry.data_file)
    return files


def remove_staged(table: IcebergTable, staged: Iterable[StagedFile]) -> None:
    """Remove staged files that no commit can have taken; those that resist stay as orphans."""
    for file in staged:
        try:
            table.io.delete(file.path)
        except OSError as error:
            _log.warning("could not remove %s: %s", file.path, error)
