//! Whole servers against each other: Wharf, Debian's docker-registry, another registry if one is named, and nginx with
//! static files as the measure of what the machine can do.
//!
//! `cargo bench --bench servers` measures everything and prints a table; `--write` puts it into `docs/performance.md`
//! as well. `-- push-image wharf` measures one workload of one party, `-- --help` says the rest.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that reports to the person who runs it")]

mod arguments;
mod figure;
mod load;
mod machine;
mod page;
mod party;
mod plan;
mod processes;
mod scratch;
mod server;
mod table;
mod workload;

use std::process::ExitCode;

use arguments::Arguments;
use machine::Machine;
use plan::Plan;
use scratch::Scratch;

fn main() -> ExitCode {
    let arguments = Arguments::read();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn std::error::Error>> {
    raise_open_files();
    let (parties, absent) = party::find();
    absent.iter().for_each(|sentence| eprintln!("{sentence}"));
    let (workloads, parties) = arguments.choose(parties)?;
    let scratch = Scratch::new(&arguments.directory())?;
    let machine = Machine::look(scratch.path());
    eprintln!("{machine}");
    let plan = Plan {
        workloads,
        parties,
        rounds: arguments.rounds(),
        scale: arguments.scale(),
        access_log: !arguments.no_access_log,
        ciphers: machine.ciphers,
    };
    let results = plan.run(scratch.path(), &|line| eprintln!("{line}"))?;
    let table = table::markdown(&plan, &results);
    println!("{table}");
    if arguments.write {
        page::write(&plan, &machine, &table)?;
    }
    // A run that is only to show that everything works has failed if something did not.
    let failed = arguments.is_smoke() && results.any_failed();
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// A thousand idle connections need as many descriptors, and many systems start programs with fewer.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // If it cannot be raised, the workload that needs it says so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
