"""A lease: one publisher at a time per dataset, so that a run does not work in vain. Commits stay safe without it."""

import contextlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator

from store.interface import Store, StoreError
from store.objects import check_name

LEASE_SECONDS = 60.0
"""A lease that its holder has not renewed for this long is over: the holder died."""
_RENEWED_SECONDS = LEASE_SECONDS / 4
_LOOK_SECONDS = 1.0


@contextlib.contextmanager
def lease(store: Store, dataset: str, holder: str, say: Callable[[str], None]) -> Iterator[None]:
    """Holds the lease of a dataset during the `with` block; waits for it as long as another holder renews it.

    `holder` names the run. `say` is called with a line when the wait begins and when a lease is taken over.
    """
    key, nonce = f"datasets/{check_name(dataset)}/lease.json", secrets.token_hex(8)
    _take(store, key, lambda: _content(holder, nonce), say)
    over = threading.Event()
    renewal = threading.Thread(target=_renew, args=(store, key, holder, nonce, over), daemon=True)
    renewal.start()
    try:
        yield
    finally:
        over.set()
        renewal.join()
        _release(store, key, nonce, say)


def _take(store: Store, key: str, content: Callable[[], bytes], say: Callable[[str], None]) -> None:
    seen, since, told = dict[str, str](), time.monotonic(), False
    while not store.create(key, content()):
        held = _held(store, key)
        if held != seen:
            seen, since = held, time.monotonic()
        if not held:  # it was released, or is gone by now
            store.write(key, content())
            return
        if not told:
            say(f"waiting for run {held.get('holder', '?')}, which publishes this dataset")
            told = True
        if time.monotonic() - since > LEASE_SECONDS:
            say(f"run {held.get('holder', '?')} has not renewed its lease for {LEASE_SECONDS:g} s: taking it over")
            store.write(key, content())
            return
        time.sleep(_LOOK_SECONDS)


def _release(store: Store, key: str, nonce: str, say: Callable[[str], None]) -> None:
    """Ends a lease, by an empty one if the store lets nothing be deleted. The work is done, so an error of the store is only told."""
    try:
        if _held(store, key).get("nonce") != nonce:
            return
        try:
            store.delete(key)
        except StoreError:
            store.write(key, b"{}")
    except StoreError as error:
        say(f"the lease of the dataset stays for {LEASE_SECONDS:g} s, and other runs wait so long: {error}")


def _renew(store: Store, key: str, holder: str, nonce: str, over: threading.Event) -> None:
    """Writes the lease again and again, with another count, until `over`. One that was taken over is lost."""
    while not over.wait(_RENEWED_SECONDS):
        with contextlib.suppress(StoreError):  # the next renewal may succeed; without any, another publisher takes over
            if _held(store, key).get("nonce") == nonce:
                store.write(key, _content(holder, nonce))


def _content(holder: str, nonce: str) -> bytes:
    return json.dumps({"holder": holder, "nonce": nonce, "renewed": secrets.token_hex(4)}).encode()


def _held(store: Store, key: str) -> dict[str, str]:
    """Who holds the lease; empty if nobody does."""
    try:
        found = json.loads(store.read(key))
    except (StoreError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
