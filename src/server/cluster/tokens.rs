//! Tokens with which new nodes get their certificates: made by one member, kept in its
//! memory, good once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;

use super::proof::ID_BYTES;
use crate::base::host::{Clock, Rng};
use crate::base::{Error, Result, duration};
use crate::proto::peer::EnrollRequest;

/// How long a token may be good.
pub(in crate::server) const TTL_MIN: Duration = Duration::from_secs(1);
/// See [`TTL_MIN`].
pub(in crate::server) const TTL_MAX: Duration = Duration::from_hours(24);

/// Tokens that are open at once.
const TOKENS_MAX: usize = 1_000;

/// What a token begins with, so that a file with something else in it is known at once.
const MARK: &str = "dkv-join-";

pub(super) const SECRET_BYTES: usize = 32;
const AUTHORITY_BYTES: usize = 32;

/// What a new node is given.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::server) struct Token {
    /// SHA-256 of the authority's certificate: whom the node may trust before it has
    /// anything.
    pub(in crate::server) authority: [u8; AUTHORITY_BYTES],
    /// What nobody knows but who has the token, and the member that made it.
    pub(in crate::server) secret: [u8; SECRET_BYTES],
}

impl Token {
    /// As people carry it.
    pub(in crate::server) fn text(&self) -> String {
        let bytes = [self.authority, self.secret].concat();
        format!("{MARK}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Reads what [`Token::text`] wrote, with blanks around it.
    ///
    /// # Errors
    /// `Invalid`. What stood there is not repeated: it may be a secret.
    pub(in crate::server) fn read(text: &str) -> Result<Self> {
        let bytes = text.trim().strip_prefix(MARK);
        let bytes = bytes.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        let bytes: Option<[u8; AUTHORITY_BYTES + SECRET_BYTES]> =
            bytes.and_then(|bytes| bytes.try_into().ok());
        let Some(bytes) = bytes else {
            return Err(Error::invalid(format!(
                "it is no token: one begins with {MARK} and is what `dkv cluster token create` \
                 printed"
            )));
        };
        let mut token = Self {
            authority: [0; AUTHORITY_BYTES],
            secret: [0; SECRET_BYTES],
        };
        token.authority.copy_from_slice(&bytes[..AUTHORITY_BYTES]);
        token.secret.copy_from_slice(&bytes[AUTHORITY_BYTES..]);
        Ok(token)
    }
}

/// A token that was not used yet.
struct Open {
    token: Token,
    until_ms: u64,
    /// The only node that may use it, if it was made for one.
    name: Option<String>,
}

type OpenTokens = BTreeMap<[u8; ID_BYTES], Open>;

/// The open tokens of this member. Clones are the same ones.
#[derive(Clone)]
pub(in crate::server) struct Tokens {
    clock: Arc<dyn Clock>,
    open: Arc<Mutex<OpenTokens>>,
}

impl Tokens {
    /// None yet.
    pub(in crate::server) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            open: Arc::default(),
        }
    }

    /// Makes one that trusts `authority`, good for `ttl`, for the node called `name` or for
    /// any.
    ///
    /// # Errors
    /// `Invalid` for a time out of range, `LimitExceeded` if too many are open.
    pub(in crate::server) fn create(
        &self,
        authority: [u8; AUTHORITY_BYTES],
        ttl: Duration,
        name: Option<String>,
        rng: &dyn Rng,
    ) -> Result<Token> {
        if !(TTL_MIN..=TTL_MAX).contains(&ttl) {
            return Err(Error::invalid(format!(
                "a token can be good for {} to {}, not {}",
                duration::format(TTL_MIN),
                duration::format(TTL_MAX),
                duration::format(ttl)
            )));
        }
        let mut secret = [0; SECRET_BYTES];
        rng.fill(&mut secret);
        let mut open = self.still_open();
        if open.len() >= TOKENS_MAX {
            return Err(Error::limit_exceeded(format!(
                "{TOKENS_MAX} tokens of this member are open: wait until some have been used or \
                 are over"
            )));
        }
        let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        let until_ms = self.clock.boot_ms().saturating_add(ttl_ms);
        let token = Token { authority, secret };
        let made = Open {
            token: token.clone(),
            until_ms,
            name,
        };
        open.insert(token.id(), made);
        Ok(token)
    }

    /// Whether anybody may come without a certificate.
    pub(in crate::server) fn is_any_open(&self) -> bool {
        !self.still_open().is_empty()
    }

    /// Checks that who asks has a token that is good for its name.
    ///
    /// # Errors
    /// `Denied` if there is no such token (any more), who asks has it not, or it is another
    /// node's.
    pub(in crate::server) fn check(&self, asked: &EnrollRequest) -> Result<()> {
        good(&self.still_open(), asked).map(drop)
    }

