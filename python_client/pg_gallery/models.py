"""The tables of pg_gallery as SQLAlchemy metadata, for ``alembic check`` and autogenerate.

The revisions make the tables; this says how they are to look, and Alembic compares the two. Never
call ``metadata.create_all``: partitions, their indexes, triggers and functions are made by SQL.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

metadata = MetaData()

_GENERATED_UUID = text("gen_random_uuid()")
_EMPTY_OBJECT = text("'{}'::jsonb")
_NOW = text("now()")


def _timestamp(name: str, comment: str | None = None) -> Column[datetime]:
    return Column(
        name, DateTime(timezone=True), nullable=False, server_default=_NOW, comment=comment
    )


users = Table(
    "users",
    metadata,
    Column("id", UUID, primary_key=True, server_default=_GENERATED_UUID),
    Column("username", Text, nullable=False, unique=True),
    comment="Those who create items and look at them.",
)

tags = Table(
    "tags",
    metadata,
    Column("id", UUID, primary_key=True, server_default=_GENERATED_UUID),
    Column("name", Text, nullable=False, unique=True),
    Column("tag_metadata", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
    _timestamp("created_at"),
    _timestamp("updated_at"),
    comment="The tags that items can carry.",
)

content_items_all = Table(
    "content_items_all",
    metadata,
    Column(
        "id",  # Alembic takes its default, from a sequence that it owns, for that of a serial
        BigInteger,
        nullable=False,
        comment="Unique within its source_type:"
        " the same id may stand in several partitions and means as many items.",
    ),
    Column("title", Text),
    Column("content_type", Text, nullable=False),
    Column("content_data", Text, comment="The item itself, or where it is found."),
    Column("item_metadata", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
    Column(
        "creator_id",
        UUID,
        ForeignKey("users.id", ondelete="SET NULL"),
        comment="Null: nobody of ours; such an item counts as everybody else's.",
    ),
    _timestamp("created_at"),
    _timestamp("updated_at"),
    Column("quality_score", Double, comment="Null where there is none; sorted last."),
    Column(
        "is_private",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="Seen by its creator alone.",
    ),
    Column("path_thumb", Text),
    Column("path_thumbs_alt_res", JSONB, comment="Thumbnails in other resolutions."),
    Column("prompt", Text, comment="Never changed after insert: a trigger refuses."),
    Column(
        "source_type",
        Text,
        nullable=False,
        comment="Which partition the item stands in: a source_type of gallery.source.",
    ),
    Index("content_items_all_id_source_type_key", "id", "source_type", unique=True),
    postgresql_partition_by="LIST (source_type)",
    comment="The items of the gallery. Insert, update and delete here;"
    " rows land in the partition of their source_type.",
)

# The partitions, as far as foreign keys point at them. Alembic can't describe a partition, so it
# neither reads nor compares them (pg_gallery.migrate.include_object).
PARTITIONS = frozenset({"content_items", "content_items_auto"})
for _name in sorted(PARTITIONS):
    Table(_name, metadata, Column("id", BigInteger, primary_key=True))


def _sidecar(partition: str, comment: str) -> Table:
    return Table(
        f"{partition}_more",
        metadata,
        Column("source_table", Text, nullable=False, server_default=text(f"'{partition}'::text")),
        Column(
            "source_id",
            BigInteger,
            ForeignKey(f"{partition}.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        Column("metadata_more", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
        comment=comment,
    )


content_items_more = _sidecar(
    "content_items", "Rarely read fields of regular items: at most one row an item."
)
content_items_auto_more = _sidecar(
    "content_items_auto", "Rarely read fields of automatic items: at most one row an item."
)

content_tags = Table(
    "content_tags",
    metadata,
    Column("content_id", BigInteger, nullable=False, autoincrement=False),
    Column("content_source", Text, nullable=False, comment="The item's source_type."),
    Column("tag_id", UUID, ForeignKey("tags.id", ondelete="CASCADE"), nullable=False),
    PrimaryKeyConstraint("content_id", "content_source", "tag_id"),
    ForeignKeyConstraint(
        ["content_id", "content_source"],
        ["content_items_all.id", "content_items_all.source_type"],
        onupdate="CASCADE",
        ondelete="CASCADE",
    ),
    Index(
        "content_tags_tag_id_content_source_content_id_idx",
        "tag_id",
        "content_source",
        "content_id",
    ),
    comment="Which item carries which tag.",
)

tag_cardinality_stats = Table(
    "tag_cardinality_stats",
    metadata,
    Column("tag_id", UUID, nullable=False),
    Column("content_source", Text, nullable=False, comment="The items' source_type."),
    Column("cardinality", BigInteger, nullable=False, comment="Number of items."),
    _timestamp("updated_at", "When the number was last brought up to date."),
    PrimaryKeyConstraint("tag_id", "content_source"),
    comment="How many items carry a tag, by source; derived, refreshed by gallery_refresh().",
)
