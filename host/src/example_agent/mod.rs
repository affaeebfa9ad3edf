//! The agent built into the program.
