"""Who was active: accounts told by a database, a provider or a file, hashed before anything is kept."""
