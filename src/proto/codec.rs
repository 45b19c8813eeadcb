//! The prost codec with a bound: a message of empty fields takes two bytes each on
//! the wire and hundreds in memory, so they are counted before any is decoded.

use std::any::TypeId;

use bytes::Buf;
use prost::Message;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder};
use tonic::{Code, Status};
use tonic_prost::{ProstCodec, ProstDecoder, ProstEncoder};

use super::v1::Requests;

/// Top-level fields of one message: twice what a full page or session needs.
const FIELDS_MAX: usize = 20_000;

/// Fields of all requests in one message of a session: more than the smallest operations that a
/// client of ours puts into one.
const REQUEST_FIELDS_MAX: usize = 250_000;

/// A shorter message of a session need not be looked into, bytes.
const DEEP_BYTES_MIN: usize = 64 << 10;

/// What a stream yields at, bytes: messages that are ready together go together so far.
const YIELD_BYTES: usize = 64 << 10;

/// Buffers of what is sent: messages that follow each other share one. An open stream has one, too.
fn outgoing() -> BufferSettings {
    BufferSettings::new(8 << 10, YIELD_BYTES)
}

/// Of what comes: each open request has one, if nothing ever comes. It grows with its message.
fn incoming() -> BufferSettings {
    BufferSettings::new(2 << 10, YIELD_BYTES)
}

/// Encodes as prost does; refuses messages of too many fields.
#[derive(Debug)]
pub struct BoundedCodec<T, U>(std::marker::PhantomData<(T, U)>);

impl<T, U> Default for BoundedCodec<T, U> {
    fn default() -> Self {
        Self(std::marker::PhantomData)
    }
}

impl<T, U> Codec for BoundedCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = BoundedDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<T, U>::raw_encoder(outgoing())
    }

    fn decoder(&mut self) -> Self::Decoder {
        BoundedDecoder(ProstCodec::<T, U>::raw_decoder(incoming()))
    }
}

/// See [`BoundedCodec`].
#[derive(Debug)]
pub struct BoundedDecoder<U>(ProstDecoder<U>);

impl<U: Message + Default + 'static> Decoder for BoundedDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        let message = source.chunk();
        if !has_few_fields(message) {
            let message = format!("a message may have at most {FIELDS_MAX} fields");
            return Err(Status::new(Code::ResourceExhausted, message));
        }
        let is_of_session = TypeId::of::<U>() == TypeId::of::<Requests>();
        if is_of_session && message.len() >= DEEP_BYTES_MIN && !has_small_requests(message) {
            let message =
                format!("the requests of a message may have at most {REQUEST_FIELDS_MAX} fields");
            return Err(Status::new(Code::ResourceExhausted, message));
        }
        self.0.decode(source)
    }

    fn buffer_settings(&self) -> BufferSettings {
        self.0.buffer_settings()
    }
}

/// False when there are more than `FIELDS_MAX` fields. What is not a message at all
/// is left to the decoder, which says so.
fn has_few_fields(message: &[u8]) -> bool {
    Fields(message).nth(FIELDS_MAX).is_none()
}

/// The same of the requests in the frames of a session's message, all together: a batch of empty
/// operations is as small on the wire.
fn has_small_requests(message: &[u8]) -> bool {
    let requests = Fields(message).flat_map(|frame| Fields(frame.content));
    let mut fields = requests.flat_map(|request| Fields(request.content));
    fields.nth(REQUEST_FIELDS_MAX).is_none()
}

/// How many fields of a message have this number.
pub(crate) fn count_fields(message: &[u8], number: u32) -> usize {
    Fields(message)
        .filter(|field| field.number == u64::from(number))
        .count()
}

struct Field<'a> {
    number: u64,
    /// What it holds, unless that is a small number.
    content: &'a [u8],
}

/// A message's fields, up to what is no field.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let tag = take_varint(&mut self.0)?;
        let length = match tag & 7 {
            0 => take_varint(&mut self.0).map(|_| 0),
            1 => Some(8),
            2 => take_varint(&mut self.0),
            // What is in a group counts, too: the decoder reads on behind it.
            3 | 4 => Some(0),
            5 => Some(4),
            _ => None,
        };
        let length = usize::try_from(length?).ok()?;
        let (content, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(Field {
            number: tag >> 3,
            content,
        })
    }
}

fn take_varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for (at, byte) in message.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f).checked_shl(7 * at as u32)?;
        if byte & 0x80 == 0 {
            *message = &message[at + 1..];
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::v1;

    fn requests(frames: usize) -> Vec<u8> {
        let frame = v1::RequestFrame {
            id: 300,
            ..Default::default()
        };
        v1::Requests {
            frames: vec![frame; frames],
        }
        .encode_to_vec()
    }

    #[test]
    fn fields_are_counted_before_they_are_decoded() {
        assert!(has_few_fields(&[]));
        assert!(has_few_fields(&requests(FIELDS_MAX)));
        assert!(!has_few_fields(&requests(FIELDS_MAX + 1)));
        assert!(!has_few_fields(&[0x0a, 0].repeat(1 << 20)));
    }

    #[test]
    fn a_group_hid_the_fields_behind_it_from_the_count() {
        let group = [0x7b, 0x7c];
        let hidden = [&group[..], &requests(FIELDS_MAX + 1)].concat();
        assert!(!has_few_fields(&hidden));
        assert_eq!(count_fields(&hidden, 1), FIELDS_MAX + 1);
    }

    /// Twenty megabytes were a batch of ten million empty operations, all of which were decoded before
    /// it was refused because it had more than a thousand.
    #[test]
    fn a_batch_of_empty_operations_is_counted_before_it_is_decoded() {
        let message = |batches: usize, ops: usize| {
            let batch = v1::BatchRequest {
                ops: vec![v1::Op::default(); ops],
                ..Default::default()
            };
            let frame = v1::RequestFrame {
                request: Some(v1::request_frame::Request::Batch(batch)),
                ..Default::default()
            };
            let frames = vec![frame; batches];
            v1::Requests { frames }.encode_to_vec()
        };
        assert!(has_small_requests(&message(250, 1_000)));
        assert!(!has_small_requests(&message(1, REQUEST_FIELDS_MAX + 1)));
        assert!(!has_small_requests(&message(251, 1_000)));
    }

    #[test]
    fn garbage_is_left_to_the_decoder() {
        for garbage in [
            &[0xff; 30][..],
            &[0x0a, 0xff, 0xff, 0xff, 0x7f],
            &[0x0b],
            &[0x09, 1],
        ] {
            assert!(has_few_fields(garbage));
        }
    }
}
