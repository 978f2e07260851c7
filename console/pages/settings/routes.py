"""The table of the settings' pages."""

from __future__ import annotations

from console.access.roles import Need
from console.page import Entry, Page
from console.pages.leading import leads
from console.pages.settings import backup, enterprise, hosts, trail

PAGES = (
    Page("/settings", hosts.hosts, needs=Need.OPERATE, entry=Entry("settings.title", 90)),
    Page("/settings/tokens", hosts.issue, needs=Need.OPERATE, methods=("POST",)),
    Page("/settings/tokens/{token}/end", hosts.end, needs=Need.OPERATE, methods=("POST",)),
    Page("/settings/enterprise", enterprise.enterprise, needs=Need.ADMINISTER),
    Page("/settings/enterprise", enterprise.give_name, needs=Need.ADMINISTER, methods=("POST",)),
    Page("/settings/backup", backup.backup, needs=Need.ADMINISTER),
    Page("/settings/backup", backup.make, needs=Need.ADMINISTER, methods=("POST",)),
    Page("/settings/backup/{job}/{file}", backup.download, needs=Need.ADMINISTER, is_page=False),
    Page("/settings/trail", trail.shown, needs=Need.ADMINISTER),
    leads("/settings/tokens", "/settings", Need.OPERATE),
)
