//! A power cut at every point, and a fault at every call.
//!
//! Below the store stands a [`recorder`] that takes down each write, rename and sync, and what was acknowledged in between.
//! From that a [`disk_model`] knows at every point what a disk could hold if the power failed there; [`cuts`] picks from
//! what it could. A registry that starts on such a disk must keep the [`promises`], which [`check`] looks at.

mod check;
mod client;
mod cuts;
mod disk_model;
mod images;
mod promises;
mod recorder;
mod replay;
mod scenarios;
mod tree;

mod every_fault_tests;
mod power_cut_tests;
mod slow_disk_tests;
