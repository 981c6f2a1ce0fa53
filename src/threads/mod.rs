//! A few threads that are kept alive for work that is done side by side: evaluations, followers, the judge.
//!
//! Work is cut into tasks by the problem alone, never by the number of threads: who runs a task does not matter for what
//! it computes, so results are the same bytes for any number of threads.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// The most threads that evaluations of this process use; 0 as long as nobody has said.
static LIMIT: AtomicUsize = AtomicUsize::new(0);

/// Lets this process use at most this many threads; without a number, as many as there are processors. Results do not
/// depend on it, and what is small is always done by one.
pub fn limit(most: Option<usize>) {
    LIMIT.store(most.map_or(0, |most| most.max(1)), Ordering::Relaxed);
}

/// How many threads may be used.
pub fn count() -> usize {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    match LIMIT.load(Ordering::Relaxed) {
        0 => *PROCESSORS.get_or_init(|| std::thread::available_parallelism().map_or(1, |n| n.get()).min(MOST_THREADS)),
        limit => limit.min(MOST_THREADS),
    }
}

/// Evaluations are bound by memory: more threads than this do not help.
const MOST_THREADS: usize = 16;

/// What a task is: `work(seat, task)`, where no two threads have the same seat.
type Work<'a> = dyn Fn(usize, usize) + Sync + 'a;

struct Job {
    /// Valid as long as tasks are unfinished: see [`run`].
    work: *const Work<'static>,
    tasks: usize,
    /// The next task, and the next seat.
    next: AtomicUsize,
    seat: AtomicUsize,
    seats: usize,
    unfinished: AtomicUsize,
    panicked: AtomicBool,
}

// SAFETY: `work` points to what is `Sync`.
unsafe impl Send for Job {}
// SAFETY: as above; everything else is atomic.
unsafe impl Sync for Job {}

#[derive(Default)]
struct Pool {
    state: Mutex<State>,
    /// A job came, and: all tasks of a job are finished.
    came: Condvar,
    finished: Condvar,
    /// Somebody runs a job: others do theirs alone.
    busy: AtomicBool,
}

#[derive(Default)]
struct State {
    job: Option<Arc<Job>>,
    number: u64,
    workers: usize,
}

impl Pool {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pool() -> &'static Pool {
    static POOL: OnceLock<Pool> = OnceLock::new();
    POOL.get_or_init(Pool::default)
}

/// How many threads work is worth that takes about as long as this many additions: one, or as many as there may be.
pub fn for_work(additions: usize) -> usize {
    /// What takes less than some tenths of a millisecond is done before others are awake.
    const LEAST: usize = if cfg!(test) { 1 } else { 400_000 };
    if additions < LEAST { 1 } else { count() }
}

/// What `a` and `b` return, which may run side by side.
pub fn both<A: Send, B: Send>(threads: usize, a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
    if threads <= 1 {
        return (a(), b());
    }
    let (a, b) = (Mutex::new((Some(a), None)), Mutex::new((Some(b), None)));
    run(2, threads, &|_, task| match task {
        0 => once(&a),
        _ => once(&b),
    });
    (done(a), done(b))
}

/// What is to be done, and what came of it.
type Once<W, T> = Mutex<(Option<W>, Option<T>)>;

fn once<W: FnOnce() -> T, T>(slot: &Once<W, T>) {
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    slot.1 = slot.0.take().map(|work| work());
}

fn done<W, T>(slot: Once<W, T>) -> T {
    slot.into_inner().unwrap_or_else(PoisonError::into_inner).1.expect("all tasks have ended")
}

/// What `of` says of each item, in their order, by up to `threads` threads. Who does which does not matter for what is
/// said.
pub fn each<I: Send, T: Send>(items: Vec<I>, threads: usize, of: impl Fn(I) -> T + Sync) -> Vec<T> {
    if threads <= 1 || items.len() <= 1 {
        return items.into_iter().map(of).collect();
    }
    let of = &of;
    let slots: Vec<_> = items.into_iter().map(|item| Mutex::new((Some(move || of(item)), None))).collect();
    run(slots.len(), threads, &|_, k| once(&slots[k]));
    slots.into_iter().map(done).collect()
}

/// Runs `work(seat, task)` for all tasks below `tasks`, on this thread and on up to `threads - 1` others; seats are
/// below `threads`. Ends when all tasks have ended, and panics if one of them did.
pub fn run(tasks: usize, threads: usize, work: &Work) {
    if threads <= 1 || tasks <= 1 {
        return (0..tasks).for_each(|task| work(0, task));
    }
    let pool = pool();
    if pool.busy.swap(true, Ordering::Acquire) {
        return (0..tasks).for_each(|task| work(0, task));
    }
    let helpers = (threads - 1).min(tasks - 1);
    let (job, _) = begin(work, tasks, 1..threads, helpers);
    job.take_tasks(0);
    end(&job, |state| pool.finished.wait(state).unwrap_or_else(PoisonError::into_inner));
}

/// The same on up to `threads` other threads, while this one looks after them: `watch` is called every few milliseconds until
/// all tasks have ended. False if nothing was done, because only this thread could have done it.
pub fn run_watched(tasks: usize, threads: usize, work: &Work, watch: &mut dyn FnMut()) -> bool {
    const PAUSE: Duration = Duration::from_millis(2);
    if threads <= 1 || tasks <= 1 || pool().busy.swap(true, Ordering::Acquire) {
        return false;
    }
    let (job, workers) = begin(work, tasks, 0..threads, threads.min(tasks));
    if workers == 0 {
        job.take_tasks(0);
    }
    end(&job, |state| {
        drop(state);
        watch();
        let state = pool().state();
        match job.unfinished.load(Ordering::Acquire) {
            0 => state,
            _ => pool().finished.wait_timeout(state, PAUSE).unwrap_or_else(PoisonError::into_inner).0,
        }
    });
    true
}

