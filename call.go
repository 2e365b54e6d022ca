package payonce

import (
	"bytes"
	"context"
	"crypto/hmac"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"strings"
	"time"
)

// answer is what a call knows at its end.
type answer struct {
	rec *Record
	// local says that the record answered, with no request by this call.
	local bool
}

// do runs one write from the caller's intent to its answer. One goroutine of the process works on an operation at a time; the others
// wait for it and get the same answer.
func (c *Client) do(ctx context.Context, op Operation, opts []CallOption) (answer, error) {
	var options callOptions
	for _, option := range opts {
		option(&options)
	}
	draft, err := c.draft(&op, &options, 1)
	if err != nil {
		return answer{}, c.invalidCall(op, err)
	}
	for {
		f, leads := c.flights.join(draft.ID)
		if leads {
			a, err := c.lead(ctx, draft, &op, &options)
			c.flights.leave(draft.ID, f, a, err, ctx.Err() != nil)
			return a, err
		}
		select {
		case <-ctx.Done():
			return answer{}, c.waiting(draft, context.Cause(ctx))
		case <-f.done:
		}
		if f.shareable && !options.newKey && bytes.Equal(f.answer.rec.Fingerprint, draft.Fingerprint) {
			return answer{rec: f.answer.rec, local: true}, f.err
		}
	}
}

// waiting is the error of a call that stopped waiting for somebody else's work on the operation.
func (c *Client) waiting(rec *Record, cause error) error {
	return &Error{
		Kind: ErrOutcomeUnknown, Operation: rec.ID, Key: rec.Key, Generation: rec.Generation, Err: cause,
		Next: "somebody else is working on it and this call sent nothing; call again with the same parameters",
	}
}

