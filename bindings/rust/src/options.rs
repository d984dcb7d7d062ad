//! How to load a model.

/// Threads of a session and limits for models that come from elsewhere. A 0 means the default.
///
/// ```
/// use arsenal_runtime::{Error, Options, Session};
///
/// let options = Options { max_bytes: 1 << 10, ..Options::default() };
/// let refused = Session::from_bytes_with(&[0; 2000], &options);
/// assert!(matches!(refused, Err(Error::LimitExceeded(_))));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Threads that one call may use, itself included. Default 1; -1: as many as the process may run on. Results do
    /// not depend on it.
    pub n_threads: i32,
    /// Deepest tree that is accepted, in edges. Default 4,096.
    pub max_tree_depth: u32,
    /// Largest model in bytes. Default 2 GiB.
    pub max_bytes: u64,
    /// Most graph nodes that are accepted. Default 100,000.
    pub max_graph_nodes: u64,
    /// Most tree nodes, leaves included, over all ensembles. Default 100,000,000.
    pub max_tree_nodes: u64,
    /// Largest workspace that a run may take. Default 4 GiB.
    pub max_workspace_bytes: u64,
}
