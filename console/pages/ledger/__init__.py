"""台账: entries of payments and costs, tables to import with a preview, cancelling."""
