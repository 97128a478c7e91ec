"""The fingerprints of a dataset's recordings, one small object each, so that a thousand hours can be gone through one at a time."""

import io

import pyarrow as pa
import pyarrow.parquet as pq

from components.shared.rows import Fingerprint
from components.shared.table import check, from_table, to_table
from store.objects import Store, check_name


class FingerprintStore:
    """Reads and writes the fingerprints of one dataset."""

    def __init__(self, store: Store, dataset: str) -> None:
        self._store, self._folder = store, f"datasets/{check_name(dataset)}/fingerprints/"

    def recordings(self) -> list[str]:
        """Ids of the recordings that have one, in order."""
        return [key.removeprefix(self._folder).removesuffix(".parquet") for key in self._store.keys(self._folder)]

    def read(self, recording: str) -> Fingerprint:
        """The fingerprint of a recording, as it was downloaded last; StoreError where there is none."""
        key = self._key(recording)
        table = pq.ParquetFile(pa.BufferReader(self._store.read(key))).read(use_threads=False)  # as store/tables.py reads
        check(Fingerprint, table.schema, f"{key} in {self._store.uri}")
        return from_table(Fingerprint, table)[0]

    def write(self, fingerprint: Fingerprint) -> None:
        """Puts a fingerprint, in place of an older one of the recording."""
        data = io.BytesIO()
        pq.write_table(to_table(Fingerprint, [fingerprint]), data)
        self._store.write(self._key(fingerprint.recording), data.getvalue())

    def _key(self, recording: str) -> str:
        return f"{self._folder}{check_name(recording, 'recording')}.parquet"
