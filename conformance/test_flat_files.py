"""Clients of Amazon S3, which know nothing of a sandbox, list and read its bucket of flat files unchanged."""

import gzip
import json
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import boto3
import duckdb
import duckdb_extension_httpfs
import pyarrow.csv
import pyarrow.fs
import pytest
import s3fs
from botocore.client import Config
from botocore.exceptions import ClientError
from obstore.exceptions import BaseError
from obstore.store import S3Store

from conformance.connector import KEY

KEY_ID, SECRET = "demo-access-key-id", "demo-secret-access-key"
REGION = "us-east-1"
FOLDER = "us_stocks_sip/day_aggs_v1/2022/03/"
DAY = f"{FOLDER}2022-03-07.csv.gz"
MINUTES = DAY.replace("day", "minute")
SESSIONS = 23  # of March 2022


def client_of(sandbox: str, secret: str = SECRET) -> Any:
    path_style = Config(s3={"addressing_style": "path"}, signature_version="s3v4")
    return boto3.client(
        "s3", endpoint_url=sandbox, aws_access_key_id=KEY_ID, aws_secret_access_key=secret,
        region_name=REGION, config=path_style,
    )  # fmt: skip


def store_of(sandbox: str, secret: str = SECRET) -> S3Store:
    return S3Store(
        "flatfiles", endpoint=sandbox, access_key_id=KEY_ID, secret_access_key=secret, region=REGION,
        client_options={"allow_http": True},
    )  # fmt: skip


@pytest.fixture
def content(sandbox: str) -> bytes:
    """The file of minutes, read with boto3."""
    body: bytes = client_of(sandbox).get_object(Bucket="flatfiles", Key=MINUTES)["Body"].read()
    assert gzip.decompress(body).startswith(b"ticker,volume,open,close,high,low,window_start,transactions\n")
    return body


def test_boto3(sandbox: str, content: bytes, tmp_path: Path) -> None:
    client = client_of(sandbox)
    listing = client.list_objects_v2(Bucket="flatfiles", Prefix=FOLDER)["Contents"]
    assert len(listing) == SESSIONS
    pages = client.get_paginator("list_objects_v2").paginate(
        Bucket="flatfiles", Prefix="us_stocks_sip/day_aggs_v1/2022/", PaginationConfig={"PageSize": 50}
    )
    assert [len(page["Contents"]) for page in pages] == [50, 50, 50, 50, 50, 1]
    old = client.get_paginator("list_objects").paginate(
        Bucket="flatfiles", Delimiter="/", Prefix="us_stocks_sip/", PaginationConfig={"PageSize": 1}
    )
    assert [each["Prefix"] for page in old for each in page["CommonPrefixes"]] == [
        "us_stocks_sip/day_aggs_v1/", "us_stocks_sip/minute_aggs_v1/",
    ]  # fmt: skip
    head = client.head_object(Bucket="flatfiles", Key=MINUTES)
    assert head["ContentLength"] == len(content)
    client.download_file("flatfiles", MINUTES, str(tmp_path / "file"))
    assert (tmp_path / "file").read_bytes() == content
    part = client.get_object(Bucket="flatfiles", Key=MINUTES, Range="bytes=100-199", IfMatch=head["ETag"])
    assert part["Body"].read() == content[100:200]
    url = client.generate_presigned_url("get_object", Params={"Bucket": "flatfiles", "Key": MINUTES})
    with urlopen(url) as response:  # noqa: S310 -- the sandbox's
        assert response.read() == content


@pytest.mark.parametrize(
    ("key", "secret", "code"),
    [
        (MINUTES, "another", "SignatureDoesNotMatch"),
        (MINUTES.replace("-07", "-06"), SECRET, "NoSuchKey"),
        (MINUTES.replace("minute_aggs", "trades"), SECRET, "AccessDenied"),
    ],
)
def test_boto3_understands_the_errors(sandbox: str, key: str, secret: str, code: str) -> None:
    with pytest.raises(ClientError) as raised:
        client_of(sandbox, secret).get_object(Bucket="flatfiles", Key=key)
    assert raised.value.response["Error"]["Code"] == code


