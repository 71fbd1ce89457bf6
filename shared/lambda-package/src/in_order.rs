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
