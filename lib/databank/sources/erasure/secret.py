"""The secret without which a hash of an erased identifier tells nothing: in no table.

The key of an identifier is a plain hash; whoever tries all phone numbers finds the one that it is
of. What is kept of an erased identifier is therefore a hash of the key with a secret (HMAC-SHA256),
written `<name of the secret>:<hash>`.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import NamedTuple

from pyspark.sql import DataFrame, functions as F

from databank.config import Settings
from databank.errors import DataBankError
from databank.session import small_frame
from databank.tables.files import Files

FILE = "_secret/erasure"
_DIGITS = 32  # of the hash: 128 bits
_BLOCK = 64  # bytes of a block of SHA-256
_SHORTEST = 16


class Secret(NamedTuple):
    """A secret, and the name that rows call it by."""

    text: str

    @property
    def name(self) -> str:
        """Give the beginning of a hash of the secret."""
        return self._hash(b"name")[:8]

    def digest(self, id_key: int) -> str:
        """Hash the key of an identifier."""
        return f"{self.name}:{self._hash(str(id_key).encode())[:_DIGITS]}"

    def pads(self) -> tuple[bytes, bytes]:
        """Give what HMAC puts before the message, and before the first hash."""
        key = self.text.encode()
        key = hashlib.sha256(key).digest() if len(key) > _BLOCK else key
        key = key.ljust(_BLOCK, b"\0")
        return bytes(each ^ 0x36 for each in key), bytes(each ^ 0x5C for each in key)

    def _hash(self, message: bytes) -> str:
        return hmac.new(self.text.encode(), message, hashlib.sha256).hexdigest()


def newest_secret(files: Files, settings: Settings) -> Secret:
    """Give the secret for new rows; where there is none, the file is made, for its owner alone."""
    known = known_secrets(files, settings)
    if known:
        return known[0]
    files.create_private(FILE, secrets.token_hex(32) + "\n")
    # another process may have been faster
    return known_secrets(files, settings)[0]


def known_secrets(files: Files, settings: Settings) -> list[Secret]:
    """List the secrets that rows may have been hashed with, the newest first.

    Raises:
        DataBankError: If one is too short to be one.
    """
    given, place = settings.erasure_secret, "conf/databank.yml: erasure_secret"
    if given is None:
        given, place = files.read(FILE) if files.exists(FILE) else "", f"{files.root}/{FILE}"
    texts = given.split()
    if any(len(text) < _SHORTEST for text in texts):
        raise DataBankError(
            f"{place}: a secret has less than {_SHORTEST} characters; give a longer one, as "
            "`openssl rand -hex 32` makes them"
        )
    return [Secret(text) for text in texts]


def require_secrets(files: Files, settings: Settings, names: set[str]) -> list[Secret]:
    """Give the secrets of some names.

    Raises:
        DataBankError: If one of them is not there: nobody can tell then what was erased.
    """
    known = {secret.name: secret for secret in known_secrets(files, settings)}
    if missing := sorted(names - known.keys()):
        raise DataBankError(
            f"identity.erased_identifier: written with the secret {missing[0]}, which is neither "
            f"in {files.root}/{FILE} nor in erasure_secret of conf/databank.yml; bring it back, "
            "behind a newer one if there is one: without it erased identifiers would come again"
        )
    return [known[name] for name in sorted(names)]


def with_digests(keys: DataFrame, used: Sequence[Secret]) -> DataFrame:
    """Hash keys with each of some secrets.

    The secrets are rows of a table, not a part of the query: its plan can be read by others.

    Args:
        keys: id_key.
        used: The secrets.

    Returns:
        id_key, digest: a row per key and secret.
    """
    rows = [(f"{secret.name}:", *secret.pads()) for secret in used]
    pads = small_frame(keys.sparkSession, rows, "name string, inner binary, outer binary")
    message = F.col("id_key").cast("string").cast("binary")
    first = F.unhex(F.sha2(F.concat("inner", message), 256))
    hashed = F.substring(F.sha2(F.concat("outer", first), 256), 1, _DIGITS)
    digest = F.concat("name", hashed).alias("digest")
    return keys.select("id_key").crossJoin(F.broadcast(pads)).select("id_key", digest)
