"""The acoustic fingerprints of a dataset's recordings, one small object each, so that a reader holds one at a time."""

from components.shared.rows import Fingerprint
from store.interface import Store
from store.objects import check_name
from store.parquet import read_object, to_bytes


class FingerprintStore:
    """Reads and writes the fingerprints of one dataset."""

    def __init__(self, store: Store, dataset: str) -> None:
        self._store, self._folder = store, f"datasets/{check_name(dataset)}/fingerprints/"

    def recordings(self) -> list[str]:
        """Ids of the recordings that have a fingerprint, sorted."""
        return [key.removeprefix(self._folder).removesuffix(".parquet") for key in self._store.keys(self._folder)]

    def read(self, recording: str) -> Fingerprint:
        """The fingerprint of a recording's latest download. Raises StoreError if there is none."""
        return read_object(self._store, self._key(recording), Fingerprint)[0]

    def write(self, fingerprint: Fingerprint) -> None:
        """Writes the fingerprint of a recording. Replaces an older one."""
        self._store.write(self._key(fingerprint.recording), to_bytes(Fingerprint, [fingerprint]))

    def _key(self, recording: str) -> str:
        return f"{self._folder}{check_name(recording, 'recording')}.parquet"
