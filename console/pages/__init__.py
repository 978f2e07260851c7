"""The pages, each a folder that can be taken out. Their table is the only list of routes there is."""

from __future__ import annotations

from console.language import Words
from console.page import Page
from console.pages.entry import routes as entry
from console.pages.entry import words as entry_words
from console.pages.hosts import routes as hosts
from console.pages.hosts import words as hosts_words
from console.pages.overview import routes as overview
from console.pages.overview import words as overview_words
from console.pages.people import routes as people
from console.pages.people import words as people_words

TABLE: tuple[Page, ...] = (
    *entry.PAGES,
    *overview.PAGES,
    *hosts.PAGES,
    *people.PAGES,
)
WORDS: tuple[Words, ...] = (
    entry_words.WORDS,
    overview_words.WORDS,
    hosts_words.WORDS,
    people_words.WORDS,
)
