//! One thread that writes: jobs that wait together share a transaction and its `fsync`.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use anyhow::{Context as _, anyhow};
use redb::{Database, WriteTransaction};
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
    pub(super) fn start(db: Arc<Database>) -> anyhow::Result<Self> {
        let (jobs, waiting) = sync_channel(MAX_JOBS);
        std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || write_all(&db, &waiting))
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
        answered.await.context("wait for the store")?
    }
}

fn write_all(db: &Database, jobs: &Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        let batch: Vec<Job> = std::iter::once(first).chain(jobs.try_iter().take(MAX_BATCH - 1)).collect();
        let mut reports = Vec::with_capacity(batch.len());
        let committed = write_batch(db, batch, &mut reports);
        for report in reports {
            report(committed.as_ref().copied());
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
