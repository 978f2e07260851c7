"""The pages, each a folder that can be taken out. Their table is the only list of routes there is."""

from __future__ import annotations

from console.language import Words
from console.page import Page
from console.pages.apply import routes as apply
from console.pages.apply import words as apply_words
from console.pages.coverage import routes as coverage
from console.pages.coverage import words as coverage_words
from console.pages.entry import routes as entry
from console.pages.entry import words as entry_words
from console.pages.evidence import routes as evidence
from console.pages.evidence import words as evidence_words
from console.pages.figures import routes as figures
from console.pages.figures import words as figures_words
from console.pages.hosts import routes as hosts
from console.pages.hosts import words as hosts_words
from console.pages.ledger import routes as ledger
from console.pages.ledger import words as ledger_words
from console.pages.overview import routes as overview
from console.pages.overview import words as overview_words
from console.pages.people import routes as people
from console.pages.people import words as people_words
from console.pages.settings import routes as settings
from console.pages.settings import trail_details, trail_words
from console.pages.settings import words as settings_words
from console.pages.sources import routes as sources
from console.pages.sources import words as sources_words
from console.pages.tokens import routes as tokens
from console.pages.tokens import words as tokens_words
from console.pages.users import routes as users
from console.pages.users import words as users_words

TABLE: tuple[Page, ...] = (
    *entry.PAGES,
    *overview.PAGES,
    *figures.PAGES,
    *hosts.PAGES,
    *coverage.PAGES,
    *evidence.PAGES,
    *people.PAGES,
    *settings.PAGES,
    *ledger.PAGES,
    *apply.PAGES,
    *sources.PAGES,
    *users.PAGES,
    *tokens.PAGES,
)
WORDS: tuple[Words, ...] = (
    entry_words.WORDS,
    overview_words.WORDS,
    figures_words.WORDS,
    hosts_words.WORDS,
    coverage_words.WORDS,
    evidence_words.WORDS,
    people_words.WORDS,
    settings_words.WORDS,
    trail_words.WORDS,
    trail_details.WORDS,
    ledger_words.WORDS,
    apply_words.WORDS,
    sources_words.WORDS,
    users_words.WORDS,
    tokens_words.WORDS,
)
