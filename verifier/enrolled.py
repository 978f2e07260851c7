"""Step 4 of the check: who may sign for which host."""

from __future__ import annotations

from dataclasses import dataclass, field

from evidence import enrolment
from evidence.enrolment import SignedEnrolment
from evidence.errors import EvidenceError
from verifier import layout
from verifier.errors import VerifierError
from verifier.finding import Finding


@dataclass
class Enrolled:
    """The enrolments whose signatures hold, in the order of the pack."""

    accepted: list[SignedEnrolment] = field(default_factory=list)

    @property
    def hosts(self) -> set[str]:
        """Names of all hosts with an accepted enrolment."""
        return {signed.enrolment.host for signed in self.accepted}

    def find(self, host: str, source: str, epoch: int) -> SignedEnrolment | None:
        """Return the enrolment of a host's source in its ``epoch``-th turn."""
        for signed in self.accepted:
            record = signed.enrolment
            if (record.host, record.source, record.epoch) == (host, source, epoch):
                return signed
        return None


def read_enrolled(data: bytes, enterprise: str, findings: list[Finding]) -> Enrolled:
    """Return the enrolments in ``data`` whose proofs hold; report all others."""
    enrolled = Enrolled()
    try:
        records = layout.read_enrolments(data)
    except (EvidenceError, VerifierError) as error:
        findings.append(Finding("ENROLMENT", layout.ENROLMENTS, got=str(error)))
        return enrolled
    for number, (record, signature, previous_signature) in enumerate(records):
        place = f"{layout.ENROLMENTS}[{number}]"
        try:
            signed = _accept(enrolled, record, signature, previous_signature)
        except EvidenceError as error:
            findings.append(Finding("ENROLMENT", place, got=str(error)))
            continue
        about = signed.enrolment
        if about.enterprise != enterprise:
            findings.append(Finding("ENROLMENT", place, about.host, enterprise, about.enterprise))
        elif enrolled.find(about.host, about.source, about.epoch):
            findings.append(Finding("ENROLMENT", place, about.host, got=f"epoch {about.epoch} stands twice"))
        elif about.source == "agent" and any(s.enrolment.key == about.key for s in enrolled.accepted):
            findings.append(Finding("KEY_TWICE", place, about.host, got=signed.public.id))
        elif about.epoch and enrolled.find(about.host, about.source, about.epoch - 1) is None:
            findings.append(
                Finding("ENROLMENT", place, about.host, f"epoch {about.epoch - 1} before it", "none")
            )
        else:
            if about.epoch and not about.previous:
                findings.append(Finding("KEY_BREAK", place, about.host, got=f"epoch {about.epoch}"))
            enrolled.accepted.append(signed)
    return enrolled


def _accept(
    enrolled: Enrolled, record: bytes, signature: bytes, previous_signature: bytes
) -> SignedEnrolment:
    about = enrolment.parse(record)
    before = enrolled.find(about.host, about.source, about.epoch - 1) if about.previous else None
    return enrolment.verify(record, signature, previous_signature, before.public if before else None)