def test_obstore(sandbox: str, content: bytes) -> None:
    store = store_of(sandbox)
    listing = [each for chunk in store.list(prefix=FOLDER) for each in chunk]
    assert len(listing) == SESSIONS
    assert listing[0]["path"] == f"{FOLDER}2022-03-01.csv.gz"
    assert store.list_with_delimiter("us_stocks_sip")["common_prefixes"] == [
        "us_stocks_sip/day_aggs_v1", "us_stocks_sip/minute_aggs_v1",
    ]  # fmt: skip
    result = store.get(MINUTES)
    assert (result.meta["size"], result.meta["e_tag"]) == (len(content), store.head(MINUTES)["e_tag"])
    assert b"".join(map(bytes, result.stream())) == content
    assert bytes(store.get_range(MINUTES, start=100, end=200)) == content[100:200]
    with pytest.raises(FileNotFoundError):
        store.get(MINUTES.replace("-07", "-06"))
    with pytest.raises(BaseError, match="SignatureDoesNotMatch"):
        store_of(sandbox, "another").get(MINUTES)


def test_s3fs(sandbox: str, content: bytes) -> None:
    files = s3fs.S3FileSystem(key=KEY_ID, secret=SECRET, endpoint_url=sandbox)
    assert files.ls("flatfiles/us_stocks_sip/") == [
        "flatfiles/us_stocks_sip/day_aggs_v1", "flatfiles/us_stocks_sip/minute_aggs_v1",
    ]  # fmt: skip
    assert len(files.glob("flatfiles/us_stocks_sip/day_aggs_v1/2022/03/*.csv.gz")) == SESSIONS
    assert files.info(f"flatfiles/{MINUTES}")["size"] == len(content)
    with files.open(f"flatfiles/{MINUTES}", block_size=100_000) as file:  # by many ranges
        assert file.read() == content


def test_arrow(sandbox: str, content: bytes) -> None:
    files = pyarrow.fs.S3FileSystem(
        access_key=KEY_ID, secret_key=SECRET, endpoint_override=sandbox, region=REGION
    )
    chosen = pyarrow.fs.FileSelector(f"flatfiles/{FOLDER}")
    assert len(files.get_file_info(chosen)) == SESSIONS
    with files.open_input_stream(f"flatfiles/{MINUTES}") as stream:
        table = pyarrow.csv.read_csv(stream)
    assert table.num_rows == gzip.decompress(content).count(b"\n") - 1


@pytest.fixture
def duck(sandbox: str) -> duckdb.DuckDBPyConnection:
    (extension,) = Path(duckdb_extension_httpfs.__file__).parent.rglob("*.duckdb_extension")
    connection = duckdb.connect()
    connection.execute(f"INSTALL '{extension}'")
    connection.execute("LOAD httpfs")
    connection.execute(
        f"CREATE SECRET (TYPE s3, KEY_ID '{KEY_ID}', SECRET '{SECRET}', REGION '{REGION}', "
        f"ENDPOINT '{sandbox.removeprefix('http://')}', URL_STYLE 'path', USE_SSL false)"
    )
    return connection


def test_duckdb_finds_the_bars_of_the_api(sandbox: str, duck: duckdb.DuckDBPyConnection) -> None:
    query = "SELECT count(DISTINCT window_start), count(*) > 1000 FROM read_csv(?)"
    found = duck.execute(query, [f"s3://flatfiles/{FOLDER}*.csv.gz"]).fetchone()
    assert found == (SESSIONS, True)
    for key, timespan in ((DAY, "day"), (MINUTES, "minute")):
        rows = duck.execute(
            "SELECT window_start // 1000000, volume, open, close, high, low, transactions "
            "FROM read_csv(?) WHERE ticker = 'TSLA' ORDER BY 1",
            [f"s3://flatfiles/{key}"],
        ).fetchall()
        path = f"/v2/aggs/ticker/TSLA/range/1/{timespan}/2022-03-07/2022-03-07?adjusted=false&limit=50000"
        asked = Request(f"{sandbox}{path}", headers={"Authorization": f"Bearer {KEY}"})  # noqa: S310
        with urlopen(asked) as response:  # noqa: S310 -- the sandbox's
            bars = json.load(response)["results"]
        assert rows == [tuple(bar[name] for name in ("t", "v", "o", "c", "h", "l", "n")) for bar in bars]
