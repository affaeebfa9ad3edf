//! Packs: manifests and the standard pack embedded in the program.
