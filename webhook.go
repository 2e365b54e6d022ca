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
	// be empty. Keys of KeysDerived are not found by their text.
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
// money moved: then it was declined. A success wins over an earlier refusal; a success that is stored stays as it is. Where the provider
// spoke of another request under the key, nothing is changed: the event may be about that one. ErrNotFound if the event names no
// operation of this store, ErrInvalid if it is another account's.
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
		settled, err := c.store.Load(ctx, rec.ID, rec.Generation)
		if err != nil {
			return Recovered{}, c.noRecord(rec.ID, err)
		}
		return recovered(answer{rec: settled, local: true}), nil
	}
}

// named finds the record that the event names.
func (c *Client) named(ctx context.Context, e *Event) (*Record, error) {
	var found []*Record
	if kind, reference, generation, ok := parseRef(e.Ref); ok {
		rec, err := c.store.Load(ctx, OperationID{c.profile.Account, kind, reference}, generation)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return nil, c.noRecord(OperationID{Account: e.Account, Kind: e.Kind}, err)
		}
		found = append(found, rec)
	}
	for _, s := range c.scopes {
		if e.Key == "" {
			break
		}
		rec, err := c.store.Find(ctx, s.hash, e.Key)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return nil, c.noRecord(OperationID{Account: e.Account, Kind: e.Kind}, err)
		}
		found = append(found, rec)
	}
	for _, rec := range found {
		if rec != nil && (e.Kind == "" || e.Kind == rec.ID.Kind) && (e.Key == "" || e.Key == rec.Key) {
			return rec, nil
		}
	}
	return nil, &Error{
		Kind: ErrNotFound, Operation: OperationID{Account: e.Account, Kind: e.Kind},
		Next: "nothing was changed; the event names no operation of this store",
	}
}

// settle writes what the event proves. ErrStale means that somebody changed the record first.
func (c *Client) settle(ctx context.Context, rec *Record, e *Event) error {
	if rec.State != StateSucceeded && (&state{Progress: rec.Progress}).contested() {
		return nil // two requests have the key: whose event this is, a person must find out
	}
	settled := *rec
	settled.Outcome = &Outcome{Class: ClassSucceeded, Code: e.ProviderStatus, ResourceID: e.ResourceID, AnsweredAt: c.clock.now()}
	if !e.NoMoneyMoved {
		return c.recordSuccess(ctx, &settled, e.Status == StatusSucceeded || e.Status == StatusReturned)
	}
	held, ok := c.held.get(rec.ID)
	known := ok && held.Generation == rec.Generation
	if known || rec.doubled() || (rec.State != StateOpen && rec.State != StateInDoubt) {
		return nil
	}
	r := c.newRun(rec, c.budget)
	v := Verdict{Class: ClassDeclined, Code: orDefault(e.FailureCode, e.ProviderStatus), ResourceID: e.ResourceID}
	r.s.Outcome = settled.Outcome
	r.s.Outcome.Class, r.s.Outcome.Code = v.Class, v.Code
	r.step(ctx, event{kind: lookedUp, verdict: v, asked: c.clock.now()})
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
// delivers again. A nil handle only settles, and remembers nothing.
func (c *Client) Receive(ctx context.Context, e Event, handle func(context.Context) error) error {
	err := c.receive(ctx, &e, handle)
	if err != nil {
		c.log.LogAttrs(ctx, slog.LevelWarn, "a webhook event was not handled", slog.String("event", e.ID), slog.String("type", e.Type), slog.Any("error", err))
	}
	return err
}

func (c *Client) receive(ctx context.Context, e *Event, handle func(context.Context) error) error {
	if e.ID == "" {
		return &Error{Kind: ErrInvalid, Operation: OperationID{Account: e.Account, Kind: kindEvent}, Err: invalid("Event.ID", "is empty"), Next: "nothing was done"}
	}
	if handle == nil {
		return c.settleNamed(ctx, e)
	}
	id := eventID(c.profile.Account, e.ID)
	_, _, err := c.alone(ctx, id, func() (answer, error) { return answer{}, c.handleOnce(ctx, id, e, handle) })
	return err
}

// settleNamed settles the operation, if the event names one.
func (c *Client) settleNamed(ctx context.Context, e *Event) error {
	if _, err := c.Settle(ctx, *e); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
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

// handleOnce settles and calls handle under the event's lease, unless that was done.
func (c *Client) handleOnce(ctx context.Context, id OperationID, e *Event, handle func(context.Context) error) error {
	rec, err := c.leaseEvent(ctx, id)
	if err != nil || rec.State == StateSucceeded {
		return err
	}
	c.flights.working(id)
	if err = c.settleNamed(ctx, e); err == nil {
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
	return err
}

// leaseEvent leases the event's record, which it makes if there is none. One that succeeded was handled.
func (c *Client) leaseEvent(ctx context.Context, id OperationID) (*Record, error) {
	now := c.clock.now()
	draft := &Record{
		ID: id, Generation: 1, Key: id.Reference, Scope: c.scopes[0].hash, Fingerprint: fingerprint(c.store.Salt(), kindEvent, "", "", []byte(id.Reference)),
		CreatedAt: now, Progress: Progress{DueAt: now}, Lease: Lease{Holder: c.holder, For: c.lease},
	}
	draft.Seal = sealOf(c.store.Salt(), draft)
	rec, err := c.store.Claim(ctx, draft)
	switch {
	case err != nil:
		return nil, c.storeFailed(draft, err)
	case rec == draft || rec.State == StateSucceeded:
		return rec, nil
	case rec.Lease.Live && rec.Lease.Holder != c.holder:
		return nil, c.waiting(rec, errors.New("somebody else is handling the event"))
	}
	rec.Lease = draft.Lease
	if err = c.store.Save(ctx, rec); errors.Is(err, ErrStale) {
		return nil, c.waiting(rec, errors.New("somebody else is handling the event"))
	} else if err != nil {
		return nil, c.storeFailed(rec, err)
	}
	return rec, nil
}
