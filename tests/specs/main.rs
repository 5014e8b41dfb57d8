//! Specs as files: wrong ones with their exact diagnostics, good ones, hostile ones.

mod check;
mod codes;
mod good;
mod hostile;
mod no_keys;
mod random;
mod schema;
mod wrong;
