"""What the pages show, read from the store and computed by the verifier. No request, no HTML here."""
