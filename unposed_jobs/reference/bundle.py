"""A trained model as a folder of plain files (design: nothing in it is code, nothing unpickled).

    manifest.json             versions, parameters, metrics, data snapshot, sha256 of each file
    scaler.safetensors        weights of the features
    autoencoder.safetensors   where the embedding is the autoencoder's
    centroids.npy             classes of pictures with a person, (K, d)
    clusters.safetensors      their spread, reach, noise and sizes
    no_person_centroids.npy,  the same of pictures without a person, and the standardisation
    no_person.safetensors     of their statistics
    ranker.txt, ranker.json   LightGBM's text form, and the values of its attributes
    cohorts.parquet           cohort x pose: share, score, example pictures
    asked.parquet             cohort x ask: the same, its usual pose and the poses that fill it
    vocabulary.json           pose ids, names, shot codes, lineage, asks
    exemplars.json            the most typical pictures of each pose

The folder is local or on S3. `load` compares every file with its sum before it is read.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from unposed_jobs import storage
from unposed_jobs.embedding.autoencoder import Autoencoder
from unposed_jobs.embedding.features import ratios_of
from unposed_jobs.embedding.scaler import Scaler
from unposed_jobs.embedding.topology import TOPOLOGIES, Floats, Topology
from unposed_jobs.errors import UnposedError
from unposed_jobs.ranking.ranker import Ranker
from unposed_jobs.reference import files
from unposed_jobs.reference.pictures import arrays
from unposed_jobs.vocabulary import shot_space
from unposed_jobs.vocabulary.clustering import Assignment, Clusters
from unposed_jobs.vocabulary.no_person import NoPersonBranch

MANIFEST = "manifest.json"
FORMAT = 1
_CHUNK = 16_384
"""Pictures assigned at a time: about 30 MB of landmarks and features."""
_MANIFEST_BYTES = 16 * 1024 * 1024

ASSIGNED = pa.schema(
    [
        pa.field("content_sha256", pa.string()),
        pa.field("pose_id", pa.int32()),
        pa.field("distance", pa.float32()),
        pa.field("confidence", pa.float32()),
        pa.field("near_pose_ids", pa.list_(pa.int32())),
        pa.field("kind", pa.string()),
        pa.field("perceptual_hash", pa.string()),
    ]
)
"""What `Bundle.assign` returns: the columns of the table `image_poses` that a model decides."""


@dataclass(frozen=True)
class PersonBranch:
    """Classes of pictures with a person: the encoder (its scaler, if that is all) and clusters."""

    topology: Topology
    encoder: Scaler | Autoencoder
    clusters: Clusters
    pose_ids: npt.NDArray[np.int32]
    reading_weight: float = 0.0
    """Of what a picture reads as, in the space of the clusters (`vocabulary.shot_space`)."""

    @property
    def scaler(self) -> Scaler:
        """The features' weights."""
        return self.encoder if isinstance(self.encoder, Scaler) else self.encoder.scaler

    def points(self, features: Floats) -> Floats:
        """Features (N, 77) or (N, 61) as points in the space of the clusters."""
        codes = self.encoder.encode(features)
        return shot_space.with_readings(codes, ratios_of(features), self.reading_weight)

    def state(self) -> files.Arrays:
        """Arrays by name; encoder and ids are kept elsewhere."""
        weight = np.array([self.reading_weight], dtype=np.float32)
        return self.clusters.state() | {"reading_weight": weight}

    @classmethod
    def from_state(
        cls,
        state: files.Arrays,
        topology: Topology,
        encoder: Scaler | Autoencoder,
        pose_ids: npt.NDArray[np.int32],
    ) -> PersonBranch:
        """The inverse of `state`; without a weight readings do not count."""
        weight = float(state["reading_weight"][0]) if "reading_weight" in state else 0.0
        return cls(topology, encoder, Clusters.from_state(state), pose_ids, weight)


@dataclass(frozen=True)
class OtherBranch:
    """Classes of pictures without a person."""

    branch: NoPersonBranch
    pose_ids: npt.NDArray[np.int32]


@dataclass(frozen=True)
class Stored:
    """The manifest and the files of a bundle as they lie in its folder."""

    manifest: dict[str, Any]
    files: dict[str, bytes]


