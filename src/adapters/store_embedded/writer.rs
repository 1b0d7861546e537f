//! One thread that writes: jobs that wait together share a transaction and its `fsync`.
//!
//! After a failed write (a full disk, mostly) the file must be opened anew. The thread does so until it succeeds; all
//! the while every caller is told that the store is unavailable, and nothing that was acknowledged is lost.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use redb::{Database, WriteTransaction};

use super::file::File;
use tokio::sync::oneshot;

use crate::ports::StoreError;

/// Jobs that may wait for the thread; each belongs to a request or a worker that waits for its answer.
const MAX_JOBS: usize = 4096;
/// Jobs of one transaction: bounds how long the first of them waits for the last.
const MAX_BATCH: usize = 256;

/// Reports to the caller once it is known whether the transaction was committed.
type Report = Box<dyn FnOnce(Result<(), &anyhow::Error>) + Send>;
/// Works in the transaction. It returns an error only before it wrote anything, unless the store itself fails.
type Job = Box<dyn FnOnce(&WriteTransaction) -> (Report, Outcome) + Send>;

/// What a job's end means for the transaction it ran in.
enum Outcome {
    /// Done, or refused before anything was written.
    Clean,
    /// The store failed in the middle: nothing of this transaction may stay.
    Broken,
}

/// Hands jobs to the writing thread, which ends when this is dropped.
pub(super) struct Writer {
    jobs: SyncSender<Job>,
}

impl Writer {
    pub(super) fn start(file: Arc<File>) -> anyhow::Result<Self> {
        let (jobs, waiting) = sync_channel(MAX_JOBS);
        std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || write_all(&file, &waiting))
            .context("start the store's writing thread")?;
        Ok(Self { jobs })
    }

    /// Runs `job` in the next transaction and returns when it is durable.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&WriteTransaction) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |transaction| {
            let result = job(transaction);
            let outcome =
                if matches!(result, Err(StoreError::Unavailable(_))) { Outcome::Broken } else { Outcome::Clean };
            let report: Report = Box::new(move |committed| {
                let result = match committed {
                    Ok(()) => result,
                    Err(error) => result.and_then(|_| Err(StoreError::Unavailable(anyhow!("{error:#}")))),
                };
                // The caller may have gone away; what was committed stays committed.
                let _ = answer.send(result);
            });
            (report, outcome)
        });
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Full(MAX_JOBS),
            TrySendError::Disconnected(_) => StoreError::Unavailable(anyhow!("the store's writing thread ended")),
        })?;
        answered.await.map_err(|_| StoreError::Unavailable(anyhow!("a write failed before: is the disk full?")))?
    }
}

/// How long after a failure, and after each failed attempt, the file is opened again.
const PAUSE: Duration = Duration::from_secs(1);

fn write_all(file: &File, jobs: &Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        // Without a database the job is dropped with its channel: its caller learns that the store is unavailable.
        let Some(db) = file.database() else { continue };
        let batch: Vec<Job> = std::iter::once(first).chain(jobs.try_iter().take(MAX_BATCH - 1)).collect();
        let mut reports = Vec::with_capacity(batch.len());
        // Of what was half done nothing stays, and the file is opened anew, which repairs it. A thread that ended instead
        // would leave a bot that looks well and takes nothing.
        let committed = catch_unwind(AssertUnwindSafe(|| write_batch(&db, batch, &mut reports)))
            .unwrap_or_else(|_| Err(anyhow!("a write panicked")));
        for report in reports {
            report(committed.as_ref().copied());
        }
        if let Err(error) = committed {
            tracing::error!("write to the store: {error:#}; opening it anew");
            drop(db);
            reopen(file, jobs);
        }
    }
}

/// Opens the file anew until that succeeds, refusing jobs meanwhile.
fn reopen(file: &File, jobs: &Receiver<Job>) {
    file.close();
    loop {
        let until = std::time::Instant::now() + PAUSE;
        while let Some(left) = until.checked_duration_since(std::time::Instant::now()) {
            // A dropped job tells its caller; a closed channel means that the store is dropped.
            if matches!(jobs.recv_timeout(left), Err(RecvTimeoutError::Disconnected)) {
                return;
            }
        }
        match file.open() {
            Ok(()) => {
                tracing::info!("the store is open again");
                return;
            }
            Err(error) => tracing::error!("open the store anew: {error:#}"),
        }
    }
}

fn write_batch(db: &Database, batch: Vec<Job>, reports: &mut Vec<Report>) -> anyhow::Result<()> {
    // On an error the jobs are dropped with their channels: every caller learns that the store is unavailable.
    let transaction = db.begin_write().context("begin a write")?;
    let mut broken = false;
    for job in batch {
        let (report, outcome) = job(&transaction);
        reports.push(report);
        broken |= matches!(outcome, Outcome::Broken);
    }
    if broken {
        transaction.abort().context("abort a write")?;
        return Err(anyhow!("a write of the same transaction failed"));
    }
    transaction.commit().context("commit a write")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_costs_its_own_write_and_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let writer = Writer::start(Arc::new(File::create(directory.path()).unwrap())).unwrap();
        let lost: Result<(), StoreError> = writer.run(|_| panic!("a page that is not a page")).await;
        assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
        let until = std::time::Instant::now() + PAUSE * 10;
        while let Err(error) = writer.run(|_| Ok(())).await {
            assert!(std::time::Instant::now() < until, "{error}");
            tokio::time::sleep(PAUSE / 10).await;
        }
    }
}
