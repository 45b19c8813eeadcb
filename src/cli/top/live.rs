//! The loop: asks, listens to keys, draws.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ratatui::crossterm::event::{self, Event};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use crate::base::Error;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::output::Screen;
use crate::cli::top::crowd::{Crowd, Heard};
use crate::cli::top::draw::draw;
use crate::cli::top::keys::Wish;
use crate::cli::top::scene::{SECONDS, Scene};

/// How soon a key reader sees that nobody wants keys any more.
const KEYS_WITHIN: Duration = Duration::from_millis(100);

/// How often the screen is drawn when nothing comes: it says how long a node is silent.
const DRAW_EACH: Duration = Duration::from_secs(1);

/// Shows what goes on until somebody quits.
pub(super) async fn run(crowd: Crowd, interval: Duration, endpoints: &str) -> Outcome {
    let mut stops = Stops::listen()?;
    let mut screen = Screen::open()?;
    let mut scene = Scene::new(endpoints, screen.is_coloured());
    let now = Arc::new(Notify::new());
    let (mut told, asking) = asks(crowd, interval, Arc::clone(&now));
    let mut keys = keys();
    // What is said while the picture stands still is not lost: the seconds go on after it.
    let mut unseen = VecDeque::new();
    loop {
        if !scene.is_paused {
            unseen.drain(..).for_each(|heard| scene.hear(heard));
        }
        screen.draw(|frame| draw(frame, &scene))?;
        tokio::select! {
            Some(heard) = told.recv() => {
                if unseen.len() == SECONDS {
                    unseen.pop_front();
                }
                unseen.push_back(heard);
            }
            pressed = keys.recv() => match pressed.map(|event| scene.press(&event)) {
                Some(Wish::Look) => {}
                Some(Wish::Ask) => now.notify_one(),
                // A terminal without keys is gone.
                Some(Wish::Quit) | None => break,
            },
            () = stops.stop() => break,
            () = tokio::time::sleep(DRAW_EACH) => {}
        }
    }
    asking.abort();
    Ok(ExitStatus::Done)
}

/// Asks in a task of its own: keys do not wait for a node that is silent.
fn asks(
    mut crowd: Crowd,
    interval: Duration,
    now: Arc<Notify>,
) -> (mpsc::Receiver<Vec<Heard>>, JoinHandle<()>) {
    let (tell, told) = mpsc::channel(1);
    let asking = tokio::spawn(async move {
        loop {
            let next = tokio::time::Instant::now() + interval;
            if tell.send(crowd.ask().await).await.is_err() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                () = now.notified() => {}
            }
        }
    });
    (told, asking)
}

/// Reads keys where it may block.
fn keys() -> mpsc::Receiver<Event> {
    let (tell, told) = mpsc::channel(16);
    tokio::task::spawn_blocking(move || {
        while !tell.is_closed() {
            let read = match event::poll(KEYS_WITHIN) {
                Ok(false) => continue,
                Ok(true) => event::read(),
                Err(failure) => Err(failure),
            };
            match read {
                Ok(event) => {
                    if tell.blocking_send(event).is_err() {
                        return;
                    }
                }
                Err(_) => return,
            }
        }
    });
    told
}

/// What ends the program from outside: the terminal must be put in order then, too.
struct Stops {
    signals: [Signal; 3],
}

impl Stops {
    fn listen() -> Outcome<Self> {
        let listen = |kind| {
            signal(kind)
                .map_err(|error| Error::internal(format!("cannot listen to signals: {error}")))
        };
        Ok(Self {
            signals: [
                listen(SignalKind::interrupt())?,
                listen(SignalKind::terminate())?,
                listen(SignalKind::hangup())?,
            ],
        })
    }

    async fn stop(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
