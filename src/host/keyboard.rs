//! Whether a person has typed a line: waiting for it must not keep an interrupt from being seen.

/// Waits a little for a line of standard input, or for its end; false if there is none so far.
#[cfg(unix)]
pub(super) fn says_something() -> bool {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::os::fd::AsFd;
    /// Milliseconds: a person sees no delay in it.
    const WAIT: u8 = 50;
    let input = std::io::stdin();
    let mut waiting = [PollFd::new(input.as_fd(), PollFlags::POLLIN)];
    match poll(&mut waiting, PollTimeout::from(WAIT)) {
        Ok(ready) => ready > 0,
        Err(nix::errno::Errno::EINTR) => false,
        // Where nothing can be known, reading finds out.
        Err(_) => true,
    }
}

/// Elsewhere an interrupt is seen after the next line.
#[cfg(not(unix))]
pub(super) fn says_something() -> bool {
    true
}
