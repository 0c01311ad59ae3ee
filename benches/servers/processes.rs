//! What processes have used, from `/proc` (proc(5)). A server is a process group, so that nginx's workers count.

use std::fs;

/// The kernel counts CPU time in these (`USER_HZ`); it is 100 on every platform that Debian's packages exist for.
const TICKS_PER_SECOND: f64 = 100.0;

/// The CPU seconds, user and system, that the processes of a group have used so far.
pub(crate) fn cpu_seconds(group: u32) -> f64 {
    members(group).iter().filter_map(|pid| Stat::of(pid)).map(|stat| stat.cpu_seconds).sum()
}

/// The CPU seconds that this process has used so far.
pub(crate) fn own_cpu_seconds() -> f64 {
    Stat::of("self").map_or(0.0, |stat| stat.cpu_seconds)
}

/// The bytes that are resident now, summed over the processes of a group.
pub(crate) fn resident(group: u32) -> u64 {
    memory(group, "VmRSS:")
}

/// The most bytes that were ever resident, summed over the processes of a group.
pub(crate) fn peak(group: u32) -> u64 {
    memory(group, "VmHWM:")
}

fn memory(group: u32, field: &str) -> u64 {
    let of = |pid: &String| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(field))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    members(group).iter().filter_map(of).sum::<u64>() * 1024
}

/// The ids of the processes in a group.
fn members(group: u32) -> Vec<String> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        .filter(|pid| Stat::of(pid).is_some_and(|stat| stat.group == group))
        .collect()
}

/// What is needed of `/proc/PID/stat`.
struct Stat {
    group: u32,
    cpu_seconds: f64,
}

impl Stat {
    fn of(pid: &str) -> Option<Stat> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The second field is the program's name in parentheses and may hold anything; the third follows the last of them.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
        let (user, system) = (ticks(11)?, ticks(12)?);
        Some(Stat { group: fields.get(2)?.parse().ok()?, cpu_seconds: (user + system) / TICKS_PER_SECOND })
    }
}
