//! Every maximum, with its unit and its reason. Nothing is taken from a wire or
//! a disk before its length was checked against one of these.

/// A key, bytes: long enough for paths, short enough for an index page.
pub const KEY_BYTES_MAX: usize = 4_096;

/// A lock's name, bytes: the same as a key.
pub const LOCK_NAME_BYTES_MAX: usize = KEY_BYTES_MAX;

/// A value, bytes, by default (`--max-value-size`).
pub const VALUE_BYTES_MAX: usize = 16 << 20;

/// A bucket's name, bytes: its length is one byte in every key.
pub const BUCKET_BYTES_MAX: usize = 255;

/// One request, batch, transaction or log entry, bytes.
pub const REQUEST_BYTES_MAX: usize = 20 << 20;

/// What a message may be longer than a request: framing, ids and headers.
pub const MESSAGE_SLACK_BYTES: usize = 1 << 20;

/// Operations of a batch: they fit in one log entry.
pub const BATCH_OPS_MAX: usize = 1_000;

/// Compares and operations of a transaction.
pub const TXN_OPS_MAX: usize = 1_024;

/// Keys that one request may read together.
pub const GET_MANY_MAX: usize = 1_000;

/// Changes of a key in one answer, by default and at most.
pub const HISTORY_PAGE: usize = 100;
/// See [`HISTORY_PAGE`].
pub const HISTORY_PAGE_MAX: usize = 1_000;

/// Keys that one answer of a count may have walked.
pub const COUNT_KEYS_MAX: usize = 100_000;

/// Buckets of a shard.
pub const BUCKETS_MAX: usize = 10_000;

/// Buckets in one page of a list.
pub const BUCKET_LIST_PAGE: usize = 1_000;

/// Keys one command may touch: bounds how long one apply holds the shard.
pub const COMMAND_KEYS_MAX: usize = 10_000;

/// Commands one log entry may carry.
pub const ENTRY_COMMANDS_MAX: usize = 1_024;

/// Outcomes kept per client: how many writes it may have in doubt at once.
pub const SESSION_OUTCOMES_MAX: usize = 4_096;

/// Outcomes kept for all clients of a shard: about 100 MiB of memory.
pub const SESSIONS_OUTCOMES_TOTAL_MAX: usize = 2_000_000;

/// A chunk of a snapshot, bytes: a few of them fill a connection. A larger row has a
/// chunk of its own, ...
pub const SNAPSHOT_CHUNK_BYTES: usize = 256 << 10;

/// ... of so many bytes at most: what one request wrote, and what stands around it.
pub const SNAPSHOT_CHUNK_BYTES_MAX: usize = REQUEST_BYTES_MAX + MESSAGE_SLACK_BYTES / 2;

/// The longest a node tries to have a write done, ms: what may still be on its way after
/// that is not sent again.
pub const REQUEST_MS_MAX: u64 = 60_000;

/// Clients remembered per shard.
pub const SESSIONS_MAX: usize = 100_000;

/// How long an idle client is remembered in any case, ms of machine time: as long as a
/// request of it may be on its way a second time, by whatever two clocks differ over that.
pub const SESSION_HELD_MS: u64 = REQUEST_MS_MAX + REQUEST_MS_MAX / 4;

/// How long an idle client is remembered, ms of machine time.
pub const SESSION_IDLE_MS: u64 = 10 * 60 * 1_000;

/// Waiters in one lock's queue.
pub const LOCK_WAITERS_MAX: usize = 1_024;

/// How long a grant from the queue waits for its claim, ms.
pub const LOCK_CLAIM_MS: u64 = 5_000;

/// The longest duration anybody may ask for, ms: 100 years.
pub const DURATION_MS_MAX: u64 = 100 * 366 * 24 * 3_600 * 1_000;

/// History kept per shard, ms of machine time.
pub const HISTORY_AGE_MS: u64 = 10 * 60 * 1_000;

/// History kept per shard, bytes of memory.
pub const HISTORY_BYTES_MAX: usize = 256 << 20;

/// Records in one page of a scan, by default and at most.
pub const SCAN_PAGE_RECORDS: usize = 1_000;
/// See [`SCAN_PAGE_RECORDS`].
pub const SCAN_PAGE_RECORDS_MAX: usize = 10_000;

/// Bytes in one page of a scan: a page ends after the record that crosses it.
pub const SCAN_PAGE_BYTES: usize = 1 << 20;

