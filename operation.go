package payonce

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// OperationID names one business write for ever: the merchant's intent, never the body.
type OperationID struct {
	// Account is provider, environment and merchant: what the provider scopes keys by, "truelayer/sandbox/client-1".
	Account string
	// Kind is the operation's type: payment.create, payment.cancel, refund.create, truelayer.payout.create, …
	Kind string
	// Reference is the merchant's own id for it: an order id, a refund id.
	Reference string
}

// Ref is what the client adds as payonce_ref where a request has metadata, so that a webhook finds the operation even if its
// answer was lost: kind, generation and reference.
func (id OperationID) Ref(generation int) string {
	return id.Kind + ":" + strconv.Itoa(generation) + ":" + id.Reference
}

// String returns account, kind and reference.
func (id OperationID) String() string { return id.Account + " " + id.Kind + " " + id.Reference }

// Replay says what the provider does with a repeated request.
type Replay int

const (
	// ReplayKeyed: the provider dedupes on the key. The zero value.
	ReplayKeyed Replay = iota
	// ReplayByState: a repeat has no second effect, because the first left nothing to do (void, cancel, settings).
	ReplayByState
	// ReplayOnce: nothing dedupes. The request is never sent again once a byte of it may have arrived.
	ReplayOnce
)

// Operation describes one write, for Do. What it says is encoded once, stored, and sent as stored by every attempt.
type Operation struct {
	// Kind is the operation's type, "truelayer.payout.create". Together with the account and Reference it is the identity.
	Kind string
	// Reference is the merchant's own id for this write, at most 255 bytes. Required.
	Reference string
	// Replay says what a repeat does. The zero value is ReplayKeyed.
	Replay Replay
	// Method is the HTTP method. Defaults to POST.
	Method string
	// Path is the absolute path below the provider's base URL, with its query if any.
	Path string
	// Header holds the semantic headers, sent alike by every attempt. Credentials don't belong here: the provider adds them.
	Header http.Header
	// Body is encoded as JSON; a []byte, json.RawMessage or Raw is taken as it is; nil is no body. At most 8 MiB.
	Body any
	// KeyedBody makes the body instead of Body where the key or OperationID.Ref travels in it. It must be pure. Called with "" and 0
	// it leaves both out: that is the content which tells an operation from another one of the same name.
	KeyedBody func(key string, generation int) any
	// EmptyOK says that a 2xx without a body is a whole answer. Otherwise an empty one is as good as a truncated one.
	EmptyOK bool
	// NotAfter: nothing executes for the first time after it. The zero value is no limit.
	NotAfter time.Time
}

// String returns kind, reference, method and path.
func (op Operation) String() string {
	return op.Kind + " " + op.Reference + " " + orDefault(op.Method, http.MethodPost) + " " + op.Path
}

// Format writes String whatever the verb: bodies hold personal data.
func (op Operation) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, op.String()) }

// CallOption changes one call.
type CallOption func(*callOptions)

type callOptions struct {
	newKey bool
	key    string
}

// WithNewKey starts the operation's next generation under a new key, with the same or other content. It is granted only when the
// last generation is known to have moved no money (rejected, not sent, or a payment that a fresh read shows failed, expired or
// cancelled), and retires it. Otherwise the call sends nothing and its error says what the operation is (ErrOutcomeUnknown, ErrInDoubt),
// or ErrKeyReuse if it succeeded.
func WithNewKey() CallOption { return func(o *callOptions) { o.newKey = true } }

// WithKey makes the caller's own key the idempotency key of a new operation, or with WithNewKey of its next generation. Another operation of the account that already has it
// is ErrKeyReuse. An operation that exists keeps its key; asking for another one is ErrKeyReuse too.
func WithKey(key string) CallOption { return func(o *callOptions) { o.key = key } }

// Receipt says how an answer came about.
type Receipt struct {
	// Operation is whose answer it is.
	Operation OperationID
	// Key is what the provider dedupes on, Generation which key of the operation it is (1, 2, …).
	Key        string
	Generation int
	// Attempts counts the attempts of this generation, over all calls and processes: each is at most one request on the wire.
	Attempts int
	// Replayed is "" for a fresh answer, "local" for one from the record with no request, "provider" where the provider marks its replays.
	Replayed string
	// RequestID is the provider's id of the answering request.
	RequestID string
	// FirstSentAt is when the first request may have left, AnsweredAt when the answer came: a stored status is as of then.
	FirstSentAt, AnsweredAt time.Time
}

// Result is a typed answer.
type Result[T any] struct {
	// Value is the decoded body.
	Value T
	// Raw is the body as received; empty once purged.
	Raw Raw
	// ResourceID is the provider's id of what was made, where it has one.
	ResourceID string
	// Receipt says how the answer came about.
	Receipt Receipt
}

// Do makes one write happen once and decodes its answer into T. It is what the typed services are made of, and serves any endpoint
// that they don't know, with the same promises: the operation is stored before the first attempt, every attempt sends the same
// bytes, a finished operation answers from its record. A declined operation returns both a result and ErrDeclined if the provider made
// something. If the answer of a success does not fit T, the result holds it in Raw and the error says why; the operation has succeeded
// all the same, and the error matches none of the Err values.
func Do[T any](ctx context.Context, c *Client, op Operation, opts ...CallOption) (*Result[T], error) {
	a, err := c.do(ctx, op, opts)
	if !a.answered(err) {
		return nil, err
	}
	result := &Result[T]{Raw: a.body(), Receipt: a.receipt()}
	if a.rec.Outcome != nil {
		result.ResourceID = a.rec.Outcome.ResourceID
	}
	if decodeErr := decode(result.Raw, &result.Value); err == nil {
		err = a.succeededAllTheSame(decodeErr)
	}
	return result, err
}

// decode leaves the value alone when there is no body, or when the caller wants the bytes.
func decode(body Raw, value any) error {
	switch value := value.(type) {
	case *Raw:
		*value = body
		return nil
	case *json.RawMessage:
		*value = json.RawMessage(body)
		return nil
	case *[]byte:
		*value = body
		return nil
	}
	if len(body) == 0 {
		return nil
	}
	return body.Decode(value)
}
