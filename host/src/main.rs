//! The program `wassert`.

fn main() {}