/// Bytes submitted to one shard and not yet applied: beyond it writers are told
/// to come back later, so that memory stays bounded when the disk is slow.
pub const SHARD_INFLIGHT_BYTES_MAX: usize = 64 << 20;

/// Frames of one session under way at once; beyond it the server stops reading.
pub const SESSION_FRAMES_MAX: usize = 8_192;

/// A log segment, bytes: small enough to recycle, large enough to be rare.
pub const WAL_SEGMENT_BYTES: u64 = 64 << 20;

/// Bytes queued for the log writer: one segment's worth.
pub const WAL_QUEUE_BYTES_MAX: u64 = 64 << 20;

/// Segments a shard may pin before it is asked for a checkpoint.
pub const WAL_PINNED_SEGMENTS_MAX: u64 = 4;

/// Locks in one page of a list.
pub const LOCK_LIST_PAGE: usize = 1_000;

/// Commands, and bytes of log, between two checkpoints of an engine on disk: replaying
/// more would take over a second at the next start.
pub const ENGINE_FLUSH_COMMANDS: u64 = 200_000;
/// See [`ENGINE_FLUSH_COMMANDS`].
pub const ENGINE_FLUSH_BYTES: u64 = 64 << 20;

/// Memory for what an engine on disk has not written yet, bytes: beyond it writers wait.
pub const ENGINE_UNFLUSHED_BYTES_MAX: u64 = 256 << 20;

/// Memory of a shard for pages of its file, bytes, by default (`--engine-cache`): what
/// does not fit is still in the system's cache if there is memory for it.
pub const ENGINE_CACHE_BYTES: usize = 128 << 20;

/// A file below this is never written anew to give room back, bytes.
pub const ENGINE_REWRITE_BYTES_MIN: u64 = 64 << 20;

/// What one piece of writing a file anew copies, bytes: some ten milliseconds of work.
pub const ENGINE_REWRITE_STEP_BYTES: usize = 4 << 20;

/// A line of a file that is imported, bytes: room for the largest request as base64.
pub const IMPORT_LINE_BYTES_MAX: usize = 28 << 20;

/// Writes of one import under way at once: well below [`SESSION_OUTCOMES_MAX`], so that a
/// slow one does not hold up the rest.
pub const IMPORT_WRITES_MAX: usize = 1_024;

/// Bytes of one import's writes under way at once: a quarter of what a shard takes.
pub const IMPORT_BYTES_MAX: usize = 16 << 20;

/// Bodies of plain HTTP that are on their way in at once, bytes, and as many out.
pub const REST_BODIES_BYTES_MAX: usize = 256 << 20;

/// Large events of watches over plain HTTP that wait to be read, bytes.
pub const REST_EVENTS_BYTES_MAX: usize = 64 << 20;

/// Connections of clients to a node at once. Fewer if it may not open so many files.
pub const CONNECTIONS_MAX: usize = 65_536;

/// Connections from one address of another machine, if `--max-connections-per-address` does
/// not say: whoever opens them without end keeps nobody else out.
pub const CONNECTIONS_PER_ADDRESS_MAX: usize = 1_024;

/// Requests in a second that the rate of a connection may be set to: beyond it the bound costs
/// more than it keeps off.
pub const CONNECTION_RATE_MAX: u32 = 1_000_000;

/// How long a connection may take to say what it speaks, ms.
pub const CONNECTION_GREETING_MS: u64 = 30_000;

/// Tasks of one address's connections that are in a runtime's queue at once, for each of its
/// threads, ...
pub const TURNS_OF_ADDRESS: usize = 16;
/// ... and if it has more than so many connections, ...
pub const CROWD_CONNECTIONS: usize = 16;
/// ... these.
pub const TURNS_OF_CROWD: usize = 2;

/// How long a connection goes on to read in one turn, us: ...
pub const TURN_US: u64 = 100;

/// ... it looks at the time after so many bytes, which are about a thousand of the smallest frames.
pub const TURN_READ_BYTES: usize = 8 << 10;

/// Requests that a session takes in one turn: a client may have sent thousands.
pub const TURN_FRAMES: usize = 256;

/// What a connection writes in one turn, bytes: some ten microseconds of copying.
pub const TURN_WRITE_BYTES: usize = 128 << 10;

/// What the system may have of a connection that it has not sent, bytes, before more is written: what
/// the line has room for it takes, and of those who read nothing not much more.
pub const UNSENT_BYTES: u32 = 128 << 10;

