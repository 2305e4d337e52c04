"""Maintenance: superseded rows removed, small files compacted, manifests merged, old snapshots
expired, orphans collected.

Everything keeps the rows that anybody may see as they are. Orphans are removed only where nothing
that is retained names them and they are older than three days: a run that is still staging is
younger.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq
from pyiceberg.exceptions import CommitFailedException, ValidationException
from pyiceberg.expressions import Or
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table.snapshots import SnapshotLogEntry

from unposed_jobs.errors import CheckFailedError
from unposed_jobs.warehouse import commit, publishing, reading, runs
from unposed_jobs.warehouse.checks import EPOCH
from unposed_jobs.warehouse.columns import Table
from unposed_jobs.warehouse.staging import StagedFile, Stager
from unposed_jobs.warehouse.tables import DAY_TABLES, TABLES
from unposed_jobs.warehouse.warehouse import Warehouse

ORPHAN_AGE = timedelta(days=3)
SNAPSHOT_AGE = timedelta(days=7)
SUPERSEDED_AGE = timedelta(days=3)
"""How long rows that are not published stay: a run may still publish them, a reader be at them."""
SMALL_FILE = 32 * 1024 * 1024
"""Bytes below which a file is worth putting together with others of its partition."""
METADATA_KEPT = 20
"""Older versions of a table's metadata file that are kept; each commit leaves one."""
_MANY_MANIFESTS = 20
_PARTITIONS_A_COMMIT = 64

_log = logging.getLogger(__name__)


_Group = tuple[tuple[Any, ...], str | None]
"""Partition values, and the run where files are kept apart by it."""


@dataclass
class Report:
    """What maintenance did to one table, or would do."""

    table: str
    superseded_files: int = 0
    """Of a day's runs that are not its published one."""
    compacted_files: int = 0
    """Small files that became fewer."""
    compacted_into: int = 0
    merged_manifests: int = 0
    expired_snapshots: int = 0
    old_metadata: int = 0
    """Versions of the table's metadata beyond `METADATA_KEPT`; their files go as orphans do."""
    orphans: list[str] = field(default_factory=list)
    orphan_bytes: int = 0
    skipped: list[str] = field(default_factory=list)
    """Partitions, or what else of the table, that another writer changed meanwhile; the next
    maintenance takes them. They are in no count."""
    damaged: list[str] = field(default_factory=list)
    """Partitions with a file that cannot be read; left as they are."""

    def left(self) -> list[str]:
        """A line for each thing that was left as it is."""
        written = (
            f"{one or 'all'} left to the next time, a run wrote meanwhile" for one in self.skipped
        )
        spoilt = (
            f"{one or 'all'} left alone, a file is damaged; see docs/runbooks/exit-6-machine.md"
            for one in self.damaged
        )
        return [f"{self.table}: {line}" for line in (*written, *spoilt)]


def maintain(
    warehouse: Warehouse,
    apply: bool = False,
    snapshot_age: timedelta = SNAPSHOT_AGE,
    orphan_age: timedelta = ORPHAN_AGE,
    now: datetime | None = None,
    *,
    renew_views: Callable[[Warehouse], object],
) -> list[Report]:
    """Maintain every table; without `apply` only report what would be done.

    `renew_views` (``sql.views.publish``) is called before any file is removed, lest readers have
    views of removed files. Raises ValueError for an `orphan_age` under three days: the files of a
    run that has not committed yet are named by nothing.
    """
    if orphan_age < ORPHAN_AGE:
        raise ValueError(f"orphans must be {ORPHAN_AGE.days} days old at least")
    now = now or datetime.now(UTC)
    reports = []
    for name in TABLES:
        report = Report(name)
        if TABLES[name] in DAY_TABLES:
            remove_superseded(warehouse, name, report, apply, now - SUPERSEDED_AGE)
        compact(warehouse, name, report, apply)
        merge_manifests(warehouse, name, report, apply)
        expire(warehouse, name, report, apply, now - snapshot_age)
        trim_metadata(warehouse, name, report, apply)
        reports.append(report)
    if apply:
        renew_views(warehouse)
    for report in reports:
        collect_orphans(warehouse, report.table, report, apply, now - orphan_age)
    return reports


def remove_superseded(
    warehouse: Warehouse, name: str, report: Report, apply: bool, before: datetime
) -> None:
    """Take rows of a day's other runs than its published one out of a day table.

    Those that were written and, where the day is published, superseded before that time.
    """
    published = runs.published_days(warehouse.runs())
    table = warehouse.table(name)
    days: dict[date, list[DataFile]] = defaultdict(list)
    for file in commit.files_written_before(table, before):
        day, owner = _partition(TABLES[name], file)[0], publishing.run_of(table, file)
        shown = published.get(day)
        kept = shown is not None and (owner == shown.run_id or shown.finished_at >= before)
        if owner is not None and not kept:
            days[day].append(file)
    report.superseded_files = sum(map(len, days.values()))
    for day, files in sorted(days.items()) if apply else ():
        try:
            publishing.remove_files(warehouse.table(name), day, files)
        except commit.ConflictError:
            report.superseded_files -= len(files)
            report.skipped.append(f"run_date {day}")


