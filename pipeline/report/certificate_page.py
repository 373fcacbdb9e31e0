"""One page to print: what a certificate promises, on which evidence, and what the audit found."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.report import words
from pipeline.report.day import AuditRow
from pipeline.report.page import environment
from pipeline.trust.evidence import SCORES, WORDS


def write_certificate(row: Mapping[str, Any], audit: AuditRow, file: Path) -> Path:
    """Write the page; the same certificate and audit give the same bytes.

    row   the certificate as it is stored, by column
    """
    found = audit.estimate
    text = environment().get_template("certificate.html").render(
        row=row,
        evidence=row["evidence"],
        words=WORDS[row["kind"]],
        score=SCORES[row["kind"]],
        models=sorted(
            (part.replace("_", " "), value["name"], value["sha256"])
            for part, value in row["models"].items()
            if isinstance(value, dict) and "sha256" in value
        ),
        audit=audit,
        missed=words.missed(found) if found else None,
        recall=words.recall(found) if found else None,
    )  # fmt: skip
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8", newline="")
    return file
