"""${message}

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}

"""

from alembic import op
import sqlalchemy as sa
${imports if imports else ""}
from pg_gallery.repeatables import apply_function_files, drop_functions, run_sql

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}

# The files of db/functions that the triggers, constraints, defaults and indexes made here run.
FUNCTION_FILES: tuple[str, ...] = ()


def upgrade() -> None:
    # SQL just as written: run_sql("..."). All functions are applied by themselves at head; before
    # what needs one at once: apply_function_files(FUNCTION_FILES).
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    # Drop the triggers made here, then drop_functions(), which may depend on the tables made here,
    # then those. What remaining revisions need is applied again at the end.
    ${downgrades if downgrades else "pass"}
