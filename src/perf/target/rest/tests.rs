//! The client against nodes that behave in ways of their own.
