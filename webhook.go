package payonce

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// Event is one webhook event in portable words. A provider's package makes it after it has verified the signature over the raw bytes;
// don't make one of anything else.
type Event struct {
	// Account is the provider's, as in its Profile.
	Account string
	// ID is the same in every delivery of the event, and no other event of the account has it. Required.
	ID string
	// Type is the provider's own name of the event.
	Type string
	// At is the provider's time of the event; zero where it gives none.
	At time.Time
	// Kind is the type of the operation that made what the event is about: payment.create, refund.create, …; "" for other things.
	Kind string
	// Ref is payonce_ref in the metadata, Key the idempotency key where the event names it. Either leads to the operation; both may
	// be empty.
	Ref, Key string
	// ResourceID is the provider's id of what the event is about, PaymentID that of its payment.
	ResourceID, PaymentID string
	// Status is the portable status, ProviderStatus the provider's own word.
	Status         Status
	ProviderStatus string
	// Amount is zero where the event does not say.
	Amount Amount
	// FailureCode is the provider's reason for a failure.
	FailureCode string
	// NoMoneyMoved says that the payment or refund is over and no money moved.
	NoMoneyMoved bool
	// Raw is the event as it was received.
	Raw Raw
}

// Settle moves an open or in-doubt operation to its outcome if the event names it, by payonce_ref or by its key: also a create whose
// answer was lost. What exists at the provider was made, so the operation succeeded, unless the event says that it is over and no
// money moved: then it was declined. A success wins over an earlier refusal; a success that is stored stays as it is. ErrNotFound if the event
// names no operation of this store, ErrInvalid if it is another account's.
func (c *Client) Settle(ctx context.Context, e Event) (Recovered, error) {
	if e.Account != c.profile.Account {
		return Recovered{}, &Error{Kind: ErrInvalid, Operation: OperationID{Account: e.Account, Kind: e.Kind}, Err: invalid("Event.Account", "the client's is %q", c.profile.Account), Next: "nothing was changed"}
	}
	for {
		rec, err := c.named(ctx, &e)
		if err != nil {
			return Recovered{}, err
		}
		err = c.settle(ctx, rec, &e)
		switch {
		case errors.Is(err, ErrStale):
			continue
		case err != nil:
			return Recovered{}, c.storeFailed(rec, err)
		}
		if rec, err = c.store.Load(ctx, rec.ID, rec.Generation); err != nil {
			return Recovered{}, c.noRecord(rec.ID, err)
		}
		return recovered(answer{rec: rec, local: true}), nil
	}
}

// named finds the record that the event names.
func (c *Client) named(ctx context.Context, e *Event) (*Record, error) {
	nobody := &Error{Kind: ErrNotFound, Operation: OperationID{Account: e.Account, Kind: e.Kind}, Next: "nothing was changed; the event names no operation of this store"}
	kind, reference, generation, ok := parseRef(e.Ref)
	if !ok {
		kind, reference, generation, ok = parseReadableKey(e.Key)
	}
	if ok {
		rec, err := c.store.Load(ctx, OperationID{c.profile.Account, kind, reference}, generation)
		switch {
		case err == nil && (e.Key == "" || rec.Key == e.Key) && (e.Kind == "" || e.Kind == kind):
			return rec, nil
		case err != nil && !errors.Is(err, ErrNotFound):
			return nil, c.noRecord(nobody.Operation, err)
		}
	}
	if e.Key == "" {
		return nil, nobody
	}
	for _, state := range []State{StateOpen, StateInDoubt} {
		rec, err := c.withKey(ctx, e, state)
		if rec != nil || err != nil {
			return rec, err
		}
	}
	return nil, nobody
}

// withKey looks for a key that can't be parsed among what is not settled.
func (c *Client) withKey(ctx context.Context, e *Event, state State) (*Record, error) {
	filter := Filter{Account: c.profile.Account, State: state}
	for {
		page, next, err := c.store.List(ctx, filter)
		if err != nil {
			return nil, c.noRecord(OperationID{Account: e.Account, Kind: e.Kind}, err)
		}
		for _, rec := range page {
			if rec.Key == e.Key && (e.Kind == "" || e.Kind == rec.ID.Kind) {
				return rec, nil
			}
		}
		if filter.After = next; next == "" {
			return nil, nil
		}
	}
}

