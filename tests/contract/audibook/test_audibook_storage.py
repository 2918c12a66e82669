"""What every object store promises: run on the local folder and on S3."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from audibook import ObjectNotFoundError, StorageError, UnrecoverableError
from audibook.storage import DirectoryStorage, S3Storage, Storage

_BUCKET = "audibook-storage"
_KEY = "audio/book/paragraph_1700000000000.mp3"


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def _s3(endpoint: str, bucket: str = _BUCKET) -> S3Storage:
    return S3Storage(
        bucket,
        region="us-east-1",
        endpoint=endpoint,
        access_key_id="test",
        secret_access_key="test",
    )


@pytest.fixture(params=["directory", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    if request.param == "directory":
        yield DirectoryStorage(tmp_path / "storage")
        return
    endpoint = request.getfixturevalue("s3_endpoint")
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    client.create_bucket(Bucket=_BUCKET)
    made = _s3(endpoint)
    yield made
    for key in list(made.keys("")):
        made.delete(key)
    client.delete_bucket(Bucket=_BUCKET)
    client.close()
    made.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(b"some audio")
    return path


def _content(storage: Storage, key: str, tmp_path: Path) -> bytes:
    target = tmp_path / "fetched"
    storage.fetch_file(key, target)
    return target.read_bytes()


def test_what_is_stored_comes_back(storage: Storage, file: Path, tmp_path: Path) -> None:
    storage.put_file(_KEY, file, "audio/mpeg", {"fingerprint": "abc"})
    assert _content(storage, _KEY, tmp_path) == b"some audio"
    info = storage.info(_KEY)
    assert info is not None
    assert (info.key, info.size, info.content_type) == (_KEY, 10, "audio/mpeg")
    assert dict(info.metadata) == {"fingerprint": "abc"}
    assert file.exists()


def test_storing_again_replaces(storage: Storage, file: Path, tmp_path: Path) -> None:
    storage.put_file(_KEY, file, "audio/mpeg", {"fingerprint": "abc"})
    file.write_bytes(b"other")
    storage.put_file(_KEY, file, "audio/wav")
    info = storage.info(_KEY)
    assert info is not None
    assert (info.size, info.content_type, dict(info.metadata)) == (5, "audio/wav", {})
    assert _content(storage, _KEY, tmp_path) == b"other"


def test_a_missing_object_is_named(storage: Storage, tmp_path: Path) -> None:
    assert storage.info("no/such.mp3") is None
    with pytest.raises(ObjectNotFoundError, match=r"No object 'no/such\.mp3'"):
        storage.fetch_file("no/such.mp3", tmp_path / "target")


@pytest.mark.parametrize("key", ["audio", "audio/b/p_1.mp3/part", f"audio/{'x' * 300}"])
def test_the_name_of_a_folder_or_below_an_object_is_no_object(
    storage: Storage, file: Path, tmp_path: Path, key: str
) -> None:
    storage.put_file("audio/b/p_1.mp3", file, "audio/mpeg")
    assert storage.info(key) is None
    with pytest.raises(ObjectNotFoundError, match="No object"):
        storage.fetch_file(key, tmp_path / "target")
    storage.delete(key)
    assert list(storage.keys(f"{key}/x")) == []
    assert list(storage.keys("")) == ["audio/b/p_1.mp3"]


def test_deleting_is_repeatable(storage: Storage, file: Path) -> None:
    storage.put_file(_KEY, file, "audio/mpeg")
    storage.delete(_KEY)
    storage.delete(_KEY)
    assert storage.info(_KEY) is None
    assert list(storage.keys("")) == []


def test_keys_are_listed_by_prefix_in_order(storage: Storage, file: Path) -> None:
    wanted = ["audio/b/p_1.mp3", "audio/b/p_2.mp3"]
    for key in (*reversed(wanted), "audio/b/p2_1.mp3", "audio/b2/p_1.mp3", "raw/x"):
        storage.put_file(key, file, "audio/mpeg")
    assert list(storage.keys("audio/b/p_")) == wanted
    assert len(list(storage.keys("audio/"))) == 4
    assert len(list(storage.keys(""))) == 5
    assert list(storage.keys("none/")) == []


@pytest.mark.parametrize("key", ["raw/שלום עולם (1).epub", "a/+&=%20 é.mp3", "x/.hidden"])
def test_any_name_may_be_part_of_a_key(
    storage: Storage, file: Path, tmp_path: Path, key: str
) -> None:
    storage.put_file(key, file, "application/epub+zip")
    assert _content(storage, key, tmp_path) == b"some audio"
    assert list(storage.keys(key[:2])) == [key]


@pytest.mark.parametrize(
    "key", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", "./a", "a\\b", "a\nb", "a\x00"]
)
def test_a_key_that_could_leave_the_store_is_refused(
    storage: Storage, file: Path, key: str
) -> None:
    with pytest.raises(UnrecoverableError, match="is not allowed"):
        storage.put_file(key, file, "text/plain")
    with pytest.raises(UnrecoverableError, match="is not allowed"):
        storage.fetch_file(key, file)


def test_large_files_are_stored_whole(storage: Storage, tmp_path: Path) -> None:
    source = tmp_path / "large"
    source.write_bytes(bytes(range(256)) * 65_536)
    storage.put_file("books/large.m4b", source, "audio/mp4")
    assert _content(storage, "books/large.m4b", tmp_path) == source.read_bytes()


def test_several_threads_store_and_delete_at_once(
    storage: Storage, file: Path, tmp_path: Path
) -> None:
    def work(number: int) -> None:
        for turn in range(5):
            key = f"audio/shared/{number}_{turn}.mp3"
            storage.put_file(key, file, "audio/mpeg")
            storage.fetch_file(key, tmp_path / f"target-{number}")
            storage.delete(key)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))
    assert list(storage.keys("")) == []


def test_a_replaced_object_is_seen_old_or_new_but_never_in_part(
    storage: Storage, tmp_path: Path
) -> None:
    sources = []
    for number in range(2):
        path = tmp_path / f"version-{number}"
        path.write_bytes(bytes([number]) * 300_000)
        sources.append(path)
    storage.put_file(_KEY, sources[0], "audio/mpeg")

    def rewrite() -> None:
        for number in range(20):
            storage.put_file(_KEY, sources[number % 2], "audio/mpeg")

    with ThreadPoolExecutor(1) as threads:
        writing = threads.submit(rewrite)
        while not writing.done():
            content = _content(storage, _KEY, tmp_path)
            assert len(content) == 300_000 and len(set(content)) == 1
        writing.result()


def test_a_folder_nobody_may_write_to_is_named(tmp_path: Path, file: Path) -> None:
    storage = DirectoryStorage(tmp_path / "storage")
    storage.put_file("a/b", file, "text/plain")
    with pytest.raises(StorageError, match="Cannot store 'a/b/c'"):
        storage.put_file("a/b/c", file, "text/plain")


def test_what_a_killed_process_was_storing_is_gone_after_the_next_object(
    tmp_path: Path, file: Path
) -> None:
    root, source = tmp_path / "storage", tmp_path / "pipe"
    os.mkfifo(source)
    program = (
        "import sys; from pathlib import Path; from audibook.storage import DirectoryStorage\n"
        "DirectoryStorage(Path(sys.argv[1])).put_file('a', Path(sys.argv[2]), 'text/plain')\n"
    )
    command = [sys.executable, "-c", program, str(root), str(source)]
    # The pipe opens when its other end is read.
    with subprocess.Popen(command) as process, source.open("wb"):
        process.kill()
        process.wait()
    DirectoryStorage(root).put_file("b", file, "text/plain")
    assert [path for path in (root / "parts").rglob("*") if path.is_file()] == []
    assert list(DirectoryStorage(root).keys("")) == ["b"]


def test_a_file_without_notes_is_an_object_too(tmp_path: Path) -> None:
    storage = DirectoryStorage(tmp_path / "storage")
    storage.path("by-hand").write_bytes(b"x")
    info = storage.info("by-hand")
    assert info is not None
    assert info.content_type == "application/octet-stream"


def test_a_missing_bucket_and_an_absent_server_are_told_apart(s3_endpoint: str, file: Path) -> None:
    missing = _s3(s3_endpoint, "no-such-bucket")
    with pytest.raises(UnrecoverableError, match="NoSuchBucket"):
        missing.put_file("a", file, "text/plain")
    with pytest.raises(UnrecoverableError, match="NoSuchBucket"):
        list(missing.keys(""))
    with pytest.raises(UnrecoverableError, match=r"Cannot fetch 'a' .* NoSuchBucket"):
        missing.fetch_file("a", file)
    with pytest.raises(UnrecoverableError, match="NoSuchBucket"):
        missing.info("a")
    missing.close()
    absent = _s3("http://127.0.0.1:9")
    with pytest.raises(StorageError, match="Cannot look up 'a'"):
        absent.info("a")
    absent.close()