/// How long a thread goes on with those who wait for turns before it lets other threads go
/// first, us.
pub const TURNS_UNTIL_OTHERS_US: u64 = 500;

/// How long a handshake of TLS may take, ms.
pub const HANDSHAKE_MS: u64 = 10_000;

/// Handshakes of TLS that are not finished, at once on a port; at most half of its
/// connections, ...
pub const HANDSHAKES_MAX: usize = 2_048;
/// ... and from one address of another machine: far more than come at once from one that
/// finishes them.
pub const HANDSHAKES_PER_ADDRESS_MAX: usize = 256;

/// How long a caller whose certificate was revoked may use what it has under way, ms.
pub const CONNECTION_DISTRUST_MS: u64 = 5_000;

/// Connections at once of whoever brings a token to the peer port, and has no certificate
/// yet, ...
pub const PEER_GUESTS_MAX: usize = 8;
/// ... from one address of another machine, ...
pub const PEER_GUESTS_PER_ADDRESS_MAX: usize = 2;
/// ... how long each may last, ms: it is for one question, ...
pub const PEER_GUEST_MS: u64 = 30_000;
/// ... and how long a message of somebody may be who is not a node, bytes.
pub const PEER_GUEST_MESSAGE_BYTES_MAX: usize = 64 << 10;

/// How long a connection may have no open request, ms: longer than most clients think.
pub const CONNECTION_IDLE_MS: u64 = 5 * 60 * 1_000;

/// How long a connection that is told to end may take to agree, ms.
pub const CONNECTION_FAREWELL_MS: u64 = 5_000;

/// Requests open at once on one connection of HTTP/2: as many calls may wait for locks, and
/// some must still let them go.
pub const CONNECTION_STREAMS_MAX: u32 = 4_096;

/// Of those, what each connection may have whatever others of its address do, ...
pub const CONNECTION_STREAMS_SHARE: usize = 16;

/// ... and what all connections of one address may have beyond their shares: an open request
/// costs about 20 KiB, so that a thousand connections make a node hold half a gigabyte.
pub const ADDRESS_STREAMS_MAX: usize = 8_192;

/// What a node holds for a connection of gRPC that has sent long requests, each from its
/// beginning until it is looked at, and as much again for answers that it has not read,
/// bytes.
pub const CONNECTION_BYTES_MAX: usize = 64 << 20;

/// What each connection may have of that whatever others do, bytes.
pub const CONNECTION_SHARE_BYTES: usize = 1 << 20;

/// What all connections together may have beyond their shares, each way, bytes.
pub const CONNECTIONS_BYTES_MAX: usize = 256 << 20;

/// Shorter requests are not counted: 4 MiB of a connection at most.
pub const REQUEST_COUNTED_BYTES: usize = 1 << 10;

/// Shorter answers are not counted: 16 MiB of a connection at most.
pub const ANSWER_COUNTED_BYTES: usize = 4 << 10;

/// How long the rest of a request may take once it is begun, ms, ...
pub const REQUEST_MESSAGE_MS: u64 = 30_000;

/// ... and how many bytes of it give it a second more: a slow line may send a long one.
pub const REQUEST_MESSAGE_BYTES_PER_SECOND: usize = 32 << 10;

/// How long the head of a request over HTTP/1.1 may take, from the end of the one before, ms.
pub const REQUEST_HEAD_MS: u64 = 30_000;

/// The head of a request, bytes: three of the longest keys, percent-encoded, and more.
pub const REQUEST_HEAD_BYTES_MAX: u32 = 64 << 10;

/// Fields in the head of a request over HTTP/1.1.
pub const REQUEST_HEAD_FIELDS_MAX: usize = 100;

/// Requests of HTTP/2 that a client began and took back before they were looked at: beyond it
/// the connection ends (CVE-2023-44487).
pub const STREAM_RESETS_PENDING_MAX: usize = 20;

/// Requests of HTTP/2 that the node ended for errors of the client's, over the life of a
/// connection: beyond it the connection ends (CVE-2025-8671).
pub const STREAM_RESETS_FOR_ERRORS_MAX: usize = 1_024;

/// File descriptors that connections leave to a node for its log, and ...
pub const FILES_MAX: usize = 32;

/// ... to each of its shards for rows, checkpoints and history.
pub const SHARD_FILES_MAX: usize = 8;

/// One frame between two nodes of a cluster, bytes: the largest entry, and what it is
/// wrapped in.
pub const PEER_FRAME_BYTES_MAX: usize = REQUEST_BYTES_MAX + MESSAGE_SLACK_BYTES;

