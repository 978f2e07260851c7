"""Work that takes longer than anybody waits for a page: packs, copies of the store, back-fills, trials."""