// settle writes what the event proves. ErrStale means that somebody changed the record first.
func (c *Client) settle(ctx context.Context, rec *Record, e *Event) error {
	settled := *rec
	settled.Outcome = &Outcome{Class: ClassSucceeded, Code: e.ProviderStatus, ResourceID: e.ResourceID, AnsweredAt: wallNow()}
	if !e.NoMoneyMoved {
		return c.recordSuccess(ctx, &settled)
	}
	_, held := c.held.get(rec.ID)
	if held || rec.Reason == twoSucceeded || (rec.State != StateOpen && rec.State != StateInDoubt) {
		return nil
	}
	r := c.newRun(rec)
	v := Verdict{Class: ClassDeclined, Code: orDefault(e.FailureCode, e.ProviderStatus), ResourceID: e.ResourceID}
	r.s.Outcome = settled.Outcome
	r.s.Outcome.Class, r.s.Outcome.Code = v.Class, v.Code
	r.step(ctx, event{kind: lookedUp, verdict: v, asked: wallNow()})
	rec.Lease = Lease{}
	return c.store.Save(ctx, rec)
}

// parseRef reads OperationID.Ref back.
func parseRef(ref string) (kind, reference string, generation int, ok bool) {
	kind, rest, found := strings.Cut(ref, ":")
	number, reference, also := strings.Cut(rest, ":")
	generation, err := strconv.Atoi(number)
	return kind, reference, generation, found && also && err == nil && generation > 0 && kind != "" && reference != ""
}

// Receive handles one event once, however often it is delivered: it settles the operation that the event names, calls handle, and
// remembers the event's ID in the key store when handle has returned nil. After an error, or a crash before that, the next delivery
// calls handle again, so handle must bear being called twice. While somebody else handles the event it is an error, and the provider
// delivers again. A nil handle only settles.
func (c *Client) Receive(ctx context.Context, e Event, handle func(context.Context) error) error {
	if e.ID == "" {
		return &Error{Kind: ErrInvalid, Operation: OperationID{Account: e.Account, Kind: kindEvent}, Err: invalid("Event.ID", "is empty"), Next: "nothing was done"}
	}
	if _, err := c.Settle(ctx, e); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	id := eventID(c.profile.Account, e.ID)
	_, _, err := c.alone(ctx, id, func() (answer, error) { return answer{}, c.receive(ctx, id, &e, handle) })
	return err
}

const kindEvent = "webhook"

// eventID is where an event is remembered: beside the account's operations, not among them.
func eventID(account, id string) OperationID {
	if len(id) > 200 || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		sum := sha256.Sum256([]byte(id))
		id = "sha256:" + hex.EncodeToString(sum[:])
	}
	return OperationID{Account: account + "/webhooks", Kind: kindEvent, Reference: id}
}

// receive calls handle under the event's lease, unless that was done.
func (c *Client) receive(ctx context.Context, id OperationID, e *Event, handle func(context.Context) error) error {
	now := wallNow()
	draft := &Record{
		ID: id, Generation: 1, Key: id.Reference, Scope: c.scopes[0].hash, Fingerprint: fingerprint(c.store.Salt(), kindEvent, "", "", []byte(id.Reference)),
		CreatedAt: now, Progress: Progress{DueAt: now}, Lease: Lease{Holder: c.holder, For: c.lease},
	}
	draft.Seal = sealOf(c.store.Salt(), draft)
	rec, err := c.store.Claim(ctx, draft)
	switch {
	case err != nil:
		return c.storeFailed(draft, err)
	case rec.State == StateSucceeded:
		return nil
	case rec != draft && rec.Lease.Live && rec.Lease.Holder != c.holder:
		return c.waiting(rec, errors.New("somebody else is handling the event"))
	case rec != draft:
		rec.Lease = draft.Lease
		if err := c.store.Save(ctx, rec); err != nil {
			return c.storeFailed(rec, err)
		}
	}
	c.flights.working(id)
	if handle != nil {
		err = handle(ctx)
	}
	if err == nil {
		rec.State = StateSucceeded
	}
	rec.Lease = Lease{}
	detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if saveErr := c.store.Save(detached, rec); saveErr != nil && err == nil {
		return c.storeFailed(rec, saveErr)
	}
	if err != nil {
		c.log.LogAttrs(ctx, slog.LevelWarn, "a webhook event was not handled", slog.String("event", e.ID), slog.String("type", e.Type), slog.Any("error", err))
	}
	return err
}