@dataclass(frozen=True)
class Bundle:
    """A model: a candidate just learned, or one that was loaded. Build with `training` or `load`.

    `vocabulary` has the columns of the table `vocabulary` but model_version and run_id, retired
    poses included; `cohorts` the columns that `audit.expectations` reads: one for each of
    `attributes`, pose_id, products, share, steady_share (`reference.steadying`), score,
    example_images; `asked` the same of asks (`reference.asking`), None in a bundle from before
    there were any.
    """

    run_date: datetime.date
    estimator_id: str
    attributes: tuple[str, ...]
    person: PersonBranch | None
    other: OtherBranch | None
    ranker: Ranker
    vocabulary: pa.Table
    cohorts: pa.Table
    next_pose_id: int
    """Above every id that this model or one before it has ever given."""
    parameters: dict[str, Any]
    metrics: dict[str, Any]
    data: dict[str, Any] = field(default_factory=dict)
    asked: pa.Table | None = None
    stored: Stored | None = None
    """Of a bundle that was read: its very files, whatever today's libraries would write."""

    def assign(self, landmarks: pa.Table) -> pa.Table:
        """Name the pose of each picture (Algorithm 2: GETEMBEDDING, AUTOENC, GETNEARESTCENTROID).

        `landmarks` has content_sha256, status and landmarks; pose_score, person_count,
        statistics, width, height and perceptual_hash are used where they are there. Returns one
        row for each, in order, as `ASSIGNED`: pose_id is null, with confidence 0, where the
        picture is unreadable, too far from every class, or of a kind the model knows no class
        of; near_pose_ids are the other classes that it may show (`clustering.NEAR`). Works through
        the table in parts, in bounded memory.

        Raises UnposedError for landmarks of another skeleton than the model's.
        """
        parts = [
            self._assign(landmarks.slice(start, _CHUNK))
            for start in range(0, landmarks.num_rows, _CHUNK)
        ]
        return pa.concat_tables(parts) if parts else ASSIGNED.empty_table()

    def _assign(self, table: pa.Table) -> pa.Table:
        statistics = len(self.other.branch.mean) if self.other else 0
        pictures = arrays(table, self.person.topology if self.person else None, statistics)
        count = table.num_rows
        pose = np.full(count, -1, dtype=np.int32)
        distance = np.full(count, np.nan, dtype=np.float32)
        confidence = np.zeros(count, dtype=np.float32)
        near: list[list[int]] = [[] for _ in range(count)]

        def put(rows: npt.NDArray[np.int64], found: Assignment, ids: Any, trust: Any) -> None:
            pose[rows] = np.where(found.index >= 0, ids[found.index], -1)
            distance[rows] = found.distance
            confidence[rows] = found.confidence * trust
            for picture, label in zip(*np.nonzero(found.near), strict=True):
                near[rows[picture]].append(int(ids[label]))

        if self.person and len(pictures.person):
            found = self.person.clusters.assign(self.person.points(pictures.features))
            put(pictures.person, found, self.person.pose_ids, pictures.trust)
        if self.other and len(pictures.no_person):
            found = self.other.branch.assign(pictures.statistics)
            put(pictures.no_person, found, self.other.pose_ids, pictures.nobody)
        hashes = (
            table["perceptual_hash"].cast(pa.string())
            if "perceptual_hash" in table.column_names
            else pa.nulls(count, pa.string())
        )
        return pa.table(
            [
                table["content_sha256"].cast(pa.string()),
                pa.array(pose, mask=pose < 0),
                pa.array(distance, mask=np.isnan(distance)),
                pa.array(np.clip(confidence, 0, 1)),
                pa.array([sorted(ids) for ids in near], pa.list_(pa.int32())),
                pa.array(pictures.kind.tolist(), pa.string()),
                hashes,
            ],
            schema=ASSIGNED,
        )

    @property
    def topology(self) -> Topology | None:
        """The skeleton learned from; None for a catalogue without people."""
        return self.person.topology if self.person else None

    @property
    def active(self) -> pa.Table:
        """The vocabulary without retired poses."""
        keep = [row != "retired" for row in self.vocabulary["lineage"].to_pylist()]
        return self.vocabulary.filter(pa.array(keep, pa.bool_()))

    @cached_property
    def model_version(self) -> str:
        """The run's date and eight digits of all the bundle holds: equal content, equal name."""
        return str(self.manifest["model_version"])

    @cached_property
    def checksums(self) -> dict[str, str]:
        """The sha256 of each file but the manifest."""
        return {name: hashlib.sha256(data).hexdigest() for name, data in self.contents.items()}

    @cached_property
    def contents(self) -> dict[str, bytes]:
        """Every file but the manifest, by name."""
        if self.stored:
            return self.stored.files
        contents = {
            "ranker.txt": self.ranker.text().encode(),
            "ranker.json": self.ranker.description().encode(),
            "cohorts.parquet": files.parquet(self.cohorts),
            "vocabulary.json": files.json_rows(self.vocabulary.drop_columns(["exemplars"])),
            "exemplars.json": files.json_bytes(
                {
                    str(row["pose_id"]): row["exemplars"]
                    for row in self.vocabulary.select(["pose_id", "exemplars"]).to_pylist()
                }
            ),
        }
        if self.asked is not None:
            contents["asked.parquet"] = files.parquet(self.asked)
        if self.person:
            contents |= files.clusters("", self.person.state())
            contents[Scaler.FILE] = files.tensors(self.person.scaler.state())
            if isinstance(self.person.encoder, Autoencoder):
                contents[Autoencoder.FILE] = files.tensors(self.person.encoder.state())
        if self.other:
            contents |= files.clusters("no_person", self.other.branch.state())
        return contents

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What the folder's manifest.json holds. It has no time, so that equal models are equal."""
        if self.stored:
            return self.stored.manifest
        described = {
            "format": FORMAT,
            "run_date": self.run_date.isoformat(),
            "estimator_id": self.estimator_id,
            "topology": self.topology.name if self.topology else None,
            "attributes": list(self.attributes),
            "pose_ids": self.person.pose_ids.tolist() if self.person else [],
            "no_person_pose_ids": self.other.pose_ids.tolist() if self.other else [],
            "next_pose_id": self.next_pose_id,
            "versions": files.versions(),
            "parameters": self.parameters,
            "metrics": self.metrics,
            "data": self.data,
            "checksums": self.checksums,
        }
        digest = hashlib.sha256(files.json_bytes(described)).hexdigest()[:8]
        return {"model_version": f"{self.run_date.isoformat()}-{digest}", **described}

    def save(self, uri: str) -> None:
        """Write the folder; the manifest comes last, so that a folder with one is whole.

        Raises StorageError.
        """
        for name, data in self.contents.items():
            storage.write_bytes(storage.join(uri, name), data)
        storage.write_bytes(storage.join(uri, MANIFEST), files.json_bytes(self.manifest))

    @classmethod
    def load(cls, uri: str) -> Bundle:
        """Read a folder.

        Raises UnposedError where there is no model, it is of another format, or a file is not
        the one that was written.
        """
        manifest = _manifest(uri)
        data = {
            name: files.checked(uri, name, digest) for name, digest in manifest["checksums"].items()
        }
        person = None
        if manifest["topology"] is not None:
            scaler = Scaler.from_state(files.read_tensors(data[Scaler.FILE]))
            encoder: Scaler | Autoencoder = scaler
            if Autoencoder.FILE in data:
                layers = files.read_tensors(data[Autoencoder.FILE])
                encoder = Autoencoder.from_state(layers, scaler)
            person = PersonBranch.from_state(
                files.read_clusters("", data),
                TOPOLOGIES[manifest["topology"]],
                encoder,
                np.array(manifest["pose_ids"], dtype=np.int32),
            )
        other = None
        if manifest["no_person_pose_ids"]:
            other = OtherBranch(
                NoPersonBranch.from_state(files.read_clusters("no_person", data)),
                np.array(manifest["no_person_pose_ids"], dtype=np.int32),
            )
        return cls(
            run_date=datetime.date.fromisoformat(manifest["run_date"]),
            estimator_id=manifest["estimator_id"],
            attributes=tuple(manifest["attributes"]),
            person=person,
            other=other,
            ranker=Ranker.from_text(data["ranker.txt"].decode(), data["ranker.json"].decode()),
            vocabulary=files.read_vocabulary(data["vocabulary.json"], data["exemplars.json"]),
            cohorts=files.read_parquet(data["cohorts.parquet"]),
            next_pose_id=manifest["next_pose_id"],
            parameters=manifest["parameters"],
            metrics=manifest["metrics"],
            data=manifest["data"],
            asked=files.read_parquet(data["asked.parquet"]) if "asked.parquet" in data else None,
            stored=Stored(manifest, data),
        )


def _manifest(uri: str) -> dict[str, Any]:
    try:
        raw = storage.read_bytes(storage.join(uri, MANIFEST), _MANIFEST_BYTES)
    except storage.StorageError as error:
        raise UnposedError(f"no model bundle at {uri}: {error}; run: unposed train") from None
    try:
        manifest = json.loads(raw)
        version = manifest["model_version"]
        described = {key: value for key, value in manifest.items() if key != "model_version"}
        if manifest["format"] != FORMAT:
            raise UnposedError(
                f"the model at {uri} has format {manifest['format']}, this program reads {FORMAT}; "
                "run: unposed train"
            )
    except (ValueError, KeyError, TypeError):
        raise UnposedError(f"the manifest at {uri} is damaged; run: unposed train") from None
    digest = hashlib.sha256(files.json_bytes(described)).hexdigest()[:8]
    if not version.endswith(f"-{digest}"):
        raise UnposedError(
            f"the manifest at {uri} is not the one that was written; restore the bundle or "
            "run: unposed train"
        )
    return manifest
