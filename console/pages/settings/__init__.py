"""设置: hosts to enrol, tokens for programs, copies of the store."""
