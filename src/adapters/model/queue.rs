//! Whose turn it is: people before automatic investigations, first come first served among equals.
//!
//! A storm of alerts may ask for hundreds of turns; the server does a few at once. An automatic turn that waits while
//! people keep asking gets its place after [`PEOPLE_IN_A_ROW`] of them, so that it waits longer but not for ever.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::Priority;

/// Turns that may wait. A storm of a hundred incidents of three turns each fits twice over; more would wait for hours.
pub const MAX_WAITING: usize = 512;
/// People's turns that pass a waiting automatic one before it is let through.
const PEOPLE_IN_A_ROW: usize = 8;

/// A queue for some places, which may become one.
#[derive(Debug, Clone)]
pub struct Queue {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Places there are; more may still be taken than there are now.
    places: usize,
    taken: usize,
    people: VecDeque<Waiter>,
    automatic: VecDeque<Waiter>,
    people_in_a_row: usize,
    next: u64,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    place: oneshot::Sender<Place>,
}

/// The right to run; given back when dropped.
#[derive(Debug)]
pub struct Place {
    /// `None` once it is given on.
    queue: Option<Queue>,
}

/// The queue is full.
#[derive(Debug, PartialEq, Eq)]
pub struct Full;

impl Queue {
    /// With this many places, at least one.
    pub fn new(places: usize) -> Self {
        Self { state: Arc::new(Mutex::new(State { places: places.max(1), ..State::default() })) }
    }

    /// Waits for a place. Whoever stops waiting leaves the queue.
    pub async fn enter(&self, priority: Priority) -> Result<Place, Full> {
        let (waiting, number) = {
            let mut state = self.lock();
            if state.taken < state.places {
                state.taken += 1;
                return Ok(Place { queue: Some(self.clone()) });
            }
            if state.people.len() + state.automatic.len() >= MAX_WAITING {
                return Err(Full);
            }
            let (place, waiting) = oneshot::channel();
            let number = state.next;
            state.next += 1;
            state.line(priority).push_back(Waiter { number, place });
            (waiting, number)
        };
        let leaving = Leaving { queue: self, priority, number };
        let place = waiting.await;
        drop(leaving);
        // The sender lives in the queue until it gave the place.
        place.map_err(|_| Full)
    }

    /// Whether more than one place is taken.
    pub fn is_shared(&self) -> bool {
        self.lock().taken > 1
    }

    /// Leaves one place from now on; those that are taken are given back first. Says whether there were more.
    pub fn narrow(&self) -> bool {
        std::mem::replace(&mut self.lock().places, 1) > 1
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    fn free(&self) -> usize {
        let state = self.lock();
        state.places - state.taken
    }

    #[cfg(test)]
    fn waiting(&self) -> usize {
        let state = self.lock();
        state.people.len() + state.automatic.len()
    }
}

impl State {
    fn line(&mut self, priority: Priority) -> &mut VecDeque<Waiter> {
        match priority {
            Priority::Person => &mut self.people,
            Priority::Automatic => &mut self.automatic,
        }
    }

