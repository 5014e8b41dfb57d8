//! Arguments and output: the only room that prints.
