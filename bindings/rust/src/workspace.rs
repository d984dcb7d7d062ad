//! Scratch memory of a run.

/// Scratch memory that makes [`Session::run_into`](crate::Session::run_into) allocate nothing; for one call at a time.
///
/// The size is that of [`Session::bind`](crate::Session::bind). An empty one is fine too: a row of a tree model needs
/// none, and other calls allocate what they need.
#[derive(Debug, Default)]
pub struct Workspace {
    lines: Vec<Line>,
}

/// 64 bytes at an address that is a multiple of 64, as the runtime wants them.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Line(#[allow(dead_code, reason = "its bytes are the runtime's")] [u8; 64]);

impl Workspace {
    /// At least `bytes` bytes.
    pub fn new(bytes: usize) -> Workspace {
        Workspace { lines: vec![Line([0; 64]); bytes.div_ceil(64)] }
    }

    /// How large it is.
    pub fn bytes(&self) -> usize {
        size_of_val(self.lines.as_slice())
    }

    pub(crate) fn as_mut_ptr(&mut self) -> *mut std::ffi::c_void {
        if self.lines.is_empty() { std::ptr::null_mut() } else { self.lines.as_mut_ptr().cast() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_was_asked_for_at_the_runtimes_alignment() {
        for (bytes, holds) in [(0, 0), (1, 64), (64, 64), (65, 128)] {
            let mut workspace = Workspace::new(bytes);
            assert_eq!(workspace.bytes(), holds);
            assert_eq!(workspace.as_mut_ptr().is_null(), bytes == 0);
            assert_eq!(workspace.as_mut_ptr() as usize % 64, 0);
        }
    }
}