    fn next(&mut self) -> Option<Waiter> {
        let passed_over = self.people_in_a_row >= PEOPLE_IN_A_ROW && !self.automatic.is_empty();
        if passed_over || self.people.is_empty() {
            self.people_in_a_row = 0;
            return self.automatic.pop_front();
        }
        self.people_in_a_row = if self.automatic.is_empty() { 0 } else { self.people_in_a_row + 1 };
        self.people.pop_front()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(queue) = self.queue.take() else { return };
        loop {
            let waiter = {
                let mut state = queue.lock();
                let next = if state.taken > state.places { None } else { state.next() };
                let Some(waiter) = next else {
                    state.taken -= 1;
                    return;
                };
                waiter
            };
            match waiter.place.send(Place { queue: Some(queue.clone()) }) {
                Ok(()) => return,
                // It left in this moment: the next one. The place that came back is given on here, not by its drop.
                Err(mut back) => back.queue = None,
            }
        }
    }
}

/// Takes a waiter out of its line when it stops waiting.
struct Leaving<'a> {
    queue: &'a Queue,
    priority: Priority,
    number: u64,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let number = self.number;
        self.queue.lock().line(self.priority).retain(|waiter| waiter.number != number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets every task run until it waits.
    async fn settle() {
        for _ in 0..32 {
            tokio::task::yield_now().await;
        }
    }

    /// Enters `who` one after the other behind a taken place, then lets one after the other through.
    async fn order(who: &[(Priority, &'static str)]) -> Vec<&'static str> {
        let queue = Queue::new(1);
        let first = queue.enter(Priority::Automatic).await.unwrap();
        let (said, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let mut tasks = tokio::task::JoinSet::new();
        for (priority, name) in who.iter().copied() {
            let (queue, said) = (queue.clone(), said.clone());
            tasks.spawn(async move {
                let _place = queue.enter(priority).await.unwrap();
                said.send(name).unwrap();
            });
            settle().await;
        }
        drop((first, said));
        let mut names = Vec::new();
        while let Some(name) = heard.recv().await {
            names.push(name);
        }
        names
    }

    #[tokio::test]
    async fn people_come_first_and_everybody_in_order() {
        use Priority::{Automatic, Person};
        let who = [(Automatic, "a1"), (Person, "p1"), (Automatic, "a2"), (Person, "p2")];
        assert_eq!(order(&who).await, ["p1", "p2", "a1", "a2"]);
    }

    #[tokio::test]
    async fn who_was_passed_over_often_is_let_through() {
        let mut who = vec![(Priority::Automatic, "a")];
        who.extend([(Priority::Person, "p"); PEOPLE_IN_A_ROW + 2]);
        let order = order(&who).await;
        assert_eq!(order.iter().position(|name| *name == "a"), Some(PEOPLE_IN_A_ROW));
    }

    #[tokio::test]
    async fn who_gives_up_leaves_and_no_place_is_lost() {
        let queue = Queue::new(1);
        let first = queue.enter(Priority::Person).await.unwrap();
        let task = tokio::spawn({
            let queue = queue.clone();
            async move { queue.enter(Priority::Person).await.map(drop) }
        });
        settle().await;
        assert_eq!(queue.waiting(), 1);
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(queue.waiting(), 0);
        // Given a place and gone before taking it.
        let (place, waiting) = oneshot::channel();
        queue.lock().people.push_back(Waiter { number: 99, place });
        drop(waiting);
        drop(first);
        assert_eq!(queue.free(), 1);
    }

    #[tokio::test]
    async fn a_narrowed_queue_has_one_place() {
        for taken in 0..=3 {
            let queue = Queue::new(3);
            let mut places = Vec::new();
            for _ in 0..taken {
                places.push(queue.enter(Priority::Person).await.unwrap());
            }
            assert_eq!(queue.is_shared(), taken > 1);
            assert!(queue.narrow());
            assert!(!queue.narrow(), "once");
            let task = tokio::spawn({
                let queue = queue.clone();
                async move { queue.enter(Priority::Person).await.unwrap() }
            });
            while let Some(place) = places.pop() {
                settle().await;
                assert!(!task.is_finished(), "all are given back before the next enters");
                drop(place);
            }
            let place = task.await.unwrap();
            assert_eq!((queue.free(), queue.lock().taken), (0, 1));
            drop(place);
            assert_eq!((queue.free(), queue.lock().taken), (1, 0));
        }
    }

    #[tokio::test]
    async fn a_full_queue_says_so() {
        let queue = Queue::new(1);
        let _first = queue.enter(Priority::Person).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..MAX_WAITING {
            let queue = queue.clone();
            tasks.spawn(async move { queue.enter(Priority::Automatic).await.map(drop) });
        }
        settle().await;
        assert_eq!(queue.waiting(), MAX_WAITING);
        assert_eq!(queue.enter(Priority::Person).await.map(drop), Err(Full));
    }
}
