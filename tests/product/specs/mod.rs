//! Specs as files: wrong ones with their exact diagnostics, good ones, hostile ones.

pub mod check;
mod codes;
mod defaults;
mod good;
mod hostile;
mod no_keys;
mod places;
mod random;
mod reference;
mod schema;
mod wrong;