def compact(warehouse: Warehouse, name: str, report: Report, apply: bool) -> None:
    """Put a partition's small files together; a snapshot takes up many partitions.

    Of day tables those of each run by themselves: a file holds the rows of one run.
    """
    table, known = warehouse.table(name), TABLES[name]
    groups: dict[_Group, list[DataFile]] = defaultdict(list)
    for file in reading.data_files(table):
        owner = publishing.run_of(table, file) if known.of_days else None
        groups[_partition(known, file), owner].append(file)
    chosen = {
        group: files
        for group, files in groups.items()
        if sum(file.file_size_in_bytes < SMALL_FILE for file in files) > 1
    }
    if not apply:
        report.compacted_files = sum(map(len, chosen.values()))
        report.compacted_into = len(chosen)
        return
    order = sorted(chosen, key=lambda group: (group[0], group[1] or ""))
    batches = deque(
        order[start : start + _PARTITIONS_A_COMMIT]
        for start in range(0, len(order), _PARTITIONS_A_COMMIT)
    )
    while batches:
        batch = batches.popleft()
        files = {group: chosen[group] for group in batch}
        try:
            report.compacted_into += _compact(table, known, files)
        except commit.ConflictError:
            report.skipped += [_named(known, values) for values, _ in batch]
        except (OSError, pa.ArrowInvalid):
            if len(batch) > 1:  # One by one, to see which it is.
                batches.extendleft([group] for group in batch)
            else:
                report.damaged += [_named(known, values) for values, _ in batch]
        else:
            report.compacted_files += sum(map(len, files.values()))
        table = warehouse.table(name)


def _compact(table: IcebergTable, known: Table, groups: dict[_Group, list[DataFile]]) -> int:
    stager = Stager.of(table, known.name, f"compaction-{uuid4().hex[:12]}", keep_run_id=True)
    staged: list[StagedFile] = []
    terms = []
    try:
        for (values, owner), files in groups.items():
            written = stager.write(_rows(table, known, files))
            staged += written
            before, after = sum(f.record_count for f in files), sum(f.rows for f in written)
            if before != after:
                raise CheckFailedError(
                    f"{known.name}: {before} rows of {_named(known, values)} gave {after}"
                )
            where = dict(zip(known.partition, values, strict=True))
            terms.append(reading.expression(where if owner is None else where | {"run_id": owner}))
        predicate = Or(*terms) if len(terms) > 1 else terms[0]
        gone = [file for files in groups.values() for file in files]
        commit.replace(table, predicate, staged, {commit.OPERATION: "compact"}, gone)
    except (CheckFailedError, commit.ConflictError, OSError, pa.ArrowInvalid):
        commit.remove_staged(table, staged)
        raise
    return len(staged)


def _partition(known: Table, file: DataFile) -> tuple[Any, ...]:
    """The file's partition values as Python has them."""
    values = [file.partition[position] for position in range(len(known.partition))]
    return tuple(
        EPOCH + timedelta(days=value)
        if known.schema.field(name).type == pa.date32() and isinstance(value, int)
        else value
        for name, value in zip(known.partition, values, strict=True)
    )


def _named(known: Table, values: tuple[Any, ...]) -> str:
    return ", ".join(f"{name} {value}" for name, value in zip(known.partition, values, strict=True))


def _rows(table: IcebergTable, known: Table, files: Sequence[DataFile]) -> Iterator[pa.RecordBatch]:
    for file in files:
        with table.io.new_input(file.file_path).open() as stream:
            for batch in pq.ParquetFile(stream).iter_batches(columns=known.schema.names):
                completed = batch
                for column in known.schema:
                    if column.name not in batch.schema.names:  # A file of an earlier version.
                        nothing = pa.nulls(batch.num_rows, column.type)
                        completed = completed.append_column(column.name, nothing)
                yield completed


@contextlib.contextmanager
def _left_to_the_next_time(report: Report, what: str, count: str) -> Iterator[None]:
    """Nothing is lost where a run commits at the same moment: `what` is done next week."""
    try:
        yield
    except (CommitFailedException, ValidationException):
        setattr(report, count, 0)
        report.skipped.append(what)


def merge_manifests(warehouse: Warehouse, name: str, report: Report, apply: bool) -> None:
    """Rewrite many manifests into few: each commit leaves one, and reads all of them."""
    table = warehouse.table(name)
    snapshot = table.current_snapshot()
    count = 0 if snapshot is None else len(snapshot.manifests(table.io))
    if count < _MANY_MANIFESTS:
        return
    report.merged_manifests = count
    if apply:
        transaction = commit.KeptTransaction(table)
        # An append of nothing: pyiceberg merges manifests while it appends.
        properties = {commit.OPERATION: "merge-manifests"}
        with _left_to_the_next_time(report, "manifests", "merged_manifests"):
            transaction.update_snapshot(snapshot_properties=properties).merge_append().commit()
            transaction.commit_transaction()


