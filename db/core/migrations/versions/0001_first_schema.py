"""The first schema.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0001", None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

TABLES = (
    "about",
    "deployment",
    "recipe",
    "batch",
    "run",
    "trouble",
    "work_window",
    "media",
    "window_done",
    "audit_draw",
    "embedding",
    "file",
    "flag",
    "label",
    "look",
    "review",
    "verdict",
    "visit",
    "flag_media",
    "status",
    "visit_media",
    "visit_taxon",
)


def upgrade() -> None:
    op.create_table(
        "about",
        sa.Column("key", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_about")),
    )
    op.create_table(
        "deployment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("location_id", TEXT),
        sa.Column("location_name", TEXT),
        sa.Column("latitude", sa.Double()),
        sa.Column("longitude", sa.Double()),
        sa.Column("coordinate_uncertainty_m", sa.Integer()),
        sa.Column("started_at", TEXT),
        sa.Column("ended_at", TEXT),
        sa.Column("utc_offset_min", sa.Integer()),
        sa.Column("camera_id", TEXT),
        sa.Column("camera_model", TEXT),
        sa.Column("tags", TEXT),
        sa.Column("timestamp_issues", sa.Boolean()),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("other", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deployment")),
        sa.UniqueConstraint("name", name=op.f("uq_deployment_name")),
    )
    op.create_index(op.f("ix_deployment_location_id"), "deployment", ["location_id"])
    op.create_table(
        "recipe",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("step", TEXT, nullable=False),
        sa.Column("hash", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recipe")),
        sa.UniqueConstraint("step", "hash", name=op.f("uq_recipe_step_hash")),
    )
    op.create_table(
        "batch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("root", TEXT, nullable=False),
        sa.Column("content", TEXT),
        sa.Column("look_recipe_id", sa.Integer()),
        sa.Column("label_recipe_id", sa.Integer()),
        sa.Column("flag_recipe_id", sa.Integer()),
        sa.ForeignKeyConstraint(
            ["flag_recipe_id"], ["recipe.id"], name=op.f("fk_batch_flag_recipe_id")
        ),
        sa.ForeignKeyConstraint(
            ["label_recipe_id"], ["recipe.id"], name=op.f("fk_batch_label_recipe_id")
        ),
        sa.ForeignKeyConstraint(
            ["look_recipe_id"], ["recipe.id"], name=op.f("fk_batch_look_recipe_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
        sa.UniqueConstraint("name", name=op.f("uq_batch_name")),
    )
    op.create_index(op.f("ix_batch_content"), "batch", ["content"])
    op.create_index(op.f("ix_batch_flag_recipe_id"), "batch", ["flag_recipe_id"])
    op.create_index(op.f("ix_batch_label_recipe_id"), "batch", ["label_recipe_id"])
    op.create_index(op.f("ix_batch_look_recipe_id"), "batch", ["look_recipe_id"])
    op.create_table(
        "run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer()),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("started_at", TEXT, nullable=False),
        sa.Column("ended_at", TEXT),
        sa.Column("version", TEXT, nullable=False),
        sa.Column("settings", TEXT, nullable=False),
        sa.Column("models", TEXT, nullable=False),
        sa.Column("counts", TEXT, nullable=False),
        sa.Column("message", TEXT),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_run_batch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
    )
    op.create_index(op.f("ix_run_batch_id"), "run", ["batch_id"])
    op.create_table(
        "trouble",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("path", TEXT, nullable=False),
        sa.Column("step", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("detail", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_trouble_batch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trouble")),
        sa.UniqueConstraint(
            "batch_id", "path", "step", "reason", name=op.f("uq_trouble_batch_id_path_step_reason")
        ),
    )
    op.create_table(
        "work_window",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_work_window_batch_id")),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name=op.f("fk_work_window_deployment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_window")),
        sa.UniqueConstraint(
            "deployment_id", "number", name=op.f("uq_work_window_deployment_id_number")
        ),
    )
    op.create_index(op.f("ix_work_window_batch_id"), "work_window", ["batch_id"])
    op.create_table(
        "media",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sha256", TEXT, nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", sa.Integer(), nullable=False),
        sa.Column("path", TEXT, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mediatype", TEXT, nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("taken_at", TEXT),
        sa.Column("clock", TEXT, nullable=False),
        sa.Column("time_text", TEXT),
        sa.Column("utc_offset_min", sa.Integer()),
        sa.Column("make", TEXT),
        sa.Column("model", TEXT),
        sa.Column("serial", TEXT),
        sa.Column("latitude", sa.Double()),
        sa.Column("longitude", sa.Double()),
        sa.Column("orientation", sa.Integer(), nullable=False),
        sa.Column("temperature_c", sa.Double()),
        sa.Column("moon", TEXT),
        sa.Column("sequence_n", sa.Integer()),
        sa.Column("sequence_m", sa.Integer()),
        sa.Column("camera_event", sa.BigInteger()),
        sa.Column("capture_method", TEXT),
        sa.Column("camera_label", TEXT),
        sa.Column("work_window_id", sa.Integer()),
        sa.Column("position", sa.Integer()),
        sa.Column("burst", sa.Integer()),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_media_batch_id")),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name=op.f("fk_media_deployment_id")
        ),
        sa.ForeignKeyConstraint(
            ["work_window_id"], ["work_window.id"], name=op.f("fk_media_work_window_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media")),
        sa.UniqueConstraint("sha256", name=op.f("uq_media_sha256")),
    )
    op.create_index(op.f("ix_media_batch_id"), "media", ["batch_id"])
    op.create_index(
        op.f("ix_media_deployment_id_batch_id_taken_at"),
        "media",
        ["deployment_id", "batch_id", "taken_at"],
    )
    op.create_index(op.f("ix_media_deployment_id_path"), "media", ["deployment_id", "path"])
    op.create_index(op.f("ix_media_work_window_id"), "media", ["work_window_id"])
    op.create_table(
        "window_done",
        sa.Column("work_window_id", sa.Integer(), nullable=False),
        sa.Column("recipe_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["recipe_id"], ["recipe.id"], name=op.f("fk_window_done_recipe_id")
        ),
        sa.ForeignKeyConstraint(
            ["work_window_id"], ["work_window.id"], name=op.f("fk_window_done_work_window_id")
        ),
        sa.PrimaryKeyConstraint("work_window_id", "recipe_id", name=op.f("pk_window_done")),
    )
    op.create_index(op.f("ix_window_done_recipe_id"), "window_done", ["recipe_id"])
    op.create_table(
        "audit_draw",
        sa.Column("media_id", sa.Integer(), nullable=False),
        sa.Column("recipe_id", sa.Integer(), nullable=False),
        sa.Column("stratum", TEXT, nullable=False),
        sa.Column("stratum_size", sa.Integer(), nullable=False),
        sa.Column("drawn", sa.Integer(), nullable=False),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["media_id"], ["media.id"], name=op.f("fk_audit_draw_media_id")),
        sa.ForeignKeyConstraint(["recipe_id"], ["recipe.id"], name=op.f("fk_audit_draw_recipe_id")),
        sa.PrimaryKeyConstraint("media_id", "recipe_id", name=op.f("pk_audit_draw")),
    )
    op.create_index(
        op.f("ix_audit_draw_recipe_id_media_id"), "audit_draw", ["recipe_id", "media_id"]
    )
    op.create_table(
        "embedding",
        sa.Column("media_id", sa.Integer(), nullable=False),
        sa.Column("recipe_id", sa.Integer(), nullable=False),
        sa.Column("view", TEXT, nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["media_id"], ["media.id"], name=op.f("fk_embedding_media_id")),
        sa.ForeignKeyConstraint(["recipe_id"], ["recipe.id"], name=op.f("fk_embedding_recipe_id")),
        sa.PrimaryKeyConstraint("media_id", "recipe_id", "view", name=op.f("pk_embedding")),
    )
    op.create_index(op.f("ix_embedding_recipe_id_media_id"), "embedding", ["recipe_id", "media_id"])
    op.create_table(
        "file",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("path", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_id", sa.Integer()),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_file_batch_id")),
        sa.ForeignKeyConstraint(["media_id"], ["media.id"], name=op.f("fk_file_media_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file")),
        sa.UniqueConstraint("batch_id", "path", name=op.f("uq_file_batch_id_path")),
    )
    op.create_index(
        op.f("ix_file_batch_id_kind_media_id"), "file", ["batch_id", "kind", "media_id"]
    )
    op.create_index(op.f("ix_file_media_id"), "file", ["media_id"])
    op.create_table(
        "flag",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("recipe_id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", sa.Integer(), nullable=False),
        sa.Column("media_id", sa.Integer(), nullable=False),
        sa.Column("started_at", TEXT),
        sa.Column("rules", TEXT, nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_flag_batch_id")),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name=op.f("fk_flag_deployment_id")
        ),
        sa.ForeignKeyConstraint(["media_id"], ["media.id"], name=op.f("fk_flag_media_id")),
        sa.ForeignKeyConstraint(["recipe_id"], ["recipe.id"], name=op.f("fk_flag_recipe_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flag")),
        sa.UniqueConstraint("recipe_id", "media_id", name=op.f("uq_flag_recipe_id_media_id")),
    )
    op.create_index(op.f("ix_flag_batch_id"), "flag", ["batch_id"])
    op.create_index(op.f("ix_flag_deployment_id"), "flag", ["deployment_id"])
    op.create_index(op.f("ix_flag_media_id"), "flag", ["media_id"])
    op.create_index(op.f("ix_flag_recipe_id"), "flag", ["recipe_id"])
    op.create_table(
        "label",
        sa.Column("media_id", sa.Integer(), nullable=False),
        sa.Column("recipe_id", sa.Integer(), nullable=False),
        sa.Column("observation_type", TEXT, nullable=False),
        sa.Column("raw_name", TEXT),
        sa.Column("raw_probability", sa.Double()),
        sa.Column("name", TEXT),
        sa.Column("rank", TEXT),
        sa.Column("probability", sa.Double()),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("top", TEXT, nullable=False),
        sa.Column("off_list", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["media_id"], ["media.id"], name=op.f("fk_label_media_id")),
        sa.ForeignKeyConstraint(["recipe_id"], ["recipe.id"], name=op.f("fk_label_recipe_id")),
        sa.PrimaryKeyConstraint("media_id", "recipe_id", name=op.f("pk_label")),
    )
    op.create_index(op.f("ix_label_recipe_id_media_id"), "label", ["recipe_id", "media_id"])
    op.create_table(
        "look",
        sa.Column("media_id", sa.Integer(), nullable=False),
        sa.Column("recipe_id", sa.Integer(), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("p_blank", sa.Double()),
        sa.Column("p_animal", sa.Double()),
        sa.Column("p_human", sa.Double()),
        sa.Column("p_vehicle", sa.Double()),
        sa.Column("novelty", sa.Double()),
        sa.Column("decided_by", TEXT),
        sa.Column("light", TEXT),
        sa.Column("luma", sa.Double()),
        sa.Column("contrast", sa.Double()),
        sa.Column("view_shift", sa.Double()),
        sa.Column("crop_x", sa.Double()),
        sa.Column("crop_y", sa.Double()),
        sa.Column("crop_width", sa.Double()),
        sa.Column("crop_height", sa.Double()),
        sa.Column("crop_source", TEXT),
        sa.Column("count", sa.Integer()),
        sa.Column("logits", TEXT),
        sa.ForeignKeyConstraint(["media_id"], ["media.id"], name=op.f("fk_look_media_id")),
        sa.ForeignKeyConstraint(["recipe_id"], ["recipe.id"], name=op.f("fk_look_recipe_id")),
        sa.PrimaryKeyConstraint("media_id", "recipe_id", name=op.f("pk_look")),
    )
    op.create_index(op.f("ix_look_recipe_id_media_id"), "look", ["recipe_id", "media_id"])
    op.create_table(
        "review",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("media_id", sa.Integer(), nullable=False),
        sa.Column("observation_type", TEXT, nullable=False),
        sa.Column("name", TEXT),
        sa.Column("count", sa.Integer()),
        sa.Column("reviewer", TEXT),
        sa.Column("reviewed_at", TEXT),
        sa.Column("purpose", TEXT, nullable=False),
        sa.Column("comment", TEXT),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("saved_at", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["media_id"], ["media.id"], name=op.f("fk_review_media_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review")),
    )
    op.create_index(op.f("ix_review_media_id"), "review", ["media_id"])
    op.create_table(
        "verdict",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("media_id", sa.Integer(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("reviewer", TEXT),
        sa.Column("said_at", TEXT, nullable=False),
        sa.Column("comment", TEXT),
        sa.ForeignKeyConstraint(["media_id"], ["media.id"], name=op.f("fk_verdict_media_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verdict")),
    )
    op.create_index(op.f("ix_verdict_media_id"), "verdict", ["media_id"])
    op.create_table(
        "visit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("recipe_id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", sa.Integer(), nullable=False),
        sa.Column("media_id", sa.Integer(), nullable=False),
        sa.Column("started_at", TEXT),
        sa.Column("ended_at", TEXT),
        sa.Column("pictures", sa.Integer(), nullable=False),
        sa.Column("capture_method", TEXT),
        sa.Column("count", sa.Integer()),
        sa.Column("count_basis", TEXT),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_visit_batch_id")),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name=op.f("fk_visit_deployment_id")
        ),
        sa.ForeignKeyConstraint(["media_id"], ["media.id"], name=op.f("fk_visit_media_id")),
        sa.ForeignKeyConstraint(["recipe_id"], ["recipe.id"], name=op.f("fk_visit_recipe_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit")),
        sa.UniqueConstraint("recipe_id", "media_id", name=op.f("uq_visit_recipe_id_media_id")),
    )
    op.create_index(op.f("ix_visit_batch_id"), "visit", ["batch_id"])
    op.create_index(op.f("ix_visit_deployment_id"), "visit", ["deployment_id"])
    op.create_index(op.f("ix_visit_media_id"), "visit", ["media_id"])
    op.create_index(op.f("ix_visit_recipe_id"), "visit", ["recipe_id"])
    op.create_table(
        "flag_media",
        sa.Column("flag_id", sa.Integer(), nullable=False),
        sa.Column("media_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["flag_id"], ["flag.id"], name=op.f("fk_flag_media_flag_id")),
        sa.ForeignKeyConstraint(["media_id"], ["media.id"], name=op.f("fk_flag_media_media_id")),
        sa.PrimaryKeyConstraint("flag_id", "media_id", name=op.f("pk_flag_media")),
    )
    op.create_index(op.f("ix_flag_media_media_id"), "flag_media", ["media_id"])
    op.create_table(
        "status",
        sa.Column("media_id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", sa.Integer(), nullable=False),
        sa.Column("taken_at", TEXT),
        sa.Column("taken_on", TEXT),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("p_blank", sa.Double()),
        sa.Column("p_animal", sa.Double()),
        sa.Column("p_human", sa.Double()),
        sa.Column("p_vehicle", sa.Double()),
        sa.Column("novelty", sa.Double()),
        sa.Column("decided_by", TEXT),
        sa.Column("observation_type", TEXT, nullable=False),
        sa.Column("name", TEXT),
        sa.Column("probability", sa.Double()),
        sa.Column("count", sa.Integer()),
        sa.Column("method", TEXT),
        sa.Column("visit_id", sa.Integer()),
        sa.Column("review_id", sa.Integer()),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_status_batch_id")),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name=op.f("fk_status_deployment_id")
        ),
        sa.ForeignKeyConstraint(["media_id"], ["media.id"], name=op.f("fk_status_media_id")),
        sa.ForeignKeyConstraint(["review_id"], ["review.id"], name=op.f("fk_status_review_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_status_visit_id")),
        sa.PrimaryKeyConstraint("media_id", name=op.f("pk_status")),
    )
    op.create_index(
        op.f("ix_status_batch_id_state_deployment_id"),
        "status",
        ["batch_id", "state", "deployment_id"],
    )
    op.create_index(
        op.f("ix_status_deployment_id_taken_on_batch_id_state"),
        "status",
        ["deployment_id", "taken_on", "batch_id", "state"],
    )
    op.create_index(op.f("ix_status_review_id"), "status", ["review_id"])
    op.create_index(
        op.f("ix_status_state_batch_id_deployment_id"),
        "status",
        ["state", "batch_id", "deployment_id"],
    )
    op.create_index(
        op.f("ix_status_state_p_blank"),
        "status",
        ["state", "p_blank"],
        unique=False,
        sqlite_where=sa.text("state = 'blank'"),
        postgresql_where=sa.text("state = 'blank'"),
    )
    op.create_index(op.f("ix_status_visit_id"), "status", ["visit_id"])
    op.create_table(
        "visit_media",
        sa.Column("media_id", sa.Integer(), nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["media_id"], ["media.id"], name=op.f("fk_visit_media_media_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_visit_media_visit_id")),
        sa.PrimaryKeyConstraint("media_id", "visit_id", name=op.f("pk_visit_media")),
    )
    op.create_index(op.f("ix_visit_media_visit_id"), "visit_media", ["visit_id"])
    op.create_table(
        "visit_taxon",
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("observation_type", TEXT, nullable=False),
        sa.Column("name", TEXT),
        sa.Column("rank", TEXT),
        sa.Column("probability", sa.Double()),
        sa.Column("pictures", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_visit_taxon_visit_id")),
        sa.PrimaryKeyConstraint("visit_id", "position", name=op.f("pk_visit_taxon")),
    )


def downgrade() -> None:
    for name in reversed(TABLES):
        op.drop_table(name)
