package payonce

import (
	"context"
	"net/http"
	"time"
)

// KeyStore remembers operations: their keys, their exact requests, and what became of them. It is the foundation of every promise:
// when Claim or Save has returned nil, what was written outlasts the process and, if Durability says so, the machine's power.
//
// A store decides nothing. The only writes are an insert and a compare-and-set on Record.Version; leases ride in them. Any method
// may fail after it has committed, and callers expect that; but unless the error is the context's, what it asked for has happened by
// then or never will. All methods are safe for concurrent use, by many processes where the
// store can be shared. Records that go in or come out are the caller's: the store keeps no reference to them and shares no memory.
// The suite in store/storetest is the contract.
//
// A store into which others insert, such as a merchant's own transaction, may also have the method Wake(context.Context) <-chan struct{}:
// when a value comes, the client's background recovery looks at once.
type KeyStore interface {
	// Durability says what a returned write outlasts.
	Durability() Durability
	// Salt returns the store's random key of 32 bytes, made once when the store was created. Hashes in records are keyed with it.
	Salt() []byte
	// Claim inserts rec, leased to rec.Lease.Holder for rec.Lease.For, with its first Version, if the operation has no record of this or
	// a later generation; it then returns rec itself, Version and Lease.Live set. Otherwise it changes nothing and returns the stored
	// record of the latest generation. If another record of the same Scope has the same key and both are Exclusive, it is ErrKeyReuse. The
	// first Version is 1, or one that no lost record had if the store was restored. ErrStale says that somebody else has not come to an
	// end who may be inserting the operation.
	Claim(ctx context.Context, rec *Record) (*Record, error)
	// Load returns the record of one generation, or of the latest if generation is 0. ErrNotFound if there is none.
	Load(ctx context.Context, id OperationID, generation int) (*Record, error)
	// Find returns the record that has an Exclusive key within a scope. ErrNotFound if there is none.
	Find(ctx context.Context, scope []byte, key string) (*Record, error)
	// Save replaces rec.Progress and the lease if the stored Version is rec.Version, and increments rec.Version; otherwise it
	// changes nothing and returns ErrStale. Lease.For > 0 leases the record to Lease.Holder for so long from now by the store's
	// clock, 0 releases it. It is durable when it returns. Saving a record that does not exist is ErrStale.
	Save(ctx context.Context, rec *Record) error
	// SaveLater is Save of a copy of rec without waiting: it returns at once, rides in the next commit, and calls done exactly once,
	// perhaps before it returns; done must not block. A crash before may lose it. Writes that are asked for later are never done
	// earlier.
	SaveLater(rec *Record, done func(error))
	// Renew extends the leases that holder still has on these operations, without a new Version. One that ran out stays so.
	Renew(ctx context.Context, holder string, length time.Duration, ids []OperationID) error
	// List returns a page of records in the order of their DueAt, then of their creation.
	List(ctx context.Context, f Filter) (page []*Record, next string, err error)
	// Purge forgets the bodies (request and answer) of records that are Final and were last changed before the time, at most limit
	// of them, and returns how many; Version stays. Identity, key, fingerprint, ids and outcome stay too.
	Purge(ctx context.Context, before time.Time, limit int) (int, error)
}

// Durability says what a returned write of a store outlasts.
type Durability struct {
	// Process: a crash or kill of the process. Power: loss of power or an operating system crash.
	Process, Power bool
	// Text names the store and its settings for the log, "sqlite 3.54.1, wal, synchronous=full".
	Text string
}

// Filter selects records for List.
type Filter struct {
	// Account restricts to one account. Required.
	Account string
	// State is the state to list.
	State State
	// DueBefore leaves out what is due later, DueAfter what is due then or earlier; their zero values leave out nothing. With DueBefore, which
	// is recovery's, a store may also leave out what somebody is writing at that moment.
	DueBefore, DueAfter time.Time
	// After is the cursor that the last page returned; "" starts.
	After string
	// Limit is the size of a page; 0 means 100. A page may be shorter, to bound its memory; only an empty cursor says that it is the
	// last.
	Limit int
}

// State is what is known of an operation.
type State int

const (
	// StateOpen: not answered yet. It may have been executed and it may still be. The zero value.
	StateOpen State = iota
	// StateSucceeded: the provider executed or accepted it.
	StateSucceeded
	// StateNotSent: closed, and nothing ever reached the provider.
	StateNotSent
	// StateRejected: closed, refused, no effect.
	StateRejected
	// StateInDoubt: it may have taken effect and can't be resent. A person, a lookup or a webhook settles it.
	StateInDoubt
)

