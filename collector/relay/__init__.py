"""The relay: takes chunks where there is no route to the collector, keeps them, and passes them on unopened."""
