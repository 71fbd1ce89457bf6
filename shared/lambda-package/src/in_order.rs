//! Work of several threads whose results come in the order of the jobs.

use std::collections::VecDeque;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// How many jobs for each thread may be done or waiting: what bounds the memory.
const AHEAD: usize = 8;

/// Does `jobs` on `threads` threads and hands the results over in the order of the jobs, to the thread that called. Each
/// thread has a `tool` of its own. Stops at the first error of `take`.
pub(crate) fn in_order<Job, Tool, Out, Error>(
    threads: usize,
    mut jobs: impl Iterator<Item = Job>,
    tool: impl Fn() -> Tool + Sync,
    work: impl Fn(&mut Tool, Job) -> Out + Sync,
    mut take: impl FnMut(Out) -> Result<(), Error>,
) -> Result<(), Error>
where
    Job: Send,
    Out: Send,
{
    let (queue, waiting) = mpsc::channel();
    let waiting = Mutex::new(waiting);
    thread::scope(|scope| {
        // Dropped at the end of the scope's work, also after an error: then the threads end.
        let queue = queue;
        for _ in 0..threads {
            scope.spawn(|| {
                let mut tool = tool();
                while let Some((job, reply)) = next(&waiting) {
                    // Nobody waits for it after an error.
                    let _: Result<(), _> = reply.send(work(&mut tool, job));
                }
            });
        }
        let mut replies = VecDeque::new();
        loop {
            while replies.len() < threads * AHEAD
                && let Some(job) = jobs.next()
            {
                let (reply, result) = mpsc::channel();
                // The receiver outlives this scope.
                let _: Result<(), _> = queue.send((job, reply));
                replies.push_back(result);
            }
            // Without a result its thread has panicked, and so does the scope at its end.
            match replies.pop_front().map(|result: Receiver<Out>| result.recv()) {
                Some(Ok(result)) => take(result)?,
                Some(Err(_)) | None => return Ok(()),
            }
        }
    })
}

type Waiting<Job, Out> = Mutex<Receiver<(Job, Sender<Out>)>>;

fn next<Job, Out>(waiting: &Waiting<Job, Out>) -> Option<(Job, Sender<Out>)> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;

    use super::*;

    /// Takes longer for some jobs than for others.
    fn busy(job: u64) -> u64 {
        for number in 0..(job % 7) * 3000 {
            std::hint::black_box(number);
        }
        job
    }

    #[test]
    fn results_come_in_the_order_of_the_jobs() {
        for threads in [1, 2, 7] {
            let mut results = Vec::new();
            let done = in_order(
                threads,
                0..500,
                || (),
                |(), job| busy(job),
                |result| {
                    results.push(result);
                    Ok::<_, Infallible>(())
                },
            );
            assert!(done.is_ok());
            assert_eq!(results, (0..500).collect::<Vec<_>>(), "{threads} threads");
        }
    }

    #[test]
    fn the_first_error_ends_it() {
        let mut taken = Vec::new();
        let done = in_order(
            3,
            0..10_000,
            || (),
            |(), job| job,
            |result| {
                taken.push(result);
                if result == 20 { Err("enough") } else { Ok(()) }
            },
        );
        assert_eq!(done, Err("enough"));
        assert_eq!(taken, (0..=20).collect::<Vec<_>>());
    }

    #[test]
    fn only_so_many_jobs_are_begun_ahead_of_what_was_taken() {
        let (begun, taken, most) = (Cell::new(0), Cell::new(0), Cell::new(0));
        let jobs = (0..200).inspect(|_| {
            begun.set(begun.get() + 1);
            most.set(most.get().max(begun.get() - taken.get()));
        });
        let done = in_order(
            2,
            jobs,
            || (),
            |(), job| job,
            |_| {
                taken.set(taken.get() + 1);
                Ok::<_, Infallible>(())
            },
        );
        assert!(done.is_ok() && taken.get() == 200);
        assert!(most.get() <= 2 * AHEAD + 1, "{}", most.get());
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn a_thread_that_panics_is_not_passed_over() {
        let work = |(): &mut (), job: u64| if job == 3 { panic!("wrong") } else { job };
        let _: Result<(), Infallible> = in_order(2, 0..10, || (), work, |_| Ok(()));
    }
}
