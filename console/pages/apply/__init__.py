"""申报: what the enterprise says of itself, the scope that it declares, and form, report and pack of a month."""
