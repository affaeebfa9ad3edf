//! The fake model server.
