"""The secret of erasures: its file, its hashes, a newer one, and one that is gone."""

import hmac
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from databank.config import Settings
from databank.errors import DataBankError
from databank.session import small_frame
from databank.sources.erasure.secret import (
    Secret,
    known_secrets,
    newest_secret,
    require_secrets,
    with_digests,
)
from databank.tables.hadoop_files import files_of

OLD, NEW, LONG = "an-old-secret-of-the-bank", "a-new-secret-of-the-bank", "l" * 70


def test_the_file_is_made_once_and_for_its_owner_alone(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    files = files_of(spark_session, str(tmp_path))
    assert known_secrets(files, Settings()) == []
    secret = newest_secret(files, Settings())
    assert newest_secret(files, Settings()) == secret
    path = tmp_path / "_secret" / "erasure"
    assert len(bytes.fromhex(path.read_text().strip())) == 32
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_hashes_are_those_of_hmac(spark_session: SparkSession) -> None:
    used = [Secret(text) for text in (OLD, NEW, LONG)]
    rows = small_frame(spark_session, [(7,), (-(2**63),), (2**63 - 1,)], "id_key bigint")
    hashed = with_digests(rows, used)
    for row in hashed.collect():
        message = str(row["id_key"]).encode()
        name, _, digest = row["digest"].partition(":")
        [secret] = [each for each in used if each.name == name]
        assert digest == hmac.new(secret.text.encode(), message, "sha256").hexdigest()[:32]
        assert row["digest"] == secret.digest(row["id_key"])
    assert hashed.count() == 9
    # whoever may look at queries learns no secret
    plan = hashed._jdf.queryExecution().toString()
    for text in [each for secret in used for each in (secret.text, *map(bytes.hex, secret.pads()))]:
        assert text.lower() not in plan.lower()


def test_a_newer_secret_stands_before_the_older_ones(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    files = files_of(spark_session, str(tmp_path))
    settings = Settings(erasure_secret=f"{NEW} {OLD}")
    assert newest_secret(files, settings) == Secret(NEW)
    names = {Secret(OLD).name, Secret(NEW).name}
    assert set(require_secrets(files, settings, names)) == {Secret(OLD), Secret(NEW)}
    assert not (tmp_path / "_secret").exists()


def test_a_secret_that_is_gone_or_too_short_is_named_with_the_remedy(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    files = files_of(spark_session, str(tmp_path))
    for settings in (Settings(), Settings(erasure_secret=NEW)):
        with pytest.raises(DataBankError, match=f"the secret {Secret(OLD).name}.*bring it back"):
            require_secrets(files, settings, {Secret(OLD).name})
    with pytest.raises(DataBankError, match="openssl rand -hex 32") as caught:
        newest_secret(files, Settings(erasure_secret=f"{NEW} short"))
    assert "short" not in str(caught.value).partition(";")[0].removeprefix("conf/databank.yml")
    assert caught.value.exit_code == 2
