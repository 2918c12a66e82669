"""Object storage: uploaded EPUBs and finished audio.

`base` is the interface, `directory` keeps objects in a local folder (the default),
`s3` in a bucket, `keys` makes the keys.
"""

from __future__ import annotations

from audibook.settings import Settings

from .base import ObjectInfo, Storage
from .directory import DirectoryStorage
from .s3 import S3Storage

__all__ = ["DirectoryStorage", "ObjectInfo", "S3Storage", "Storage", "open_storage"]

_DEFAULT_BUCKET = "audibook-storage"


def open_storage(settings: Settings) -> Storage:
    """The store the settings choose: S3 when a bucket or endpoint is named, else a folder."""
    if not settings.uses_s3:
        return DirectoryStorage(settings.storage_dir)
    key_id, secret = settings.aws_access_key_id, settings.aws_secret_access_key
    return S3Storage(
        settings.s3_bucket_name or _DEFAULT_BUCKET,
        region=settings.aws_region,
        endpoint=settings.s3_endpoint,
        access_key_id=key_id.get_secret_value() if key_id else None,
        secret_access_key=secret.get_secret_value() if secret else None,
    )
