"""Objects in an S3 bucket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from audibook.errors import AudibookError, ObjectNotFoundError, StorageError, UnrecoverableError

from .base import ObjectInfo, checked_key

__all__ = ["S3Storage"]

_MISSING = {"404", "NoSuchKey", "NotFound"}
_SETUP = {
    "403",
    "AccessDenied",
    "InvalidAccessKeyId",
    "NoSuchBucket",
    "SignatureDoesNotMatch",
}
_CONNECT_TIMEOUT_S = 10
_READ_TIMEOUT_S = 60


class S3Storage:
    """Keeps objects in one bucket of AWS S3 or of any server that speaks its protocol.

    `endpoint` selects another server than AWS, with path-style addresses. Without keys,
    boto3's usual search applies (profile, instance role).
    """

    def __init__(
        self,
        bucket: str,
        *,
        region: str,
        endpoint: str | None = None,
        access_key_id: str | None = None,
        secret_access_key: str | None = None,
    ) -> None:
        self._bucket = bucket
        config = Config(
            connect_timeout=_CONNECT_TIMEOUT_S,
            read_timeout=_READ_TIMEOUT_S,
            retries={"mode": "standard", "max_attempts": 4},
            s3={"addressing_style": "path"} if endpoint else {},
        )
        try:
            self._client: Any = boto3.session.Session().client(
                "s3",
                region_name=region,
                endpoint_url=endpoint,
                aws_access_key_id=access_key_id,
                aws_secret_access_key=secret_access_key,
                config=config,
            )
        except ValueError as error:  # of an address or a region that is none
            raise UnrecoverableError(
                f"The object store cannot be used: {error}. Write S3_ENDPOINT as http://host:port "
                "and AWS_REGION as eu-central-1."
            ) from error

    def put_file(
        self, key: str, path: Path, content_type: str, metadata: Mapping[str, str] | None = None
    ) -> None:
        """See Storage. Large files go up in parts."""
        extra = {"ContentType": content_type, "Metadata": dict(metadata or {})}
        with self._errors(f"store {key!r}"):
            self._client.upload_file(str(path), self._bucket, checked_key(key), ExtraArgs=extra)

    def fetch_file(self, key: str, path: Path) -> None:
        """See Storage."""
        with self._errors(f"fetch {key!r}", key):
            self._client.download_file(self._bucket, checked_key(key), str(path))

    def info(self, key: str) -> ObjectInfo | None:
        """See Storage."""
        try:
            with self._errors(f"look up {key!r}", key):
                answer = self._client.head_object(Bucket=self._bucket, Key=checked_key(key))
        except ObjectNotFoundError:
            return None
        return ObjectInfo(key, answer["ContentLength"], answer["ContentType"], answer["Metadata"])

    def delete(self, key: str) -> None:
        """See Storage."""
        with self._errors(f"delete {key!r}"):
            self._client.delete_object(Bucket=self._bucket, Key=checked_key(key))

    def keys(self, prefix: str) -> Iterator[str]:
        """See Storage. Asks for page after page."""
        with self._errors(f"list {prefix!r}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix
            )
            for page in pages:
                for found in page.get("Contents", []):
                    yield found["Key"]

    def close(self) -> None:
        """See Storage."""
        self._client.close()

    @contextmanager
    def _errors(self, action: str, key: str | None = None) -> Iterator[None]:
        """Say in one sentence what could not be done, and whether a retry can help."""
        try:
            yield
        except (BotoCoreError, Boto3Error, ClientError, OSError) as error:
            raise self._translated(action, key, error) from error

    def _translated(self, action: str, key: str | None, error: Exception) -> AudibookError:
        # An upload's refusal arrives wrapped; what the server said is its context.
        refusal = error if isinstance(error, ClientError) else error.__context__
        if not isinstance(refusal, ClientError):
            return StorageError(f"Cannot {action} in bucket {self._bucket!r}: {error}.")
        code = str(refusal.response.get("Error", {}).get("Code", "unknown"))
        if key is not None and code in _MISSING:
            if not self._has_no_bucket():
                return ObjectNotFoundError(f"No object {key!r} in storage.")
            code = "NoSuchBucket"
        message = f"Cannot {action} in bucket {self._bucket!r}: the object store says {code}."
        if code in _SETUP:
            return UnrecoverableError(
                f"{message} Check S3_BUCKET_NAME, S3_ENDPOINT and the AWS_ keys."
            )
        return StorageError(message)

    def _has_no_bucket(self) -> bool:
        """Whether the bucket is what is missing: of an object's, the store says no more than 404.

        False where that cannot be told.
        """
        try:
            self._client.head_bucket(Bucket=self._bucket)
        except ClientError as error:
            return str(error.response.get("Error", {}).get("Code")) in {"404", "NoSuchBucket"}
        except BotoCoreError:
            return False
        return False
