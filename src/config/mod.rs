//! The file and the environment, made into each module's own Settings.
