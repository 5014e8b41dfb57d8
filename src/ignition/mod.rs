//! Merges fragments into one Ignition config, checks it and writes it.
