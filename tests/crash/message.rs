//! Messages of protobuf, as far as one can see into them without knowing what they are.

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// A message's fields, by number, in order; `None` if it is none.
pub(crate) fn fields(mut message: &[u8]) -> Option<Vec<(u64, Value<'_>)>> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let tag = varint(&mut message)?;
        let value = match tag & 7 {
            0 => Value::Number(varint(&mut message)?),
            1 => Value::Bytes(take(&mut message, 8)?),
            2 => {
                let length = usize::try_from(varint(&mut message)?).ok()?;
                Value::Bytes(take(&mut message, length)?)
            }
            5 => Value::Bytes(take(&mut message, 4)?),
            _ => return None,
        };
        fields.push((tag >> 3, value));
    }
    Some(fields)
}

/// The bytes of the last field with that number; empty if it is not there.
pub(crate) fn bytes_at(message: &[u8], number: u64) -> &[u8] {
    let found = fields(message).into_iter().flatten().rev();
    let found = found.filter(|(at, _)| *at == number);
    let mut bytes = found.filter_map(|(_, value)| match value {
        Value::Bytes(bytes) => Some(bytes),
        Value::Number(_) => None,
    });
    bytes.next().unwrap_or_default()
}

/// The number in the last field with that number; 0 if it is not there.
pub(crate) fn number_at(message: &[u8], number: u64) -> u64 {
    let found = fields(message).into_iter().flatten().rev();
    let found = found.filter(|(at, _)| *at == number);
    let mut numbers = found.filter_map(|(_, value)| match value {
        Value::Number(value) => Some(value),
        Value::Bytes(_) => None,
    });
    numbers.next().unwrap_or_default()
}

fn take<'a>(message: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = message.split_at_checked(length)?;
    *message = rest;
    Some(taken)
}

fn varint(message: &mut &[u8]) -> Option<u64> {
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