/// Lets helpers have the tasks, on these seats; also says how many helpers there are.
fn begin(work: &Work, tasks: usize, seats: Range<usize>, helpers: usize) -> (Arc<Job>, usize) {
    let pool = pool();
    // SAFETY: the lifetime alone changes. A thread follows the pointer only for a task that it has taken, taken tasks
    // count as unfinished until they end, and whoever calls this waits for that in `end` before it returns.
    let work = unsafe { std::mem::transmute::<*const Work<'_>, *const Work<'static>>(work) };
    let job = Arc::new(Job {
        work,
        tasks,
        next: AtomicUsize::new(0),
        seat: AtomicUsize::new(seats.start),
        seats: seats.end,
        unfinished: AtomicUsize::new(tasks),
        panicked: AtomicBool::new(false),
    });
    let mut state = pool.state();
    while state.workers < helpers && spawn(state.workers) {
        state.workers += 1;
    }
    let workers = state.workers;
    state.job = Some(job.clone());
    state.number += 1;
    drop(state);
    (0..helpers).for_each(|_| pool.came.notify_one());
    (job, workers)
}

/// Waits until all tasks have ended.
fn end(job: &Job, mut wait: impl FnMut(MutexGuard<'static, State>) -> MutexGuard<'static, State>) {
    let pool = pool();
    let mut state = pool.state();
    while job.unfinished.load(Ordering::Acquire) > 0 {
        state = wait(state);
    }
    state.job = None;
    drop(state);
    pool.busy.store(false, Ordering::Release);
    assert!(!job.panicked.load(Ordering::Relaxed), "a task panicked");
}

/// Whether a further thread could be started.
fn spawn(number: usize) -> bool {
    std::thread::Builder::new().name(format!("worker {}", number + 1)).spawn(serve).is_ok()
}

fn serve() {
    let pool = pool();
    let mut seen = 0;
    loop {
        let mut state = pool.state();
        let job = loop {
            match &state.job {
                Some(job) if state.number != seen => break job.clone(),
                _ => state = pool.came.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        };
        seen = state.number;
        drop(state);
        let seat = job.seat.fetch_add(1, Ordering::Relaxed);
        if seat < job.seats {
            job.take_tasks(seat);
        }
    }
}

impl Job {
    fn take_tasks(&self, seat: usize) {
        loop {
            let task = self.next.fetch_add(1, Ordering::Relaxed);
            if task >= self.tasks {
                return;
            }
            // SAFETY: the task is unfinished, so `run` still waits and what it was given is there.
            let work = unsafe { &*self.work };
            if catch_unwind(AssertUnwindSafe(|| work(seat, task))).is_err() {
                self.panicked.store(true, Ordering::Relaxed);
            }
            if self.unfinished.fetch_sub(1, Ordering::AcqRel) == 1 {
                // Under the lock, so that `run` does not miss it between looking and waiting.
                let _state = pool().state();
                pool().finished.notify_all();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_runs_once_and_seats_are_apart() {
        for round in 0..200 {
            let tasks = round % 7 + 1;
            let counts: Vec<AtomicUsize> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
            let taken: Vec<AtomicBool> = (0..3).map(|_| AtomicBool::new(false)).collect();
            run(tasks, 3, &|seat, task| {
                assert!(!taken[seat].swap(true, Ordering::SeqCst), "two threads on one seat");
                counts[task].fetch_add(1, Ordering::SeqCst);
                taken[seat].store(false, Ordering::SeqCst);
            });
            assert!(counts.iter().all(|count| count.load(Ordering::SeqCst) == 1));
        }
    }

    #[test]
    fn answers_stand_in_the_order_of_their_items() {
        let mut numbers: Vec<usize> = (0..100).collect();
        let twice = each(numbers.iter_mut().collect(), 3, |number| {
            *number += 1;
            2 * *number
        });
        assert!(numbers.iter().zip(&twice).enumerate().all(|(k, (n, t))| *n == k + 1 && *t == 2 * n));
        assert_eq!(both(2, || numbers.len(), || twice.len() + 1), (100, 101));
    }

    #[test]
    fn who_watches_is_called_until_all_is_done() {
        let (over, mut looks) = (AtomicBool::new(false), 0);
        let ended = AtomicUsize::new(0);
        let wait_for_the_end = |_, _| {
            while !over.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            ended.fetch_add(1, Ordering::SeqCst);
        };
        // Other tests may have the pool.
        while !run_watched(5, 2, &wait_for_the_end, &mut || {
            looks += 1;
            over.store(looks > 3, Ordering::SeqCst);
        }) {
            std::thread::yield_now();
        }
        assert_eq!(ended.load(Ordering::SeqCst), 5);
        assert!(!run_watched(5, 1, &wait_for_the_end, &mut || {}) && looks > 3);
    }

    #[test]
    fn a_panic_comes_back_and_leaves_the_pool_usable() {
        let failing = || run(4, 2, &|_, task| assert_ne!(task, 2, "expected here"));
        assert!(catch_unwind(failing).is_err());
        every_task_runs_once_and_seats_are_apart();
    }
}
