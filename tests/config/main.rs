//! The configuration as an operator meets it: files and variables in, settings and sentences out.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what a test cannot do without fails it")]

mod access;
mod any_input;
mod auth;
mod command;
mod drop_in;
mod quotas;
mod refusals;
mod retention;
mod samples;
mod settings;
mod tags;

use wharf::config::{Config, Warning};

/// The configuration that a file and variables make, with what was remarked.
fn load(text: &str, variables: &[(&str, &str)]) -> (Config, Vec<Warning>) {
    try_load(text, variables).unwrap_or_else(|sentence| panic!("{sentence}"))
}

/// The same, or the sentence in which it was refused.
fn try_load(text: &str, variables: &[(&str, &str)]) -> Result<(Config, Vec<Warning>), String> {
    Config::parse("config.yml", text, pairs(variables)).map_err(|error| error.to_string())
}

/// What holds with variables and without a file.
fn without_file(variables: &[(&str, &str)]) -> (Config, Vec<Warning>) {
    Config::load(None, pairs(variables)).unwrap()
}

/// The sentence in which a file and variables are refused.
fn refusal(text: &str, variables: &[(&str, &str)]) -> String {
    try_load(text, variables).map(|_| ()).expect_err("the configuration should be refused")
}

fn pairs(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn sentences(warnings: &[Warning]) -> Vec<String> {
    warnings.iter().map(Warning::to_string).collect()
}

/// A file with nothing but what it must have, and more after it.
fn minimal(more: &str) -> String {
    format!("version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: /data\n{more}")
}
