//! How the system's allocator keeps memory: mallopt(3) and malloc_trim(3), for which no library that we use has a safe
//! function.
#![expect(
    unsafe_code,
    reason = "calls that set numbers, before there is a second thread, and one that any thread may make"
)]

/// How often what is free is given back.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const OFTEN: std::time::Duration = std::time::Duration::from_secs(5);

/// Keeps a little memory instead of giving it back with every buffer that is freed. Buffers come and go with every piece of
/// every blob, and to fetch fresh memory for each costs as much as a tenth of a push.
pub(super) fn keep_a_little() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: the calls take numbers, and nothing else runs yet that could allocate at the same time. Should they be
    // refused, all that is lost is time.
    unsafe {
        const MIB: libc::c_int = 1024 * 1024;
        libc::mallopt(libc::M_TRIM_THRESHOLD, 4 * MIB);
        libc::mallopt(libc::M_MMAP_THRESHOLD, 4 * MIB);
        // Each of these keeps memory of its own.
        libc::mallopt(libc::M_ARENA_MAX, 4);
    }
}

/// Gives back what lies free between what is in use, every now and then, which the allocator does not by itself: what a
/// thousand connections held while they were busy would stay for good. On a thread of its own, since it may take a while.
pub(super) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        let giving = || loop {
            std::thread::sleep(OFTEN);
            // SAFETY: any thread may call it at any time; it touches only what is free, behind the allocator's own locks.
            unsafe {
                libc::malloc_trim(0);
            }
        };
        // Without it, memory is kept; a server runs all the same.
        let _ = std::thread::Builder::new().name("memory".into()).spawn(giving);
    }
}