// String returns the state in words.
func (s State) String() string {
	switch s {
	case StateOpen:
		return "open"
	case StateSucceeded:
		return "succeeded"
	case StateNotSent:
		return "not sent"
	case StateRejected:
		return "rejected"
	case StateInDoubt:
		return "in doubt"
	}
	return "state unknown to this version"
}

// Record is what the key store remembers of one generation of an operation: the intent, which is written once, and its progress.
type Record struct {
	// ID and Generation are the identity.
	ID         OperationID
	Generation int
	// Key is what the provider dedupes on. Exclusive says that the store must keep other operations of the same Scope from having it,
	// and can find it: it was not derived from the identity, or events name it. Scope is a keyed hash of the provider's dedupe scope.
	Key       string
	Exclusive bool
	Scope     []byte
	// Fingerprint is a keyed hash of the canonical content, Seal one of the exact request.
	Fingerprint, Seal []byte
	// Replay and EmptyOK are the operation's.
	Replay  Replay
	EmptyOK bool
	// Origin is scheme and host; Method, Path, Header and Body are the exact request. Header holds no credentials.
	Origin, Method, Path string
	Header               http.Header
	Body                 Raw
	// Prepared says that the operation was begun by Prepare: nobody was told, so it stays open when it was not sent.
	Prepared bool
	// CreatedAt is the time of the claim; nothing executes for the first time after NotAfter, if set.
	CreatedAt, NotAfter time.Time

	// Progress is what Save replaces.
	Progress
	// Version is the store's: 1 after Claim, one more after every Save.
	Version int64
	// Lease says who works on the operation.
	Lease Lease

	// Newest, in a record that the store returned, is the latest CreatedAt, FirstAt or LastAt of any record that was ever written to
	// the store, or the time by the store's own clock where it has one that its clients don't share. Whose clock is behind it does
	// not know how old a key is.
	Newest time.Time
	// Restored, in a record that the store returned, says that the store was put back to an earlier state since the record was last
	// written, or may have been: marks of attempts may be missing. Save ends it.
	Restored bool
}

// Progress is the part of a record that changes.
type Progress struct {
	// State is what is known.
	State State
	// Sent counts the attempts that were marked. Reached counts those that may have reached the provider, Possible those that may
	// have been executed: a mark counts as both until something proves otherwise.
	Sent, Reached, Possible int
	// Accepted says that a 2xx status was seen; no later refusal may close the operation.
	Accepted bool
	// KeySpent says that nothing is sent under this key again, because it would be no use or because WithNewKey retired it: an open
	// operation is then only looked up, and what succeeded is known to be over without money moved.
	KeySpent bool
	// FirstAt is the mark of the first attempt that may have reached the provider, LastAt that of the last attempt.
	FirstAt, LastAt time.Time
	// DueAt is when Recover looks at an open operation.
	DueAt time.Time
	// Attempts is the ledger of attempts, oldest first, at most the last 32.
	Attempts []Attempt
	// Outcome is the last answer that decided something; nil before.
	Outcome *Outcome
	// Reason says why an operation is in doubt or was closed without an answer; Note is what a person wrote when resolving it.
	Reason, Note string
}

// Final says that nothing is ever sent again under the generation's key.
func (p *Progress) Final() bool {
	return p.State == StateSucceeded || (p.KeySpent && (p.State == StateRejected || p.State == StateNotSent))
}

// Attempt is one line of a record's ledger of attempts.
type Attempt struct {
	// N is the attempt's number in its generation, from 1.
	N int
	// StartedAt is the time of the mark, Took how long the request lasted; 0 while it is not over, and for ever if its process died.
	StartedAt time.Time
	Took      time.Duration
	// Class is what the attempt proved, Status the HTTP status (0: no answer), Code and RequestID the provider's own.
	Class           Class
	Status          int
	Code, RequestID string
	// Fault is the transport's error, if any.
	Fault string
	// Waited is how long the client waited before it.
	Waited time.Duration
}

// Outcome is an answer that decided something.
type Outcome struct {
	// Class is what it proved.
	Class Class
	// Status is the HTTP status and Body the exact body, which Purge removes.
	Status int
	Body   Raw
	// Code, Message, RequestID and ResourceID are the provider's own.
	Code, Message, RequestID, ResourceID string
	// AnsweredAt is when it came.
	AnsweredAt time.Time
	// Replayed says that the provider marked it as a replay.
	Replayed bool
}

// Lease says who works on an operation. It saves work and never decides about money.
type Lease struct {
	// Holder is the client that works on it; "" is nobody.
	Holder string
	// For is how long the lease lasts from now; only read by Claim and Save.
	For time.Duration
	// Live says, in a record that the store returned, that the lease has not run out and that its holder is not known to be dead.
	Live bool
}