def expire(warehouse: Warehouse, name: str, report: Report, apply: bool, before: datetime) -> None:
    """Forget snapshots that stopped being the current one before that time, but for the last of
    each month, so that a month's end can be read for years.

    Not those that were made before it: a reader may have planned the files of a table that
    nobody wrote for a month until a minute ago.
    """
    table = warehouse.table(name)
    limit = before.timestamp() * 1000
    kept = {ref.snapshot_id for ref in table.metadata.refs.values()}
    kept |= month_ends(table.metadata.snapshot_log)
    current_until: dict[int, int] = {}
    for entry, follower in itertools.pairwise(table.metadata.snapshot_log):
        current_until[entry.snapshot_id] = follower.timestamp_ms
    old = [
        snapshot.snapshot_id
        for snapshot in table.snapshots()
        if current_until.get(snapshot.snapshot_id, snapshot.timestamp_ms) < limit
        and snapshot.snapshot_id not in kept
    ]
    report.expired_snapshots = len(old)
    if apply and old:
        with _left_to_the_next_time(report, "snapshots", "expired_snapshots"):
            table.maintenance.expire_snapshots().by_ids(old).commit()


def month_ends(log: Sequence[SnapshotLogEntry]) -> set[int]:
    """The snapshots that were current at the end of each month; the running one has none yet."""
    ends: dict[tuple[int, int], int] = {}
    for entry in log:
        moment = datetime.fromtimestamp(entry.timestamp_ms / 1000, UTC)
        ends[moment.year, moment.month] = entry.snapshot_id
    ends.pop(max(ends, default=(0, 0)), None)
    return set(ends.values())


def trim_metadata(warehouse: Warehouse, name: str, report: Report, apply: bool) -> None:
    """Let a table remember few versions of its metadata, from now on by each commit.

    A reader opens the current one; the older ones show what was changed when.
    """
    table = warehouse.table(name)
    report.old_metadata = max(0, len(table.metadata.metadata_log) - METADATA_KEPT)
    wanted = {
        "write.metadata.delete-after-commit.enabled": "true",
        "write.metadata.previous-versions-max": str(METADATA_KEPT),
    }
    if apply and (
        report.old_metadata or any(table.properties.get(key) != wanted[key] for key in wanted)
    ):
        left = _left_to_the_next_time(report, "metadata", "old_metadata")
        with left, table.transaction() as transaction:
            transaction.set_properties(wanted)


def collect_orphans(
    warehouse: Warehouse, name: str, report: Report, apply: bool, before: datetime
) -> None:
    """Remove files older than `before` that nothing names.

    Files are listed first and the table's state is read afterwards, so that what a commit took
    up meanwhile counts as named.
    """
    table = warehouse.table(name)
    io = table.io
    if not isinstance(io, PyArrowFileIO):
        raise TypeError(f"{type(io).__name__} is not PyArrow's")
    scheme, netloc, folder = PyArrowFileIO.parse_location(table.location(), io.properties)
    filesystem = io.fs_by_scheme(scheme, netloc)
    selector = pyarrow.fs.FileSelector(folder, recursive=True, allow_not_found=True)
    old = [
        info
        for info in filesystem.get_file_info(selector)
        if info.is_file and info.mtime is not None and info.mtime < before
    ]
    named = {
        PyArrowFileIO.parse_location(path, io.properties)[2]
        for path in named_files(warehouse.table(name))
    }
    for info in old:
        if info.path in named:
            continue
        report.orphans.append(info.path)
        report.orphan_bytes += info.size
        if apply:
            try:
                remove_orphan(filesystem, info.path)
            except FileNotFoundError:
                _log.info("%s went meanwhile", info.path)


def remove_orphan(filesystem: pyarrow.fs.FileSystem, path: str) -> None:
    """Remove a file that nothing names. Raises FileNotFoundError where it is gone."""
    filesystem.delete_file(path)


def named_files(table: IcebergTable) -> set[str]:
    """Every file that a retained snapshot or the metadata log names."""
    named = {table.metadata_location}
    named |= {entry.metadata_file for entry in table.metadata.metadata_log}
    named |= {entry.statistics_path for entry in table.metadata.statistics}
    named |= {entry.statistics_path for entry in table.metadata.partition_statistics}
    seen: set[str] = set()
    for snapshot in table.snapshots():
        named.add(snapshot.manifest_list)
        for manifest in snapshot.manifests(table.io):
            if manifest.manifest_path in seen:
                continue
            seen.add(manifest.manifest_path)
            # An entry marked deleted names nothing: where an older snapshot that still has the
            # file is retained, its own manifests name it.
            for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True):
                named.add(entry.data_file.file_path)
    return named | seen
