//! Beginning to write early: sync_file_range(2), for which no library that we use has a safe function.
//!
//! Nothing is claimed of it. It only spares whoever syncs the file later most of the wait.
#![expect(unsafe_code, reason = "one system call that takes numbers and no memory of ours")]

use std::fs::File;
use std::os::fd::AsRawFd;

/// Makes the system begin to write what it holds of the file, without waiting for the disk.
pub(super) fn begin_to_write(file: &File) {
    #[cfg(target_os = "linux")]
    // SAFETY: the descriptor is open for as long as the reference lives, and the call neither reads nor writes memory of
    // this process. Should it fail, all that is lost is time.
    unsafe {
        libc::sync_file_range(file.as_raw_fd(), 0, 0, libc::SYNC_FILE_RANGE_WRITE);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = file.as_raw_fd();
}