/// One message between two nodes, bytes: the largest frame, or many small ones.
pub const PEER_MESSAGE_BYTES_MAX: usize = PEER_FRAME_BYTES_MAX + MESSAGE_SLACK_BYTES;

/// Frames that wait for the network, bytes for each peer: what a follower may be behind
/// before frames are dropped and asked for again, ...
pub const PEER_DATA_BYTES_MAX: usize = 64 << 20;
/// ... votes and heartbeats, of which only the last ones matter, ...
pub const PEER_HEARTBEAT_BYTES_MAX: usize = 1 << 20;
/// ... and pieces of snapshots, which wait for each other.
pub const PEER_SNAPSHOT_BYTES_MAX: usize = 16 << 20;

/// Connections of other nodes to a node's peer port at once: two for each, some that are
/// about to end, and questions.
pub const PEER_CONNECTIONS_MAX: usize = 128;

/// Newest entries that a replicated shard keeps in memory, bytes: older ones are read back
/// from the log, for members that lag.
pub const RAFT_RECENT_BYTES: usize = 32 << 20;

/// State hashes that a replicated shard remembers, to compare them with other members':
/// after each of so many latest entries, so that a quiet shard is compared, too, ...
pub const STATE_HASHES_LATEST: usize = 64;
/// ... and, for members that lag, after every so many-th entry before those, ...
pub const STATE_HASH_SPACING: u64 = 64;
/// ... so many of them: 65,536 entries back, 16 KiB.
pub const STATE_HASHES_SPACED: usize = 1_024;

/// Events that wait for a watcher to fetch them: one that falls behind by more reads the
/// history instead, which is cheaper than memory, ...
pub const WATCH_MAILBOX_EVENTS_MAX: usize = 64;
/// ... and their bytes: the history may have let them go already. All watches of a node
/// (`WATCHES_MAX`) take 4 GiB together at worst, if nobody fetches anything and no two are
/// told of the same events; those that are share them, and take 32 MiB of pointers.
pub const WATCH_MAILBOX_BYTES_MAX: usize = 64 << 10;

/// Bytes in one message of events, about: the event that crosses it is the last.
pub const WATCH_MESSAGE_BYTES: usize = 1 << 20;

/// Watches of one stream: a client that wants more opens another one.
pub const WATCHES_PER_STREAM_MAX: usize = 16_384;

/// Watches of one node, over all streams: about 200 MiB while nothing happens.
pub const WATCHES_MAX: usize = 65_536;

/// How long a watch is silent before it says how far it has seen, ms, by default, ...
pub const WATCH_PROGRESS_MS: u64 = 10_000;
/// ... and at least: below it the marks would cost more than the events.
pub const WATCH_PROGRESS_MS_MIN: u64 = 100;

/// Shards of one node.
pub const SHARDS_MAX: usize = 1_024;

const _: () = assert!(VALUE_BYTES_MAX + KEY_BYTES_MAX < REQUEST_BYTES_MAX);
const _: () = assert!((REQUEST_BYTES_MAX as u64) * 2 < WAL_SEGMENT_BYTES);
const _: () = assert!(REQUEST_BYTES_MAX < SHARD_INFLIGHT_BYTES_MAX);
const _: () = assert!(PEER_FRAME_BYTES_MAX < PEER_DATA_BYTES_MAX);
const _: () = assert!(IMPORT_LINE_BYTES_MAX > REQUEST_BYTES_MAX / 3 * 4 + 2 * KEY_BYTES_MAX);
const _: () = assert!(IMPORT_WRITES_MAX < SESSION_OUTCOMES_MAX);
const _: () = assert!(PEER_GUESTS_MAX < PEER_CONNECTIONS_MAX / 4);
const _: () = assert!(REQUEST_HEAD_BYTES_MAX as usize > 3 * 3 * KEY_BYTES_MAX);
const _: () = assert!(CONNECTION_STREAMS_MAX as usize > LOCK_WAITERS_MAX);
const _: () = assert!(ADDRESS_STREAMS_MAX > CONNECTION_STREAMS_MAX as usize);
const _: () = assert!(CONNECTION_BYTES_MAX > 2 * (REQUEST_BYTES_MAX + MESSAGE_SLACK_BYTES));
const _: () = assert!(BATCH_OPS_MAX <= ENTRY_COMMANDS_MAX);
const _: () = assert!(SESSION_HELD_MS < SESSION_IDLE_MS);
