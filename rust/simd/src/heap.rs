//! Memory that the allocator keeps after it was freed.

/// Gives memory that nobody uses back to the system, where the allocator is glibc's. Takes about a millisecond per 100 MB.
///
/// glibc keeps what a thread freed for that thread, up to tens of megabytes each; a fit frees much on all threads of the pool before
/// it needs the most.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        unsafe extern "C" {
            fn malloc_trim(pad: usize) -> std::ffi::c_int;
        }
        // SAFETY: glibc's own, with this signature since 2.8; it locks each arena that it looks at.
        unsafe { malloc_trim(0) };
    }
}