// draft makes the record of a generation: key, exact bytes and hashes. It does no I/O.
func (c *Client) draft(op *Operation, options *callOptions, generation int) (*Record, error) {
	id := OperationID{Account: c.profile.Account, Kind: op.Kind, Reference: op.Reference}
	key, exclusive := options.key, true
	if key == "" || generation > 1 {
		key, exclusive = makeKey(c.keys, &c.profile, id, generation)
	}
	var p problems
	p.addErr(op.check())
	p.addErr(checkKey(&c.profile, key))
	body, bodyErr := op.encode(key, generation)
	p.addErr(bodyErr)
	p.addErr(c.checkHeader(op.Header, key))
	content := body
	if op.KeyedBody != nil {
		content, bodyErr = op.encode("", 0)
		p.addErr(bodyErr)
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	now := wallNow()
	rec := &Record{
		ID: id, Generation: generation, Key: key, Exclusive: exclusive, Scope: c.scope,
		Fingerprint: fingerprint(c.store.Salt(), id.Kind, op.Method, op.Path, content),
		Replay:      op.Replay, EmptyOK: op.EmptyOK,
		Origin: c.origin, Method: orDefault(op.Method, http.MethodPost), Path: c.prefix + op.Path,
		Header: c.header(op.Header, key, len(body) > 0), Body: body,
		CreatedAt: now, NotAfter: op.NotAfter.Round(0).UTC().Truncate(time.Microsecond), Progress: Progress{DueAt: now},
	}
	if op.NotAfter.IsZero() {
		rec.NotAfter = time.Time{}
	}
	rec.Seal = sealOf(c.store.Salt(), rec)
	return rec, nil
}

// check finds everything that is wrong with an operation.
func (op *Operation) check() error {
	var p problems
	if op.Kind == "" || len(op.Kind) > 100 {
		p.add("Kind", "must have 1 to 100 bytes")
	}
	switch {
	case op.Reference == "":
		p.add("Reference", "is empty; it is the merchant's own id of this operation")
	case len(op.Reference) > 255:
		p.add("Reference", "has %d bytes, at most 255 are allowed", len(op.Reference))
	case strings.ContainsFunc(op.Reference, func(r rune) bool { return r < ' ' || r == 0x7f }) || strings.ToValidUTF8(op.Reference, "") != op.Reference:
		p.add("Reference", "has a control character or is not UTF-8")
	}
	if !strings.HasPrefix(op.Path, "/") || strings.ContainsAny(op.Path, " \r\n#") {
		p.add("Path", "must be an absolute, escaped path, is %q", op.Path)
	}
	if op.Body != nil && op.KeyedBody != nil {
		p.add("Body", "and KeyedBody exclude each other")
	}
	return p.err()
}

// encode makes the body, once for each generation.
func (op *Operation) encode(key string, generation int) ([]byte, error) {
	body := op.Body
	if op.KeyedBody != nil {
		body = op.KeyedBody(key, generation)
	}
	switch body := body.(type) {
	case nil:
		return nil, nil
	case []byte:
		return bytes.Clone(body), nil
	case Raw:
		return bytes.Clone(body), nil
	case json.RawMessage:
		return bytes.Clone(body), nil
	}
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(body); err != nil {
		return nil, invalid("Body", "can't be encoded as JSON: %v", err)
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), nil
}

// checkHeader refuses what would break the request or the promises.
func (c *Client) checkHeader(header http.Header, key string) error {
	var p problems
	for name, values := range header {
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		text := strings.Join(values, "")
		switch {
		case strings.EqualFold(name, c.profile.KeyHeader) && (len(values) != 1 || text != key):
			p.add("Header", "%s is not the operation's key; pass your own with WithKey", canonical)
		case strings.ContainsAny(name, " :\r\n") || strings.ContainsAny(text, "\r\n\x00"):
			p.add("Header", "%q is not a header that can be sent", canonical)
		case canonical == "Authorization":
			p.add("Header", "Authorization belongs to the provider")
		}
	}
	return p.err()
}

// header completes the semantic headers.
func (c *Client) header(own http.Header, key string, body bool) http.Header {
	header := make(http.Header, len(own)+3)
	for name, values := range own {
		header[textproto.CanonicalMIMEHeaderKey(name)] = values
	}
	if header.Get("Accept") == "" {
		header.Set("Accept", "application/json")
	}
	if body && header.Get("Content-Type") == "" {
		header.Set("Content-Type", "application/json; charset=UTF-8")
	}
	if c.profile.KeyHeader != "" {
		header.Set(c.profile.KeyHeader, key)
	}
	return header
}

// lead works on the operation until it has an answer: it inserts the record and sends, or goes by the record that is there.
func (c *Client) lead(ctx context.Context, draft *Record, op *Operation, options *callOptions) (answer, error) {
	if options.newKey {
		next, err := c.nextGeneration(ctx, draft, op, options)
		if err != nil {
			return answer{}, err
		}
		draft = next
	}
	if rec, ok := c.held.get(draft.ID); ok && rec.Generation >= draft.Generation {
		return c.replay(draft, rec, options)
	}
	r := c.newRun(draft)
	a, marked := r.step(ctx, event{kind: claimed})
	if !marked { // NotAfter has passed
		return answer{rec: draft, local: true}, c.errorOf(draft, nil)
	}
	draft.Lease = Lease{Holder: c.holder, For: c.lease}
	stored, err := c.claim(ctx, draft)
	switch {
	case err != nil:
		return answer{}, err
	case stored == draft:
		return c.complete(ctx, r, a)
	}
	if err := c.same(draft, stored, options); err != nil {
		return answer{rec: stored, local: true}, err
	}
	return c.resume(ctx, stored)
}

// claim inserts the record, or returns the one that is there. A store call that failed may have been done, so it is looked at.
func (c *Client) claim(ctx context.Context, draft *Record) (*Record, error) {
	stored, err := c.store.Claim(ctx, draft)
	if err == nil {
		return stored, nil
	}
	failure := &Error{Kind: ErrOutcomeUnknown, Operation: draft.ID, Err: fmt.Errorf("key store: %w", err), Next: "this call sent nothing; mend the store and call again with the same parameters"}
	if errors.Is(err, ErrKeyReuse) {
		failure.Kind, failure.Next = ErrKeyReuse, "nothing was sent; another operation has this key"
		return nil, failure
	}
	if ctx.Err() != nil {
		return nil, failure // the store may still be doing it
	}
	look, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	stored, loadErr := c.store.Load(look, draft.ID, 0)
	switch {
	case errors.Is(loadErr, ErrNotFound):
		failure.Kind = ErrNotSent
		return nil, failure
	case loadErr != nil:
		return nil, failure
	case stored.Generation == draft.Generation && stored.Version == 1 && stored.Lease.Holder == c.holder && bytes.Equal(stored.Seal, draft.Seal):
		draft.Version = 1
		return draft, nil
	}
	return stored, nil
}

// same refuses other content, and another key, for an operation that exists.
func (c *Client) same(draft, stored *Record, options *callOptions) error {
	var cause error
	switch {
	case !hmac.Equal(draft.Fingerprint, stored.Fingerprint):
		cause = errors.New("the operation exists with other content")
	case options.key != "" && draft.Generation == 1 && stored.Key != options.key && stored.Generation == 1:
		cause = errors.New("the operation exists with another key")
	default:
		return nil
	}
	e := c.describe(stored)
	e.Kind, e.Err, e.Next = ErrKeyReuse, cause, "nothing was sent; use a reference of its own for another intent, or the same parameters for this one"
	return e
}

// replay answers from a record without I/O.
func (c *Client) replay(draft, rec *Record, options *callOptions) (answer, error) {
	if err := c.same(draft, rec, options); err != nil {
		return answer{rec: rec, local: true}, err
	}
	return answer{rec: rec, local: true}, c.errorOf(rec, nil)
}

func (c *Client) newRun(rec *Record) *run {
	return &run{c: c, rec: rec, s: state{
		Progress: rec.Progress, replay: rec.Replay, prepared: rec.Prepared, createdAt: rec.CreatedAt, notAfter: rec.NotAfter,
		pinned: rec.Origin == c.origin && hmac.Equal(rec.Scope, c.scope), startedAt: wallNow(),
	}}
}

// resume goes by a record that is there: it answers if the operation is closed, waits while somebody else works on it, takes it over
// when nobody does, and sends the stored bytes with the stored key.
func (c *Client) resume(ctx context.Context, rec *Record) (answer, error) {
	for {
		var err error
		if rec, err = c.await(ctx, rec); err != nil {
			return answer{rec: rec, local: true}, err
		}
		if !hmac.Equal(rec.Seal, sealOf(c.store.Salt(), rec)) && len(rec.Body) > 0 {
			e := c.describe(rec)
			e.Kind, e.Err, e.Next = ErrInDoubt, errors.New("the stored request was damaged or edited"), "nothing is sent; restore the store or settle it with Resolve"
			return answer{rec: rec, local: true}, e
		}
		r := c.newRun(rec)
		a, marked := r.step(ctx, event{kind: claimed})
		if a.do == doReturn && r.s.State == rec.State && !marked {
			return answer{rec: rec, local: true}, c.errorOf(rec, nil)
		}
		if marked {
			err = r.save(ctx, c.lease)
		}
		if err == nil {
			var got answer
			if got, err = c.complete(ctx, r, a); !errors.Is(err, ErrStale) {
				return got, err
			}
		}
		if !errors.Is(err, ErrStale) {
			return answer{rec: rec}, c.storeFailed(rec, err)
		}
		current, loadErr := c.store.Load(ctx, rec.ID, rec.Generation)
		if loadErr != nil {
			return answer{rec: rec}, c.storeFailed(rec, loadErr)
		}
		rec = current
	}
}

// complete obeys the protocol to its end and puts what is known into words.
func (c *Client) complete(ctx context.Context, r *run, a action) (answer, error) {
	c.flights.working(r.rec.ID)
	err := r.obey(ctx, a)
	switch {
	case errors.Is(err, ErrStale):
		return c.overtaken(ctx, r)
	case err != nil:
		return answer{rec: r.rec}, c.storeFailed(r.rec, err)
	}
	return answer{rec: r.rec, local: a.do == doReturn}, c.errorOf(r.rec, r.err)
}

// overtaken goes on with a record that somebody else changed meanwhile.
func (c *Client) overtaken(ctx context.Context, r *run) (answer, error) {
	rec, err := c.store.Load(ctx, r.rec.ID, r.rec.Generation)
	if err != nil {
		return answer{rec: r.rec}, c.storeFailed(r.rec, err)
	}
	return c.resume(ctx, rec)
}

// storeFailed is the error when the store could not be written or read in the middle of the work.
func (c *Client) storeFailed(rec *Record, err error) error {
	if rec == nil {
		return &Error{Kind: ErrOutcomeUnknown, Err: fmt.Errorf("key store: %w", err), Next: "call again with the same parameters"}
	}
	e := c.describe(rec)
	e.Kind, e.Err, e.Next = ErrOutcomeUnknown, fmt.Errorf("key store: %w", err), "call again with the same parameters, or let Recover finish it"
	return e
}

// await polls while somebody else has a live lease, for at most MaxElapsed.
func (c *Client) await(ctx context.Context, rec *Record) (*Record, error) {
	limit := time.Now().Add(c.policy.maxElapsed)
	for wait := 20 * time.Millisecond; rec.State == StateOpen && rec.Lease.Live && rec.Lease.Holder != c.holder; wait = min(2*wait, time.Second) {
		if time.Now().After(limit) {
			return rec, c.waiting(rec, errors.New("its lease was renewed all the while"))
		}
		if err := pause(ctx, wait); err != nil {
			return rec, c.waiting(rec, err)
		}
		current, err := c.store.Load(ctx, rec.ID, rec.Generation)
		if err != nil {
			return rec, c.storeFailed(rec, err)
		}
		rec = current
	}
	return rec, nil
}

// nextGeneration returns the draft of the next generation if the last one is known to have moved no money.
func (c *Client) nextGeneration(ctx context.Context, draft *Record, op *Operation, options *callOptions) (*Record, error) {
	last, err := c.store.Load(ctx, draft.ID, 0)
	switch {
	case errors.Is(err, ErrNotFound):
		return draft, nil
	case err != nil:
		return nil, c.storeFailed(draft, err)
	}
	if held, ok := c.held.get(draft.ID); ok && held.Generation == last.Generation {
		last = held
	}
	if refusal := c.mayRenew(ctx, last); refusal != nil {
		e := c.describe(last)
		e.Err, e.Next = refusal, "no new key was made and nothing was sent"
		if e.Kind == nil {
			e.Kind = ErrKeyReuse
		}
		return nil, e
	}
	next, err := c.draft(op, options, last.Generation+1)
	if err != nil {
		return nil, c.invalidCall(*op, err)
	}
	return next, nil
}

// mayRenew says why a new generation must not begin, or nil. Only proof that no money moved allows it.
func (c *Client) mayRenew(ctx context.Context, last *Record) error {
	switch last.State {
	case StateRejected, StateNotSent:
		return nil
	case StateOpen, StateInDoubt:
		return errors.New("a new key is refused while the last one may have moved money")
	case StateSucceeded:
	}
	if last.ID.Kind != kindPaymentCreate || c.portable.GetPayment == nil || last.Outcome == nil || last.Outcome.ResourceID == "" {
		return errors.New("a new key is refused because the operation succeeded")
	}
	payment, err := c.Payments.Get(ctx, last.Outcome.ResourceID)
	switch {
	case err != nil:
		return fmt.Errorf("a new key is refused because the payment could not be read: %w", err)
	case !payment.NoMoneyMoved:
		return fmt.Errorf("a new key is refused because the payment is %s", payment.ProviderStatus)
	}
	return nil
}

// prepare makes the draft of an operation for the merchant's own transaction.
func (c *Client) prepare(op Operation, opts []CallOption) (*Record, error) {
	var options callOptions
	for _, option := range opts {
		option(&options)
	}
	if options.newKey {
		return nil, c.invalidCall(op, invalid("WithNewKey", "needs the record of the last generation, which Prepare does not read"))
	}
	rec, err := c.draft(&op, &options, 1)
	if err != nil {
		return nil, c.invalidCall(op, err)
	}
	rec.Prepared = true
	return rec, nil
}

// invalidCall is the error for parameters that can't be sent.
func (c *Client) invalidCall(op Operation, err error) error {
	return &Error{Kind: ErrInvalid, Operation: OperationID{c.profile.Account, op.Kind, op.Reference}, Err: err, Next: "nothing was sent"}
}

// checkID refuses a provider's id that would change the path it goes into.
func checkID(field, id string) error {
	if id == "" || len(id) > 255 || id == "." || id == ".." || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`/\\?#%`, r) }) {
		return invalid(field, "is not an id of the provider: %q", id)
	}
	return nil
}
