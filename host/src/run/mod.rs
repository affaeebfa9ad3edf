//! Plans and executes runs.
