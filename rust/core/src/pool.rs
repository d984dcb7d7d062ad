//! The one thread pool of the learning side: started on first use, parked when idle, fresh after a fork.

use std::collections::HashMap;
use std::mem::ManuallyDrop;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rayon_core::{ThreadPool, ThreadPoolBuilder};

use crate::{Error, Result};

type Pools = HashMap<(u32, usize), ManuallyDrop<Arc<ThreadPool>>>;

/// Most threads of a call on a machine that has fewer cores: starting them takes a second per thousand, none of it useful.
const MOST_THREADS: usize = 256;

/// How many threads a call uses: `n_jobs`, else `ARSENAL_NUM_THREADS`, else what affinity and cgroup quota leave.
///
/// A larger number than both 256 and the cores is taken for the larger of these; results do not depend on it.
/// Negative `n_jobs` count from the end as in joblib: −1 is all, −2 all but one.
pub fn n_threads(n_jobs: Option<i64>) -> Result<usize> {
    let environment = std::env::var("ARSENAL_NUM_THREADS").ok();
    let available = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    threads_asked(n_jobs, environment.as_deref(), available)
}

fn threads_asked(n_jobs: Option<i64>, environment: Option<&str>, available: impl Fn() -> usize) -> Result<usize> {
    let at_most = |n: usize| if n <= MOST_THREADS { n } else { n.min(available().max(MOST_THREADS)) };
    match n_jobs {
        Some(0) => Err(Error::Value(
            "n_jobs is 0, wanted None, a positive number, or a negative one counted from all cores".into(),
        )),
        Some(n) if n > 0 => Ok(at_most(n as usize)),
        Some(n) => Ok((available() as i64 + 1 + n).max(1) as usize),
        None => match environment.filter(|text| !text.is_empty()) {
            None => Ok(available()),
            Some(text) => text.parse().ok().filter(|&n: &usize| n > 0).map(at_most).ok_or_else(|| {
                Error::Value(format!("ARSENAL_NUM_THREADS is {text:?}, wanted a positive whole number"))
            }),
        },
    }
}

/// A pool of `n_threads` workers, shared by every call of this process that asks for the same number.
///
/// Workers of a parent process do not exist in a forked child, so pools are kept per process id; a pool is never
/// dropped, because dropping one that was inherited across a fork would wait for threads that are not there.
pub fn pool(n_threads: usize) -> Result<Arc<ThreadPool>> {
    static POOLS: OnceLock<Mutex<Pools>> = OnceLock::new();
    let mut pools = POOLS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(pool) = pools.get(&(std::process::id(), n_threads)) {
        return Ok(Arc::clone(pool));
    }
    let built = ThreadPoolBuilder::new()
        .num_threads(n_threads)
        .thread_name(|index| format!("arsenal-{index}"))
        .build()
        .map_err(|error| Error::Value(format!("cannot start {n_threads} threads: {error}")))?;
    let built = Arc::new(built);
    pools.insert((std::process::id(), n_threads), ManuallyDrop::new(Arc::clone(&built)));
    Ok(built)
}

/// Runs `work` on every item, in parallel on the pool of the calling worker (serially where there is none).
///
/// Which thread takes which item is not decided in advance, so a core that another process keeps busy holds up one item, not a share.
pub fn for_each<T: Send>(items: &mut [T], work: &(impl Fn(&mut T) + Sync)) {
    match items {
        [] => {}
        [item] => work(item),
        _ => {
            let (first, second) = items.split_at_mut(items.len() / 2);
            rayon_core::join(|| for_each(first, work), || for_each(second, work));
        }
    }
}

/// As [`for_each`], but leaves out the items that are not begun when `stop` is set: so an item is what Ctrl-C waits for.
///
/// # Errors
/// `Interrupted` once `stop` is set.
pub fn for_each_until<T: Send>(items: &mut [T], stop: &AtomicBool, work: &(impl Fn(&mut T) + Sync)) -> Result<()> {
    for_each(items, &|item| {
        if !stop.load(Ordering::Relaxed) {
            work(item);
        }
    });
    go_on(stop)
}

/// # Errors
/// `Interrupted` once `stop` is set.
pub fn go_on(stop: &AtomicBool) -> Result<()> {
    if stop.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_jobs_then_environment_then_cores() {
        let cores = || 8;
        assert_eq!(threads_asked(Some(3), Some("5"), cores), Ok(3));
        assert_eq!(threads_asked(Some(-1), Some("5"), cores), Ok(8));
        assert_eq!(threads_asked(Some(-20), None, cores), Ok(1));
        assert_eq!(threads_asked(None, Some("5"), cores), Ok(5));
        assert_eq!(threads_asked(None, Some(""), cores), Ok(8));
        assert_eq!(threads_asked(None, None, cores), Ok(8));
        assert_eq!(threads_asked(Some(1_000_000), None, cores), Ok(256));
        assert_eq!(threads_asked(None, Some("2000"), cores), Ok(256));
        assert_eq!(threads_asked(Some(2000), None, || 384), Ok(384));
        assert_eq!(threads_asked(Some(300), None, || 384), Ok(300));
        assert!(threads_asked(Some(0), None, cores).is_err());
        assert!(threads_asked(None, Some("many"), cores).unwrap_err().to_string().contains("many"));
    }

    #[test]
    fn for_each_reaches_every_item_once() {
        for n in [0, 1, 2, 7, 100] {
            let mut items = vec![0; n];
            pool(2).unwrap().install(|| for_each(&mut items, &|item| *item += 1));
            assert!(items.iter().all(|&item| item == 1));
        }
    }

    #[test]
    fn for_each_until_begins_nothing_after_the_stop() {
        let stop = AtomicBool::new(false);
        let mut items: Vec<u32> = (0..100).collect();
        let work = |item: &mut u32| {
            stop.store(*item == 30, Ordering::Relaxed);
            *item = u32::MAX;
        };
        let outcome = pool(1).unwrap().install(|| for_each_until(&mut items, &stop, &work));
        assert_eq!(outcome, Err(Error::Interrupted));
        assert_eq!(items.iter().filter(|&&item| item == u32::MAX).count(), 31);
        assert_eq!(go_on(&stop), Err(Error::Interrupted));
    }

    #[test]
    fn the_same_size_is_the_same_pool() {
        let (a, b, c) = (pool(2).unwrap(), pool(2).unwrap(), pool(3).unwrap());
        assert!(Arc::ptr_eq(&a, &b) && !Arc::ptr_eq(&a, &c));
        assert_eq!(a.install(rayon_core::current_num_threads), 2);
        assert!(n_threads(None).unwrap() > 0);
    }
}
