//! Panics of tasks, which a runtime would swallow: in the product they end the process.

use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    static PANICKED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// From now on panics of this thread are remembered.
pub(crate) fn watch() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICKED.with(|last| *last.borrow_mut() = Some(info.to_string()));
            before(info);
        }));
    });
    drop(take());
}

/// The last panic of this thread, if there was one since the last call.
pub(crate) fn take() -> Option<String> {
    PANICKED.with(|last| last.borrow_mut().take())
}