    /// Uses a token up, for the node that asks. One that was made for another node stays.
    ///
    /// # Errors
    /// As of [`Tokens::check`].
    pub(in crate::server) fn take(&self, asked: &EnrollRequest) -> Result<Token> {
        let mut open = self.still_open();
        let token = good(&open, asked)?;
        open.remove(&token.id());
        Ok(token)
    }

    fn still_open(&self) -> parking_lot::MutexGuard<'_, OpenTokens> {
        let now_ms = self.clock.boot_ms();
        let mut open = self.open.lock();
        open.retain(|_, token| now_ms < token.until_ms);
        open
    }
}

fn good(open: &OpenTokens, asked: &EnrollRequest) -> Result<Token> {
    let found = open.get(&asked.token[..]);
    let Some(open) = found.filter(|open| open.token.asks(asked)) else {
        return Err(denied(
            "the token is not known here: it was used, its time is over, this member was \
             restarted, or another member made it; make one (dkv cluster token create) and --join \
             the address that is printed with it"
                .to_owned(),
        ));
    };
    match open.name.as_ref().filter(|meant| **meant != asked.name) {
        None => Ok(open.token.clone()),
        Some(meant) => Err(denied(format!(
            "the token is for {}, and the node is called {}",
            meant.escape_debug(),
            asked.name.escape_debug()
        ))),
    }
}

fn denied(message: String) -> Error {
    Error::new(crate::base::ErrorKind::Denied, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ErrorKind;
    use crate::base::host::{ManualClock, SeededRng};

    const MINUTE: Duration = Duration::from_mins(1);

    fn tokens() -> (Tokens, Arc<ManualClock>, SeededRng) {
        let clock = Arc::new(ManualClock::default());
        (Tokens::new(clock.clone()), clock, SeededRng::new(1))
    }

    #[test]
    fn a_token_is_good_once() {
        let (tokens, _, rng) = tokens();
        let token = tokens.create([7; 32], MINUTE, None, &rng).unwrap();
        assert!(tokens.is_any_open());
        tokens.take(&token.request("node-4", Vec::new())).unwrap();
        assert!(!tokens.is_any_open());
        let again = tokens.take(&token.request("node-4", Vec::new()));
        let again = again.err().unwrap();
        assert_eq!(again.kind(), ErrorKind::Denied);
    }

    #[test]
    fn a_token_is_good_for_its_time_alone() {
        let (tokens, clock, rng) = tokens();
        let token = tokens.create([7; 32], MINUTE, None, &rng).unwrap();
        clock.advance_ms(59_999);
        assert!(tokens.is_any_open());
        clock.advance_ms(1);
        assert!(!tokens.is_any_open());
        assert!(tokens.take(&token.request("node-4", Vec::new())).is_err());
        for ttl in [Duration::ZERO, TTL_MAX + MINUTE] {
            let refused = tokens.create([7; 32], ttl, None, &rng).err().unwrap();
            assert_eq!(refused.kind(), ErrorKind::Invalid);
        }
    }

    #[test]
    fn a_token_for_one_node_is_not_anothers_and_stays_its_own() {
        let (tokens, _, rng) = tokens();
        let name = Some("node-4".to_owned());
        let token = tokens.create([7; 32], MINUTE, name, &rng).unwrap();
        let refused = tokens
            .take(&token.request("node-5", Vec::new()))
            .err()
            .unwrap();
        assert!(refused.message().contains("for node-4"), "{refused}");
        tokens.take(&token.request("node-4", Vec::new())).unwrap();
    }

    #[test]
    fn guesses_and_too_many_tokens_are_refused() {
        let (tokens, _, rng) = tokens();
        for _ in 0..TOKENS_MAX {
            tokens.create([7; 32], MINUTE, None, &rng).unwrap();
        }
        let refused = tokens.create([7; 32], MINUTE, None, &rng).err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::LimitExceeded);
        let mut guess = Token {
            authority: [7; 32],
            secret: [0; 32],
        };
        assert!(tokens.check(&guess.request("node-4", Vec::new())).is_err());
        assert!(tokens.check(&EnrollRequest::default()).is_err());
        // Who heard which token it is has not got it.
        let id = *tokens.open.lock().keys().next().unwrap();
        guess.secret[0] = 1;
        let mut heard = guess.request("node-4", Vec::new());
        heard.token = id.to_vec().into();
        assert!(tokens.check(&heard).is_err());
    }

    #[test]
    fn a_token_is_carried_as_text_and_nothing_else_is_read_as_one() {
        let (tokens, _, rng) = tokens();
        let token = tokens.create([7; 32], MINUTE, None, &rng).unwrap();
        let text = token.text();
        assert!(Token::read(&format!("  {text}\n")).unwrap() == token);
        let short = &text[..text.len() - 2];
        for odd in ["", "secret", MARK, short, &text[1..], &format!("{text}AA")] {
            let error = Token::read(odd).err().unwrap();
            assert!(!error.message().contains("secret"), "{error}");
        }
    }
}
