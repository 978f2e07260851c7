"""Documents: what people read and sign, drawn from figures, verdict, profile and edition."""
